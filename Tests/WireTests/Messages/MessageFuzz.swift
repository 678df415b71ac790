import Coherence
import Node
import Wire

/// What the tests with random frames know of bodies.
enum MessageFuzz {
  /// The length of a body of this kind.
  static func bodyCount(_ kind: MessageKind, _ choice: UInt64) -> Int {
    switch kind {
    case .acknowledgement: 0
    case .announcement: 528
    case .view, .heartbeat: 48
    case .clockRequest: 8
    case .clockReply: 32
    case .ping, .pong: 16 + Int(choice % 113)
    case .refusal: 16
    case .coherence, .guest: 24
    case .adoption: 8
    }
  }

  /// Gives the random body in `frame` the zeros and values that its kind wants, nearly always.
  static func makePlausible(
    _ kind: MessageKind, _ frame: inout MutableSpan<UInt8>, _ count: Int, _ choice: UInt64
  ) {
    func clear(_ range: Range<Int>, _ frame: inout MutableSpan<UInt8>) {
      for index in range where index < count { frame[FrameLayout.body + index] = 0 }
    }
    guard choice % 16 != 0, count > 0 else { return }
    switch kind {
    case .acknowledgement: break
    case .announcement:
      clear(0..<8, &frame)
      frame[FrameLayout.body] = UInt8(choice / 16 % 64)
      frame[FrameLayout.body + 2] = 64
      frame[FrameLayout.body + 4] = 2
      frame[FrameLayout.body + 6] = UInt8(choice / 1024 % 2)
      frame[FrameLayout.body + 24] &= 0xFE
      clear(30..<32, &frame)
      clear(38..<40, &frame)
    case .view:
      clear(4..<8, &frame)
      frame[FrameLayout.body + 4] = UInt8(choice / 16 % 2)
    case .heartbeat: clear(4..<8, &frame)
    case .clockRequest, .adoption: break
    case .clockReply:
      clear(15..<16, &frame)
      clear(28..<32, &frame)
    case .ping, .pong:
      clear(4..<8, &frame)
      for index in 16..<max(16, count) { frame[FrameLayout.body + index] = UInt8(index) }
    case .refusal: clear(2..<8, &frame)
    case .coherence:
      clear(0..<6, &frame)
      frame[FrameLayout.body] = UInt8(choice / 16 % 16)
      frame[FrameLayout.body + 1] = UInt8(choice / 256 % 4)
      frame[FrameLayout.body + 2] = UInt8(choice / 1024 % 2)
      frame[FrameLayout.body + 4] = UInt8(choice / 2048 % 256)
    case .guest: makePlausibleGuest(&frame, count, choice)
    }
  }

  /// For each operation of a `guest` body the bytes that it uses, a bit each, the lowest for the operation itself.
  private static let guestBytes: [UInt32] = [
    0xFF_FFFF, 0x1, 0x3F, 0x5, 0xF3B, 0x31, 0xFFF, 0xF31, 0x3,
  ]

  private static func makePlausibleGuest(_ frame: inout MutableSpan<UInt8>, _ count: Int, _ choice: UInt64) {
    let operation = Int(choice / 16 % 9)
    let used = guestBytes[operation]
    for index in 0..<count where used >> UInt32(index) & 1 == 0 { frame[FrameLayout.body + index] = 0 }
    frame[FrameLayout.body] = UInt8(operation)
    if operation == 0 {
      frame[FrameLayout.body + 7] &= 0x0F
    } else if used & 1 << 3 != 0 {
      frame[FrameLayout.body + 1] = UInt8(choice / 256 % 8)
      frame[FrameLayout.body + 3] &= 1
    }
    if operation == 6 {
      frame[FrameLayout.body + 1] &= 1
      frame[FrameLayout.body + 2] = 1 << UInt8(choice / 2048 % 3)
      if frame[FrameLayout.body + 1] == 1 { frame[FrameLayout.body + 7] &= 0x0F }
    }
  }

  /// What is wrong with the message in `frame`: nil where it is refused, or read as it would have been written.
  static func check(_ header: FrameHeader, _ frame: [UInt8]) -> String? {
    switch header.kind {
    case .acknowledgement: nil
    case .adoption: check(Adoption.self, header, frame)
    case .coherence: check(CoherenceBody.self, header, frame)
    case .guest: check(GuestMessage.self, header, frame)
    case .announcement: check(Announcement.self, header, frame)
    case .view: check(View.self, header, frame)
    case .heartbeat: check(Heartbeat.self, header, frame)
    case .clockRequest: check(ClockRequest.self, header, frame)
    case .clockReply: check(ClockReply.self, header, frame)
    case .ping, .pong: check(Ping.self, header, frame)
    case .refusal: check(Refusal.self, header, frame)
    }
  }

  private static func check<Message: WireMessage>(
    _ type: Message.Type, _ header: FrameHeader, _ frame: [UInt8]
  ) -> String? {
    let message: Message
    do throws(FrameError) { message = try Message(header, in: frame.span) } catch {
      return error == .body ? nil : "\(error) for \(header)"
    }
    var bytes = [UInt8](repeating: 0, count: message.byteCount)
    var span = bytes.mutableSpan
    message.write(to: &span, at: 0)
    guard message.kind == header.kind, message.byteCount == header.bodyCount,
      bytes[..<message.byteCount].elementsEqual(frame[header.bodyRange])
    else { return "\(message) from \(frame[header.bodyRange])" }
    return nil
  }
}
