// The usual litmus tests (Sewell et al., x86-TSO, CACM 53:7, 2010; Alglave et al., Herding Cats, 2014). Pages x and y are 0
// and 1. Stores have values that tell them apart; 0 is what is there at first.

extension LitmusTest {
  static var all: [LitmusTest] {
    [
      LitmusTest(
        name: "SB+fences",
        programs: [
          Program(.store(page: 0, value: 1), .fence, .load(page: 1)),
          Program(.store(page: 1, value: 2), .fence, .load(page: 0)),
        ], pageCount: 2
      ) { $0.registers == [[0], [0]] },
      LitmusTest(
        name: "SB",
        programs: [
          Program(.store(page: 0, value: 1), .load(page: 1)),
          Program(.store(page: 1, value: 2), .load(page: 0)),
        ], pageCount: 2
      ) { _ in false },
      LitmusTest(
        name: "MP",
        programs: [
          Program(.store(page: 0, value: 1), .store(page: 1, value: 2)),
          Program(.load(page: 1), .load(page: 0)),
        ], pageCount: 2
      ) { $0.registers[1] == [2, 0] },
      LitmusTest(
        name: "LB",
        programs: [
          Program(.load(page: 0), .store(page: 1, value: 2)),
          Program(.load(page: 1), .store(page: 0, value: 1)),
        ], pageCount: 2
      ) { $0.registers == [[1], [2]] },
      LitmusTest(
        name: "2+2W",
        programs: [
          Program(.store(page: 0, value: 1), .store(page: 1, value: 2)),
          Program(.store(page: 1, value: 3), .store(page: 0, value: 4)),
        ], pageCount: 2
      ) { $0.memory == [1, 3] },
      LitmusTest(
        name: "R",
        programs: [
          Program(.store(page: 0, value: 1), .store(page: 1, value: 2)),
          Program(.store(page: 1, value: 3), .fence, .load(page: 0)),
        ], pageCount: 2
      ) { $0.memory[1] == 3 && $0.registers[1] == [0] },
      LitmusTest(
        name: "S",
        programs: [
          Program(.store(page: 0, value: 1), .store(page: 1, value: 2)),
          Program(.load(page: 1), .store(page: 0, value: 3)),
        ], pageCount: 2
      ) { $0.registers[1] == [2] && $0.memory[0] == 1 },
      LitmusTest(
        name: "CoRR",
        programs: [
          Program(.store(page: 0, value: 1)), Program(.load(page: 0), .load(page: 0)),
        ], pageCount: 1
      ) { $0.registers[1] == [1, 0] },
      LitmusTest(
        name: "WRC",
        programs: [
          Program(.store(page: 0, value: 1)), Program(.load(page: 0), .store(page: 1, value: 2)),
          Program(.load(page: 1), .load(page: 0)),
        ], pageCount: 2
      ) { $0.registers[1] == [1] && $0.registers[2] == [2, 0] },
      LitmusTest(
        name: "IRIW",
        programs: [
          Program(.store(page: 0, value: 1)), Program(.store(page: 1, value: 2)),
          Program(.load(page: 0), .load(page: 1)), Program(.load(page: 1), .load(page: 0)),
        ], pageCount: 2
      ) { $0.registers[2] == [1, 0] && $0.registers[3] == [2, 0] },
    ]
  }

  /// What the programs may end with on x86-TSO: every order of their steps on one memory.
  var allowedOutcomes: Set<Outcome> {
    struct State: Hashable {
      var vCPUs: [ProgramState]
      var memory: [Int32]
    }
    let first = State(
      vCPUs: programs.map { _ in ProgramState() }, memory: [Int32](repeating: 0, count: pageCount))
    var known: Set<State> = [first]
    var open = [first]
    var outcomes: Set<Outcome> = []
    while let state = open.popLast() {
      var hasEnded = true
      for (index, program) in programs.enumerated() {
        var successors: [State] = []
        let vCPU = state.vCPUs[index]
        if let store = vCPU.buffer.first {
          var after = state
          after.memory[store.page] = store.value
          after.vCPUs[index].buffer.removeFirst()
          successors.append(after)
        }
        if vCPU.next < program.instructions.count {
          var after = state
          after.vCPUs[index].next += 1
          switch program.instructions[vCPU.next] {
          case .load(let page):
            after.vCPUs[index].registers.append(vCPU.buffered(page) ?? state.memory[page])
            successors.append(after)
          case .store(let page, let value):
            after.vCPUs[index].buffer.append(ProgramState.Store(page: page, value: value))
            successors.append(after)
          case .fence: if vCPU.buffer.isEmpty { successors.append(after) } else { hasEnded = false }
          }
        }
        if !successors.isEmpty { hasEnded = false }
        for after in successors where known.insert(after).inserted { open.append(after) }
      }
      if hasEnded {
        outcomes.insert(Outcome(registers: state.vCPUs.map(\.registers), memory: state.memory))
      }
    }
    return outcomes
  }
}
