import Ethernet
import Memory

// How a controller is driven.
//
// Data moves through two rings (ReceiveRing.swift, TransmitRing.swift) that the processor polls in memory: to see
// whether a frame has come, or has gone, no register is read. The registers are for starting, for the tails of the
// rings, and for `supervise`, which looks after the link now and then.
//
// Interrupts are masked. Whoever wants to sleep rather than poll turns the doorbell on, polls once more, since a frame
// may have come before, and halts (Doorbell.swift).
//
// When the link goes, no more frames are taken for sending; those that the controller has stay with it and go out
// when the link is back. If it has a link and still finishes none of them for two seconds, it is started again.

/// One Ethernet controller of the 8254x family or its successors that use legacy descriptors, polled.
public struct EthernetController<Bus: RegisterBus, Memory: DMAMemory & ~Copyable>: ~Copyable {
  public let model: ControllerModel
  public let address: MACAddress
  public private(set) var link = LinkState.down
  public var receiver: ReceiveRing<Bus, Memory>
  public var transmitter: TransmitRing<Bus, Memory>
  public private(set) var lineCounters = LineCounters()
  /// How often the link has gone.
  public private(set) var linkLossCount: UInt64 = 0
  /// How often it was started again because it no longer sent.
  public private(set) var restartCount: UInt64 = 0
  /// How often it has reported that a frame found no room.
  public private(set) var overrunCount: UInt64 = 0

  private let bus: Bus
  private let sizes: RingSizes
  /// Since when the transmitter has been seen with frames and a link, and how many frames it had sent by then.
  private var stall: (since: UInt64, doneCount: UInt64)?
  /// Whether it could not be started again the last time that it had to be; it will be tried again.
  private var hasFailed = false

  /// Microseconds after which a transmitter that has frames and a link, and sends none, is taken to hang.
  public static var hangTime: UInt64 { 2_000_000 }

  /// Resets a controller and starts it: it receives what is sent to its own address and to all.
  ///
  /// That takes up to a fifth of a second. On a PC the function's memory and bus mastering are on before.
  ///
  /// - Parameters:
  ///   - receiveMemory: at least `RingSizes.receiveByteCount` bytes.
  ///   - transmitMemory: at least `RingSizes.transmitByteCount` bytes.
  public init(
    _ model: ControllerModel, bus: Bus, sizes: RingSizes, receiveMemory: consuming Memory,
    transmitMemory: consuming Memory
  ) throws(ControllerError) {
    try Self.check(receiveMemory, holds: sizes.receiveByteCount)
    try Self.check(transmitMemory, holds: sizes.transmitByteCount)
    let start = ControllerStart(traits: model.traits, bus: bus)
    try start.reset()
    address = try start.findAddress()
    self.model = model
    self.bus = bus
    self.sizes = sizes
    receiver = ReceiveRing(bus: bus, memory: receiveMemory, sizes: sizes)
    transmitter = TransmitRing(bus: bus, memory: transmitMemory, sizes: sizes)
    // What it has counted before is none of ours.
    lineCounters.add(bus)
    lineCounters = LineCounters()
    startRings()
  }

  private static func check(_ memory: borrowing Memory, holds count: Int) throws(ControllerError) {
    guard memory.count >= count, memory.address.value % 128 == 0 else {
      throw .unsuitableMemory(needed: count)
    }
  }

  private mutating func startRings() {
    let start = ControllerStart(traits: model.traits, bus: bus)
    start.configure(address)
    receiver.prepare()
    start.enableReceiver(sizes)
    receiver.open()
    transmitter.prepare()
    start.enableTransmitter()
    // Until the receiver got its buffers, all that came was an overrun.
    _ = doorbell.acknowledge()
    takeLinkState()
  }

  /// Both rings at once: to write an answer while the frame that it is for is still seen.
  public mutating func withRings<Result>(
    _ body: (inout ReceiveRing<Bus, Memory>, inout TransmitRing<Bus, Memory>) -> Result
  ) -> Result {
    body(&receiver, &transmitter)
  }

  // MARK: - Supervision

  /// Looks after link and transmitter, and returns what happened; for every few milliseconds, as it reads a register.
  ///
  /// - Parameter now: microseconds on a clock that does not go back.
  public mutating func supervise(now: UInt64) -> ControllerEvent? {
    let previous = link
    takeLinkState()
    transmitter.reclaim()
    if !link.isUp || transmitter.pendingCount == 0 {
      stall = nil
    } else if stall?.doneCount != transmitter.doneCount {
      stall = (now, transmitter.doneCount)
    }
    if link != previous { return .link(link) }
    guard let stall, now &- stall.since >= Self.hangTime else { return nil }
    return restart()
  }

  private mutating func restart() -> ControllerEvent {
    restartCount += 1
    stall = nil
    hasFailed = true
    let mask = bus.read(.interruptMaskSet)
    do {
      try ControllerStart(traits: model.traits, bus: bus).reset()
    } catch {
      transmitter.isOpen = false
      return .failed(error)
    }
    hasFailed = false
    startRings()
    bus.write(mask, to: .interruptMaskSet)
    return .restarted
  }

  /// Ends it: from here on it neither interrupts nor touches memory, and takes no frames for sending.
  ///
  /// Where this throws it has been told to, and does not answer.
  public mutating func stop() throws(ControllerError) {
    hasFailed = true
    transmitter.isOpen = false
    try ControllerStart(traits: model.traits, bus: bus).reset()
  }

  private mutating func takeLinkState() {
    let status = bus.read(.deviceStatus)
    // One that is gone answers with ones.
    let state = status == .max ? .down : LinkState(DeviceStatus(rawValue: status))
    if link.isUp && !state.isUp { linkLossCount += 1 }
    link = state
    transmitter.isOpen = state.isUp && !hasFailed
  }

  /// Adds what the controller's registers have counted to `lineCounters`; before they are full, which takes minutes.
  public mutating func readLineCounters() { lineCounters.add(bus) }

  /// Counts what an acknowledged doorbell was for.
  public mutating func count(_ causes: InterruptCauses) {
    if causes.contains(.receiveOverrun) { overrunCount += 1 }
  }

  /// Its interrupt.
  public var doorbell: Doorbell<Bus> { Doorbell(bus: bus) }
}
