import Memory

extension GuestPageWalk {
  /// Why there is no translation.
  public enum Failure: Error, Equatable {
    /// The processor raises #PF with this error code, CR2 being the address.
    case pageFault(ErrorCode)
    /// The processor raises #GP(0), or #SS(0) for an access to the stack.
    case notCanonical
    /// A table stands where there is no RAM.
    case memory(GuestMemoryError)
  }

  /// A page fault's error code (SDM Vol. 3A, figure 4-12).
  public struct ErrorCode: OptionSet, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The access was not allowed, or an entry was malformed; otherwise an entry was not present.
    public static let present = Self(rawValue: 1 << 0)
    public static let write = Self(rawValue: 1 << 1)
    public static let user = Self(rawValue: 1 << 2)
    public static let reserved = Self(rawValue: 1 << 3)
    public static let fetch = Self(rawValue: 1 << 4)
  }
}
