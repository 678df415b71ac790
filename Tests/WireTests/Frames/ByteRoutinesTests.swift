import Testing
import Wire

struct ByteRoutinesTests {
  @Test func theChecksumOfTheUsualNineDigits() {
    let digits = Array("123456789".utf8)
    #expect(~PortableByteRoutines().crc32c(.max, digits.span) == 0xE306_9283)
  }
}
