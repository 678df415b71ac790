import Memory

/// Tables that wait for use or for release, linked through their own first entries: as many as there are, in no
/// further memory. A link is the next table's address and so, in every format, an entry that is not present.
struct TableChain {
  private(set) var count = 0
  private var first = HostPhysicalAddress(0)

  var isEmpty: Bool { count == 0 }

  mutating func push(_ table: HostPhysicalAddress, in memory: inout some TableMemory & ~Copyable) {
    memory.writeEntry(first.value, at: table)
    first = table
    count += 1
  }

  /// The table pushed last, its first entry zero again; the chain is not empty.
  mutating func pop(from memory: inout some TableMemory & ~Copyable) -> HostPhysicalAddress {
    precondition(!isEmpty)
    let table = first
    first = HostPhysicalAddress(memory.readEntry(at: table))
    memory.writeEntry(0, at: table)
    count -= 1
    return table
  }

  /// Frees every table of the chain.
  mutating func release(to memory: inout some TableMemory & ~Copyable) {
    while !isEmpty { memory.freeTable(pop(from: &memory)) }
  }
}
