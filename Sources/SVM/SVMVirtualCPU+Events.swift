import CPU
import VCPU

extension SVMVirtualCPU {
  /// V_INTR_MASKING: physical interrupts follow the host's IF, not the guest's (APM Vol. 2, 15.21.1).
  static var interruptMasking: UInt64 { 1 << 24 }
  /// V_IRQ at the highest priority, whatever V_TPR says: it comes when the guest can take an interrupt.
  private static var virtualInterrupt: UInt64 { 1 << 8 | 0xF << 16 | 1 << 20 }

  public mutating func skipInstruction(length: Int) {
    let current = instructionPointer
    var next = current &+ UInt64(truncatingIfNeeded: length)
    // Outside 64-bit code RIP wraps at 32 bits.
    if (next ^ current) >> 32 != 0 && !(efer & EFER.longModeActive != 0 && self[.cs].isLong) {
      next &= 0xFFFF_FFFF
    }
    instructionPointer = next
    self[VMCBOffset.interruptShadow] = self[VMCBOffset.interruptShadow] & ~1
    // The trap that TF asks for after this instruction.
    let trapsOnBranches = debugControl & 1 << 1 != 0
    if flags & RFLAGS.trap != 0 && !trapsOnBranches && !isSingleStepping && !hasQueuedEvent {
      self[VMCBOffset.dr6] = self[VMCBOffset.dr6] | 1 << 14
      inject(.exception(ExceptionVector.debug, errorCode: nil))
    }
  }

  public var isDeliveringEvent: Bool { hasQueuedEvent }

  var hasQueuedEvent: Bool { SVMEvent(rawValue: self[VMCBOffset.eventInjection]).isValid }

  public var canTakeInterrupt: Bool {
    @inline(__always) get {
      flags & RFLAGS.interrupt != 0 && self[VMCBOffset.interruptShadow] & 1 == 0 && !hasQueuedEvent
    }
  }

  public var canTakeNMI: Bool {
    let isBlocked = isNMIBlocked && (pendingIRET == nil || pendingIRET == instructionPointer)
    return !isBlocked && self[VMCBOffset.interruptShadow] & 1 == 0 && !hasQueuedEvent
  }

  public mutating func inject(_ event: VCPUEvent) {
    switch event {
    case .interrupt(let vector): queue(SVMEvent(.externalInterrupt, vector: vector))
    case .nmi:
      queue(SVMEvent(.nmi, vector: ExceptionVector.nmi))
      isNMIBlocked = true
      pendingIRET = nil
      setIntercept(.iret, true)
    case .exception(let vector, let errorCode):
      let isReal = cr0 & CR0.protectionEnable == 0
      queue(SVMEvent(.exception, vector: vector, errorCode: isReal ? nil : errorCode))
    }
  }

  public mutating func takeQueuedEvent() -> VCPUEvent? {
    let event = SVMEvent(rawValue: self[VMCBOffset.eventInjection])
    guard event.isValid, let kind = event.kind else { return nil }
    self[VMCBOffset.eventInjection] = 0
    switch kind {
    case .externalInterrupt: return .interrupt(event.vector)
    case .nmi:
      isNMIBlocked = false
      setIntercept(.iret, false)
      return .nmi
    case .exception: return .exception(event.vector, errorCode: event.errorCode)
    case .softwareInterrupt: return nil
    }
  }

  private func queue(_ event: SVMEvent) { self[VMCBOffset.eventInjection] = event.rawValue }

  /// An event whose delivery the exit interrupted is delivered at the next entry (APM Vol. 2, 15.7.2).
  func requeueInterruptedEvent() {
    if let event = SVMEvent(rawValue: self[VMCBOffset.exitInterruption]).repeated { queue(event) }
  }

  public mutating func requestInterruptWindow(_ isRequested: Bool) {
    setIntercept(.virtualInterrupt, isRequested)
    self[VMCBOffset.virtualInterrupt] = Self.interruptMasking | (isRequested ? Self.virtualInterrupt : 0)
  }

  /// The IRET that ends an NMI's handler makes an exit; after the next one, whatever its reason, the run loop finds
  /// that an NMI can be taken.
  public mutating func requestNMIWindow(_ isRequested: Bool) {
    if isRequested && isNMIBlocked && pendingIRET == nil { setIntercept(.iret, true) }
  }

  func setIntercept(_ intercept: Intercepts1, _ isOn: Bool) {
    var intercepts = Intercepts1(rawValue: readMMIO32(vmcb + VMCBOffset.intercept1))
    if isOn { intercepts.insert(intercept) } else { intercepts.remove(intercept) }
    writeMMIO32(vmcb + VMCBOffset.intercept1, intercepts.rawValue)
  }

  /// AMD-V has no monitor trap flag: TF, and #DB, which exits anyway.
  func applySingleStepping() {
    let flags = self[VMCBOffset.rflags]
    self[VMCBOffset.rflags] = isSingleStepping ? flags | RFLAGS.trap : flags & ~RFLAGS.trap
  }
}
