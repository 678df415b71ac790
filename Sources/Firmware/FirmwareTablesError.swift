import Memory

/// Why the firmware's ACPI tables do not say what the kernel asked.
public enum FirmwareTablesError: Error, Equatable {
  /// Neither the boot loader nor the BIOS areas hold a root pointer.
  case noRootPointer
  /// What stands here is not a root pointer with right checksums.
  case malformedRootPointer(HostPhysicalAddress)
  /// The root pointer leads to neither an XSDT nor an RSDT of right length and checksum.
  case malformedRootTable
  /// The root table lists no table of this name.
  case missing(TableSignature)
  /// The root table lists tables of this name, and each is too short, too long, unreadable or of a wrong checksum.
  case malformed(TableSignature)
}
