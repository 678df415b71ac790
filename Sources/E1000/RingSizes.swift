/// How large a controller's rings and frames are.
public struct RingSizes: Equatable, Sendable {
  /// Descriptors, and buffers, of each ring.
  public let slotCount: Int

  /// Bytes of the longest frame, from its destination on and without its CRC.
  public let longestFrame: Int

  /// Bytes of the shortest frame, without its CRC (IEEE 802.3, 3.2.8).
  public static var shortestFrame: Int { 60 }

  /// Bytes of a receive buffer.
  static var bufferSize: Int { 2048 }

  /// Nil where the controllers cannot do it: the number of slots is a multiple of 8 from 8 to 4,096 (SDM 13.4.27) and the
  /// longest frame has from 1,514 bytes to 9,014, which the 82574's memory still has room for.
  public init?(slotCount: Int = 256, longestFrame: Int = 1514) {
    guard (8...4096).contains(slotCount), slotCount % 8 == 0, (1514...9014).contains(longestFrame) else {
      return nil
    }
    self.slotCount = slotCount
    self.longestFrame = longestFrame
  }

  /// Bytes of memory that the ring of received frames takes.
  public var receiveByteCount: Int { receiveLayout.byteCount }

  /// Bytes of memory that the ring of frames to send takes.
  public var transmitByteCount: Int { transmitLayout.byteCount }

  /// Buffers that the longest frame takes.
  var buffersPerFrame: Int { (longestFrame + Self.bufferSize - 1) / Self.bufferSize }

  var receiveLayout: RingLayout {
    RingLayout(slotCount: slotCount, bufferSize: Self.bufferSize, spareBufferCount: buffersPerFrame - 1)
  }

  /// A frame to send always has one buffer: a descriptor may have up to 16,288 bytes (SDM 3.3.3).
  var transmitLayout: RingLayout {
    RingLayout(slotCount: slotCount, bufferSize: buffersPerFrame * Self.bufferSize)
  }
}
