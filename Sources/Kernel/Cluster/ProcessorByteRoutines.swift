import Ethernet
import CPU
import Wire

/// The loops over a frame's bytes, by the instructions that the processor has for them; `runCluster` sees to it that it has
/// SSE 4.2.
struct ProcessorByteRoutines: ByteRoutines {
  func crc32c(_ register: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { bytes in
      guard var place = bytes.baseAddress else { return register }
      var register = UInt64(register)
      var rest = bytes.count
      // Sixteen words a turn: the loop's own instructions are a fifth of the work that way.
      while rest >= 128 {
        register = unsafe Self.crc32c(register, lineAt: place)
        register = unsafe Self.crc32c(register, lineAt: place + 64)
        unsafe place += 128
        rest &-= 128
      }
      if rest >= 64 {
        register = unsafe Self.crc32c(register, lineAt: place)
        unsafe place += 64
        rest &-= 64
      }
      if rest >= 32 {
        register = unsafe crc32(register, wordAt: place)
        register = unsafe crc32(register, wordAt: place + 8)
        register = unsafe crc32(register, wordAt: place + 16)
        register = unsafe crc32(register, wordAt: place + 24)
        unsafe place += 32
        rest &-= 32
      }
      while rest >= 8 {
        register = unsafe crc32(register, wordAt: place)
        unsafe place += 8
        rest &-= 8
      }
      var last = UInt32(truncatingIfNeeded: register)
      while rest > 0 {
        last = unsafe crc32(last, place.load(as: UInt8.self))
        unsafe place += 1
        rest &-= 1
      }
      return last
    }
  }

  /// Takes 64 bytes.
  @inline(__always)
  private static func crc32c(_ register: UInt64, lineAt place: UnsafeRawPointer) -> UInt64 {
    var register = unsafe crc32(register, wordAt: place)
    register = unsafe crc32(register, wordAt: place + 8)
    register = unsafe crc32(register, wordAt: place + 16)
    register = unsafe crc32(register, wordAt: place + 24)
    register = unsafe crc32(register, wordAt: place + 32)
    register = unsafe crc32(register, wordAt: place + 40)
    register = unsafe crc32(register, wordAt: place + 48)
    return unsafe crc32(register, wordAt: place + 56)
  }

  @inline(__always)
  func crc32c(_ register: UInt32, _ word: UInt64) -> UInt32 { crc32(register, word) }

  func copy(_ source: Span<UInt8>, to target: inout MutableSpan<UInt8>, at offset: Int) {
    precondition(offset >= 0 && source.count <= target.count - offset)
    unsafe source.withUnsafeBytes { from in
      unsafe target.withUnsafeMutableBytes { to in
        guard let start = from.baseAddress, let end = to.baseAddress else { return }
        unsafe (end + offset).copyMemory(from: start, byteCount: from.count)
      }
    }
  }
}
