import Testing

@testable import E1000

private typealias Register = FakeController.Register

@Suite struct SupervisionTests {
  private let up = LinkState.up(speed: 1000, isFullDuplex: true)

  @Test func reportsThatTheLinkGoesAndComes() throws {
    let device = FakeController()
    let controller = try device.start()
    #expect(controller.link == up)
    for flap in 1...5 as ClosedRange<UInt64> {
      #expect(controller.supervise(now: flap * 100) == nil)
      device.isLinkUp = false
      #expect(controller.supervise(now: flap * 100 + 10) == .link(.down))
      #expect(controller.supervise(now: flap * 100 + 20) == nil)
      #expect(controller.linkLossCount == flap)
      device.isLinkUp = true
      #expect(controller.supervise(now: flap * 100 + 30) == .link(up))
    }
  }

  @Test func startsWithoutALinkAndSeesItCome() throws {
    let device = FakeController()
    device.isLinkUp = false
    let controller = try device.start()
    #expect(controller.link == .down)
    #expect(!controller.send(makeFrame(1)))
    device.isLinkUp = true
    #expect(controller.supervise(now: 0) == .link(up))
    #expect(controller.send(makeFrame(1)))
    #expect(controller.linkLossCount == 0)
  }

  @Test func takesNoFramesWithoutALink() throws {
    let device = FakeController()
    let controller = try device.start()
    device.isLinkUp = false
    _ = controller.supervise(now: 0)
    #expect(!controller.send(makeFrame(1)))
    #expect(controller.transmitted == TransmitCounters(refusedNoLink: 1))
    device.isLinkUp = true
    _ = controller.supervise(now: 1)
    #expect(controller.send(makeFrame(2)))
    controller.announceFrames()
    device.transmit()
    #expect(device.takeSentFrames() == [makeFrame(2)])
  }

  @Test func aStoppedControllerIsOffAndTakesNothing() throws {
    let device = FakeController()
    let controller = try device.start()
    #expect(controller.send(makeFrame(1)))
    controller.announceFrames()
    device.transmit()
    controller.setDoorbell(true)
    try controller.stop()
    #expect(!device.receive(makeFrame(2)))
    #expect(!device.isInterrupting)
    #expect(!controller.send(makeFrame(2)))
    // A look at the link does not bring it back.
    _ = controller.supervise(now: 1)
    #expect(!controller.send(makeFrame(3)))
  }

