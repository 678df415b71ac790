import Coherence
import Memory
import Wire

extension World {
  /// What the vCPU of a node can do now: 0 stands for its next instruction, 1 for its oldest store.
  func programSteps(_ node: Int) -> [Int] {
    guard (0..<pageCount).allSatisfy({ self[node, $0].faults == 0 }) else { return [] }
    let vCPU = programs[node]
    var steps: [Int] = []
    if vCPU.next < configuration.programs[node].instructions.count {
      if case .fence = configuration.programs[node].instructions[vCPU.next], !vCPU.buffer.isEmpty {
      } else {
        steps.append(0)
      }
    }
    if !vCPU.buffer.isEmpty { steps.append(1) }
    return steps
  }

  /// Lets the vCPU of a node go on, or fault.
  mutating func runProgram(_ node: Int, _ step: Int) {
    if step == 1 { return drain(node) }
    switch configuration.programs[node].instructions[programs[node].next] {
    case .load(let page):
      guard let value = programs[node].buffered(page) ?? read(node, page) else {
        return fault(.readFault, node, page)
      }
      programs[node].registers.append(value)
    case .store(let page, let value):
      programs[node].buffer.append(ProgramState.Store(page: page, value: value))
    case .fence: break
    }
    programs[node].next += 1
  }

  /// The oldest store becomes seen by all.
  private mutating func drain(_ node: Int) {
    let store = programs[node].buffer[0]
    guard self[node, store.page].permission == .write else { return fault(.writeFault, node, store.page) }
    programs[node].buffer.removeFirst()
    latest[store.page] = Contents(store.value)
    self[node, store.page].frame = latest[store.page]
  }

  private func read(_ node: Int, _ page: Int) -> Int32? {
    self[node, page].permission >= .read ? self[node, page].frame?.write : nil
  }

  private mutating func fault(_ event: LocalEvent, _ node: Int, _ page: Int) {
    self[node, page].faults += 1
    if !engines[node].handle(event, on: PageNumber(UInt64(page))) { fail("no room for a request") }
    act(node)
  }

  /// How the programs have ended; nil where one has not.
  var outcome: Outcome? {
    for (index, program) in configuration.programs.enumerated()
    where programs[index].next < program.instructions.count || !programs[index].buffer.isEmpty {
      return nil
    }
    return Outcome(registers: programs.map(\.registers), memory: latest.map(\.write))
  }
}
