/// What a loader or a start-up IPI sets before a vCPU runs: the registers that INIT and RESET define
/// (SDM Vol. 3A, table 10-1).
public struct ArchitecturalState: Sendable {
  public var general = InlineArray<16, UInt64>(repeating: 0)
  public var instructionPointer: UInt64 = 0xFFF0
  public var flags: UInt64 = RFLAGS.alwaysSet
  public var segments = InlineArray<8, Segment>(repeating: .real(base: 0))
  public var gdtr = DescriptorTable(base: 0, limit: 0xFFFF)
  public var idtr = DescriptorTable(base: 0, limit: 0xFFFF)
  public var cr0: UInt64 = CR0.extensionType | CR0.notWriteThrough | CR0.cacheDisable
  public var cr3: UInt64 = 0
  public var cr4: UInt64 = 0
  public var efer: UInt64 = 0

  /// The state after RESET: real mode, at the reset vector.
  public init() {
    self[.cs] = Segment(selector: 0xF000, attributes: 0x9B, limit: 0xFFFF, base: 0xFFFF_0000)
    self[.ldtr] = Segment(selector: 0, attributes: 0x82, limit: 0xFFFF, base: 0)
    self[.tr] = Segment(selector: 0, attributes: 0x8B, limit: 0xFFFF, base: 0)
  }

  /// The state after a start-up IPI: real mode at `vector` · 4 KiB (SDM Vol. 3A, 9.4.4).
  public init(startUpVector vector: UInt8) {
    self.init()
    self[.cs] = .real(base: UInt64(vector) << 12, attributes: 0x9B)
    instructionPointer = 0
  }

  public subscript(register: SegmentRegister) -> Segment {
    get { segments[Int(register.rawValue)] }
    set { segments[Int(register.rawValue)] = newValue }
  }

  public subscript(register: GeneralRegister) -> UInt64 {
    get { general[Int(register.rawValue)] }
    set { general[Int(register.rawValue)] = newValue }
  }
}
