import Support
import Testing

@testable import Machine

/// Offsets of xAPIC registers; an x2APIC's MSR is 0x800 + offset / 16.
private enum Offset {
  static let id: UInt32 = 0x20
  static let version: UInt32 = 0x30
  static let tpr: UInt32 = 0x80
  static let ppr: UInt32 = 0xA0
  static let eoi: UInt32 = 0xB0
  static let ldr: UInt32 = 0xD0
  static let dfr: UInt32 = 0xE0
  static let svr: UInt32 = 0xF0
  static let isr: UInt32 = 0x100
  static let tmr: UInt32 = 0x180
  static let irr: UInt32 = 0x200
  static let esr: UInt32 = 0x280
  static let icrLow: UInt32 = 0x300
  static let icrHigh: UInt32 = 0x310
  static let timer: UInt32 = 0x320
  static let lint0: UInt32 = 0x350
  static let error: UInt32 = 0x370
  static let initialCount: UInt32 = 0x380
  static let currentCount: UInt32 = 0x390
  static let divide: UInt32 = 0x3E0
}

extension LocalAPIC {
  fileprivate mutating func read(_ offset: UInt32, now: UInt64 = 0) -> UInt32 {
    readRegister(offset: offset, now: now)
  }

  @discardableResult
  fileprivate mutating func write(_ offset: UInt32, _ value: UInt32, now: UInt64 = 0) -> LocalAPICEffect {
    writeRegister(offset: offset, value, now: now)
  }

  fileprivate func errors() -> UInt32 {
    var copy = self
    copy.write(Offset.esr, 0)
    return copy.read(Offset.esr)
  }
}

/// A local APIC that software has enabled, with the spurious vector 0xFF.
private func enabledLocalAPIC(
  id: UInt32 = 3, timerRatio: UInt16 = 1, mode: LocalAPIC.Mode = .xAPIC
) throws -> LocalAPIC {
  var apic = LocalAPIC(id: id, isBootstrapProcessor: false, timerRatio: timerRatio, mode: mode)
  if mode == .x2APIC {
    _ = try apic.writeMSR(0x80F, 0x1FF, now: 0)
  } else {
    apic.write(Offset.svr, 0x1FF)
  }
  return apic
}

