import Support
import Testing

@testable import E1000

@Suite struct RandomTrafficTests {
  /// Whatever the order in which line, controller and driver get on: nothing that has found a buffer is lost, changed,
  /// doubled or overtaken, and every frame is counted once.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func losesNothingThatFoundABuffer(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let sizes = RingSizes(slotCount: 8 * Int.random(in: 1...4, using: &random), longestFrame: 6000)!
    let device = FakeController([.i82540EM, .i82574L].randomElement(using: &random)!, sizes: sizes)
    let controller = try device.start(sizes)
    var arriving: [[UInt8]] = []
    var leaving: [[UInt8]] = []
    var expected = ReceiveCounters()
    var missed: UInt64 = 0
    for step in 0..<1000 {
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<6:
        let count = Bool.random(using: &random) ? 100 : Int.random(in: 1...7000, using: &random)
        let error: UInt8 = Bool.random(using: &random) ? 0x01 : 0x80
        let errors = Int.random(in: 0..<5, using: &random) == 0 ? error : 0
        let frame = makeFrame(step, count: count)
        guard count >= 14 else { continue }
        guard device.receive(frame, errors: errors) else {
          missed += device.isLinkUp ? 1 : 0
          continue
        }
        if count > 6000 {
          expected.tooLong += 1
        } else if errors == 0x01 {
          expected.badChecksums += 1
        } else if errors != 0 {
          expected.otherErrors += 1
        } else if count < 60 {
          expected.tooShort += 1
        } else {
          expected.frames += 1
          expected.bytes += UInt64(count)
          arriving.append(frame)
        }
      case 6..<10:
        for _ in 0..<Int.random(in: 0...6, using: &random) where controller.advance() {
          #expect(controller.frame == arriving.removeFirst())
        }
      case 10..<12: controller.returnBuffers()
      case 12..<16:
        let frame = makeFrame(step, count: Int.random(in: 1...6000, using: &random))
        if controller.send(frame) { leaving.append(frame.padded) }
      case 16: controller.announceFrames()
      case 17..<19: device.transmit(limit: Int.random(in: 0...5, using: &random))
      default:
        device.isLinkUp = Int.random(in: 0..<4, using: &random) != 0
        _ = controller.supervise(now: UInt64(step))
      }
    }
    device.isLinkUp = true
    _ = controller.supervise(now: 9999)
    #expect(controller.receiveAll() == arriving)
    controller.announceFrames()
    device.transmit()
    #expect(device.takeSentFrames() == leaving)
    #expect(controller.received == expected)
    #expect(controller.lineCounters().missed == missed)
    #expect(controller.lineCounters().sent == UInt64(leaving.count))
    #expect(controller.transmitted.frames == UInt64(leaving.count))
    #expect(controller.supervise(now: 10_000) == nil)
    #expect(device.freeDescriptorCount == sizes.slotCount - 1)
  }
}
