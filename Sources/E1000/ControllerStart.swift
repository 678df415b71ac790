import Ethernet

/// The way from a controller in any state to one whose rings run (SDM 14.3 to 14.5; datasheet 4.6).
struct ControllerStart<Bus: RegisterBus> {
  let traits: ControllerTraits
  let bus: Bus

  // MARK: - Reset

  /// Stops and resets it.
  ///
  /// Emulators may do nothing but clear the reset bit, so nothing later relies on a register that has not been
  /// written since.
  func reset() throws(ControllerError) {
    guard bus.read(.deviceStatus) != .max else { throw .absent }
    bus.write(.max, to: .interruptMaskClear)
    bus.write(0, to: .receiveControl)
    bus.write(TransmitControl.padShortFrames.rawValue, to: .transmitControl)
    if traits.isExpress { stopBusMastering() }
    let control = DeviceControl(rawValue: bus.read(.deviceControl))
    bus.write(control.union(.reset).rawValue, to: .deviceControl)
    bus.wait(microseconds: traits.resetSilence)
    let isReset = bus.poll(every: 100, limit: 1000) {
      !DeviceControl(rawValue: bus.read(.deviceControl)).contains(.reset)
    }
    guard isReset else { throw .resetTimedOut }
    if traits.isExpress {
      // Where this takes longer than that, `findAddress` tells whether the EEPROM can be used.
      _ = bus.poll(every: 1000, limit: 20) { bus.read(.eepromControl) & RegisterBit.eepromIsRead != 0 }
    }
    bus.wait(microseconds: traits.settling)
    bus.write(.max, to: .interruptMaskClear)
    _ = bus.read(.interruptCause)
  }

  /// Waits until no request on the bus is open: one that was cut off by the reset could block the bus. A controller that
  /// does not get there is reset all the same (datasheet 10.2.2.1, GIO Master Disable).
  private func stopBusMastering() {
    let control = DeviceControl(rawValue: bus.read(.deviceControl))
    bus.write(control.union(.stopsBusMastering).rawValue, to: .deviceControl)
    _ = bus.poll(every: 100, limit: 800) {
      !DeviceStatus(rawValue: bus.read(.deviceStatus)).contains(.mastersBus)
    }
  }

  // MARK: - Address

  /// The address that the reset has loaded into the first receive address, or else that of the EEPROM.
  func findAddress() throws(ControllerError) -> MACAddress {
    let high = bus.read(.receiveAddressHigh)
    let low = bus.read(.receiveAddressLow)
    let loaded = MACAddress(littleEndian: UInt64(high & 0xFFFF) << 32 | UInt64(low))
    if high & RegisterBit.addressValid != 0, loaded.isUsable { return loaded }
    guard traits.eepromRead != .none else { throw .noAddress(loaded) }
    var bytes: UInt64 = 0
    for index in 0..<3 as Range<UInt32> {
      bytes |= UInt64(try readEEPROM(index)) << UInt64(16 * index)
    }
    let stored = MACAddress(littleEndian: bytes)
    guard stored.isUsable else { throw .noAddress(stored) }
    return stored
  }

  /// A word of the EEPROM (SDM 5.3.1).
  private func readEEPROM(_ index: UInt32) throws(ControllerError) -> UInt16 {
    let isWide = traits.eepromRead == .wide
    let done: UInt32 = isWide ? 1 << 1 : 1 << 4
    bus.write(index << (isWide ? 2 : 8) | 1, to: .eepromRead)
    var value: UInt32 = 0
    let isDone = bus.poll(every: 50, limit: 2000) {
      value = bus.read(.eepromRead)
      return value & done != 0
    }
    guard isDone else { throw .eepromTimedOut }
    return UInt16(truncatingIfNeeded: value >> 16)
  }

  // MARK: - Configuration

  /// Link, filters and offloads: speed and duplex are as the PHY has negotiated them (SDM 8.6.2), frames for `address` and
  /// for all are taken, nothing is computed or taken out, and no pause frames are sent or obeyed.
  func configure(_ address: MACAddress) {
    var control = DeviceControl(rawValue: bus.read(.deviceControl))
    control.subtract([
      .stopsBusMastering, .linkReset, .invertLossOfSignal, .forceSpeed, .forceDuplex, .receivePause,
      .transmitPause, .vlanMode, .phyReset, .reset,
    ])
    bus.write(control.union(.setLinkUp).rawValue, to: .deviceControl)
    if traits.isExpress { set(RegisterBit.driverLoaded, in: .extendedControl) }

    // The half with the valid bit comes last (SDM 13.5.3).
    bus.write(UInt32(truncatingIfNeeded: address.littleEndian), to: .receiveAddressLow)
    bus.write(
      UInt32(truncatingIfNeeded: address.littleEndian >> 32) | RegisterBit.addressValid,
      to: .receiveAddressHigh)
    for index in 0..<traits.otherAddressCount {
      bus.write(0, to: Register.receiveAddressHigh.rawValue + 8 * (index + 1))
      bus.write(0, to: Register.receiveAddressLow.rawValue + 8 * (index + 1))
    }
    for index in 0..<traits.multicastWordCount {
      bus.write(0, to: Register.multicastTable.rawValue + 4 * index)
    }
    bus.write(0, to: .interruptThrottle)
  }

  /// Sets bits of a register and leaves the others.
  private func set(_ bits: UInt32, in register: Register) {
    bus.write(bus.read(register) | bits, to: register)
  }

  /// The receive ring has been described.
  func enableReceiver(_ sizes: RingSizes) {
    bus.write(0, to: .receiveDelay)
    bus.write(0, to: .receiveAbsoluteDelay)
    bus.write(0, to: .receiveChecksum)
    if traits.isExpress {
      bus.write(
        bus.read(.receiveFilterControl) & ~RegisterBit.extendedDescriptors, to: .receiveFilterControl)
    }
    var control: ReceiveControl = [.enable, .broadcast, .stripCRC]
    // 1,518 bytes and a VLAN tag are what counts as long (SDM 13.4.22, LPE).
    if sizes.longestFrame > 1518 { control.insert(.longFrames) }
    bus.write(control.rawValue, to: .receiveControl)
  }

  /// The transmit ring has been described.
  func enableTransmitter() {
    if traits.isExpress {
      set(RegisterBit.transmitReserved | RegisterBit.transmitWriteBackEach, in: .transmitDescriptorControl)
    } else {
      // Gaps of 10, 8 and 6 clocks (SDM table 13-77); the others have what they need from reset.
      bus.write(10 | 8 << 10 | 6 << 20, to: .transmitGap)
    }
    var control = TransmitControl(rawValue: bus.read(.transmitControl))
    control.subtract(.collisionFields)
    bus.write(
      control.union([.enable, .padShortFrames, .collisions]).rawValue, to: .transmitControl)
  }
}
