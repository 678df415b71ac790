import Memory
import Wire

/// A `CoherenceMessage` as the body of a frame; docs/wire.md has its layout as a table.
public struct CoherenceBody: WireMessage, Equatable {
  public var message: CoherenceMessage

  public init(_ message: CoherenceMessage) { self.message = message }

  public var kind: MessageKind { .coherence }
  public var byteCount: Int { Self.size }
  private static var size: Int { 24 }

  public init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    guard kind == .coherence else { throw .kind }
    guard body.count == Self.size, let operation = CoherenceMessage.Kind(rawValue: body[0]),
      let content = CoherenceMessage.Content(rawValue: body[1]), body[2] <= 1, body[3] == 0
    else { throw .body }
    message = CoherenceMessage(operation, PageNumber(body.uint64(at: 8)))
    message.content = content
    message.isExclusive = body[2] == 1
    message.requester = NodeID(body.uint16(at: 4))
    message.acknowledgements = body.uint16(at: 6)
    message.version = PageVersion(body.uint32(at: 16))
    message.known = PageVersion(body.uint32(at: 20))
    guard message.requester.isNode || message.requester == .none else { throw .body }
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes.put(message.kind.rawValue, at: offset)
    bytes.put(message.content.rawValue, at: offset + 1)
    bytes.put(message.isExclusive ? 1 as UInt8 : 0, at: offset + 2)
    bytes.put(0 as UInt8, at: offset + 3)
    bytes.put(message.requester.value, at: offset + 4)
    bytes.put(message.acknowledgements, at: offset + 6)
    bytes.put(message.page.value, at: offset + 8)
    bytes.put(message.version.value, at: offset + 16)
    bytes.put(message.known.value, at: offset + 20)
  }
}
