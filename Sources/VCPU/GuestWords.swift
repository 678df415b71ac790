/// Guest-physical memory in words of 16 bits, for a back end that delivers real mode's events itself.
public struct GuestWords {
  /// Nil where there is no RAM.
  public var read: (UInt64) -> UInt16?
  /// False where there is no RAM.
  public var write: (UInt64, UInt16) -> Bool

  public init(read: @escaping (UInt64) -> UInt16?, write: @escaping (UInt64, UInt16) -> Bool) {
    self.read = read
    self.write = write
  }
}
