import Ethernet

extension FrameHeader {
  /// Writes the header to the start of `frame`, which has room for all of `frameCount`. The checksum waits for `seal`.
  @inline(__always)
  public func write(to frame: inout MutableSpan<UInt8>) {
    let frameCount = frameCount
    // The constant bound spares every field its own check.
    precondition(frame.count >= FrameLayout.body)
    precondition(frame.count >= frameCount && frameCount <= FrameLayout.maximumFrameCount)
    frame.put(addresses, at: FrameLayout.destination)
    frame.put(sourceEnd, at: FrameLayout.source + 2)
    frame.put(FrameLayout.etherType.byteSwapped, at: FrameLayout.etherTypeOffset)
    frame.put(version, at: FrameLayout.version)
    frame.put(kind.rawValue, at: FrameLayout.kind)
    frame.put(UInt16(truncatingIfNeeded: frameCount &- FrameLayout.version), at: FrameLayout.length)
    frame.put(UInt32(0), at: FrameLayout.checksum)
    frame.put(parties, at: FrameLayout.sender)
    frame.put(incarnations, at: FrameLayout.senderIncarnation)
    frame.put(order, at: FrameLayout.epoch)
    frame.put(content, at: FrameLayout.acknowledgement)
    frame.put(lines.rawValue, at: FrameLayout.pageLines)
    frame.put(UInt64(0), at: FrameLayout.tag)
    frame.put(UInt64(0), at: FrameLayout.tag + 8)
  }

  /// Completes a frame whose header, body and lines stand in `frame`: stores its checksum.
  @inline(__always)
  public func seal(
    _ frame: inout MutableSpan<UInt8>, using routines: borrowing some ByteRoutines & ~Copyable
  ) {
    let checksum = Self.checksum(of: frame.span.extracting(first: frameCount), using: routines)
    frame.put(checksum, at: FrameLayout.checksum)
  }

  /// CRC32C of everything behind the Ethernet header, with zeros in place of the checksum.
  @inline(__always)
  static func checksum(
    of frame: Span<UInt8>, using routines: borrowing some ByteRoutines & ~Copyable
  ) -> UInt32 {
    let start = UInt64(frame.uint32(at: FrameLayout.version))
    let register = routines.crc32c(.max, start)
    return ~routines.crc32c(register, frame.extracting(FrameLayout.sender..<frame.count))
  }
}
