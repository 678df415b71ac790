/// Which states lead to which, in the order in which they were explored.
struct Transitions {
  /// How many transitions each state has, and where they lead.
  private var counts: [UInt8] = []
  private var targets: [UInt32] = []
  private var quiet: [Bool] = []

  var stateCount: Int { counts.count }

  mutating func beginState(isQuiet: Bool) {
    counts.append(0)
    quiet.append(isQuiet)
  }

  mutating func add(_ target: Int) {
    targets.append(UInt32(target))
    counts[counts.count - 1] += 1
  }

  /// The first state that is on a way back to itself, or that such a state leads to; nil if every run ends.
  func firstOnCycle() -> Int? {
    var starts: [Int] = []
    for count in counts { starts.append((starts.last ?? 0) + Int(count)) }
    var arrows = [Int](repeating: 0, count: stateCount)
    for target in targets { arrows[Int(target)] += 1 }
    var free = (0..<stateCount).filter { arrows[$0] == 0 }
    var taken = [Bool](repeating: false, count: stateCount)
    while let state = free.popLast() {
      taken[state] = true
      for index in starts[state] - Int(counts[state])..<starts[state] {
        let target = Int(targets[index])
        arrows[target] -= 1
        if arrows[target] == 0 { free.append(target) }
      }
    }
    return taken.firstIndex(of: false)
  }

  /// The first state from which no quiet one can be reached.
  func firstWithoutWayToQuiet() -> Int? {
    var reaches = quiet
    var hasChanged = true
    // States lead to later ones mostly.
    while hasChanged {
      hasChanged = false
      var start = targets.count
      for state in (0..<stateCount).reversed() {
        let end = start
        start -= Int(counts[state])
        guard !reaches[state] else { continue }
        for index in start..<end where reaches[Int(targets[index])] {
          reaches[state] = true
          hasChanged = true
          break
        }
      }
    }
    return reaches.firstIndex(of: false)
  }
}
