import Ethernet

extension FrameHeader {
  /// Writes the header to the start of `frame`, which has room for all of `frameCount`. The checksum waits for `seal`.
  @inline(__always)
  public func write(to frame: inout MutableSpan<UInt8>) {
    let frameCount = frameCount
    // The constant bound spares every field its own check.
    precondition(frame.count >= FrameLayout.body)
    precondition(frame.count >= frameCount && frameCount <= FrameLayout.maximumFrameCount)
    frame.put(destination, at: FrameLayout.destination)
    frame.put(source, at: FrameLayout.source)
    frame.put(FrameLayout.etherType.byteSwapped, at: FrameLayout.etherTypeOffset)
    frame.put(version, at: FrameLayout.version)
    frame.put(kind.rawValue, at: FrameLayout.kind)
    frame.put(UInt16(truncatingIfNeeded: frameCount - FrameLayout.version), at: FrameLayout.length)
    frame.put(UInt32(0), at: FrameLayout.checksum)
    frame.put(sender.value, at: FrameLayout.sender)
    frame.put(receiver.value, at: FrameLayout.receiver)
    frame.put(cluster.value, at: FrameLayout.cluster)
    frame.put(senderIncarnation.value, at: FrameLayout.senderIncarnation)
    frame.put(receiverIncarnation.value, at: FrameLayout.receiverIncarnation)
    frame.put(epoch.value, at: FrameLayout.epoch)
    frame.put(sequence.value, at: FrameLayout.sequence)
    frame.put(acknowledgement?.value ?? 0, at: FrameLayout.acknowledgement)
    frame.put(UInt16(truncatingIfNeeded: bodyCount), at: FrameLayout.bodyCount)
    frame.put(flags.rawValue, at: FrameLayout.flags)
    frame.put(UInt8(0), at: FrameLayout.reserved)
    if case .lines(let lines) = page {
      frame.put(lines.rawValue, at: FrameLayout.pageLines)
    } else {
      frame.put(UInt64(0), at: FrameLayout.pageLines)
    }
    frame.put(UInt64(0), at: FrameLayout.tag)
    frame.put(UInt64(0), at: FrameLayout.tag + 8)
  }

  @inline(__always)
  private var flags: FrameFlags {
    var flags: FrameFlags = []
    if acknowledgement != nil { flags.insert(.acknowledges) }
    if reportsGap { flags.insert(.gap) }
    switch page {
    case .none: break
    case .zero: flags.insert(.zeroPage)
    case .lines: flags.insert(.pageLines)
    }
    if isContinuation { flags.insert(.continues) }
    if isContinued { flags.insert(.more) }
    return flags
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
