import Ethernet
import CPU
import Wire

/// The loops over a frame's bytes, by the instructions that the processor has for them. SSE 4.2 is older than XSAVE,
/// which this kernel requires.
struct ProcessorByteRoutines: ByteRoutines {
  func crc32c(_ register: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { bytes in
      guard var place = bytes.baseAddress else { return register }
      var register = register
      var rest = bytes.count
      // Eight words a turn: the loop's own instructions are a quarter of the work that way.
      while rest >= 64 {
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 40, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 48, as: UInt64.self))
        register = unsafe crc32(register, place.loadUnaligned(fromByteOffset: 56, as: UInt64.self))
        unsafe place += 64
        rest &-= 64
      }
      while rest >= 8 {
        register = unsafe crc32(register, place.loadUnaligned(as: UInt64.self))
        unsafe place += 8
        rest &-= 8
      }
      while rest > 0 {
        register = unsafe crc32(register, place.load(as: UInt8.self))
        unsafe place += 1
        rest &-= 1
      }
      return register
    }
  }

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
