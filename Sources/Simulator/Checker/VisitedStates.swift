/// What leads from one state to another, as a number.
protocol ExploredStep {
  var code: UInt32 { get }
  init(code: UInt32)
}

/// The states that have been found, by their hashes, each with the step that led to it first.
struct VisitedStates<Step: ExploredStep> {
  private var hashes: [StateHash] = []
  /// The state before it, and the step from there.
  private(set) var parents: [UInt32] = []
  private var steps: [UInt32] = []
  /// Numbers of states + 1, at places that their hashes choose; 0 where there is none.
  private var table = [UInt32](repeating: 0, count: 1 << 12)

  var count: Int { hashes.count }

  /// The number of the state with this hash, and whether it is new.
  mutating func insert(_ hash: StateHash, parent: Int, step: Step?) -> (number: Int, isNew: Bool) {
    if 3 * hashes.count > 2 * table.count { grow() }
    let place = place(of: hash)
    if table[place] != 0 { return (Int(table[place]) - 1, false) }
    hashes.append(hash)
    parents.append(UInt32(parent))
    steps.append(step?.code ?? .max)
    table[place] = UInt32(hashes.count)
    return (hashes.count - 1, true)
  }

  private func place(of hash: StateHash) -> Int {
    var place = Int(truncatingIfNeeded: hash.low) & (table.count - 1)
    while table[place] != 0, hashes[Int(table[place]) - 1] != hash { place = (place + 1) & (table.count - 1) }
    return place
  }

  private mutating func grow() {
    table = [UInt32](repeating: 0, count: 2 * table.count)
    for number in 0..<hashes.count { table[place(of: hashes[number])] = UInt32(number + 1) }
  }

  /// The step that led to a state other than the first.
  func step(to number: Int) -> Step { Step(code: steps[number]) }

  /// The steps from the first state to this one.
  func path(to number: Int) -> [Step] {
    var path: [Step] = []
    var number = number
    while steps[number] != .max {
      path.append(Step(code: steps[number]))
      number = Int(parents[number])
    }
    return path.reversed()
  }
}
