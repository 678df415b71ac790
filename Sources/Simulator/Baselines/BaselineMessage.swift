import Memory
import Wire

/// What nodes say to each other where a baseline keeps the memory. With up to 64 nodes it is as long as Big Iron's.
struct BaselineMessage: WireMessage, Equatable {
  /// Numbers are those of Big Iron's messages for the same, which the statistics count.
  enum Kind: UInt8, Sendable {
    /// Send the page, to be read.
    case read = 0
    /// Send the page, to be written.
    case write = 1
    /// The page comes back to where it is kept, without being asked for.
    case store = 3
    case invalidate = 6
    /// The page.
    case data = 12
    case invalidated = 13
  }

  var operation: Kind
  var page: PageNumber
  /// Whose fault it is about.
  var origin: NodeID
  /// Of the page that comes along: whether it is to be written.
  var isExclusive = false
  /// Of the page that comes along: who has copies.
  var copySet = NodeSet()
  /// Words of `copySet` that nodes of this cluster can be in.
  var wordCount = 1

  init(_ operation: Kind, _ page: PageNumber, origin: NodeID) {
    self.operation = operation
    self.page = page
    self.origin = origin
  }

  var kind: MessageKind { .coherence }
  var byteCount: Int { 16 + 8 * wordCount }

  init(_ kind: MessageKind, _ body: Span<UInt8>) throws(FrameError) {
    guard kind == .coherence else { throw .kind }
    let words = (body.count - 16) / 8
    guard body.count >= 24, body.count == 16 + 8 * words, words <= NodeSet.wordCount,
      let operation = Kind(rawValue: body[0])
    else { throw .body }
    self.init(operation, PageNumber(body.uint64(at: 8)), origin: NodeID(body.uint16(at: 4)))
    guard origin.isNode else { throw .body }
    guard body[2] <= 1 else { throw .body }
    isExclusive = body[2] == 1
    wordCount = words
    for word in 0..<words { copySet[word: word] = body.uint64(at: 16 + 8 * word) }
  }

  func write(to bytes: inout MutableSpan<UInt8>, at offset: Int) {
    let flags: UInt64 = isExclusive ? 1 << 16 : 0
    bytes.put(UInt64(operation.rawValue) | flags | UInt64(origin.value) << 32, at: offset)
    bytes.put(page.value, at: offset + 8)
    for word in 0..<wordCount { bytes.put(copySet[word: word], at: offset + 16 + 8 * word) }
  }
}
