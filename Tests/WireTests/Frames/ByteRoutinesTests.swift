import Support
import Testing
import Wire

struct ByteRoutinesTests {
  private let portable = PortableByteRoutines()
  private let processor = ProcessorByteRoutines()

  /// The catalogue's check value for CRC-32/ISCSI, and the 32-byte examples of RFC 3720, B.4.
  @Test func theChecksumIsCRC32C() {
    #expect(~portable.crc32c(.max, Array("123456789".utf8).span) == 0xE306_9283)
    #expect(~portable.crc32c(.max, [UInt8](repeating: 0, count: 32).span) == 0x8A91_36AA)
    #expect(~portable.crc32c(.max, [UInt8](repeating: 0xFF, count: 32).span) == 0x62A8_AB43)
    #expect(~portable.crc32c(.max, Array(0..<32 as Range<UInt8>).span) == 0x46DD_794E)
    #expect(~portable.crc32c(.max, Array((0..<32 as Range<UInt8>).reversed()).span) == 0x113F_DB5C)
  }

  @Test func theProcessorsInstructionComputesTheSame() {
    var generator = SeededGenerator(seed: 1)
    var bytes = [UInt8](repeating: 0, count: 1600)
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: generator.next()) }
    for _ in 0..<2000 {
      let start = Int(generator.next() % 100)
      let end = start + Int(generator.next() % 1500)
      let register = UInt32(truncatingIfNeeded: generator.next())
      let part = bytes.span.extracting(start..<end)
      #expect(portable.crc32c(register, part) == processor.crc32c(register, part))
    }
  }

  @Test func aWordCountsAsItsBytes() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<100 {
      let word = generator.next()
      let register = UInt32(truncatingIfNeeded: generator.next())
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
      #expect(portable.crc32c(register, word) == portable.crc32c(register, bytes.span))
      #expect(processor.crc32c(register, word) == portable.crc32c(register, word))
    }
  }

  @Test func theChecksumOfPartsIsThatOfTheWhole() {
    let bytes = Array(0..<200 as Range<UInt8>)
    let whole = portable.crc32c(.max, bytes.span)
    for split in bytes.indices {
      let register = portable.crc32c(.max, bytes.span.extracting(..<split))
      #expect(portable.crc32c(register, bytes.span.extracting(split...)) == whole)
    }
  }

  @Test func copyingLeavesTheRestAlone() {
    let source = Array(1..<101 as Range<UInt8>)
    for offset in [0, 1, 27] {
      var target = [UInt8](repeating: 0xEE, count: 128)
      var span = target.mutableSpan
      portable.copy(source.span, to: &span, at: offset)
      #expect(Array(target[offset..<offset + 100]) == source)
      #expect(
        target[..<offset].allSatisfy { $0 == 0xEE } && target[(offset + 100)...].allSatisfy { $0 == 0xEE })
    }
  }
}
