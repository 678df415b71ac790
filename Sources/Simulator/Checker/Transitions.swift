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

  /// The first state from which no quiet one can be reached.
  func firstWithoutWayToQuiet() -> Int? {
    var reaches = quiet
    var hasChanged = true
    // States lead to later ones mostly.
    while hasChanged {
      hasChanged = false
      for state in (0..<stateCount).reversed() where !reaches[state] {
        let end = state + 1 < stateCount ? starts[state + 1] : targets.count
        for index in starts[state]..<end where reaches[Int(targets[index])] {
          reaches[state] = true
          hasChanged = true
          break
        }
      }
    }
    return reaches.firstIndex(of: false)
  }
}
