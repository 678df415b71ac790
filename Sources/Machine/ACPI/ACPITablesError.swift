/// Why a machine has no ACPI tables.
public enum ACPITablesError: Error, Equatable {
  /// No vCPU, or more than `ACPITables.maximumVCPUCount`.
  case vCPUCount(Int)
  /// Two vCPUs have this APIC id, or it is the one that means all of them.
  case apicID(UInt32)
  /// No domain, or more than `ACPITables.maximumDomainCount`.
  case domainCount(Int)
  /// A vCPU or a memory range is in this domain, which does not exist.
  case unknownDomain(UInt32)
  /// There is no memory.
  case noMemory
  /// This range is empty, or overlaps another.
  case memoryRange(Range<UInt64>)
  /// A matrix has this many elements instead of one per pair of domains.
  case matrixSize(Int)
  /// A domain is not 10 away from itself, or no more than that from another.
  case distance(from: Int, to: Int)
  /// The tables would take this many bytes: more than the memory map has room for.
  case tooLarge(Int)
}
