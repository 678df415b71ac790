/// Segment registers under the order that the VMCS lists them in (SDM Vol. 3C, appendix B).
public enum SegmentRegister: UInt8, Sendable {
  case es, cs, ss, ds, fs, gs, ldtr, tr

  public static let count = 8
}

/// A segment register with its hidden part.
///
/// Attributes are in the VMCS's access-rights format (SDM Vol. 3C, 25.4.1, table 25-2): descriptor bits
/// 40…47 in bits 0…7, descriptor bits 52…55 in bits 12…15, and "unusable" in bit 16.
public struct Segment: Equatable, Sendable {
  public var selector: UInt16
  public var attributes: UInt32
  public var limit: UInt32
  public var base: UInt64

  public init(selector: UInt16, attributes: UInt32, limit: UInt32, base: UInt64) {
    self.selector = selector
    self.attributes = attributes
    self.limit = limit
    self.base = base
  }

  public static let unusableBit: UInt32 = 1 << 16

  public var isUnusable: Bool { attributes & Self.unusableBit != 0 }

  /// Code of the default size that the D and L bits give: 2, 4 or 8 bytes of address.
  public var isLong: Bool { attributes & 1 << 13 != 0 }
  public var isDefault32: Bool { attributes & 1 << 14 != 0 }

  public static var unusable: Segment {
    Segment(selector: 0, attributes: unusableBit, limit: 0, base: 0)
  }

  /// A real-mode segment at `base`, as RESET or a start-up IPI leaves it.
  public static func real(base: UInt64, attributes: UInt32 = 0x93) -> Segment {
    Segment(
      selector: UInt16(truncatingIfNeeded: base >> 4), attributes: attributes, limit: 0xFFFF, base: base)
  }

  /// A flat ring-0 segment over all of the address space.
  public static func flat(selector: UInt16, attributes: UInt32) -> Segment {
    Segment(selector: selector, attributes: attributes, limit: .max, base: 0)
  }
}

/// GDTR or IDTR.
public struct DescriptorTable: Equatable, Sendable {
  public var base: UInt64
  public var limit: UInt16

  public init(base: UInt64, limit: UInt16) {
    self.base = base
    self.limit = limit
  }
}
