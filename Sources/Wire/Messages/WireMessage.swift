/// What stands in the body of a frame: a value with a layout of its own.
public protocol WireMessage: Sendable {
  var kind: MessageKind { get }

  /// Bytes of the body.
  var byteCount: Int { get }

  /// The message of this kind that `body`, the whole of a frame's body, holds.
  ///
  /// Throws `FrameError.body` where it can't be one, `FrameError.kind` where the kind is another message's.
  init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError)

  /// Stores the body from byte `offset` of `bytes` on, where there is room for `byteCount`.
  func write(to bytes: inout MutableSpan<UInt8>, at offset: Int)
}

extension WireMessage {
  /// The message in `frame`, whose header has been read.
  @inlinable @inline(__always)
  public init(_ header: FrameHeader, in frame: Span<UInt8>) throws(FrameError) {
    try self.init(header.kind, frame.extracting(header.bodyRange))
  }

  /// Throws unless a body that is said to be of kind `found` can be a message with these properties.
  static func check(
    _ found: MessageKind, is kind: MessageKind, _ body: Span<UInt8>, count: Int
  ) throws(FrameError) {
    guard found == kind else { throw .kind }
    guard body.count == count else { throw .body }
  }
}
