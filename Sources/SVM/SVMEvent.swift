import VCPU

/// The word by which AMD-V names an event: EVENTINJ and EXITINTINFO share its layout (APM Vol. 2, 15.20 and
/// 15.7.2).
public struct SVMEvent: Equatable, Sendable {
  public var rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  public enum Kind: UInt64, Sendable {
    case externalInterrupt = 0
    case nmi = 2
    case exception = 3
    case softwareInterrupt = 4
  }

  private static let hasErrorCodeBit: UInt64 = 1 << 11
  private static let validBit: UInt64 = 1 << 31

  public init(_ kind: Kind, vector: UInt8, errorCode: UInt32? = nil) {
    rawValue = Self.validBit | kind.rawValue << 8 | UInt64(vector)
    if let errorCode { rawValue |= Self.hasErrorCodeBit | UInt64(errorCode) << 32 }
  }

  public var isValid: Bool { rawValue & Self.validBit != 0 }
  public var vector: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
  public var kind: Kind? { Kind(rawValue: rawValue >> 8 & 7) }
  public var errorCode: UInt32? {
    rawValue & Self.hasErrorCodeBit != 0 ? UInt32(truncatingIfNeeded: rawValue >> 32) : nil
  }

  /// What to inject so that an event whose delivery an exit interrupted happens after all; nil where the guest
  /// raises it again by itself, since RIP still points to the instruction (INT n, INT3, INTO).
  public var repeated: SVMEvent? {
    guard isValid, let kind else { return nil }
    switch kind {
    case .softwareInterrupt: return nil
    case .exception where vector == ExceptionVector.breakpoint || vector == ExceptionVector.overflow:
      return nil
    // An exception cannot have such a vector: an external interrupt that is named wrongly.
    case .exception where vector >= 32: return SVMEvent(.externalInterrupt, vector: vector)
    default: return SVMEvent(kind, vector: vector, errorCode: errorCode)
    }
  }
}

extension PortAccess {
  /// EXITINFO1 of an intercepted I/O instruction (APM Vol. 2, 15.10.2).
  public init(ioExitInformation information: UInt64) {
    let width = information >> 4 & 7
    self.init(
      port: UInt16(truncatingIfNeeded: information >> 16), width: Int(width), isInput: information & 1 != 0,
      isString: information & 1 << 2 != 0, isRepeated: information & 1 << 3 != 0)
  }
}

extension ControlRegisterAccess {
  /// An intercepted access to a control register, where decode assists tell its operand (APM Vol. 2, 15.33.1): bit
  /// 63 of EXITINFO1 marks a MOV, as opposed to CLTS, LMSW and SMSW. Nil where the instruction has to be decoded.
  public init?(svmExitCode code: UInt64, information: UInt64, hasDecodeAssists: Bool) {
    guard hasDecodeAssists, information & 1 << 63 != 0 else { return nil }
    let number = UInt8(code & 0xF)
    let general = GeneralRegister(UInt8(information & 0xF))
    self =
      code < 0x10 ? .read(register: number, into: general) : .write(register: number, from: general)
  }
}
