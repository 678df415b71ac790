import Memory
import Wire

/// A `CoherenceMessage` as it travels: the body of a frame, whose page holds the contents.
public struct CoherenceBody: WireMessage, Equatable {
  public var message: CoherenceMessage

  public init(_ message: CoherenceMessage) { self.message = message }

  public var kind: MessageKind { .coherence }
  public var byteCount: Int { Self.size }
  private static var size: Int { 24 }

  /// Throws for what no correct peer sends in any state; what it means in this one is the engine's business.
  public init(_ frameKind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    guard frameKind == .coherence else { throw .kind }
    guard body.count == Self.size, let kind = CoherenceMessage.Kind(rawValue: body[0]),
      let content = CoherenceMessage.Content(rawValue: body[1]), body[2] <= 1, body[3] == 0
    else { throw .body }
    message = CoherenceMessage(kind, PageNumber(body.value(UInt64.self, at: 8)))
    message.content = content
    message.isExclusive = body[2] != 0
    message.requester = NodeID(body.value(UInt16.self, at: 4))
    message.acknowledgements = body.value(UInt16.self, at: 6)
    message.version = PageVersion(body.value(UInt32.self, at: 16))
    message.known = PageVersion(body.value(UInt32.self, at: 20))
    guard kind.namesRequester ? message.requester.isNode : message.requester == .none,
      (content != .none) == (kind == .data || kind == .putData)
    else { throw .body }
  }

  public func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    bytes[offset] = message.kind.rawValue
    bytes[offset + 1] = message.content.rawValue
    bytes[offset + 2] = message.isExclusive ? 1 : 0
    bytes[offset + 3] = 0
    bytes.put(message.requester.value, at: offset + 4)
    bytes.put(message.acknowledgements, at: offset + 6)
    bytes.put(message.page.value, at: offset + 8)
    bytes.put(message.version.value, at: offset + 16)
    bytes.put(message.known.value, at: offset + 20)
  }
}

extension CoherenceMessage {
  /// Whether what came of the page, all fragments together, is what the message says.
  public func isCarried(by page: PageContent) -> Bool {
    switch (content, page) {
    case (.none, .none), (.zero, .zero), (.page, .lines(.all)), (.changes, .lines): true
    default: false
    }
  }
}

extension Span<UInt8> {
  /// The number at `offset`, where there is one: the length has been checked.
  fileprivate func value<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, at offset: Int)
    -> Value
  {
    littleEndian(type, at: offset) ?? 0
  }
}

extension MutableSpan<UInt8> {
  fileprivate mutating func put(_ value: some FixedWidthInteger & UnsignedInteger, at offset: Int) {
    _ = setLittleEndian(value, at: offset)
  }
}
