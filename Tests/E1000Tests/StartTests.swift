import Ethernet
import Testing

@testable import E1000

private typealias Register = FakeController.Register

@Suite struct StartTests {
  @Test(arguments: ControllerModel.allCases)
  func startsEveryModelWithTheAddressThatItHasLoaded(_ model: ControllerModel) throws {
    let device = FakeController(model)
    let controller = try device.start()
    #expect(controller.address == ownAddress)
    #expect(device.resetCount == 1)
    #expect(device.readCounts[Register.eepromRead] == nil)
    #expect(device.time < 200_000)
    #expect(device.receive(makeFrame(1)))
    #expect(controller.receiveAll() == [makeFrame(1)])
  }

  @Test func giveTheControllerAllBuffersButOne() throws {
    let device = FakeController(sizes: RingSizes(slotCount: 64)!)
    _ = try device.start(RingSizes(slotCount: 64)!)
    #expect(device.registers[Register.receiveLength] == 1024)
    #expect(device.registers[Register.receiveHead] == 0)
    #expect(device.registers[Register.receiveTail] == 63)
    #expect(device.registers[Register.transmitTail] == 0)
    #expect(device.registers[0x2800] == UInt32(truncatingIfNeeded: device.receiveRun.address))
    #expect(device.registers[0x2804] == UInt32(device.receiveRun.address >> 32))
  }

  @Test func takesFramesToItselfAndToAllWithoutTheirCRC() throws {
    let device = FakeController()
    _ = try device.start()
    // EN, BAM, SECRC; neither promiscuous, nor long frames, nor bad ones.
    #expect(device.registers[Register.receiveControl] == 0x0400_8002)
  }

  @Test func padsShortFramesAndKeepsTheRequestsOfAnExpressController() throws {
    let old = FakeController()
    _ = try old.start()
    #expect(old.registers[Register.transmitControl] == 0x0004_00FA)
    #expect(old.registers[0x0410] == 0x0060_200A)

    let express = FakeController(.i82574L)
    express.leave([0x5008: 0x8040])
    _ = try express.start()
    #expect(express.registers[Register.transmitControl] == 0x3004_00FA)
    #expect(express.registers[0x3828]! & 1 << 22 != 0)
    #expect(express.registers[0x0410] == nil)
    #expect(express.registers[0x5008, default: 0] & 1 << 15 == 0)
    #expect(express.registers[0x0018]! & 1 << 28 != 0)
  }

  @Test func masksAllInterrupts() throws {
    let device = FakeController()
    device.leave([Register.maskSet: 0x1F6DC])
    device.resetWorks = false
    _ = try device.start()
    #expect(device.registers[Register.maskSet] == 0)
    device.receive(makeFrame(1))
    #expect(!device.isInterrupting)
  }

  @Test(arguments: [ControllerModel.i82540EM, .i82541PI, .i82574L])
  func takesTheAddressFromTheEEPROMWhereNoneIsLoaded(_ model: ControllerModel) throws {
    let device = FakeController(model)
    device.loadsAddress = false
    device.leave([Register.addressLow: 0, Register.addressHigh: 0])
    let controller = try device.start()
    #expect(controller.address == ownAddress)
    #expect(device.registers[Register.addressLow] == 0x1200_5452)
    #expect(device.registers[Register.addressHigh] == 0x8000_0134)
  }

  @Test func doesNotTrustAnAddressThatIsNotMarkedValid() throws {
    let device = FakeController()
    device.loadsAddress = false
    device.resetWorks = false
    device.leave([Register.addressLow: 0x4433_2202, Register.addressHigh: 0x0000_6655])
    let controller = try device.start()
    #expect(controller.address == ownAddress)
  }

  /// As in Bochs: the registers stay as the last user has left them.
  @Test func startsOneWhoseResetDoesNothing() throws {
    let device = FakeController()
    device.resetWorks = false
    device.resetTime = 0
    device.leave([
      Register.addressLow: 0, Register.addressHigh: 0, Register.receiveControl: 0x8002,
      Register.transmitControl: 0xFA, Register.receiveHead: 5, Register.receiveTail: 3,
      Register.transmitHead: 7, Register.transmitTail: 7, 0x5408: 0x1111_1102, 0x540C: 0x8000_1111,
      0x5200: 0xFFFF_FFFF, 0x53FC: 1, Register.missed: 99,
    ])
    let controller = try device.start()
    #expect(device.registers[0x540C] == 0)
    #expect(device.registers[0x5200] == 0)
    #expect(device.registers[0x53FC] == 0)
    for number in 0..<20 {
      #expect(device.receive(makeFrame(number)))
      #expect(controller.send(makeFrame(number)))
      controller.announceFrames()
      device.transmit()
      #expect(controller.receiveAll() == [makeFrame(number)])
    }
    #expect(device.takeSentFrames() == (0..<20).map { makeFrame($0) })
    #expect(controller.lineCounters().missed == 0)
    #expect(controller.lineCounters().received == 20)
  }

