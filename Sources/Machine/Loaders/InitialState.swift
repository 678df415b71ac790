import Memory

/// The state in which the guest's boot vCPU starts, in terms of no hardware back end.
///
/// What is not listed is the same for every kernel: the general registers that have no property are 0;
/// RFLAGS is 2 (IF, TF and VM clear); DS, ES, FS, GS and SS hold `dataSelector`, CS holds
/// `codeSelector`, with base 0 and the limit of 4 GiB that the descriptors state; LDTR is unusable; TR is
/// a busy TSS at base 0 with limit 0x67; the IDT is empty.
public struct InitialState: Equatable, Sendable {
  /// How the CPU runs and addresses memory.
  public enum Mode: Equatable, Sendable {
    /// 32-bit protected mode, flat, paging off.
    case protected32
    /// 64-bit mode with these page tables (the address of the PML4).
    case long64(pageTables: GuestPhysicalAddress)
  }

  public static let codeSelector: UInt16 = 0x10
  public static let dataSelector: UInt16 = 0x18

  /// Where the descriptor table that the selectors index stands in guest memory.
  public static let gdtBase = BootLayout.descriptorTable
  /// Offset of the descriptor table's last byte.
  public static let gdtLimit: UInt16 = 4 * 8 - 1

  /// Flat read/write data segment, accessed (SDM Vol. 3A, 3.4.5, figure 3-8).
  public static let dataDescriptor: UInt64 = 0x00CF_9300_0000_FFFF

  public var mode: Mode
  public var rip: UInt64
  public var rsp = BootLayout.stackTop
  public var rax: UInt64 = 0
  public var rbx: UInt64 = 0
  public var rsi: UInt64 = 0

  public init(mode: Mode, rip: UInt64) {
    self.mode = mode
    self.rip = rip
  }

  /// Flat execute/read code segment, accessed, 32-bit or 64-bit by mode.
  public var codeDescriptor: UInt64 {
    switch mode {
    case .protected32: 0x00CF_9B00_0000_FFFF
    case .long64: 0x00AF_9B00_0000_FFFF
    }
  }

  /// PE and ET; PG in 64-bit mode.
  public var cr0: UInt64 {
    switch mode {
    case .protected32: 0x0000_0011
    case .long64: 0x8000_0011
    }
  }

  public var cr3: UInt64 {
    switch mode {
    case .protected32: 0
    case .long64(let pageTables): pageTables.value
    }
  }

  /// PAE in 64-bit mode.
  public var cr4: UInt64 {
    switch mode {
    case .protected32: 0
    case .long64: 0x20
    }
  }

  /// LME and LMA in 64-bit mode.
  public var efer: UInt64 {
    switch mode {
    case .protected32: 0
    case .long64: 0x500
    }
  }

  /// Writes the descriptor table.
  func storeDescriptors<RAM: GuestMemory & ~Copyable>(
    to memory: inout RAM
  ) throws(GuestMemoryError) {
    try memory.clear(Self.gdtBase, count: UInt64(Self.gdtLimit) + 1)
    try memory.store(codeDescriptor, at: Self.gdtBase + UInt64(Self.codeSelector))
    try memory.store(Self.dataDescriptor, at: Self.gdtBase + UInt64(Self.dataSelector))
  }
}