  @Test func sendsWhatWasInLineWhenTheLinkIsBack() throws {
    let device = FakeController()
    let controller = try device.start()
    for number in 0..<3 { #expect(controller.send(makeFrame(number))) }
    device.isLinkUp = false
    controller.announceFrames()
    device.transmit()
    // Without a link it has nothing to do: that is no reason to start it again, however long.
    for second in 0..<100 as Range<UInt64> {
      #expect(controller.supervise(now: second * 1_000_000) == (second == 0 ? .link(.down) : nil))
    }
    #expect(controller.pendingCount == 3)
    device.isLinkUp = true
    #expect(controller.supervise(now: 100_000_000) == .link(up))
    device.transmit()
    #expect(device.takeSentFrames() == (0..<3).map { makeFrame($0) })
    #expect(controller.supervise(now: 103_000_000) == nil)
    #expect(controller.restartCount == 0)
    #expect(controller.pendingCount == 0)
  }

  @Test func startsAControllerAgainThatNoLongerSends() throws {
    let device = FakeController()
    let controller = try device.start()
    _ = controller.supervise(now: 5_000_000)
    device.isSending = false
    for number in 0..<4 { #expect(controller.send(makeFrame(number))) }
    controller.announceFrames()
    device.receive(makeFrame(50))
    #expect(controller.supervise(now: 5_500_000) == nil)
    #expect(controller.supervise(now: 7_499_999) == nil)
    #expect(controller.supervise(now: 7_500_000) == .restarted)
    #expect(controller.restartCount == 1)
    #expect(controller.transmitted.lost == 4)
    #expect(controller.pendingCount == 0)
    #expect(device.resetCount == 2)
    #expect(controller.supervise(now: 9_000_000) == nil)

    device.isSending = true
    for number in 0..<20 {
      #expect(device.receive(makeFrame(number)))
      #expect(controller.send(makeFrame(number)))
      controller.announceFrames()
      device.transmit()
      #expect(controller.receiveAll() == [makeFrame(number)])
      #expect(device.takeSentFrames() == [makeFrame(number)])
    }
  }

  @Test(arguments: [false, true])
  func keepsTheDoorbellAsItWasWhenItStartsAgain(_ isOn: Bool) throws {
    let device = FakeController()
    let controller = try device.start()
    controller.setDoorbell(isOn)
    device.isSending = false
    #expect(controller.send(makeFrame(1)))
    controller.announceFrames()
    #expect(controller.supervise(now: 0) == nil)
    #expect(controller.supervise(now: 2_000_000) == .restarted)
    #expect(!device.isInterrupting)
    device.receive(makeFrame(2))
    #expect(device.isInterrupting == isOn)
  }

  @Test func doesNotTakeItsOwnAbsenceForAHang() throws {
    let device = FakeController()
    let controller = try device.start()
    #expect(controller.send(makeFrame(1)))
    controller.announceFrames()
    #expect(controller.supervise(now: 60_000_000) == nil)
    device.transmit()
    #expect(controller.supervise(now: 61_000_000) == nil)
    #expect(controller.send(makeFrame(2)))
    controller.announceFrames()
    #expect(controller.supervise(now: 99_000_000) == nil)
    #expect(device.resetCount == 1)
  }

  @Test func leavesASlowOneAlone() throws {
    let device = FakeController()
    let controller = try device.start()
    for number in 0..<7 { #expect(controller.send(makeFrame(number))) }
    controller.announceFrames()
    for step in 0..<7 as Range<UInt64> {
      #expect(controller.supervise(now: step * 1_900_000) == nil)
      device.transmit(limit: 1)
    }
    #expect(controller.supervise(now: 20_000_000) == nil)
    #expect(controller.supervise(now: 99_000_000) == nil)
    #expect(device.resetCount == 1)
  }

  @Test func saysThatItCannotBeStartedAgain() throws {
    let device = FakeController()
    let controller = try device.start()
    device.isSending = false
    #expect(controller.send(makeFrame(1)))
    controller.announceFrames()
    #expect(controller.supervise(now: 0) == nil)
    device.resetTime = nil
    #expect(controller.supervise(now: 2_000_000) == .failed(.resetTimedOut))
    #expect(!controller.send(makeFrame(2)))
    #expect(controller.supervise(now: 3_000_000) == nil)
    #expect(!controller.send(makeFrame(2)))
    device.resetTime = 10
    device.isSending = true
    #expect(controller.supervise(now: 5_000_000) == .restarted)
    #expect(controller.send(makeFrame(3)))
    controller.announceFrames()
    device.transmit()
    #expect(device.takeSentFrames() == [makeFrame(3)])
  }

  @Test func seesThatTheControllerIsGone() throws {
    let device = FakeController()
    let controller = try device.start()
    device.isAbsent = true
    #expect(controller.supervise(now: 0) == .link(.down))
    #expect(!controller.send(makeFrame(1)))
  }

  // MARK: - Doorbell

  @Test func ringsForAFrameOnlyWhereItIsWanted() throws {
    let device = FakeController()
    let controller = try device.start()
    device.receive(makeFrame(1))
    #expect(!device.isInterrupting)
    controller.setDoorbell(true)
    #expect(device.isInterrupting)
    #expect(controller.acknowledge().contains(.received))
    #expect(!device.isInterrupting)
    #expect(controller.acknowledge() == [])
    device.receive(makeFrame(2))
    #expect(device.isInterrupting)
    controller.setDoorbell(false)
    #expect(!device.isInterrupting)
    #expect(controller.receiveAll() == [makeFrame(1), makeFrame(2)])
  }

  @Test func ringsForTheLink() throws {
    let device = FakeController()
    let controller = try device.start()
    controller.setDoorbell(true)
    device.isLinkUp = false
    #expect(device.isInterrupting)
    #expect(controller.acknowledge() == .linkChange)
  }

  @Test func ringsOnDemand() throws {
    let device = FakeController()
    let controller = try device.start()
    controller.ring()
    #expect(!device.isInterrupting)
    controller.setDoorbell(true)
    #expect(device.isInterrupting)
    #expect(controller.acknowledge() == .received)
    controller.ring()
    #expect(device.isInterrupting)
  }
}
