import Memory

extension LocalAPIC {
  /// Registers by number: the MMIO offset divided by 16, and the MSR index minus 0x800 (SDM Vol. 3A, 11.4.1,
  /// "The Local APIC Block Diagram", table "Local APIC Register Address Map", and 11.12.1.2, "x2APIC
  /// Register Address Space").
  private enum Register: UInt8 {
    case id = 0x02
    case version = 0x03
    case taskPriority = 0x08
    case arbitrationPriority = 0x09
    case processorPriority = 0x0A
    case endOfInterrupt = 0x0B
    case remoteRead = 0x0C
    case logicalDestination = 0x0D
    case destinationFormat = 0x0E
    case spuriousInterruptVector = 0x0F
    case errorStatus = 0x28
    case interruptCommand = 0x30
    case interruptCommandHigh = 0x31
    case timer = 0x32
    case thermal = 0x33
    case performance = 0x34
    case lint0 = 0x35
    case lint1 = 0x36
    case error = 0x37
    case initialCount = 0x38
    case currentCount = 0x39
    case divideConfiguration = 0x3E
    case selfIPI = 0x3F

    var existsInXAPIC: Bool { self != .selfIPI }

    var existsInX2APIC: Bool {
      switch self {
      case .arbitrationPriority, .remoteRead, .destinationFormat, .interruptCommandHigh: false
      default: true
      }
    }

    var isReadable: Bool { self != .endOfInterrupt && self != .selfIPI }

    /// The bits that may be written, or nil for a read-only register. Others raise #GP in x2APIC mode and are
    /// dropped in xAPIC mode. The read-only bits of local vectors count as writable, and are then ignored.
    var writableBits: UInt32? {
      switch self {
      case .taskPriority, .selfIPI: 0xFF
      case .endOfInterrupt, .errorStatus: 0
      case .spuriousInterruptVector: 0x3FF
      case .interruptCommand: 0x000C_DFFF
      case .timer: 0x7_10FF
      case .thermal, .performance: 0x1_17FF
      case .lint0, .lint1: 0x1_F7FF
      case .error: 0x1_10FF
      case .initialCount: .max
      case .divideConfiguration: 0xB
      case .logicalDestination, .interruptCommandHigh: 0xFF00_0000
      case .destinationFormat: 0xF000_0000
      case .id, .version, .arbitrationPriority, .processorPriority, .remoteRead, .currentCount: nil
      }
    }
  }

  /// Reads the xAPIC register at byte `offset` of its page. A 32-bit register stands in the first 4 of each
  /// 16 bytes; anything else is reserved and reads 0. Outside xAPIC mode nothing answers: all ones.
  public mutating func readRegister(offset: UInt32, now: UInt64) -> UInt32 {
    guard mode == .xAPIC else { return .max }
    guard let number = Self.registerNumber(offset) else { return illegalRegister() }
    if let image = vectorSetImage(number) { return image }
    guard let register = Register(rawValue: number), register.existsInXAPIC else {
      return illegalRegister()
    }
    return register.isReadable ? load(register, now: now) : 0
  }

  /// Writes the xAPIC register at byte `offset` of its page; what is read-only stays as it is.
  public mutating func writeRegister(offset: UInt32, _ value: UInt32, now: UInt64) -> LocalAPICEffect {
    guard mode == .xAPIC else { return .none }
    guard let number = Self.registerNumber(offset) else {
      _ = illegalRegister()
      return .none
    }
    guard let register = Register(rawValue: number), register.existsInXAPIC else {
      if vectorSetImage(number) == nil { _ = illegalRegister() }
      return .none
    }
    guard let writableBits = register.writableBits else { return .none }
    let value = value & writableBits
    if register == .interruptCommand {
      interruptCommand = interruptCommand & ~0xFFFF_FFFF | UInt64(value)
      return sendCommand(to: UInt32(truncatingIfNeeded: interruptCommand >> 56), broadcast: 0xFF)
    }
    return store(value, in: register, now: now)
  }

  /// Reads IA32_TSC, IA32_APIC_BASE, IA32_TSC_ADJUST, IA32_TSC_DEADLINE or an x2APIC register.
  public mutating func readMSR(_ index: UInt32, now: UInt64) throws(GeneralProtection) -> UInt64 {
    switch index {
    case MSRIndex.timeStampCounter: return now &+ tscAdjust
    case MSRIndex.apicBase: return base
    case MSRIndex.tscAdjust: return tscAdjust
    case MSRIndex.tscDeadline:
      expireTimer(now: now)
      return tscDeadline
    default:
      let number = try x2APICRegisterNumber(index)
      if let image = vectorSetImage(number) { return UInt64(image) }
      guard let register = Register(rawValue: number), register.existsInX2APIC, register.isReadable else {
        throw GeneralProtection()
      }
      return register == .interruptCommand ? interruptCommand : UInt64(load(register, now: now))
    }
  }