struct LocalAPICStateTests {
  @Test func powerUpStateIsThatOfTheManual() {
    var apic = LocalAPIC(id: 5, isBootstrapProcessor: true, timerRatio: 1)
    #expect(apic.read(Offset.id) == 5 << 24)
    #expect(apic.read(Offset.version) == 0x5_0014)
    #expect(apic.read(Offset.svr) == 0xFF)
    #expect(apic.read(Offset.dfr) == .max)
    #expect(apic.read(Offset.ldr) == 0)
    #expect(apic.read(Offset.tpr) == 0)
    for offset in stride(from: Offset.timer, through: Offset.error, by: 16) {
      #expect(apic.read(offset) == 0x1_0000)
    }
    for offset in stride(from: Offset.isr, to: Offset.esr, by: 16) { #expect(apic.read(offset) == 0) }
  }

  @Test func initKeepsIdentityModeAndTSCAdjustAndClearsTheRest() throws {
    var apic = try enabledLocalAPIC(id: 0x1234, mode: .x2APIC)
    _ = try apic.writeMSR(MSRIndex.tscAdjust, 77, now: 0)
    apic.accept(0x40, trigger: .edge)
    apic.receiveINIT()
    #expect(apic.mode == .x2APIC)
    #expect(try apic.readMSR(0x802, now: 0) == 0x1234)
    #expect(try apic.readMSR(0x80F, now: 0) == 0xFF)
    #expect(try apic.readMSR(MSRIndex.tscAdjust, now: 0) == 77)
    #expect(apic.highestRequested == nil)
  }

  @Test func baseAllowsTheTransitionsOfTheManualAndNoOther() throws {
    let off: UInt64 = 0xFEE0_0000
    let xAPIC = off | 0x800
    let x2APIC = off | 0xC00
    let invalid = off | 0x400
    let legal: [(UInt64, UInt64)] = [
      (off, xAPIC), (off, off), (xAPIC, off), (xAPIC, x2APIC), (xAPIC, xAPIC), (x2APIC, off),
      (x2APIC, x2APIC),
    ]
    for from in [off, xAPIC, x2APIC] {
      for to in [off, xAPIC, x2APIC, invalid] {
        var apic = LocalAPIC(id: 0, isBootstrapProcessor: false, timerRatio: 1)
        if from != xAPIC { _ = try apic.writeMSR(MSRIndex.apicBase, from, now: 0) }
        if legal.contains(where: { $0 == (from, to) }) {
          let effect = try apic.writeMSR(MSRIndex.apicBase, to, now: 0)
          #expect(effect == (from == to ? .none : .addressingChanged))
          #expect(try apic.readMSR(MSRIndex.apicBase, now: 0) == to)
        } else {
          #expect(throws: GeneralProtection()) { try apic.writeMSR(MSRIndex.apicBase, to, now: 0) }
          #expect(try apic.readMSR(MSRIndex.apicBase, now: 0) == from)
        }
      }
    }
  }

  @Test(
    arguments: [0xFEE0_0801, 0xFEE0_0A00, 0xFED0_0800, 0x10_FEE0_0800, 1 << 63 | 0xFEE0_0800] as [UInt64])
  func baseRefusesReservedBitsAndAnotherAddress(value: UInt64) {
    var apic = LocalAPIC(id: 0, isBootstrapProcessor: true, timerRatio: 1)
    #expect(throws: GeneralProtection()) { try apic.writeMSR(MSRIndex.apicBase, value, now: 0) }
  }

  @Test func onlyTheBootstrapProcessorShowsItsFlag() throws {
    var bootstrap = LocalAPIC(id: 0, isBootstrapProcessor: true, timerRatio: 1)
    #expect(try bootstrap.readMSR(MSRIndex.apicBase, now: 0) == 0xFEE0_0900)
    var other = LocalAPIC(id: 1, isBootstrapProcessor: false, timerRatio: 1)
    #expect(try other.readMSR(MSRIndex.apicBase, now: 0) == 0xFEE0_0800)
  }

  @Test func eachModeAnswersOnItsOwnInterfaceAlone() throws {
    var apic = try enabledLocalAPIC()
    #expect(throws: GeneralProtection()) { try apic.readMSR(0x802, now: 0) }
    _ = try apic.writeMSR(MSRIndex.apicBase, 0xFEE0_0C00, now: 0)
    #expect(apic.read(Offset.id) == .max)
    #expect(apic.write(Offset.svr, 0xFF) == .none)
    #expect(try apic.readMSR(0x80F, now: 0) == 0x1FF)
    _ = try apic.writeMSR(MSRIndex.apicBase, 0xFEE0_0000, now: 0)
    #expect(throws: GeneralProtection()) { try apic.readMSR(0x802, now: 0) }
    #expect(apic.read(Offset.id) == .max)
    #expect(apic.accept(0x40, trigger: .edge) == false)
  }

  @Test func softwareDisablingMasksTheLocalVectorsAndRefusesInterruptsButKeepsPendingOnes() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.lint0, 0x700)
    apic.accept(0x50, trigger: .edge)
    #expect(apic.write(Offset.svr, 0xFF) == .addressingChanged)
    #expect(apic.read(Offset.lint0) == 0x1_0700)
    apic.write(Offset.lint0, 0x700)
    #expect(apic.read(Offset.lint0) == 0x1_0700)
    #expect(apic.accept(0x60, trigger: .edge) == false)
    #expect(apic.highestPending == 0x50)
    #expect(apic.addressing.acceptsVectors == false)
  }

  @Test func addressingFollowsModeFormatAndLogicalDestination() throws {
    var apic = try enabledLocalAPIC(id: 0x25)
    #expect(apic.write(Offset.ldr, 0x04FF_FFFF) == .addressingChanged)
    #expect(apic.read(Offset.ldr) == 0x0400_0000)
    #expect(apic.addressing == APICAddressing(model: .flat, logicalID: 4, acceptsVectors: true))
    #expect(apic.write(Offset.dfr, 0) == .addressingChanged)
    #expect(apic.read(Offset.dfr) == 0x0FFF_FFFF)
    #expect(apic.addressing.model == .cluster)
    _ = try apic.writeMSR(MSRIndex.apicBase, 0xFEE0_0C00, now: 0)
    #expect(apic.addressing == APICAddressing(model: .x2APIC, acceptsVectors: true))
    #expect(try apic.readMSR(0x80D, now: 0) == 0x0002_0020)
  }
}

