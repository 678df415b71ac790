import CPU
import VCPU

// MSRs that the guest uses without an exit, for the times when it cannot: to RDMSR and WRMSR in real mode there may be
// another mode behind it (VMXVirtualCPU+RealMode.swift).

extension VMXVirtualCPU {
  private var hasTSCAuxiliary: Bool { capabilities.secondary.contains(.rdtscp) }

  public func readPassedMSR(_ index: UInt32) -> UInt64? {
    switch index {
    case 0x174: realMode?.systemCallSegment ?? self[.guestSysenterCS]
    case 0x175: self[.guestSysenterESP]
    case 0x176: self[.guestSysenterEIP]
    case 0x277: isShadowed ? nil : self[.guestPAT]
    case 0xC000_0100: self[.guestBase(SegmentRegister.fs.rawValue)]
    case 0xC000_0101: self[.guestBase(SegmentRegister.gs.rawValue)]
    case 0xC000_0081...0xC000_0084, 0xC000_0102: CPU.readMSR(index)
    case 0xC000_0103: hasTSCAuxiliary ? CPU.readMSR(index) : nil
    default: nil
    }
  }

  public mutating func writePassedMSR(_ index: UInt32, _ value: UInt64) -> Bool {
    switch index {
    case 0x174: setSystemCallSegment(value & 0xFFFF_FFFF)
    case 0x175: self[.guestSysenterESP] = value
    case 0x176: self[.guestSysenterEIP] = value
    case 0xC000_0100: setBase(of: .fs, to: value)
    case 0xC000_0101: setBase(of: .gs, to: value)
    case 0xC000_0081...0xC000_0084, 0xC000_0102: CPU.writeMSR(index, value)
    case 0xC000_0103 where hasTSCAuxiliary: CPU.writeMSR(index, value)
    default: return false
    }
    return true
  }

  private mutating func setSystemCallSegment(_ value: UInt64) {
    if realMode == nil { self[.guestSysenterCS] = value } else { realMode?.systemCallSegment = value }
  }

  private mutating func setBase(of register: SegmentRegister, to base: UInt64) {
    self[.guestBase(register.rawValue)] = base
    if realMode != nil && base != UInt64(self[register].selector) << 4 { problem = .segmentBase }
  }
}
