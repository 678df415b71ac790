import Memory
import Wire

/// Frames of 4 KiB as the engine reads and writes them: on a node its RAM, in a test an array.
public protocol PageMemory: ~Copyable {
  /// The 4 KiB at `frame`, which belongs to the engine.
  @_lifetime(borrow self)
  func bytes(of frame: HostPhysicalAddress) -> Span<UInt8>

  /// The 4 KiB at `frame`, which belongs to the engine.
  @_lifetime(&self)
  mutating func mutableBytes(of frame: HostPhysicalAddress) -> MutableSpan<UInt8>

  mutating func clear(_ frame: HostPhysicalAddress)

  mutating func copy(_ frame: HostPhysicalAddress, to other: HostPhysicalAddress)
}

extension PageMemory where Self: ~Copyable {
  /// Whether all bytes are zero.
  func isZero(_ frame: HostPhysicalAddress) -> Bool {
    let bytes = bytes(of: frame)
    for offset in stride(from: 0, to: 4096, by: 8) where bytes.uint64(at: offset) != 0 { return false }
    return true
  }

  /// The lines in which the two frames differ.
  func differences(_ frame: HostPhysicalAddress, _ other: HostPhysicalAddress) -> PageLines {
    let left = bytes(of: frame)
    let right = bytes(of: other)
    var lines: UInt64 = 0
    for line in 0..<64 {
      let start = line * PageLines.lineSize
      var difference: UInt64 = 0
      for offset in stride(from: start, to: start + PageLines.lineSize, by: 8) {
        difference |= left.uint64(at: offset) ^ right.uint64(at: offset)
      }
      if difference != 0 { lines |= 1 << UInt64(line) }
    }
    return PageLines(rawValue: lines)
  }
}