struct LocalAPICDeliveryTests {
  @Test func theHighestVectorAboveThePriorityClassIsPending() throws {
    var apic = try enabledLocalAPIC()
    apic.accept(0x31, trigger: .edge)
    apic.accept(0xF0, trigger: .edge)
    apic.accept(0x81, trigger: .edge)
    #expect(apic.highestPending == 0xF0)
    apic.acknowledge(0xF0)
    #expect(apic.highestPending == nil)
    #expect(apic.highestRequested == 0x81)
    #expect(apic.read(Offset.ppr) == 0xF0)
    #expect(apic.write(Offset.eoi, 0) == .none)
    #expect(apic.highestPending == 0x81)
  }

  @Test func taskPriorityHoldsBackItsOwnClassToo() throws {
    var apic = try enabledLocalAPIC()
    apic.accept(0x4F, trigger: .edge)
    apic.write(Offset.tpr, 0x40)
    #expect(apic.highestPending == nil)
    apic.write(Offset.tpr, 0x3F)
    #expect(apic.highestPending == 0x4F)
    #expect(apic.read(Offset.ppr) == 0x3F)
    apic.taskPriorityClass = 4
    #expect(apic.read(Offset.tpr) == 0x40)
    #expect(apic.highestPending == nil)
    apic.write(Offset.tpr, 0xABC)
    #expect(apic.taskPriorityClass == 0xB)
  }

  @Test func interruptsNestAndEndInReverseOrder() throws {
    var apic = try enabledLocalAPIC()
    apic.accept(0x31, trigger: .edge)
    apic.acknowledge(0x31)
    apic.accept(0x52, trigger: .level)
    #expect(apic.highestPending == 0x52)
    apic.acknowledge(0x52)
    #expect(apic.read(Offset.isr + 0x10) == 1 << 17)
    #expect(apic.read(Offset.isr + 0x20) == 1 << 18)
    #expect(apic.write(Offset.eoi, 0) == .endOfInterrupt(vector: 0x52))
    #expect(apic.write(Offset.eoi, 0) == .none)
    #expect(apic.write(Offset.eoi, 0) == .none)
    #expect(apic.processorPriority == 0)
  }

  @Test func triggerModeIsThatOfTheLastAcceptance() throws {
    var apic = try enabledLocalAPIC()
    apic.accept(0x52, trigger: .level)
    #expect(apic.read(Offset.tmr + 0x20) == 1 << 18)
    #expect(apic.read(Offset.irr + 0x20) == 1 << 18)
    apic.accept(0x52, trigger: .edge)
    #expect(apic.read(Offset.tmr + 0x20) == 0)
  }

  @Test func everyVectorHasItsOwnBit() throws {
    for vector in UInt8(16)...255 {
      var apic = try enabledLocalAPIC()
      apic.accept(vector, trigger: .edge)
      #expect(apic.highestPending == vector)
      #expect(apic.read(Offset.irr + UInt32(vector / 32) * 16) == 1 << UInt32(vector % 32))
      apic.acknowledge(vector)
      #expect(apic.highestRequested == nil)
      #expect(apic.processorPriority == vector & 0xF0)
    }
  }

  @Test func acknowledgingWhatIsNotRequestedDoesNothing() throws {
    var apic = try enabledLocalAPIC()
    apic.acknowledge(0x40)
    #expect(apic.processorPriority == 0)
  }

