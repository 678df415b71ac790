import Testing

@testable import E1000

private typealias Register = FakeController.Register

@Suite struct TransmitTests {
  @Test(arguments: [60, 61, 1513, 1514])
  func sendsFramesAsTheyAreWritten(_ count: Int) throws {
    let device = FakeController()
    let controller = try device.start()
    #expect(controller.send(makeFrame(1, count: count)))
    controller.announceFrames()
    device.transmit()
    #expect(device.takeSentFrames() == [makeFrame(1, count: count)])
    #expect(controller.transmitted == TransmitCounters(frames: 1, bytes: UInt64(count)))
  }

  @Test(arguments: [1, 14, 59])
  func padsShortFramesWithZeroes(_ count: Int) throws {
    let device = FakeController()
    let controller = try device.start()
    // Each buffer has been used before.
    for number in 0..<20 {
      #expect(controller.send(makeFrame(number, count: 1514)))
      #expect(controller.send(makeFrame(number, count: count)))
      controller.announceFrames()
      device.transmit()
      #expect(
        device.takeSentFrames()
          == [makeFrame(number, count: 1514), makeFrame(number, count: count).padded])
    }
  }

  @Test func tellsOfFramesOnceForABatch() throws {
    let device = FakeController()
    let controller = try device.start()
    let before = device.writeCounts[Register.transmitTail]!
    for number in 0..<5 { #expect(controller.send(makeFrame(number))) }
    device.transmit()
    #expect(device.takeSentFrames().isEmpty)
    controller.announceFrames()
    controller.announceFrames()
    #expect(device.writeCounts[Register.transmitTail] == before + 1)
    device.transmit()
    #expect(device.takeSentFrames() == (0..<5).map { makeFrame($0) })
  }

  @Test func refusesFramesWhileTheRingIsFull() throws {
    let device = FakeController()
    let controller = try device.start()
    for number in 0..<7 { #expect(controller.send(makeFrame(number))) }
    #expect(!controller.send(makeFrame(7)))
    controller.announceFrames()
    #expect(!controller.send(makeFrame(7)))
    #expect(controller.pendingCount == 7)
    device.transmit(limit: 2)
    #expect(controller.send(makeFrame(7)))
    #expect(controller.send(makeFrame(8)))
    #expect(!controller.send(makeFrame(9)))
    controller.announceFrames()
    device.transmit()
    #expect(device.takeSentFrames() == (0..<9).map { makeFrame($0) })
    #expect(controller.transmitted.refusedFull == 3)
    #expect(controller.transmitted.frames == 9)
  }

  @Test func goesRoundTheRingInOrder() throws {
    let device = FakeController()
    let controller = try device.start()
    var expected = 0
    for batch in 0..<40 {
      let count = batch % 8
      for number in 0..<count { #expect(controller.send(makeFrame(expected + number))) }
      controller.announceFrames()
      device.transmit()
      #expect(device.takeSentFrames() == (expected..<expected + count).map { makeFrame($0) })
      expected += count
    }
  }

  @Test func givesRoomForTheLongestFrame() throws {
    let sizes = RingSizes(slotCount: 8, longestFrame: 9014)!
    let device = FakeController(sizes: sizes)
    let controller = try device.start(sizes)
    for number in 0..<20 {
      #expect(controller.nextFrameSize() == 9014)
      #expect(controller.send(makeFrame(number, count: 9014)))
      controller.announceFrames()
      device.transmit()
      #expect(device.takeSentFrames() == [makeFrame(number, count: 9014)])
    }
    #expect(device.registers[Register.receiveControl]! & 1 << 5 != 0)
  }

  @Test func aFrameThatIsNotSentLeavesNothing() throws {
    let device = FakeController()
    let controller = try device.start()
    for _ in 0..<20 {
      #expect(controller.nextFrameSize() == 1514)
    }
    #expect(controller.send(makeFrame(1)))
    controller.announceFrames()
    device.transmit()
    #expect(device.takeSentFrames() == [makeFrame(1)])
  }

  @Test func readsNoRegister() throws {
    let device = FakeController()
    let controller = try device.start()
    let before = device.readCounts
    for number in 0..<30 {
      #expect(controller.send(makeFrame(number)))
      controller.announceFrames()
      device.transmit()
    }
    #expect(device.readCounts == before)
  }
}
