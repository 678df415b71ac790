import Ethernet
import CPU
import Foundation
import Wire

/// Byte routines that use the processor's instructions, as the kernel's do.
public struct ProcessorByteRoutines: ByteRoutines {
  public init() {}

  public func crc32c(_ register: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { bytes in
      var register = register
      var index = 0
      while index &+ 8 <= bytes.count {
        register = crc32(register, bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        index &+= 8
      }
      while index < bytes.count {
        register = crc32(register, bytes[index])
        index &+= 1
      }
      return register
    }
  }

  public func crc32c(_ register: UInt32, _ word: UInt64) -> UInt32 { crc32(register, word) }

  public func copy(_ source: Span<UInt8>, to target: inout MutableSpan<UInt8>, at offset: Int) {
    precondition(offset >= 0 && source.count <= target.count - offset)
    source.withUnsafeBytes { from in
      target.withUnsafeMutableBytes { to in
        guard let start = from.baseAddress else { return }
        memcpy(to.baseAddress! + offset, start, from.count)
      }
    }
  }
}