  @Test func illegalVectorsAreLoggedAndRaiseTheErrorInterruptOnce() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.error, 0xFE)
    #expect(apic.accept(0x0F, trigger: .edge) == false)
    #expect(apic.highestPending == 0xFE)
    apic.acknowledge(0xFE)
    apic.write(Offset.eoi, 0)
    apic.write(Offset.icrLow, 0x0F)
    #expect(apic.highestPending == nil)
    #expect(apic.read(Offset.esr) == 0)
    apic.write(Offset.esr, 0)
    #expect(apic.read(Offset.esr) == 0x60)
    apic.accept(0, trigger: .edge)
    #expect(apic.highestPending == 0xFE)
    apic.write(Offset.esr, 0)
    apic.write(Offset.esr, 0)
    #expect(apic.read(Offset.esr) == 0)
  }

  @Test func anErrorInterruptWithAnIllegalVectorIsOnlyLogged() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.error, 0x05)
    _ = apic.read(0x400)
    #expect(apic.errors() == 0xC0)
    #expect(apic.highestRequested == nil)
  }

  @Test func reservedRegistersReadZeroAndAreLogged() throws {
    for offset: UInt32 in [0, 0x10, 0x24, 0x81, 0x290, 0x2F0, 0x3F0, 0x400, 0xFFC, 0x1020, .max] {
      var apic = try enabledLocalAPIC()
      #expect(apic.read(offset) == 0)
      #expect(apic.errors() == 0x80)
      apic = try enabledLocalAPIC()
      #expect(apic.write(offset, 0x40) == .none)
      #expect(apic.errors() == 0x80)
    }
  }

  @Test func readOnlyRegistersIgnoreWrites() throws {
    var apic = try enabledLocalAPIC()
    for offset in [Offset.id, Offset.version, Offset.ppr, Offset.isr, Offset.irr, Offset.currentCount] {
      let before = apic.read(offset)
      #expect(apic.write(offset, 0x5555_5555) == .none)
      #expect(apic.read(offset) == before)
    }
    #expect(apic.errors() == 0)
  }
}

struct LocalAPICCommandTests {
  private func sent(_ low: UInt32, high: UInt32 = 0x0700_0000) throws -> InterruptMessage? {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.icrHigh, high)
    if case .send(let message) = apic.write(Offset.icrLow, low) { return message }
    return nil
  }

  @Test func destinationModesAndBroadcasts() throws {
    #expect(try sent(0x40) == InterruptMessage(to: .physical(7), vector: 0x40))
    #expect(try sent(0x840) == InterruptMessage(to: .logical(7), vector: 0x40))
    #expect(try sent(0x40, high: 0xFF00_0000) == InterruptMessage(to: .all, vector: 0x40))
    #expect(try sent(0x840, high: 0xFF00_0000) == InterruptMessage(to: .all, vector: 0x40))
    #expect(try sent(0x8_0040) == InterruptMessage(to: .all, vector: 0x40))
    #expect(try sent(0xC_0040) == InterruptMessage(to: .others, vector: 0x40))
    #expect(try sent(0x940) == InterruptMessage(to: .logical(7), .lowestPriority, vector: 0x40))
  }

  @Test func theStartUpSequenceOfLinuxGivesInitAndStartUp() throws {
    #expect(try sent(0xC500) == InterruptMessage(to: .physical(7), .initialize, vector: 0))
    #expect(try sent(0x8500) == nil)
    #expect(try sent(0x0699) == InterruptMessage(to: .physical(7), .startUp, vector: 0x99))
    #expect(try sent(0x4400) == InterruptMessage(to: .physical(7), .nmi, vector: 0))
  }

  @Test func invalidCommandsSendNothing() throws {
    for low: UInt32 in [0x0F, 0x10F, 0x340, 0x740, 0x8_0400, 0x8_0500, 0x4_0400, 0x4_0500] {
      #expect(try sent(low) == nil)
    }
  }

  @Test func aSelfInterruptIsAcceptedWithoutAMessage() throws {
    var apic = try enabledLocalAPIC()
    #expect(apic.write(Offset.icrLow, 0x4_0045) == .none)
    #expect(apic.highestPending == 0x45)
    apic = try enabledLocalAPIC(mode: .x2APIC)
    #expect(try apic.writeMSR(0x83F, 0x46, now: 0) == .none)
    #expect(apic.highestPending == 0x46)
    _ = try apic.writeMSR(0x83F, 0x0F, now: 0)
    _ = try apic.writeMSR(0x828, 0, now: 0)
    #expect(try apic.readMSR(0x828, now: 0) == 0x20)
  }

  @Test func x2APICCommandsAreOneWriteOf64Bits() throws {
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    #expect(
      try apic.writeMSR(0x830, 0x0000_00FF_0000_0040, now: 0)
        == .send(InterruptMessage(to: .physical(255), vector: 0x40)))
    #expect(
      try apic.writeMSR(0x830, 0x0002_0021_0000_0840, now: 0)
        == .send(InterruptMessage(to: .logical(0x2_0021), vector: 0x40)))
    #expect(
      try apic.writeMSR(0x830, 0xFFFF_FFFF_0000_1040, now: 0)
        == .send(InterruptMessage(to: .all, vector: 0x40)))
    #expect(try apic.readMSR(0x830, now: 0) == 0xFFFF_FFFF_0000_0040)
    for bit in [13, 16, 17, 20, 31] as [UInt64] {
      #expect(throws: GeneralProtection()) { try apic.writeMSR(0x830, 0x40 | 1 << bit, now: 0) }
    }
  }
}

