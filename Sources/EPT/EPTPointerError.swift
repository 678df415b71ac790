/// Why there can be no EPT pointer.
public enum EPTPointerError: Error, Equatable {
  /// The processor lacks these.
  case missing(EPTCapabilities)
  /// The root table's address is no multiple of 4 KiB, or has more than 52 bits.
  case misplacedRoot
}
