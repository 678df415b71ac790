import CPU
import Memory

/// The page that says which MSRs a guest reads and writes without an exit (SDM Vol. 3C, 25.6.9): a clear bit
/// passes. Read and write bits for MSRs 0…1FFFH and C0000000H…C0001FFFH stand at offsets 0, 1024, 2048, 3072.
public enum MSRBitmap {
  /// Fills a 4 KiB frame so that every MSR exits but those in `passed`.
  public static func fill(_ frame: HostPhysicalAddress, passing passed: Span<UInt32>) {
    for offset in stride(from: UInt64(0), to: 4096, by: 8) { writeMMIO64(frame.value + offset, .max) }
    for index in passed.indices { change(passed[index], in: frame) { word, bit in word & ~bit } }
  }

  /// Makes an MSR exit again.
  public static func intercept(_ msr: UInt32, in frame: HostPhysicalAddress) {
    change(msr, in: frame) { word, bit in word | bit }
  }

  private static func change(
    _ msr: UInt32, in frame: HostPhysicalAddress, _ body: (UInt32, UInt32) -> UInt32
  ) {
    for isWrite in [false, true] {
      let (byte, mask) = place(of: msr, isWrite: isWrite)
      let address = frame.value + UInt64(byte & ~3)
      writeMMIO32(address, body(readMMIO32(address), UInt32(mask) << UInt32(8 * (byte & 3))))
    }
  }

  /// Byte offset and bit mask of one MSR; MSRs outside both ranges always exit and have none.
  static func place(of msr: UInt32, isWrite: Bool) -> (byte: Int, mask: UInt8) {
    let isHigh = msr >= 0xC000_0000
    let index = Int(msr & 0x1FFF)
    let base = (isWrite ? 2048 : 0) + (isHigh ? 1024 : 0)
    return (base + index / 8, 1 << UInt8(index % 8))
  }
}
