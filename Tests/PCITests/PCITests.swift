import Memory
import Testing

@testable import PCI

@Suite struct PCIScanTests {
  @Test func findsFunctionsInOrder() {
    let space = FakeConfigurationSpace()
    let places = [
      PCIAddress(bus: 0, device: 0, function: 0), PCIAddress(bus: 0, device: 3, function: 0),
      PCIAddress(bus: 0, device: 31, function: 0), PCIAddress(bus: 0, device: 31, function: 6),
      PCIAddress(bus: 5, device: 0, function: 0), PCIAddress(bus: 255, device: 31, function: 0),
      PCIAddress(bus: 255, device: 31, function: 7),
    ]
    for place in places { space.add(at: place, isMultifunction: place.device == 31) }
    #expect(PCIScan(space).map(\.address) == places)
  }

  @Test func asksFunction0Alone() {
    let space = FakeConfigurationSpace()
    space.add(at: PCIAddress(bus: 0, device: 3, function: 0))
    // What a device without more functions answers there is not another function.
    space.add(at: PCIAddress(bus: 0, device: 3, function: 1))
    space.add(at: PCIAddress(bus: 0, device: 4, function: 2))
    #expect(PCIScan(space).map(\.address) == [PCIAddress(bus: 0, device: 3, function: 0)])
    #expect(space.readCount < 10_000)
  }

  @Test func endsOnAnEmptyMachine() {
    var scan = PCIScan(FakeConfigurationSpace())
    #expect(scan.next() == nil)
    #expect(scan.next() == nil)
  }
}

@Suite struct PCIFunctionTests {
  private let space = FakeConfigurationSpace()
  private let place = PCIAddress(bus: 2, device: 3, function: 4)

  private func function() throws -> PCIFunction {
    try #require(PCIFunction(at: place, in: space))
  }

  @Test func addressesAreNumberedAsTheAddressRegisterHasThem() {
    #expect(place.number == 0x021C)
    #expect(PCIAddress(bus: 255, device: 255, function: 255).number == 0xFFFF)
  }

  @Test func readsItsIds() throws {
    space.add(0x10EC, 0x8168, at: place)
    let function = try function()
    #expect(function.vendorID == 0x10EC)
    #expect(function.deviceID == 0x8168)
    #expect(function.classCode == 0x02_0000)
    #expect(function.isEthernet)
    space.functions[place]!.registers[2] = 0x0280_0000
    #expect(try !self.function().isEthernet)
  }

  @Test func turnsMemoryAndBusMasteringOn() throws {
    space.add(at: place)
    space.functions[place]!.registers[1] = 0xF910_0101
    try function().enable(in: space)
    #expect(space.functions[place]!.registers[1] == 0xF910_0107)
  }

