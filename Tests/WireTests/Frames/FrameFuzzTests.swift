import Memory
import Support
import Testing
import Wire

/// Together ten million cases.
private let caseCount = 10_000_000

/// No bytes make the decoders trap, and what they accept is what their encoders would have written.
struct FrameFuzzTests {
  @Test func randomBytesAreRefused() {
    var generator = SeededGenerator(seed: 1)
    var frame = [UInt8](repeating: 0, count: 1600)
    for index in frame.indices { frame[index] = UInt8(truncatingIfNeeded: generator.next()) }
    for index in 0..<caseCount * 2 / 10 {
      // Another length and a few other bytes are as good as all new ones.
      let word = generator.next()
      let count = Int(word & 0x7FF) % 1600
      frame[Int(word >> 11 & 0x7FF) % 1600] = UInt8(truncatingIfNeeded: word >> 24)
      frame[Int(word >> 32 & 0x7FF) % 1600] = UInt8(truncatingIfNeeded: word >> 48)
      if index & 1 == 0 {
        frame[12] = 0x88
        frame[13] = 0xB5
      }
      // Now and then a length that is plausible, so that the checksum is looked at.
      if index & 0xF == 0, count > 20 {
        let length = count - 14 - Int(word >> 60)
        frame[16] = UInt8(truncatingIfNeeded: length)
        frame[17] = UInt8(truncatingIfNeeded: length >> 8)
      }
      if Self.error(frame, count) == nil {
        Issue.record("case \(index) was accepted")
        return
      }
    }
  }

  @Test func aDamagedFrameIsRefused() {
    var generator = SeededGenerator(seed: 2)
    for index in 0..<caseCount * 4 / 1000 {
      var frame = FuzzedFrame(&generator, lineLimit: index & 7 == 0 ? 22 : 0)
      for _ in 0..<100 {
        // CRC32C finds every change of up to five bits in a frame of up to 655 bytes, and of three in any frame.
        let positions = generator.next()
        let bits = generator.next()
        let flipCount = 1 + Int(positions >> 60) % 3
        for flip in 0..<flipCount {
          frame.flip(
            14 + Int(positions >> UInt64(16 * flip) & 0xFFFF) % (frame.count - 14), bits >> UInt64(8 * flip))
        }
        let error = Self.error(frame.bytes, frame.count)
        let isDamaged = frame.isDamaged
        frame.restore()
        if isDamaged != (error != nil) {
          Issue.record("case \(index): \(String(describing: error)) for \(frame.header)")
          return
        }
      }
    }
  }

  @Test func aTruncatedFrameIsRefused() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<caseCount * 3 / 10_000 {
      let frame = FuzzedFrame(&generator, lineLimit: 22)
      for _ in 0..<1000 {
        let count = Int(generator.next() % UInt64(frame.count))
        let error = Self.error(frame.bytes, count)
        if error != (count < FrameLayout.body ? .short : .length) {
          Issue.record("\(frame.header) with \(count) bytes: \(String(describing: error))")
          return
        }
      }
    }
  }

  @Test func anOverlongFrameIsRefused() {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<1000 {
      let frame = FuzzedFrame(&generator, lineLimit: 22)
      for _ in 0..<10 {
        let count = frame.count + Int(generator.next() % 9000)
        let bytes = frame.bytes + [UInt8](repeating: 0, count: max(0, count - frame.bytes.count))
        #expect(Self.error(bytes, count) == (count > 1514 ? .long : nil))
      }
    }
  }

  /// Headers and bodies at random, with a checksum that fits, so that all later checks have their turn.
  @Test func whatIsAcceptedIsWhatWouldHaveBeenWritten() {
    var generator = SeededGenerator(seed: 4)
    var acceptedCount = 0
    for index in 0..<caseCount / 200 {
      var frame = FuzzedFrame(&generator, lineLimit: 3)
      for variant in 0..<20 {
        // One or two fields that may not be right.
        for _ in 0..<min(variant, 1 + variant & 1) { frame.damageField(&generator) }
        frame.seal()
        if let failure = Self.failure(frame, &acceptedCount) {
          Issue.record("case \(index), \(variant): \(failure)")
          return
        }
        frame.restore()
      }
    }
    #expect(acceptedCount > caseCount / 40 && acceptedCount < caseCount / 12)
  }

  /// What is wrong about how `frame` is read: nil where it is refused, or read as it would have been written.
  private static func failure(_ frame: FuzzedFrame, _ acceptedCount: inout Int) -> String? {
    let header: FrameHeader
    do throws(FrameError) {
      header = try FrameHeader(
        frame.bytes.span.extracting(first: frame.count), using: ProcessorByteRoutines())
    } catch {
      return nil
    }
    acceptedCount += 1
    if header.frameCount > frame.count { return "\(header) is too long" }
    if !FuzzedFrame.bytes(header, like: frame).hasSameBytes(as: frame.bytes) {
      return "\(header) was read otherwise than written"
    }
    return MessageFuzz.check(header, frame.bytes)
  }

  private static func error(_ frame: [UInt8], _ count: Int) -> FrameError? {
    do throws(FrameError) {
      _ = try FrameHeader(frame.span.extracting(first: count), using: ProcessorByteRoutines())
      return nil
    } catch {
      return error
    }
  }
}