struct X2APICRegisterTests {
  @Test func exactlyTheRegistersOfTheManualExist() throws {
    let readable: Set<UInt32> = Set(
      [0x02, 0x03, 0x08, 0x0A, 0x0D, 0x0F, 0x28, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3E]
        + Array(0x10...0x27)
    )
    let writable: Set<UInt32> = [
      0x08, 0x0B, 0x0F, 0x28, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3E, 0x3F,
    ]
    for number: UInt32 in 0...0xFF {
      var apic = try enabledLocalAPIC(mode: .x2APIC)
      let isReadable = (try? apic.readMSR(0x800 + number, now: 0)) != nil
      #expect(isReadable == readable.contains(number), "read \(number)")
      let isWritable = (try? apic.writeMSR(0x800 + number, 0, now: 0)) != nil
      #expect(isWritable == writable.contains(number), "write \(number)")
    }
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    #expect(throws: GeneralProtection()) { try apic.readMSR(0x7FF, now: 0) }
    #expect(throws: GeneralProtection()) { try apic.readMSR(0x900, now: 0) }
  }

  @Test(
    arguments: [
      (0x08, 0xFF), (0x0B, 0), (0x0F, 0x3FF), (0x28, 0), (0x32, 0x7_10FF), (0x33, 0x1_17FF),
      (0x34, 0x1_17FF), (0x35, 0x1_F7FF), (0x36, 0x1_F7FF), (0x37, 0x1_10FF), (0x38, 0xFFFF_FFFF),
      (0x3E, 0xB), (0x3F, 0xFF),
    ] as [(UInt32, UInt64)])
  func reservedBitsRaiseGeneralProtection(number: UInt32, writable: UInt64) throws {
    for bit in 0..<64 as Range<UInt64> {
      var apic = try enabledLocalAPIC(mode: .x2APIC)
      let value: UInt64 = 1 << bit
      if writable & value != 0 {
        _ = try apic.writeMSR(0x800 + number, value, now: 0)
      } else {
        #expect(throws: GeneralProtection()) { try apic.writeMSR(0x800 + number, value, now: 0) }
      }
    }
  }

  @Test func readOnlyBitsOfLocalVectorsStayZero() throws {
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    _ = try apic.writeMSR(0x835, 0x1_F7FF, now: 0)
    #expect(try apic.readMSR(0x835, now: 0) == 0x1_A7FF)
  }
}

struct LocalAPICTimerTests {
  @Test func oneShotCountsDownOnce() throws {
    var apic = try enabledLocalAPIC(timerRatio: 10)
    apic.write(Offset.timer, 0x30)
    apic.write(Offset.divide, 0b1011)  // by 1
    apic.write(Offset.initialCount, 100, now: 5000)
    #expect(apic.timerDeadline == 6000)
    #expect(apic.read(Offset.currentCount, now: 5000) == 100)
    #expect(apic.read(Offset.currentCount, now: 5500) == 50)
    apic.expireTimer(now: 5999)
    #expect(apic.highestPending == nil)
    apic.expireTimer(now: 6000)
    #expect(apic.highestPending == 0x30)
    #expect(apic.timerDeadline == nil)
    #expect(apic.read(Offset.currentCount, now: 9000) == 0)
    #expect(apic.read(Offset.initialCount, now: 9000) == 100)
  }

  @Test(
    arguments: [
      (0b0000, 2), (0b0001, 4), (0b0010, 8), (0b0011, 16), (0b1000, 32), (0b1001, 64), (0b1010, 128),
      (0b1011, 1),
    ] as [(UInt32, UInt64)])
  func divideConfigurationScalesThePeriod(code: UInt32, divisor: UInt64) throws {
    var apic = try enabledLocalAPIC(timerRatio: 3)
    apic.write(Offset.timer, 0x30)
    apic.write(Offset.divide, code)
    apic.write(Offset.initialCount, 7)
    #expect(apic.timerDeadline == 7 * 3 * divisor)
  }

