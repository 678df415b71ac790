/// Why there can be no virtual TLB in some frames.
public enum VirtualTLBError: Error, Equatable {
  /// There are fewer frames than `VirtualTLB.minimumFrameCount`.
  case tooFewFrames
  /// The frames do not start at a multiple of 4 KiB, or do not end below 4 GiB.
  case misplaced
}
