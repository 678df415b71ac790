/// The second word of a legacy receive descriptor (SDM 3.2.3; datasheet 7.1.4): what the controller says about the bytes in
/// the buffer. The first word is the buffer's address.
struct ReceiveDescriptor: Equatable {
  let word: UInt64

  /// What a descriptor holds that is the controller's to fill.
  static var empty: Self { Self(word: 0) }

  init(word: UInt64) { self.word = word }

  /// The controller is done with the descriptor (DD).
  var isDone: Bool { word >> 32 & 1 != 0 }

  /// The frame's last bytes are in this buffer (EOP); only then the errors mean anything.
  var isEndOfFrame: Bool { word >> 33 & 1 != 0 }

  /// Bytes in this buffer.
  var length: Int { Int(word & 0xFFFF) }

  /// The CRC was wrong, or the frame did not end at a byte (SDM 3.2.3.2, CE).
  var hasBadChecksum: Bool { word >> 40 & 1 != 0 }

  /// A symbol, a delimiter, the carrier extension or the data were bad (SDM 3.2.3.2, SE, SEQ, CXE, RXE).
  var hasOtherError: Bool { word >> 40 & 0b1001_0110 != 0 }
}
