extension LocalAPIC {
  /// SDM Vol. 3A, 11.5.3, "Error Handling".
  struct ErrorStatus: OptionSet, Sendable {
    let rawValue: UInt32

    static let sentIllegalVector = Self(rawValue: 1 << 5)
    static let receivedIllegalVector = Self(rawValue: 1 << 6)
    static let illegalRegisterAddress = Self(rawValue: 1 << 7)
  }

  /// Vectors below this one belong to exceptions and are errors in a message.
  static let firstLegalVector: UInt8 = 16

  /// Takes a fixed or lowest-priority interrupt into the IRR (SDM Vol. 3A, 11.8.4, "Interrupt Acceptance for
  /// Fixed Interrupts"); false where the local APIC is disabled or the vector illegal.
  @discardableResult
  public mutating func accept(_ vector: UInt8, trigger: InterruptMessage.TriggerMode) -> Bool {
    guard acceptsVectors else { return false }
    guard vector >= Self.firstLegalVector else {
      record(.receivedIllegalVector)
      return false
    }
    requested[vector] = true
    levelTriggered[vector] = trigger == .level
    return true
  }

  /// The interrupt to inject next: the highest in the IRR if its priority class is above the processor's.
  @inline(__always)
  public var highestPending: UInt8? {
    guard let vector = requested.highest, vector >> 4 > processorPriority >> 4 else { return nil }
    return vector
  }

  /// The highest vector in the IRR, whatever the processor's priority: what the TPR threshold is made of.
  @inline(__always)
  public var highestRequested: UInt8? { requested.highest }

  /// Moves `vector` from the IRR to the ISR, as the processor does when it starts to deliver.
  @inline(__always)
  public mutating func acknowledge(_ vector: UInt8) {
    guard requested[vector] else { return }
    requested[vector] = false
    inService[vector] = true
  }

  /// Moves `vector` back from the ISR to the IRR: its delivery has not happened after all.
  public mutating func withdraw(_ vector: UInt8) {
    guard inService[vector] else { return }
    inService[vector] = false
    requested[vector] = true
  }

  /// SDM Vol. 3A, 11.8.3.1, "Task and Processor Priorities".
  @inline(__always)
  public var processorPriority: UInt8 {
    let highestInService = inService.highest ?? 0
    return taskPriority >> 4 >= highestInService >> 4 ? taskPriority : highestInService & 0xF0
  }

  /// The task priority as CR8 shows it: bits 7:4 of the TPR. Only the low four bits of a new value count;
  /// the caller has raised #GP for others (SDM Vol. 3A, 11.8.6, "Task Priority in IA-32e Mode").
  @inline(__always)
  public var taskPriorityClass: UInt8 {
    get { taskPriority >> 4 }
    set { taskPriority = newValue << 4 }
  }

  /// SDM Vol. 3A, 11.8.5, "Signaling Interrupt Servicing Completion".
  mutating func endInterrupt() -> LocalAPICEffect {
    guard let vector = inService.highest else { return .none }
    inService[vector] = false
    return levelTriggered[vector] ? .endOfInterrupt(vector: vector) : .none
  }

  /// Raises an interrupt of the local vector table that has its vector and no other delivery mode.
  mutating func raise(_ interrupt: LocalInterrupt) {
    let entry = localVectors[interrupt.rawValue]
    guard entry & LocalVector.masked == 0 else { return }
    accept(UInt8(truncatingIfNeeded: entry), trigger: .edge)
  }

  /// Logs an error; the first since the error status register was written raises the error interrupt. An
  /// illegal vector of that interrupt itself is logged and raises nothing.
  mutating func record(_ error: ErrorStatus) {
    let isFirst = pendingErrors.isEmpty
    pendingErrors.formUnion(error)
    if isFirst { raise(.error) }
  }
}
