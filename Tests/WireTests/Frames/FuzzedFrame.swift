import Ethernet
import Support
import Wire

/// A frame with random contents, well formed at first.
struct FuzzedFrame {
  let header: FrameHeader
  /// The frame and more room behind it.
  var bytes = [UInt8](repeating: 0, count: 1514)
  let count: Int
  /// The bytes that were changed, as they were.
  private var changes: [(index: Int, byte: UInt8)] = []

  static let kinds: [MessageKind] = [
    .acknowledgement, .announcement, .view, .heartbeat, .clockRequest, .clockReply, .ping, .pong,
    .coherence, .adoption, .guest, .refusal,
  ]

  /// - Parameter lineLimit: the most lines of a page in it.
  init(_ generator: inout SeededGenerator, lineLimit: Int) {
    let kind = Self.kinds[Int(generator.next() % UInt64(Self.kinds.count))]
    var header = FrameHeader(
      destination: MACAddress(generator.next()), source: MACAddress(generator.next()), kind: kind)
    let words = (generator.next(), generator.next(), generator.next())
    header.sender = NodeID(UInt16(truncatingIfNeeded: words.0))
    header.receiver = NodeID(UInt16(truncatingIfNeeded: words.0 >> 16))
    header.cluster = ClusterID(UInt32(truncatingIfNeeded: words.0 >> 32))
    header.senderIncarnation = Incarnation(UInt32(truncatingIfNeeded: words.1))
    header.receiverIncarnation = Incarnation(UInt32(truncatingIfNeeded: words.1 >> 32))
    header.epoch = Epoch(UInt32(truncatingIfNeeded: words.2))
    header.sequence = SequenceNumber(UInt32(truncatingIfNeeded: words.2 >> 32))
    let choices = generator.next()
    if choices & 1 != 0 {
      header.acknowledgement = SequenceNumber(UInt32(truncatingIfNeeded: generator.next()))
      header.reportsGap = choices & 2 != 0
    }
    header.bodyCount = MessageFuzz.bodyCount(kind, choices >> 8)
    if kind.isSequenced {
      switch choices >> 2 & 3 {
      case 0: header.page = .zero
      case 1: header.page = .none
      default:
        var lines: UInt64 = 0
        for _ in 0..<lineLimit { lines |= 1 << (generator.next() % 64) }
        header.page = .lines(PageLines(rawValue: lines))
        header.isContinued = lines != 0 && choices & 16 != 0
        header.isContinuation = lines != 0 && choices & 32 != 0
        if header.isContinuation || lineLimit > 20 { header.bodyCount = 0 }
      }
    }
    self.header = header
    let count = header.frameCount
    self.count = count
    var span = bytes.mutableSpan
    for index in stride(from: FrameLayout.body, to: count, by: 8) {
      let word = generator.next()
      for offset in 0..<min(8, count - index) {
        span[index + offset] = UInt8(truncatingIfNeeded: word >> UInt64(8 * offset))
      }
    }
    MessageFuzz.makePlausible(kind, &span, header.bodyCount, choices >> 40)
    header.write(to: &span)
    header.seal(&span, using: ProcessorByteRoutines())
  }

  /// Changes a byte of the header, or of the start of the body, to any value or to one near it.
  mutating func damageField(_ generator: inout SeededGenerator) {
    let end = min(count, FrameLayout.body + 20)
    let index = 14 + Int(generator.next() % UInt64(end - 14))
    // The checksum will be made to fit; most other lengths make a frame that is refused at once.
    guard !(16..<22).contains(index) || generator.next() % 16 == 0 else { return }
    let value = generator.next()
    set(index, value & 0x100 != 0 ? bytes[index] ^ 1 << UInt8(value & 7) : UInt8(truncatingIfNeeded: value))
  }

  private mutating func set(_ index: Int, _ byte: UInt8) {
    changes.append((index, bytes[index]))
    bytes[index] = byte
  }

  /// Flips bit `bit` modulo 8 of a byte.
  mutating func flip(_ index: Int, _ bit: UInt64) { set(index, bytes[index] ^ 1 << UInt8(bit & 7)) }

  /// Whether any byte differs from what it was at first: two changes of one byte may undo each other.
  var isDamaged: Bool {
    for change in changes {
      guard let first = changes.first(where: { $0.index == change.index }) else { continue }
      if bytes[change.index] != first.byte { return true }
    }
    return false
  }

  /// Undoes all changes.
  mutating func restore() {
    while let change = changes.popLast() { bytes[change.index] = change.byte }
  }

  /// Makes the checksum fit what the length field says.
  mutating func seal() {
    let end = 14 + Int(bytes[16]) + Int(bytes[17]) << 8
    guard end <= bytes.count, end >= FrameLayout.body else { return }
    let start: [UInt8] = [bytes[14], bytes[15], bytes[16], bytes[17], 0, 0, 0, 0]
    let routines = ProcessorByteRoutines()
    let checksum = ~routines.crc32c(routines.crc32c(.max, start.span), bytes.span.extracting(22..<end))
    for index in 0..<4 { set(18 + index, UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index))) }
  }

  /// What the encoder makes of `header`, with body and lines of `frame`.
  static func bytes(_ header: FrameHeader, like frame: FuzzedFrame) -> [UInt8] {
    var bytes = frame.bytes
    var span = bytes.mutableSpan
    header.write(to: &span)
    header.seal(&span, using: ProcessorByteRoutines())
    return bytes
  }
}
