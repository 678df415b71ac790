/// Why a CPU that runs real mode as virtual-8086 code cannot go on.
public enum RealModeProblem: UInt8, Error {
  /// A segment's base is no selector times 16.
  case segmentBase
  /// CS has 32-bit code, which it keeps until the next far jump.
  case wideCode
  /// An access at 64 KiB or above, through a segment that has kept a larger limit from protected mode.
  case largeSegment
  /// The interrupt table or the stack stands where there is no RAM.
  case memory
  /// No handler can be reached, not even the double fault's.
  case shutdown

  public var summary: StaticString {
    switch self {
    case .segmentBase: "real mode with a segment base that is not its selector times 16"
    case .wideCode: "real mode with 32-bit code"
    case .largeSegment: "real mode with a segment larger than 64 KiB"
    case .memory: "real mode with an interrupt table or a stack outside RAM"
    case .shutdown: "triple fault"
    }
  }
}
