/// What a second-level entry lets the guest do with a page, or what an access asked for.
///
/// The bits stand where EPT entries and EPT exit qualifications have them.
public struct PagePermissions: OptionSet, Sendable {
  public let rawValue: UInt8

  @inline(__always)
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let read = Self(rawValue: 1 << 0)
  public static let write = Self(rawValue: 1 << 1)
  public static let execute = Self(rawValue: 1 << 2)
  public static let all = Self(rawValue: 0b111)
}
