/// Byte offsets in the virtual machine control block (APM Vol. 2, appendix B, tables B-1 and B-2).
enum VMCBOffset {
  // Control area
  /// Reads in the low half, writes in the high one, a bit a register.
  static let interceptCR: UInt64 = 0x000
  static let interceptExceptions: UInt64 = 0x008
  static let intercept1: UInt64 = 0x00C
  static let intercept2: UInt64 = 0x010
  static let ioPermissionMap: UInt64 = 0x040
  static let msrPermissionMap: UInt64 = 0x048
  static let tscOffset: UInt64 = 0x050
  /// ASID in the low half, TLB control in the byte above.
  static let asid: UInt64 = 0x058
  static let tlbControl: UInt64 = 0x05C
  static let virtualInterrupt: UInt64 = 0x060
  static let interruptShadow: UInt64 = 0x068
  static let exitCode: UInt64 = 0x070
  static let exitInformation1: UInt64 = 0x078
  static let exitInformation2: UInt64 = 0x080
  static let exitInterruption: UInt64 = 0x088
  static let nestedControl: UInt64 = 0x090
  static let eventInjection: UInt64 = 0x0A8
  static let nestedCR3: UInt64 = 0x0B0
  static let nextRIP: UInt64 = 0x0C8

  // State-save area, from 0x400 on
  static let efer: UInt64 = 0x4D0
  static let cpl: UInt64 = 0x4CB
  static let cr4: UInt64 = 0x548
  static let cr3: UInt64 = 0x550
  static let cr0: UInt64 = 0x558
  static let dr7: UInt64 = 0x560
  static let dr6: UInt64 = 0x568
  static let rflags: UInt64 = 0x570
  static let rip: UInt64 = 0x578
  static let rsp: UInt64 = 0x5D8
  static let star: UInt64 = 0x600
  static let cr2: UInt64 = 0x640
  static let pat: UInt64 = 0x668
  static let debugControl: UInt64 = 0x670

  static let gdtr: UInt64 = 0x460
  static let idtr: UInt64 = 0x480

  /// Selector, attributes, limit and base of a segment register; `index` as in `SegmentRegister`.
  static func segment(_ index: UInt8) -> UInt64 {
    let slots: InlineArray<8, UInt64> = [0x400, 0x410, 0x420, 0x430, 0x440, 0x450, 0x470, 0x490]
    return slots[Int(index)]
  }
}

/// The first word of miscellaneous intercepts (APM Vol. 2, table B-1, offset 00CH).
struct Intercepts1: OptionSet {
  let rawValue: UInt32

  static let interrupt = Self(rawValue: 1 << 0)
  static let nmi = Self(rawValue: 1 << 1)
  static let smi = Self(rawValue: 1 << 2)
  static let initialize = Self(rawValue: 1 << 3)
  static let virtualInterrupt = Self(rawValue: 1 << 4)
  static let rdpmc = Self(rawValue: 1 << 15)
  static let cpuid = Self(rawValue: 1 << 18)
  static let iret = Self(rawValue: 1 << 20)
  static let invd = Self(rawValue: 1 << 22)
  static let hlt = Self(rawValue: 1 << 24)
  static let invlpg = Self(rawValue: 1 << 25)
  static let invlpga = Self(rawValue: 1 << 26)
  static let ioPorts = Self(rawValue: 1 << 27)
  static let msrs = Self(rawValue: 1 << 28)
  static let taskSwitch = Self(rawValue: 1 << 29)
  static let shutdown = Self(rawValue: 1 << 31)
}

/// The second word of miscellaneous intercepts (offset 010H).
struct Intercepts2: OptionSet {
  let rawValue: UInt32

  static let vmrun = Self(rawValue: 1 << 0)
  static let vmmcall = Self(rawValue: 1 << 1)
  static let vmload = Self(rawValue: 1 << 2)
  static let vmsave = Self(rawValue: 1 << 3)
  static let stgi = Self(rawValue: 1 << 4)
  static let clgi = Self(rawValue: 1 << 5)
  static let skinit = Self(rawValue: 1 << 6)
  static let wbinvd = Self(rawValue: 1 << 9)
  static let monitor = Self(rawValue: 1 << 10)
  static let mwait = Self(rawValue: 1 << 11)
  static let xsetbv = Self(rawValue: 1 << 13)
}
