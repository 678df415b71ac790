import CPU
import Coherence
import EPT
import Machine
import Memory
import VCPU

/// What a vCPU of the guest is doing.
enum GuestActivity {
  case running
  /// HLT: waits for an interrupt.
  case halted
  /// Since RESET or INIT: waits for a start-up IPI.
  case waitingForStartUp
  /// Never runs again: its state could not be entered.
  case stopped
}

/// One vCPU of the guest with what belongs to it alone. Its core is the only one that touches it.
@safe
struct GuestProcessor<Host: Backend>: ~Copyable {
  /// Its number in the whole guest.
  let index: Int
  /// Its number among this node's vCPUs.
  let slot: Int
  var hardware: Host.Processor
  var apic: LocalAPIC
  var registers: ModelSpecificRegisters
  /// What the processor walks instead of the guest's page tables, where it has no second level.
  let shadow: UnsafeMutablePointer<VirtualTLB<ShadowFrames>>?
  /// CR4 bits that the guest's CPUID offers.
  let offeredCR4: UInt64
  var activity: GuestActivity
  var hasPendingNMI = false
  /// IF at the time of the HLT that it is in.
  var wakesOnInterrupt = true
  /// A start-up IPI has come; the state that it asks for is set at the next entry.
  var startUpVector: UInt8?
  /// INIT has come to the bootstrap processor; it is reset at the next entry.
  var isRestarting = false
  /// Instructions still to be logged (`debug.step`).
  var stepsLeft = 0
  /// Pages that stay on this node until the guest has come past the instruction at `pinnedAt`, or the TSC to `pinDeadline`.
  var pins = PinnedPages()
  var pinnedAt: UInt64 = 0
  var pinDeadline: UInt64 = 0
  /// TSC ticks for which the guest has run since the last page was pinned, and since it last lacked one.
  var pinnedRunTime: UInt64 = 0
  /// Whether the node's engine may have something to do or to send since this vCPU's core last called it.
  var mustServe = false
  /// The TSC at the last exit.
  var lastExit: UInt64 = 0
  /// What of the machine's time the guest's TSC has been set by.
  var timeBase: UInt64
  var counters = ExitCounters()
  /// Log lines spent on refused MSR accesses.
  var refusedMSRLines = 0

  init(
    index: Int, slot: Int, timeBase: UInt64, hardware: consuming Host.Processor, apic: LocalAPIC,
    registers: ModelSpecificRegisters,
    shadow: UnsafeMutablePointer<VirtualTLB<ShadowFrames>>?, offeredCR4: UInt64
  ) {
    self.index = index
    self.slot = slot
    self.timeBase = timeBase
    self.hardware = hardware
    self.apic = apic
    self.registers = registers
    unsafe self.shadow = shadow
    self.offeredCR4 = offeredCR4
    activity = index == 0 ? .running : .waitingForStartUp
  }
}

/// Exits of one vCPU by what was asked for, and where its core's time went.
struct ExitCounters {
  var cpuid: UInt64 = 0
  var readMSR: UInt64 = 0
  var writeMSR: UInt64 = 0
  var port: UInt64 = 0
  var firstTouch: UInt64 = 0
  var mmio: UInt64 = 0
  var hole: UInt64 = 0
  var halt: UInt64 = 0
  var hostInterrupt: UInt64 = 0
  var timeOver: UInt64 = 0
  var window: UInt64 = 0
  var controlRegister: UInt64 = 0
  var invalidatedPage: UInt64 = 0
  /// Page faults that the virtual TLB has settled.
  var shadowFill: UInt64 = 0
  /// Page faults that went on to the guest.
  var guestPageFault: UInt64 = 0
  var other: UInt64 = 0
  /// Interrupts that it has sent to vCPUs of other nodes.
  var remoteIPIs: UInt64 = 0
  /// TSC ticks between entry and exit.
  var guestTicks: UInt64 = 0
  /// TSC ticks without anything to run.
  var idleTicks: UInt64 = 0
}
