/// Which states lead to which, in the order in which they were explored.
struct Transitions {
  private var starts: [Int] = []
  private var targets: [UInt32] = []
  private var quiet: [Bool] = []

  var stateCount: Int { starts.count }

  mutating func beginState(isQuiet: Bool) {
    starts.append(targets.count)
    quiet.append(isQuiet)
  }

  mutating func add(_ target: Int) { targets.append(UInt32(target)) }

  /// The first state that is on a way back to itself, or that such a state leads to; nil if every run ends.
  func firstOnCycle() -> Int? {
    var arrows = [Int](repeating: 0, count: stateCount)
    for target in targets { arrows[Int(target)] += 1 }
    var free = (0..<stateCount).filter { arrows[$0] == 0 }
    var taken = [Bool](repeating: false, count: stateCount)
    while let state = free.popLast() {
      taken[state] = true
      for index in starts[state]..<end(of: state) {
        let target = Int(targets[index])
        arrows[target] -= 1
        if arrows[target] == 0 { free.append(target) }
      }
    }
    return taken.firstIndex(of: false)
  }

  private func end(of state: Int) -> Int { state + 1 < stateCount ? starts[state + 1] : targets.count }

  /// The first state from which no quiet one can be reached.
  func firstWithoutWayToQuiet() -> Int? {
    var reaches = quiet
    var hasChanged = true
    // States lead to later ones mostly.
    while hasChanged {
      hasChanged = false
      for state in (0..<stateCount).reversed() where !reaches[state] {
        for index in starts[state]..<end(of: state) where reaches[Int(targets[index])] {
          reaches[state] = true
          hasChanged = true
          break
        }
      }
    }
    return reaches.firstIndex(of: false)
  }
}
