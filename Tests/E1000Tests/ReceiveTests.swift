import Testing

@testable import E1000

private typealias Register = FakeController.Register

@Suite struct ReceiveTests {
  private let jumbo = RingSizes(slotCount: 16, longestFrame: 9014)!

  @Test func findsNothingInAnEmptyRing() throws {
    let device = FakeController()
    let controller = try device.start()
    #expect(controller.frame.isEmpty)
    #expect(!controller.advance())
    #expect(controller.frame.isEmpty)
  }

  @Test(arguments: [60, 61, 1513, 1514])
  func showsFramesAsTheyCame(_ count: Int) throws {
    let device = FakeController()
    let controller = try device.start()
    device.receive(makeFrame(5, count: count))
    #expect(controller.receiveAll() == [makeFrame(5, count: count)])
    #expect(controller.received == ReceiveCounters(frames: 1, bytes: UInt64(count)))
  }

  @Test func goesRoundTheRingInOrder() throws {
    let device = FakeController()
    let controller = try device.start()
    var expected = 0
    for batch in 0..<40 {
      let count = batch % 8
      for number in 0..<count { #expect(device.receive(makeFrame(expected + number))) }
      #expect(controller.receiveAll() == (expected..<expected + count).map { makeFrame($0) })
      expected += count
    }
    #expect(controller.received.frames == UInt64(expected))
  }

  @Test func tellsOfFreeBuffersOnceForABatch() throws {
    let sizes = RingSizes(slotCount: 64)!
    let device = FakeController(sizes: sizes)
    let controller = try device.start(sizes)
    let before = device.writeCounts[Register.receiveTail]!
    for number in 0..<15 { device.receive(makeFrame(number)) }
    while controller.advance() {}
    #expect(device.writeCounts[Register.receiveTail] == before)
    #expect(device.freeDescriptorCount == 48)
    controller.returnBuffers()
    #expect(device.writeCounts[Register.receiveTail] == before + 1)
    #expect(device.freeDescriptorCount == 63)
    controller.returnBuffers()
    #expect(device.writeCounts[Register.receiveTail] == before + 1)
  }

  @Test func keepsTheFrameInUseFromTheController() throws {
    let device = FakeController()
    let controller = try device.start()
    device.receive(makeFrame(0))
    device.receive(makeFrame(1))
    #expect(controller.advance())
    #expect(controller.advance())
    // The first buffer may come back, the one in use not.
    while device.freeDescriptorCount > 0 { device.receive(makeFrame(9)) }
    #expect(controller.frame == makeFrame(1))
  }

  @Test func givesALongBatchBackInQuarters() throws {
    let sizes = RingSizes(slotCount: 64)!
    let device = FakeController(sizes: sizes)
    let controller = try device.start(sizes)
    for number in 0..<63 { #expect(device.receive(makeFrame(number))) }
    #expect(device.freeDescriptorCount == 0)
    for _ in 0..<17 { #expect(controller.advance()) }
    #expect(device.freeDescriptorCount == 16)
  }

  @Test func countsFramesForWhichThereWasNoBuffer() throws {
    let device = FakeController()
    let controller = try device.start()
    for number in 0..<7 { #expect(device.receive(makeFrame(number))) }
    for number in 7..<10 { #expect(!device.receive(makeFrame(number))) }
    #expect(controller.acknowledge().contains(.receiveOverrun))
    #expect(controller.lineCounters().missed == 3)
    #expect(controller.lineCounters().missed == 3)
    #expect(controller.overrunCount == 1)
    #expect(controller.receiveAll() == (0..<7).map { makeFrame($0) })
    #expect(device.receive(makeFrame(10)))
    #expect(controller.receiveAll() == [makeFrame(10)])
    #expect(!controller.acknowledge().contains(.receiveOverrun))
  }

  // MARK: - Frames in several buffers

  @Test(arguments: 0..<16, [2049, 4096, 4097, 9014])
  func joinsAFrameWhereverInTheRingItLies(_ slot: Int, _ count: Int) throws {
    let device = FakeController(sizes: jumbo)
    let controller = try device.start(jumbo)
    for number in 0..<slot {
      device.receive(makeFrame(number))
      _ = controller.receiveAll()
    }
    for number in 0..<3 {
      #expect(device.receive(makeFrame(number, count: count)))
      #expect(controller.receiveAll() == [makeFrame(number, count: count)])
      #expect(device.freeDescriptorCount == 15)
    }
  }

  @Test func waitsForTheRestOfAFrame() throws {
    let device = FakeController(sizes: jumbo)
    let controller = try device.start(jumbo)
    let frame = makeFrame(3, count: 5000)
    device.receive(makeFrame(1))
    device.fill(Array(frame[0..<2048]), isLast: false)
    #expect(controller.receiveAll() == [makeFrame(1)])
    #expect(device.freeDescriptorCount == 14)
    device.fill(Array(frame[2048..<4096]), isLast: false)
    #expect(controller.receiveAll().isEmpty)
    #expect(device.freeDescriptorCount == 13)
    device.fill(Array(frame[4096...]), isLast: true)
    #expect(controller.receiveAll() == [frame])
    #expect(device.freeDescriptorCount == 15)
  }

  @Test func takesAnEmptyLastBuffer() throws {
    let device = FakeController(sizes: jumbo)
    let controller = try device.start(jumbo)
    let frame = makeFrame(3, count: 4096)
    device.fill(Array(frame[0..<2048]), isLast: false)
    device.fill(Array(frame[2048...]), isLast: false)
    device.fill([], isLast: true)
    #expect(controller.receiveAll() == [frame])
  }

  @Test func dropsWhatIsTooLong() throws {
    let device = FakeController()
    let controller = try device.start()
    for count in [1515, 2049, 5 * 2048] {
      #expect(device.receive(makeFrame(1, count: count)))
      #expect(controller.receiveAll().isEmpty)
    }
    device.receive(makeFrame(4))
    #expect(controller.receiveAll() == [makeFrame(4)])
    #expect(controller.received == ReceiveCounters(frames: 1, bytes: 100, tooLong: 3))
  }

  @Test func doesNotLetAFrameWithoutEndTakeTheRing() throws {
    let device = FakeController(sizes: jumbo)
    let controller = try device.start(jumbo)
    for _ in 0..<100 {
      device.fill(makeFrame(0, count: 2048), isLast: false)
      #expect(controller.receiveAll().isEmpty)
      #expect(device.freeDescriptorCount >= 11)
    }
    device.fill(makeFrame(0), isLast: true)
    device.receive(makeFrame(7))
    #expect(controller.receiveAll() == [makeFrame(7)])
    #expect(controller.received.tooLong == 1)
  }

  @Test func dropsAFrameWithAHoleInIt() throws {
    let device = FakeController(sizes: jumbo)
    let controller = try device.start(jumbo)
    device.fill(makeFrame(0, count: 2000), isLast: false)
    device.fill(makeFrame(0, count: 500), isLast: true)
    device.receive(makeFrame(7))
    #expect(controller.receiveAll() == [makeFrame(7)])
    #expect(controller.received.tooLong == 1)
  }

  @Test func doesNotBelieveALengthBeyondTheBuffer() throws {
    let device = FakeController(sizes: jumbo)
    let controller = try device.start(jumbo)
    device.fill(makeFrame(0), isLast: true, length: 2049)
    device.fill(makeFrame(0), isLast: true, length: 0xFFFF)
    device.fill(makeFrame(0), isLast: false, length: 0xFFFF)
    device.fill(makeFrame(0), isLast: true)
    device.receive(makeFrame(7))
    #expect(controller.receiveAll() == [makeFrame(7)])
    #expect(controller.received.tooLong == 3)
  }

  // MARK: - Bad frames

  @Test func dropsAndCountsBadFrames() throws {
    let device = FakeController()
    let controller = try device.start()
    device.receive(makeFrame(1), errors: 0x01)
    device.receive(makeFrame(2))
    for error: UInt8 in [0x02, 0x04, 0x10, 0x80] {
      device.receive(makeFrame(3), errors: error)
      #expect(controller.receiveAll() == (error == 0x02 ? [makeFrame(2)] : []))
    }
    // Checksums of IP and TCP are the business of others.
    device.receive(makeFrame(4), errors: 0x60)
    #expect(controller.receiveAll() == [makeFrame(4)])
    #expect(
      controller.received
        == ReceiveCounters(frames: 2, bytes: 200, badChecksums: 1, otherErrors: 4))
    #expect(device.freeDescriptorCount == 7)
  }

  @Test(arguments: [1, 14, 59])
  func dropsShortFrames(_ count: Int) throws {
    let device = FakeController()
    let controller = try device.start()
    device.fill(makeFrame(1, count: count), isLast: true)
    device.fill([], isLast: true)
    device.receive(makeFrame(2, count: 60))
    #expect(controller.receiveAll() == [makeFrame(2, count: 60)])
    #expect(controller.received == ReceiveCounters(frames: 1, bytes: 60, tooShort: 2))
  }

  @Test func readsNoRegister() throws {
    let device = FakeController()
    let controller = try device.start()
    let before = device.readCounts
    for number in 0..<30 {
      device.receive(makeFrame(number))
      _ = controller.receiveAll()
    }
    #expect(device.readCounts == before)
  }
}