  @Test func findsItsMemory() throws {
    space.add(at: place)
    let before = space.functions[place]!.registers
    #expect(
      try function().memory(0, in: space) == HostPhysicalAddress(
        0xFEB8_0000)..<HostPhysicalAddress(0xFEBA_0000)
    )
    #expect(try function().memory(1, in: space) == nil)
    #expect(try function().memory(2, in: space) == nil)
    #expect(try function().memory(6, in: space) == nil)
    #expect(space.functions[place]!.registers == before)
  }

  @Test func findsMemoryAbove4GiB() throws {
    space.add(at: place)
    space.functions[place]!.registers[6] = 0x8000_000C
    space.functions[place]!.masks[6] = 0xF000_0000
    space.functions[place]!.registers[7] = 0x0000_0038
    space.functions[place]!.masks[7] = 0xFFFF_FFFF
    let before = space.functions[place]!.registers
    #expect(
      try function().memory(2, in: space)
        == HostPhysicalAddress(0x38_8000_0000)..<HostPhysicalAddress(0x38_9000_0000))
    #expect(space.functions[place]!.registers == before)
  }

  @Test func doesNotTakeABaseThatFirmwareHasNotSet() throws {
    space.add(at: place)
    space.functions[place]!.registers[4] = 0
    #expect(try function().memory(0, in: space) == nil)
    // A wide base has no upper half after the last register.
    space.functions[place]!.registers[9] = 0xFEB8_0004
    #expect(try function().memory(5, in: space) == nil)
    // Nor has a bridge this layout.
    space.functions[place]!.registers[4] = 0xFEB8_0000
    space.functions[place]!.registers[3] = 0x0001_0000
    #expect(try function().memory(0, in: space) == nil)
  }

  @Test func tellsTheLineOfItsPin() throws {
    space.add(at: place)
    #expect(try function().interruptLine(in: space) == 11)
    for register: UInt32 in [0x0000_000B, 0x0000_0100, 0x0000_01FF, 0x0000_0110] {
      space.functions[place]!.registers[15] = register
      #expect(try function().interruptLine(in: space) == nil)
    }
  }

  // MARK: - Capabilities

  /// A list of MSI at 50H, then power management at C8H.
  private func addCapabilities() {
    space.add(at: place)
    space.functions[place]!.registers[13] = 0x50
    space.functions[place]!.registers[0x50 / 4] = 0x0086_C805
    space.functions[place]!.registers[0xC8 / 4] = 0x0002_0001
    for offset in [0x50, 0x54, 0x58, 0x5C, 0xCC] { space.functions[place]!.masks[offset / 4] = .max }
    space.functions[place]!.masks[0x50 / 4] = 0x0071_0000
  }

  @Test func wakesWhatSleeps() throws {
    addCapabilities()
    #expect(try !function().wake(in: space))
    space.functions[place]!.registers[0xCC / 4] = 0x0000_8103
    #expect(try function().wake(in: space))
    #expect(space.functions[place]!.registers[0xCC / 4] == 0x0000_0100)
    #expect(try !function().wake(in: space))
  }

  @Test func sendsOneMessageToTheAddress() throws {
    addCapabilities()
    space.functions[place]!.registers[0x58 / 4] = 0x1234
    space.functions[place]!.registers[0x5C / 4] = 0xABCD_0000
    space.functions[place]!.registers[0x50 / 4] |= 0b011 << 20
    #expect(try function().enableMessageInterrupt(messageAddress: 0xFEE0_1000, data: 0x42, in: space))
    let registers = space.functions[place]!.registers
    #expect(registers[0x54 / 4] == 0xFEE0_1000)
    #expect(registers[0x58 / 4] == 0)
    #expect(registers[0x5C / 4] == 0xABCD_0042)
    #expect(registers[0x50 / 4] == 0x0087_C805)
  }

  @Test func sendsTheMessageOfAFunctionWith32BitAddresses() throws {
    addCapabilities()
    space.functions[place]!.registers[0x50 / 4] = 0x0006_C805
    #expect(try function().enableMessageInterrupt(messageAddress: 0xFEE0_1000, data: 0x42, in: space))
    let registers = space.functions[place]!.registers
    #expect(registers[0x54 / 4] == 0xFEE0_1000)
    #expect(registers[0x58 / 4] == 0x42)
    #expect(registers[0x5C / 4] == 0)
    #expect(registers[0x50 / 4] == 0x0007_C805)
  }

  @Test func livesWithoutCapabilities() throws {
    addCapabilities()
    space.functions[place]!.registers[1] = 0x0000_0103
    #expect(try !function().wake(in: space))
    #expect(try !function().enableMessageInterrupt(messageAddress: 0, data: 0, in: space))
  }

  @Test func doesNotFollowABrokenListForEver() throws {
    addCapabilities()
    space.functions[place]!.registers[0x50 / 4] = 0x0000_5099
    #expect(try !function().wake(in: space))
    space.functions[place]!.registers[0x50 / 4] = 0x0000_0499
    #expect(try !function().wake(in: space))
    space.functions[place]!.registers[13] = 0xFC
    space.functions[place]!.registers[0xFC / 4] = 0x0000_0001
    #expect(try !function().wake(in: space))
    space.functions[place]!.registers[0xFC / 4] = 0x0000_0005
    #expect(try !function().enableMessageInterrupt(messageAddress: 0, data: 0, in: space))
  }
}
