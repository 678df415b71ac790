import Assembly
import CPU
import Memory

// GDT, TSS and IDT of one core (SDM Vol. 3A, 3.4.5, 8.7, 6.14).
//
// Double fault, NMI and machine check get stacks of their own, so that each is reported whatever state the
// ordinary stack is in; below each stack lies an unmapped page. The IDT is the same for all cores.

/// Where the tables of one core are.
@safe
struct DescriptorTables {
  private let gdt: UnsafeMutablePointer<UInt64>
  private let pointers: UnsafeMutableRawPointer

  static let codeSelector: UInt16 = 0x08
  static let taskSelector: UInt16 = 0x18

  /// Stacks for the events that must not trust the ordinary one, in the order of IST numbers.
  enum InterruptStack: Int, CaseIterable {
    case doubleFault = 1
    case nmi
    case machineCheck
  }

  private static let tssSize = 104

  init(interruptStacks: InlineArray<3, UInt64>) {
    unsafe gdt = .allocate(capacity: 5)
    let tss = UnsafeMutableRawPointer.allocate(byteCount: Self.tssSize, alignment: 16)
    unsafe tss.initializeMemory(as: UInt8.self, repeating: 0, count: Self.tssSize)
    for index in interruptStacks.indices {
      unsafe tss.storeBytes(of: interruptStacks[index], toByteOffset: 36 + 8 * index, as: UInt64.self)
    }
    unsafe tss.storeBytes(of: UInt16(Self.tssSize), toByteOffset: 102, as: UInt16.self)

    let base = UInt64(UInt(bitPattern: tss))
    unsafe gdt[0] = 0
    unsafe gdt[1] = 0x00AF_9B00_0000_FFFF
    unsafe gdt[2] = 0x00CF_9300_0000_FFFF
    unsafe gdt[3] =
      UInt64(Self.tssSize - 1) | (base & 0xFF_FFFF) << 16 | 0x89 << 40 | (base >> 24 & 0xFF) << 56
    unsafe gdt[4] = base >> 32

    unsafe pointers = .allocate(byteCount: 32, alignment: 16)
    unsafe pointers.storeBytes(of: UInt16(5 * 8 - 1), as: UInt16.self)
    unsafe pointers.storeBytes(of: UInt64(UInt(bitPattern: gdt)), toByteOffset: 2, as: UInt64.self)
  }

  /// Loads the calling core's registers with these tables and the given IDT.
  func load(interrupts: InterruptTable) {
    unsafe pointers.storeBytes(of: UInt16(256 * 16 - 1), toByteOffset: 16, as: UInt16.self)
    unsafe pointers.storeBytes(of: interrupts.address, toByteOffset: 18, as: UInt64.self)
    unsafe loadDescriptorTables(pointers, pointers + 16, Self.taskSelector)
  }
}

/// The interrupt descriptor table: 256 interrupt gates to Boot/interrupts.asm.
struct InterruptTable {
  let address: UInt64

  init() {
    let table = UnsafeMutablePointer<UInt64>.allocate(capacity: 512)
    address = UInt64(UInt(bitPattern: table))
    for vector in 0..<256 {
      let entry = interruptEntriesAddress() + 16 * UInt64(vector)
      let stack: DescriptorTables.InterruptStack? =
        switch vector {
        case 2: .nmi
        case 8: .doubleFault
        case 18: .machineCheck
        default: nil
        }
      unsafe table[2 * vector] =
        entry & 0xFFFF | UInt64(DescriptorTables.codeSelector) << 16 | UInt64(stack?.rawValue ?? 0) << 32
        | 0x8E << 40 | (entry >> 16 & 0xFFFF) << 48
      unsafe table[2 * vector + 1] = entry >> 32
    }
  }
}
