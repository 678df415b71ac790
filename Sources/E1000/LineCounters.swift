/// What the controller itself has counted. Its registers start again from 0 when they are read, and stand still at
/// their highest value (SDM 13.7; datasheet 10.2.7).
public struct LineCounters: Equatable, Sendable {
  /// CRCERRS: frames with a wrong CRC (SDM 13.7.1).
  public var badChecksums: UInt64 = 0
  /// RXERRC: frames in which the PHY saw an error (SDM 13.7.4).
  public var receiveErrors: UInt64 = 0
  /// MPC: frames that found no room in the controller (SDM 13.7.5).
  public var missed: UInt64 = 0
  /// RNBC: times that a frame found no descriptor; it may have been received later (SDM 13.7.33).
  public var withoutBuffer: UInt64 = 0
  /// RUC and RFC: frames of less than 64 bytes, with a right and a wrong CRC (SDM 13.7.34, 13.7.35).
  public var tooShort: UInt64 = 0
  /// ROC and RJC: frames that are too long, with a right and a wrong CRC (SDM 13.7.36, 13.7.37).
  public var tooLong: UInt64 = 0
  /// GPRC and GPTC: good frames received and sent (SDM 13.7.27, 13.7.30).
  public var received: UInt64 = 0
  public var sent: UInt64 = 0

  /// Adds what the registers have counted since they were read last.
  mutating func add<Bus: RegisterBus>(_ bus: Bus) {
    func read(_ offset: UInt32) -> UInt64 { UInt64(bus.read(offset)) }
    badChecksums += read(0x4000)
    receiveErrors += read(0x400C)
    missed += read(0x4010)
    withoutBuffer += read(0x40A0)
    tooShort += read(0x40A4) + read(0x40A8)
    tooLong += read(0x40AC) + read(0x40B0)
    received += read(0x4074)
    sent += read(0x4080)
  }
}
