import Memory
import Support
import Wire

/// What message `number` from one node to another is: known to both ends, and different for each.
struct SimulatedMessage {
  let bodyCount: Int
  let content: PageContent
  let wantsReply: Bool
  private let seed: UInt64

  init(from sender: Peer, to receiver: NodeID, number: UInt32, pageShare: Double) {
    var generator = SeededGenerator(
      seed: UInt64(number) << 32 | UInt64(receiver.value) << 16 | UInt64(sender.id.value)
        ^ UInt64(sender.incarnation.value) << 48)
    bodyCount = Int.random(in: Ping.minimumByteCount...FrameLayout.maximumLinkBodyCount, using: &generator)
    wantsReply = generator.next() % 2 == 0
    if Double.random(in: 0..<1, using: &generator) >= pageShare {
      content = .none
    } else {
      switch generator.next() % 8 {
      case 0: content = .zero
      case 1: content = .lines([])
      case 2, 3: content = .lines(PageLines(rawValue: generator.next() & generator.next()))
      case 4: content = .lines(.first(byteCount: Int.random(in: 0...4096, using: &generator)))
      default: content = .lines(.all)
      }
    }
    seed = generator.next()
  }

  /// The page that the lines are of.
  var page: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 4096) { bytes, count in
      var word = seed
      bytes.withMemoryRebound(to: UInt64.self) { words in
        for index in 0..<512 {
          words[index] = word
          word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        }
      }
      count = 4096
    }
  }
}
