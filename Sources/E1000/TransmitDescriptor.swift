/// The second word of a legacy transmit descriptor (SDM 3.3.3; datasheet 7.2.10.1). The first is the buffer's address.
struct TransmitDescriptor: Equatable {
  private static let endOfFrame: UInt64 = 1 << 24
  private static let insertCRC: UInt64 = 1 << 25
  private static let reportStatus: UInt64 = 1 << 27

  let word: UInt64

  init(word: UInt64) { self.word = word }

  /// One whole frame, to which the controller adds the CRC and which it reports when it is done.
  init(frameLength: Int) {
    word = UInt64(frameLength) | Self.endOfFrame | Self.insertCRC | Self.reportStatus
  }

  /// The controller has read the buffer (DD).
  var isDone: Bool { word >> 32 & 1 != 0 }
}