  @Test func periodicTicksMergeWhileTheInterruptWaits() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.divide, 0b1011)
    apic.write(Offset.timer, 0x2_0030)
    apic.write(Offset.initialCount, 100, now: 1000)
    apic.expireTimer(now: 1100)
    #expect(apic.timerDeadline == nil)
    apic.acknowledge(0x30)
    #expect(apic.timerDeadline == 1200)
    apic.expireTimer(now: 1555)
    #expect(apic.highestRequested == 0x30)
    apic.acknowledge(0x30)
    #expect(apic.timerDeadline == 1600)
    #expect(apic.read(Offset.currentCount, now: 1560) == 40)
  }

  @Test func aMaskedTimerRunsUnseen() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.divide, 0b1011)
    apic.write(Offset.timer, 0x1_0030)
    apic.write(Offset.initialCount, 100)
    #expect(apic.timerDeadline == nil)
    #expect(apic.read(Offset.currentCount, now: 60) == 40)
    apic.write(Offset.timer, 0x30, now: 200)
    #expect(apic.timerDeadline == nil)
    #expect(apic.highestRequested == nil)
  }

  @Test func aTimerThatIsDueFiresBeforeSoftwareDisablesTheLocalAPIC() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.divide, 0b1011)
    apic.write(Offset.timer, 0x30)
    apic.write(Offset.initialCount, 100)
    apic.write(Offset.svr, 0xFF, now: 100)
    #expect(apic.highestPending == 0x30)
  }

  @Test func zeroStopsTheTimer() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.timer, 0x30)
    apic.write(Offset.initialCount, 100)
    apic.write(Offset.initialCount, 0)
    #expect(apic.timerDeadline == nil)
    #expect(apic.read(Offset.currentCount, now: 10) == 0)
  }

  @Test func aNewDivisorKeepsTheCount() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.timer, 0x30)
    apic.write(Offset.divide, 0b1011)
    apic.write(Offset.initialCount, 100)
    apic.write(Offset.divide, 0b0001, now: 40)  // by 4
    #expect(apic.read(Offset.currentCount, now: 40) == 60)
    #expect(apic.timerDeadline == 40 + 240)
  }

  @Test func tscDeadlineFiresOnceAndClearsItself() throws {
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 500, now: 0)
    #expect(try apic.readMSR(MSRIndex.tscDeadline, now: 0) == 0)
    _ = try apic.writeMSR(0x832, 0x4_0030, now: 0)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 500, now: 0)
    #expect(apic.timerDeadline == 500)
    #expect(try apic.readMSR(MSRIndex.tscDeadline, now: 499) == 500)
    apic.expireTimer(now: 500)
    #expect(apic.highestPending == 0x30)
    #expect(try apic.readMSR(MSRIndex.tscDeadline, now: 500) == 0)
    #expect(try apic.readMSR(0x839, now: 500) == 0)
    _ = try apic.writeMSR(0x838, 100, now: 500)
    #expect(try apic.readMSR(0x838, now: 500) == 0)
    #expect(apic.timerDeadline == nil)
  }

  @Test func aDeadlineInThePastFiresAtOnceAndZeroDisarms() throws {
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    _ = try apic.writeMSR(0x832, 0x4_0030, now: 0)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 500, now: 100)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 0, now: 100)
    #expect(apic.timerDeadline == nil)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 50, now: 100)
    #expect(apic.highestPending == 0x30)
    #expect(apic.timerDeadline == nil)
  }

  @Test func changingTheModeDisarmsADeadline() throws {
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    _ = try apic.writeMSR(0x832, 0x4_0030, now: 0)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 500, now: 100)
    _ = try apic.writeMSR(0x832, 0x30, now: 100)
    _ = try apic.writeMSR(0x832, 0x4_0030, now: 100)
    #expect(apic.timerDeadline == nil)
    #expect(try apic.readMSR(MSRIndex.tscDeadline, now: 100) == 0)
  }

  @Test func adjustingTheTSCMovesADeadlineButNotACount() throws {
    var apic = try enabledLocalAPIC(mode: .x2APIC)
    _ = try apic.writeMSR(0x832, 0x4_0030, now: 0)
    _ = try apic.writeMSR(MSRIndex.tscDeadline, 500, now: 100)
    #expect(try apic.writeMSR(MSRIndex.tscAdjust, 150, now: 100) == .timeStampCounterChanged)
    #expect(apic.timerDeadline == 350)
    _ = try apic.writeMSR(MSRIndex.tscAdjust, UInt64.max - 49, now: 100)
    #expect(apic.timerDeadline == 550)
    #expect(try apic.readMSR(MSRIndex.timeStampCounter, now: 100) == 50)
    #expect(try apic.writeMSR(MSRIndex.timeStampCounter, 1000, now: 100) == .timeStampCounterChanged)
    #expect(try apic.readMSR(MSRIndex.tscAdjust, now: 100) == 900)
    #expect(apic.highestPending == 0x30)
  }

  @Test func extremesOfTimeDoNotTrap() throws {
    var apic = try enabledLocalAPIC(timerRatio: .max)
    apic.write(Offset.divide, 0b1010)
    apic.write(Offset.timer, 0x2_0030)
    apic.write(Offset.initialCount, .max, now: .max)
    #expect(apic.timerDeadline == UInt64.max)
    _ = apic.read(Offset.currentCount, now: .max)
    apic.acknowledge(0x30)
    apic.write(Offset.initialCount, .max, now: 0)
    #expect(apic.timerDeadline == UInt64(0xFFFF_FFFF * 0xFFFF * 128))
    #expect(apic.read(Offset.currentCount, now: 0) == .max)
    apic.expireTimer(now: .max)
    #expect(apic.highestRequested == 0x30)
  }

  @Test func aPeriodOfOneTickWithAnIllegalVectorAsksForNoEndlessExpiry() throws {
    var apic = try enabledLocalAPIC()
    apic.write(Offset.divide, 0b1011)
    apic.write(Offset.timer, 0x2_0003)
    apic.write(Offset.initialCount, 1)
    apic.expireTimer(now: 10)
    #expect(apic.timerDeadline == nil)
    #expect(apic.errors() == 0x40)
  }
}

