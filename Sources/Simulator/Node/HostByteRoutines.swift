import CPU
import Wire

/// The loops over a frame's bytes, by the processor's instructions, as in the kernel.
struct HostByteRoutines: ByteRoutines {
  func crc32c(_ register: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { bytes in
      var register = register
      var index = 0
      while index &+ 8 <= bytes.count {
        register = crc32(register, unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index &+= 8
      }
      while index < bytes.count {
        register = crc32(register, unsafe bytes[index])
        index &+= 1
      }
      return register
    }
  }

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
