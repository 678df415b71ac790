import Memory

/// The VMCS field that names the tables of a virtual machine, and the operand of INVEPT (SDM Vol. 3C, 25.6.11).
public struct EPTPointer: Equatable, Sendable {
  /// What these tables ask of a processor; nothing is substituted where it lacks one.
  public static var requirements: EPTCapabilities {
    [.pageWalkLength4, .writeBack, .invept, .inveptSingleContext]
  }

  public let rawValue: UInt64

  /// The pointer to the tables below `root`, walked in four levels as write-back memory, with the accessed and
  /// dirty flags off: with them on, the walk of a guest page table would count as a write to it (29.3.5).
  ///
  /// Throws where the processor lacks any of `requirements`.
  public init(
    root: HostPhysicalAddress, capabilities: EPTCapabilities
  ) throws(EPTPointerError) {
    let missing = Self.requirements.subtracting(capabilities)
    guard missing.isEmpty else { throw .missing(missing) }
    guard root.value & ~EPTFormat.addressMask == 0 else { throw .misplacedRoot }
    let walkLength: UInt64 = 4
    rawValue = root.value | (walkLength - 1) << 3 | UInt64(MemoryType.writeBack.rawValue)
  }
}
