import Machine
import Support
import Testing
import Wire

@testable import Node

struct GuestMessageTests {
  static let messages: [GuestMessage] = [
    .plan(ramSize: 4096, frequency: 1, startTime: 0),
    .plan(ramSize: .max & ~4095, frequency: .max, startTime: .max),
    .ready,
    .interrupt(vcpu: 0, mode: 0, vector: 0, isLevel: false),
    .interrupt(vcpu: .max, mode: 6, vector: 0xFF, isLevel: true),
    .endOfInterrupt(vector: 0x31),
    .addressing(vcpu: 7, model: 3, logicalID: .max, acceptsVectors: true),
    .addressing(vcpu: 7, model: 0, logicalID: 0, acceptsVectors: false),
    .addressingKnown(vcpu: 7),
    .device(vcpu: 3, DeviceAccess(space: .port, isWrite: true, width: 4, address: .max, value: .max)),
    .device(vcpu: 3, DeviceAccess(space: .ioAPIC, isWrite: false, width: 1, address: 4095, value: 0)),
    .deviceReply(vcpu: 3, value: 0x1234_5678),
    .end(reason: 1),
    .end(reason: .max),
    .distance(node: 0, nanoseconds: 0),
    .distance(node: .max, nanoseconds: .max),
  ]

  private static func body(_ message: GuestMessage) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xEE, count: 24)
    var span = bytes.mutableSpan
    message.write(to: &span, at: 0)
    return bytes
  }

  private static func read(_ body: [UInt8]) throws(FrameError) -> GuestMessage {
    try GuestMessage(.guest, body.span)
  }

  @Test func allAreReadAsTheyWereWritten() throws {
    for message in Self.messages {
      #expect(message.byteCount == 24)
      #expect(try Self.read(Self.body(message)) == message)
    }
  }

  @Test func everyDeliveryModeAndAddressingModelCanBeSaid() throws {
    for mode: InterruptMessage.DeliveryMode in [.fixed, .lowestPriority, .smi, .nmi, .initialize, .startUp] {
      let message = GuestMessage.interrupt(vcpu: 1, mode: mode.rawValue, vector: 8, isLevel: false)
      #expect(try Self.read(Self.body(message)) == message)
    }
    for model: APICAddressing.Model in [.disabled, .flat, .cluster, .x2APIC] {
      let message = GuestMessage.addressing(
        vcpu: 1, model: model.rawValue, logicalID: 2, acceptsVectors: true)
      #expect(try Self.read(Self.body(message)) == message)
    }
  }

  /// Bytes of a body that was written, changed: offset, value.
  static let damages: [(message: GuestMessage, changes: [(Int, UInt8)])] = [
    (.plan(ramSize: 4096, frequency: 1, startTime: 0), [(1, 0)]),
    (.plan(ramSize: 4096, frequency: 1, startTime: 0), [(8, 0)]),
    (.plan(ramSize: 4096, frequency: 1, startTime: 0), [(7, 0x10)]),
    (.interrupt(vcpu: 1, mode: 0, vector: 0, isLevel: false), [(1, 3)]),
    (.interrupt(vcpu: 1, mode: 0, vector: 0, isLevel: false), [(1, 7)]),
    (.interrupt(vcpu: 1, mode: 0, vector: 0, isLevel: false), [(3, 2)]),
    (.addressing(vcpu: 7, model: 3, logicalID: 0, acceptsVectors: true), [(1, 4)]),
    (.addressing(vcpu: 7, model: 3, logicalID: 0, acceptsVectors: true), [(3, 0x81)]),
    (
      .device(vcpu: 3, DeviceAccess(space: .port, isWrite: true, width: 1, address: 0, value: 0)),
      [(1, 2)]
    ),
    (
      .device(vcpu: 3, DeviceAccess(space: .port, isWrite: true, width: 1, address: 0, value: 0)),
      [(2, 0)]
    ),
    (
      .device(vcpu: 3, DeviceAccess(space: .port, isWrite: true, width: 1, address: 0, value: 0)),
      [(2, 3)]
    ),
    (
      .device(vcpu: 3, DeviceAccess(space: .port, isWrite: true, width: 1, address: 0, value: 0)),
      [(2, 8)]
    ),
    (
      .device(vcpu: 3, DeviceAccess(space: .port, isWrite: true, width: 1, address: 4096, value: 0)),
      [(1, 1)]
    ),
    (.end(reason: 1), [(1, 0)]),
    (.ready, [(0, 10)]),
    (.ready, [(0, 0xFF)]),
  ]

  @Test(arguments: damages.indices)
  func whatIsOutOfBoundsIsRefused(index: Int) {
    var body = Self.body(Self.damages[index].message)
    for (offset, value) in Self.damages[index].changes { body[offset] = value }
    #expect(throws: FrameError.body) { try Self.read(body) }
  }

  /// A byte that an operation leaves unused is 0: any other value is refused, and no byte that counts is ignored.
  @Test func everyByteCountsOrIsZero() {
    for message in Self.messages {
      let body = Self.body(message)
      for offset in 0..<24 {
        for bit in 0..<8 {
          var changed = body
          changed[offset] ^= 1 << UInt8(bit)
          guard let other = try? Self.read(changed) else { continue }
          #expect(other != message && Self.body(other) == changed)
        }
      }
    }
  }

  @Test func otherLengthsAndKindsAreRefused() {
    for count in [0, 1, 8, 23, 25, 128] {
      #expect(throws: FrameError.body) { try Self.read([UInt8](repeating: 1, count: count)) }
    }
    let body = Self.body(.ready)
    #expect(throws: FrameError.kind) { try GuestMessage(.coherence, body.span) }
  }

  @Test func randomBodiesAreRefusedOrReadAsTheyWouldBeWritten() {
    var generator = SeededGenerator(seed: 1)
    var readCount = 0
    for _ in 0..<200_000 {
      var body = [UInt8](repeating: 0, count: 24)
      body[0] = UInt8.random(in: 0...9, using: &generator)
      // Few bytes other than zero, and those mostly small: else nearly nothing would be read.
      for _ in 0..<Int.random(in: 0...8, using: &generator) {
        let offset = Int.random(in: 1..<[4, 12, 24].randomElement(using: &generator)!, using: &generator)
        body[offset] =
          UInt8(truncatingIfNeeded: generator.next() >> UInt64.random(in: 0..<8, using: &generator)) & 0x3F
      }
      guard let message = try? Self.read(body) else { continue }
      readCount += 1
      if Self.body(message) != body { Issue.record("\(message) from \(body)") }
    }
    #expect(readCount > 20_000)
  }

  @Test func theLayoutsSpareFramesKeepEvictionsAway() {
    let costs = GuestLayout.Costs(
      fixed: 0, perGuestPage: 0, perOwnPage: 0, perFrame: 0, perTwin: 0)
    #expect(costs.spareFrameCount > MemoryOptions().lowFrameCount)
  }
}