  @Test func stopsRequestsOnTheBusBeforeTheReset() throws {
    let device = FakeController(.i82574L)
    _ = try device.start()
    #expect(!device.wasMasteringAtReset)

    let stubborn = FakeController(.i82574L)
    stubborn.stopsMastering = false
    _ = try stubborn.start()
    #expect(stubborn.resetCount == 1)
    #expect(stubborn.time < 200_000)
  }

  @Test func saysThatNothingAnswers() {
    let device = FakeController()
    device.isAbsent = true
    #expect(throws: ControllerError.absent) { _ = try device.start() }
  }

  @Test func saysThatTheResetDoesNotEnd() {
    let device = FakeController()
    device.resetTime = nil
    #expect(throws: ControllerError.resetTimedOut) { _ = try device.start() }
    #expect(device.time < 1_000_000)
  }

  @Test func waitsForASlowReset() throws {
    let device = FakeController()
    device.resetTime = 50_000
    _ = try device.start()
    #expect(device.time > 50_000)
  }

  @Test func saysThatTheEEPROMDoesNotAnswer() {
    let device = FakeController()
    device.loadsAddress = false
    device.eeprom = nil
    device.leave([Register.addressLow: 0, Register.addressHigh: 0])
    #expect(throws: ControllerError.eepromTimedOut) { _ = try device.start() }
    #expect(device.time < 1_000_000)
  }

  @Test(arguments: [[0, 0, 0], [0xFFFF, 0xFFFF, 0xFFFF], [0x0001, 0x5E00, 0x0100]] as [[UInt16]])
  func refusesAnAddressThatIsNobodysOwn(_ words: [UInt16]) {
    let device = FakeController()
    device.loadsAddress = false
    device.eeprom = words
    device.leave([Register.addressLow: 0, Register.addressHigh: 0])
    let bytes = words.reversed().reduce(0) { $0 << 16 | UInt64($1) }
    #expect(throws: ControllerError.noAddress(MACAddress(littleEndian: bytes))) { _ = try device.start() }
  }

  @Test func asksNoEEPROMOfAChipset() {
    let device = FakeController(.i217LM)
    device.loadsAddress = false
    device.eeprom = nil
    device.resetWorks = false
    device.leave([Register.addressLow: 0, Register.addressHigh: 0])
    #expect(throws: ControllerError.noAddress(MACAddress(0))) { _ = try device.start() }
    #expect(device.readCounts[Register.eepromRead] == nil)
  }

  @Test func refusesMemoryThatIsTooSmallOrNotAligned() {
    let sizes = RingSizes(slotCount: 8)!
    func start(receive: MemoryRun, transmit: MemoryRun) throws(ControllerError) {
      _ = try Driver.Controller(
        .i82540EM, bus: FakeController(), sizes: sizes, receiveMemory: FakeMemory(run: receive),
        transmitMemory: FakeMemory(run: transmit))
    }
    let receive = MemoryRun(address: 0x1000, count: sizes.receiveByteCount)
    let transmit = MemoryRun(address: 0x10_0000, count: sizes.transmitByteCount)
    #expect(throws: Never.self) { try start(receive: receive, transmit: transmit) }
    #expect(throws: ControllerError.unsuitableMemory(needed: sizes.receiveByteCount)) {
      try start(receive: MemoryRun(address: 0x1000, count: sizes.receiveByteCount - 8), transmit: transmit)
    }
    #expect(throws: ControllerError.unsuitableMemory(needed: sizes.transmitByteCount)) {
      try start(
        receive: receive, transmit: MemoryRun(address: 0x1040, count: sizes.transmitByteCount))
    }
  }

  @Test func knowsModelsByTheirPCIIds() {
    #expect(ControllerModel(vendorID: 0x8086, deviceID: 0x100E) == .i82540EM)
    #expect(ControllerModel(vendorID: 0x8086, deviceID: 0x10D3) == .i82574L)
    #expect(ControllerModel(vendorID: 0x10EC, deviceID: 0x100E) == nil)
    #expect(ControllerModel(vendorID: 0x8086, deviceID: 0x15B8) == nil)
  }

  @Test func sizesAreWhatTheControllersCanDo() {
    #expect(RingSizes(slotCount: 0) == nil)
    #expect(RingSizes(slotCount: 12) == nil)
    #expect(RingSizes(slotCount: 4104) == nil)
    #expect(RingSizes(slotCount: 8, longestFrame: 1513) == nil)
    #expect(RingSizes(slotCount: 8, longestFrame: 9015) == nil)
    #expect(RingSizes()!.receiveByteCount == 256 * (16 + 2048))
    #expect(RingSizes(slotCount: 8, longestFrame: 4110)!.receiveByteCount == 8 * 16 + 10 * 2048)
    #expect(RingSizes(slotCount: 8, longestFrame: 4110)!.transmitByteCount == 8 * (16 + 3 * 2048))
  }
}