struct LocalAPICFuzzTests {
  @Test func randomAccessesNeverTrapNorBreakWhatMustHold() {
    var random = SeededGenerator(seed: 1)
    var apic = LocalAPIC(id: 0x1_0007, isBootstrapProcessor: true, timerRatio: 25)
    var now: UInt64 = 0
    for step in 0..<100_000 {
      now = step % 5000 == 4999 ? random.anyMagnitude() : now &+ random.next() % 1000
      let value = random.anyMagnitude()
      let word = UInt32(truncatingIfNeeded: random.anyMagnitude())
      switch random.next() % 10 {
      case 0, 1: _ = apic.writeRegister(offset: word % 0x40 << 4, UInt32(truncatingIfNeeded: value), now: now)
      case 2: _ = apic.writeRegister(offset: word, UInt32(truncatingIfNeeded: value), now: now)
      case 3: _ = apic.readRegister(offset: word % 0x1000, now: now)
      case 4, 5: _ = try? apic.writeMSR(0x800 + word % 0x40, value, now: now)
      case 6: _ = try? apic.readMSR([0x10, 0x1B, 0x3B, 0x6E0, 0x800 + word % 0x100][Int(word % 5)], now: now)
      case 7: _ = try? apic.writeMSR([0x10, 0x1B, 0x3B, 0x6E0, word][Int(word % 5)], value, now: now)
      case 8:
        if random.next() % 50 == 0 {
          _ = try? apic.writeMSR(0x1B, 0xFEE0_0000 | (value & 3) << 10, now: now)
        } else {
          _ = apic.accept(UInt8(truncatingIfNeeded: value), trigger: value & 256 == 0 ? .edge : .level)
        }
      default:
        if let deadline = apic.timerDeadline, deadline <= now { apic.expireTimer(now: now) }
        if let vector = apic.highestPending { apic.acknowledge(vector) }
      }
      if let vector = apic.highestPending {
        #expect(vector >= 16)
        #expect(vector >> 4 > apic.processorPriority >> 4)
      }
      if apic.mode == .disabled { #expect(apic.highestRequested == nil) }
    }
  }
}
