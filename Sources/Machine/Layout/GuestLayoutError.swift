/// Why a guest can't be laid out.
public enum GuestLayoutError: Error, Equatable {
  /// The node, were it alone, could not be home to the least guest.
  case tooLittle(node: Int)
  /// More RAM is wanted than the nodes can be home to: `available`, in bytes.
  case wantedTooMuch(available: UInt64)
  /// Less RAM is wanted than `GuestMemoryMap.minimumRAM`.
  case wantedTooLittle
}
