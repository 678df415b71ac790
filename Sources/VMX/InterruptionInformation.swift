import VCPU

/// The word by which VT-x names an event: VM-entry and VM-exit interruption information and IDT-vectoring
/// information share its layout (SDM Vol. 3C, 25.8.3 and 25.9.2).
public struct InterruptionInformation: Equatable, Sendable {
  public var rawValue: UInt32

  @inline(__always)
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public enum Kind: UInt32, Sendable {
    case externalInterrupt = 0
    case nmi = 2
    case hardwareException = 3
    case softwareInterrupt = 4
    case privilegedSoftwareException = 5
    case softwareException = 6
  }

  public static let hasErrorCodeBit: UInt32 = 1 << 11
  public static let validBit: UInt32 = 1 << 31

  @inline(__always)
  public init(_ kind: Kind, vector: UInt8, hasErrorCode: Bool = false) {
    rawValue =
      Self.validBit | kind.rawValue << 8 | UInt32(vector) | (hasErrorCode ? Self.hasErrorCodeBit : 0)
  }

  @inline(__always) public var isValid: Bool { rawValue & Self.validBit != 0 }
  @inline(__always) public var vector: UInt8 { UInt8(truncatingIfNeeded: rawValue) }
  @inline(__always) public var kind: UInt32 { rawValue >> 8 & 7 }
  @inline(__always) public var hasErrorCode: Bool { rawValue & Self.hasErrorCodeBit != 0 }

  /// Whether re-injecting this event needs the length of the instruction that raised it (27.8.1.3).
  @inline(__always) public var needsInstructionLength: Bool {
    kind == Kind.softwareInterrupt.rawValue || kind == Kind.privilegedSoftwareException.rawValue
      || kind == Kind.softwareException.rawValue
  }
}
