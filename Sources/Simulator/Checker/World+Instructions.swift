import Coherence
import Memory
import Wire

/// A vCPU with one instruction to execute.
struct Instruction {
  var hasRetired = false
  var pinned = PinnedPages()
}

extension World {
  /// Executes the node's instruction as far as it gets: to its end, or to its next fault.
  mutating func execute(_ node: Int) {
    guard let missing = configuration.instructions[node].first(where: { self[node, $0].permission != .write })
    else { return retire(node) }
    let page = PageNumber(UInt64(missing))
    if configuration.ordersPins {
      while let later = instructions[node].pinned.removeOne(after: page) {
        if !engines[node].handle(.release, on: later) { fail("a pin is not released") }
        act(node)
      }
    }
    let holdsPin = instructions[node].pinned.remove(page)
    self[node, missing].faults += 1
    if !engines[node].handle(.writeFault, on: page, holdsPin: holdsPin) { fail("no room for a request") }
    act(node)
  }

  private mutating func retire(_ node: Int) {
    for page in configuration.instructions[node] {
      writeCount += 1
      latest[page] = Contents(writeCount)
      self[node, page].frame = latest[page]
    }
    instructions[node].hasRetired = true
    while let page = instructions[node].pinned.removeOne() {
      if !engines[node].handle(.release, on: page) { fail("a pin is not released") }
      act(node)
    }
  }

  /// Whether the node's vCPU can go on.
  func canExecute(_ node: Int) -> Bool {
    guard !instructions[node].hasRetired, !configuration.instructions[node].isEmpty else { return false }
    return (0..<pageCount).allSatisfy { self[node, $0].faults == 0 }
  }

  /// Whether every vCPU has executed its instruction.
  var hasFinished: Bool {
    instructions.indices.allSatisfy { instructions[$0].hasRetired || configuration.instructions[$0].isEmpty }
  }
}
