import Ethernet
import E1000

/// The driver under test, in a form that expectations can refer to.
final class Driver {
  typealias Controller = EthernetController<FakeController, FakeMemory>

  private var controller: Controller

  init(_ controller: consuming Controller) { self.controller = controller }

  var address: MACAddress { controller.address }
  var link: LinkState { controller.link }
  var linkLossCount: UInt64 { controller.linkLossCount }
  var restartCount: UInt64 { controller.restartCount }
  var overrunCount: UInt64 { controller.overrunCount }
  var received: ReceiveCounters { controller.receiver.counters }
  var transmitted: TransmitCounters { controller.transmitter.counters }
  var pendingCount: Int { controller.transmitter.pendingCount }

  var frame: [UInt8] { controller.receiver.frameBytes }

  func advance() -> Bool { controller.receiver.advance() }
  func returnBuffers() { controller.receiver.flush() }

  /// All frames that are there, whose buffers are free afterwards.
  func receiveAll() -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while advance() { frames.append(frame) }
    returnBuffers()
    return frames
  }

  /// Bytes that the next frame may have; nil where there is no room for one.
  func nextFrameSize() -> Int? { controller.transmitter.nextFrameSize() }

  /// Puts a frame in line; false where there is no room.
  func send(_ bytes: [UInt8]) -> Bool { controller.transmitter.send(bytes) }

  func announceFrames() { controller.transmitter.flush() }

  func supervise(now: UInt64) -> ControllerEvent? { controller.supervise(now: now) }
  func stop() throws(ControllerError) { try controller.stop() }
  func setDoorbell(_ isOn: Bool) { controller.doorbell.set(isOn) }
  func ring() { controller.doorbell.ring() }

  func acknowledge() -> InterruptCauses {
    let causes = controller.doorbell.acknowledge()
    controller.count(causes)
    return causes
  }

  /// What the controller has counted so far.
  func lineCounters() -> LineCounters {
    controller.readLineCounters()
    return controller.lineCounters
  }
}

extension ReceiveRing where Memory: ~Copyable {
  fileprivate var frameBytes: [UInt8] { frame.withUnsafeBufferPointer { Array($0) } }
}

extension TransmitRing where Memory: ~Copyable {
  fileprivate mutating func nextFrameSize() -> Int? { nextFrame()?.count }

  fileprivate mutating func send(_ bytes: [UInt8]) -> Bool {
    guard var buffer = nextFrame() else { return false }
    buffer.withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: bytes) }
    send(bytes.count)
    return true
  }
}
