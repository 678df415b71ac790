import Memory

/// A guest processor's local APIC (SDM Vol. 3A, chapter 11, "Advanced Programmable Interrupt Controller").
///
/// One state, two ways in: xAPIC registers at `GuestMemoryMap.localAPIC` and x2APIC registers as MSRs; the
/// mode in IA32_APIC_BASE says which of them answers. The value lives with its vCPU. It never sends by
/// itself: a write returns a `LocalAPICEffect`. Its only sources of its own are the timer and the error
/// interrupt; LINT0, LINT1, the thermal and the performance entry exist as registers with nothing behind.
///
/// Before every entry the run loop calls `expireTimer` when `timerDeadline` has passed, then injects
/// `highestPending` and confirms that with `acknowledge`.
///
/// Time is `now`: ticks of the time-stamp counter that all vCPUs share, before this processor's own
/// IA32_TSC_ADJUST. That register is kept here, since the TSC-deadline timer counts in the adjusted TSC.
public struct LocalAPIC: Sendable {
  public enum Mode: Sendable {
    case disabled
    case xAPIC
    case x2APIC
  }

  /// Rows of the local vector table in register order (SDM Vol. 3A, 11.5.1, "Local Vector Table"). There is
  /// no CMCI entry: the guest has no machine-check banks.
  enum LocalInterrupt: Int {
    case timer, thermal, performance, lint0, lint1, error
  }

  /// Bits of a local vector table entry.
  enum LocalVector {
    static let delivered: UInt32 = 1 << 12
    static let remoteIRR: UInt32 = 1 << 14
    static let masked: UInt32 = 1 << 16
  }

  /// Version 0x14, six local vector table entries (SDM Vol. 3A, 11.4.8, "Local APIC Version Register").
  static let version: UInt32 = 0x0005_0014
  static let softwareEnable: UInt32 = 1 << 8

  /// The x2APIC id; an xAPIC's id register shows its low eight bits.
  public let id: UInt32
  let isBootstrapProcessor: Bool
  let timerRatio: UInt16

  public internal(set) var mode: Mode

  /// IA32_TSC_ADJUST: what the guest has added to this processor's TSC, modulo 2⁶⁴.
  public internal(set) var tscAdjust: UInt64 = 0

  var requested = VectorSet()
  var inService = VectorSet()
  var levelTriggered = VectorSet()
  var taskPriority: UInt8 = 0
  var logicalID: UInt8 = 0
  var destinationFormat: UInt32 = .max
  var spuriousInterruptVector: UInt32 = 0xFF
  var interruptCommand: UInt64 = 0
  var localVectors = InlineArray<6, UInt32>(repeating: LocalVector.masked)

  /// What a read of the error status register shows, and what its next write will move there.
  var errorStatus = ErrorStatus()
  var pendingErrors = ErrorStatus()

  var initialCount: UInt32 = 0
  var divideConfiguration: UInt32 = 0
  var tscDeadline: UInt64 = 0
  /// When the timer fires next, in all of its modes; nil where it is stopped.
  var timerExpiry: UInt64?

  /// The local APIC after power-up (SDM Vol. 3A, 11.4.7.1, "Local APIC State After Power-Up or Reset").
  ///
  /// - Parameters:
  ///   - timerRatio: TSC ticks per tick of the timer's input clock (0 counts as 1).
  ///   - mode: x2APIC where firmware would have switched to it: ids above 254 need that.
  public init(id: UInt32, isBootstrapProcessor: Bool, timerRatio: UInt16, mode: Mode = .xAPIC) {
    self.id = id
    self.isBootstrapProcessor = isBootstrapProcessor
    self.timerRatio = max(timerRatio, 1)
    self.mode = mode
  }

  /// The state that INIT leaves: that of power-up, but for the id, the mode and IA32_TSC_ADJUST (SDM Vol. 3A,
  /// 11.4.7.3, "Local APIC State After an INIT Reset", and 11.12.5.1, "x2APIC States"). `addressing` changes.
  public mutating func receiveINIT() {
    let adjust = tscAdjust
    self = LocalAPIC(
      id: id, isBootstrapProcessor: isBootstrapProcessor, timerRatio: timerRatio, mode: mode)
    tscAdjust = adjust
  }

  public var addressing: APICAddressing {
    let model: APICAddressing.Model =
      switch mode {
      case .disabled: .disabled
      case .xAPIC: destinationFormat >> 28 == 0xF ? .flat : .cluster
      case .x2APIC: .x2APIC
      }
    return APICAddressing(
      model: model, logicalID: mode == .xAPIC ? logicalID : 0, acceptsVectors: acceptsVectors)
  }

  @inline(__always)
  var acceptsVectors: Bool { mode != .disabled && spuriousInterruptVector & Self.softwareEnable != 0 }
}
