import Memory

/// The frames that hold page tables: on a node its RAM, in a test an array.
public protocol TableMemory: ~Copyable {
  /// The entry at an 8-byte-aligned address within a table.
  func readEntry(at address: HostPhysicalAddress) -> UInt64

  /// Stores an entry at an 8-byte-aligned address within a table.
  ///
  /// Other cores walk the tables meanwhile: it is one 64-bit store, visible after every earlier one.
  mutating func writeEntry(_ entry: UInt64, at address: HostPhysicalAddress)

  /// A zeroed 4 KiB frame within the processor's physical-address width, or nil where none is left.
  mutating func allocateTable() -> HostPhysicalAddress?

  /// Takes back a frame that `allocateTable` gave.
  mutating func freeTable(_ table: HostPhysicalAddress)
}