  /// Writes one of the registers that `readMSR` reads.
  public mutating func writeMSR(
    _ index: UInt32, _ value: UInt64, now: UInt64
  ) throws(GeneralProtection) -> LocalAPICEffect {
    switch index {
    case MSRIndex.timeStampCounter:
      setTSCAdjust(value &- now, now: now)
      return .timeStampCounterChanged
    case MSRIndex.apicBase:
      return try setBase(value)
    case MSRIndex.tscAdjust:
      setTSCAdjust(value, now: now)
      return .timeStampCounterChanged
    case MSRIndex.tscDeadline:
      expireTimer(now: now)
      setTSCDeadline(value, now: now)
      return .none
    default:
      let number = try x2APICRegisterNumber(index)
      guard let register = Register(rawValue: number), register.existsInX2APIC,
        register != .logicalDestination, let writableBits = register.writableBits,
        UInt32(truncatingIfNeeded: value) & ~writableBits == 0
      else { throw GeneralProtection() }
      if register == .interruptCommand {
        interruptCommand = value & ~Self.deliveryStatus
        return sendCommand(to: UInt32(truncatingIfNeeded: value >> 32), broadcast: .max)
      }
      guard value >> 32 == 0 else { throw GeneralProtection() }
      return store(UInt32(truncatingIfNeeded: value), in: register, now: now)
    }
  }

  private static func registerNumber(_ offset: UInt32) -> UInt8? {
    offset & 0xF == 0 && offset < 0x400 ? UInt8(offset >> 4) : nil
  }

  private func x2APICRegisterNumber(_ index: UInt32) throws(GeneralProtection) -> UInt8 {
    guard mode == .x2APIC, MSRIndex.x2APIC.contains(index) else { throw GeneralProtection() }
    return UInt8(index - MSRIndex.x2APIC.lowerBound)
  }

  private mutating func illegalRegister() -> UInt32 {
    record(.illegalRegisterAddress)
    return 0
  }

  /// The eight registers each of ISR, TMR and IRR.
  private func vectorSetImage(_ number: UInt8) -> UInt32? {
    switch number {
    case 0x10...0x17: inService.registerImage(number & 7)
    case 0x18...0x1F: levelTriggered.registerImage(number & 7)
    case 0x20...0x27: requested.registerImage(number & 7)
    default: nil
    }
  }

  private mutating func load(_ register: Register, now: UInt64) -> UInt32 {
    switch register {
    case .id: mode == .x2APIC ? id : id << 24
    case .version: Self.version
    case .taskPriority: UInt32(taskPriority)
    case .processorPriority: UInt32(processorPriority)
    case .logicalDestination:
      mode == .x2APIC ? (id >> 4) << 16 | 1 << (id & 0xF) : UInt32(logicalID) << 24
    case .destinationFormat: destinationFormat
    case .spuriousInterruptVector: spuriousInterruptVector
    case .errorStatus: errorStatus.rawValue
    case .interruptCommand: UInt32(truncatingIfNeeded: interruptCommand)
    case .interruptCommandHigh: UInt32(truncatingIfNeeded: interruptCommand >> 32)
    case .timer, .thermal, .performance, .lint0, .lint1, .error:
      localVectors[Int(register.rawValue - Register.timer.rawValue)]
    case .initialCount: initialCount
    case .currentCount: settledCurrentCount(now: now)
    case .divideConfiguration: divideConfiguration
    case .arbitrationPriority, .remoteRead, .endOfInterrupt, .selfIPI: 0
    }
  }

  private mutating func settledCurrentCount(now: UInt64) -> UInt32 {
    expireTimer(now: now)
    return currentCount(now: now)
  }

  /// Stores a value that has no reserved bits set.
  private mutating func store(_ value: UInt32, in register: Register, now: UInt64) -> LocalAPICEffect {
    switch register {
    case .taskPriority:
      taskPriority = UInt8(truncatingIfNeeded: value)
    case .endOfInterrupt:
      return endInterrupt()
    case .logicalDestination:
      logicalID = UInt8(value >> 24)
      return .addressingChanged
    case .destinationFormat:
      destinationFormat = value | 0x0FFF_FFFF
      return .addressingChanged
    case .spuriousInterruptVector:
      return setSpuriousInterruptVector(value, now: now)
    case .errorStatus:
      errorStatus = pendingErrors
      pendingErrors = []
    case .interruptCommandHigh:
      interruptCommand = UInt64(value) << 32 | interruptCommand & 0xFFFF_FFFF
    case .timer:
      expireTimer(now: now)
      setTimerVector(localVector(value))
    case .thermal, .performance, .lint0, .lint1, .error:
      localVectors[Int(register.rawValue - Register.timer.rawValue)] = localVector(value)
    case .initialCount:
      expireTimer(now: now)
      setInitialCount(value, now: now)
    case .divideConfiguration:
      expireTimer(now: now)
      setDivideConfiguration(value, now: now)
    case .selfIPI:
      sendToSelf(UInt8(truncatingIfNeeded: value))
    case .interruptCommand, .id, .version, .arbitrationPriority, .processorPriority, .remoteRead,
      .currentCount:
      break
    }
    return .none
  }

  /// A local vector as it is stored: masked for as long as software has the local APIC disabled.
  private func localVector(_ value: UInt32) -> UInt32 {
    value & ~(LocalVector.delivered | LocalVector.remoteIRR) | (acceptsVectors ? 0 : LocalVector.masked)
  }

  /// SDM Vol. 3A, 11.9, "Spurious Interrupt"; 11.4.7.2, "Local APIC State After It Has Been Software Disabled".
  private mutating func setSpuriousInterruptVector(_ value: UInt32, now: UInt64) -> LocalAPICEffect {
    let isChanged = (spuriousInterruptVector ^ value) & Self.softwareEnable != 0
    if isChanged { expireTimer(now: now) }
    spuriousInterruptVector = value
    guard isChanged else { return .none }
    if !acceptsVectors {
      for index in localVectors.indices { localVectors[index] |= LocalVector.masked }
    }
    return .addressingChanged
  }
}
