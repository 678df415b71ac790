import CPU
import EPT
import Memory

// The PC's local APICs: to start cores, to kick them, and to wake one at a given time.
//
// x2APIC mode where the CPU has it (its registers are MSRs, an IPI is one write), else xAPIC at its address in
// IA32_APIC_BASE (SDM Vol. 3A, chapter 11). The timer is used in TSC-deadline mode where there is one, else as
// a one-shot whose rate is measured against the TSC.

/// The local APIC of the calling core. The value is the same for all cores: which mode they are in and how the
/// timer counts.
struct HostAPIC {
  private var isX2APIC = false
  private var base: UInt64 = 0
  private var hasTSCDeadline = false
  /// Timer counts and TSC ticks of the same span, for the one-shot timer.
  private var timerRate: (counts: UInt64, ticks: UInt64) = (1, 1)

  private enum Register {
    static let id: UInt32 = 0x2
    static let version: UInt32 = 0x3
    static let taskPriority: UInt32 = 0x8
    static let endOfInterrupt: UInt32 = 0xB
    static let spurious: UInt32 = 0xF
    static let commandLow: UInt32 = 0x30
    static let commandHigh: UInt32 = 0x31
    static let timer: UInt32 = 0x32
    static let thermal: UInt32 = 0x33
    static let performance: UInt32 = 0x34
    static let lint0: UInt32 = 0x35
    static let lint1: UInt32 = 0x36
    static let error: UInt32 = 0x37
    static let initialCount: UInt32 = 0x38
    static let currentCount: UInt32 = 0x39
    static let divide: UInt32 = 0x3E
  }

  private enum MSR {
    static let base: UInt32 = 0x1B
    static let deadline: UInt32 = 0x6E0
    static let x2APIC: UInt32 = 0x800
  }

  /// Chooses the mode and turns the boot core's APIC on.
  mutating func start() throws(PageTableError) {
    isX2APIC = cpuid(1, 0).ecx & 1 << 21 != 0
    hasTSCDeadline = cpuid(1, 0).ecx & 1 << 24 != 0
    base = readMSR(MSR.base) & 0x000F_FFFF_FFFF_F000
    if !isX2APIC { try KernelPageTables.mapDevice(HostPhysicalAddress(base), count: pageSize) }
    enable()
    if !hasTSCDeadline { calibrateTimer() }
  }

  /// Turns the calling core's APIC on.
  func enable() {
    // Each step is legal by itself: disabled → xAPIC → x2APIC (SDM Vol. 3A, 11.12.5).
    writeMSR(MSR.base, readMSR(MSR.base) | 1 << 11)
    if isX2APIC { writeMSR(MSR.base, readMSR(MSR.base) | 1 << 10) }
    write(Register.spurious, 0x100 | UInt32(InterruptVector.spurious))
    write(Register.taskPriority, 0)
    // Whatever firmware has left in the local vector table would come as an interrupt that nobody knows.
    for entry in [Register.lint0, Register.lint1, Register.error] { write(entry, 1 << 16) }
    let highestEntry = read(Register.version) >> 16 & 0xFF
    if highestEntry >= 4 { write(Register.performance, 1 << 16) }
    if highestEntry >= 5 { write(Register.thermal, 1 << 16) }
    write(Register.divide, 0b1011)
    write(Register.timer, UInt32(InterruptVector.timer) | (hasTSCDeadline ? 0b10 << 17 : 0))
  }

  var id: UInt32 { isX2APIC ? read(Register.id) : read(Register.id) >> 24 }
  var modeName: StaticString { isX2APIC ? "x2APIC" : "xAPIC" }

  func endOfInterrupt() { write(Register.endOfInterrupt, 0) }

  /// Ends another core's wait or guest run.
  func kick(_ apicID: UInt32) { sendIPI(UInt32(InterruptVector.kick), to: apicID) }

  func sendINIT(to apicID: UInt32) { sendIPI(0x4500, to: apicID) }
  func sendStartUp(page: UInt8, to apicID: UInt32) { sendIPI(0x4600 | UInt32(page), to: apicID) }

  /// NMI to all but the calling core: they stop where they are.
  func stopOtherCores() {
    guard base != 0 || isX2APIC else { return }
    sendIPI(0xC4400, to: 0)
  }

  /// An interrupt on this core when the TSC reaches `deadline`, in place of an earlier one.
  func setTimer(deadline: UInt64) {
    if hasTSCDeadline {
      writeMSR(MSR.deadline, deadline)
    } else {
      let now = readTSC()
      let ticks = deadline > now ? deadline &- now : 0
      let counts = Clock.scale(ticks, by: timerRate.counts, over: timerRate.ticks)
      write(Register.initialCount, UInt32(clamping: max(counts, 1)))
    }
  }

  func stopTimer() {
    if hasTSCDeadline { writeMSR(MSR.deadline, 0) } else { write(Register.initialCount, 0) }
  }

  private mutating func calibrateTimer() {
    write(Register.timer, UInt32(InterruptVector.timer) | 1 << 16)
    write(Register.initialCount, .max)
    let start = readTSC()
    let span = node.clock.frequency / 100
    while readTSC() &- start < span {}
    let counts = UInt64(UInt32.max - read(Register.currentCount))
    timerRate = (max(counts, 1), readTSC() &- start)
    write(Register.initialCount, 0)
    write(Register.timer, UInt32(InterruptVector.timer))
  }

  private func sendIPI(_ command: UInt32, to apicID: UInt32) {
    if isX2APIC {
      // An x2APIC write does not order earlier stores by itself (SDM Vol. 3A, 11.12.3).
      memoryFence()
      writeMSR(MSR.x2APIC + Register.commandLow, UInt64(apicID) << 32 | UInt64(command))
    } else {
      while read(Register.commandLow) & 1 << 12 != 0 { pause() }
      write(Register.commandHigh, apicID << 24)
      write(Register.commandLow, command)
    }
  }

  private func read(_ register: UInt32) -> UInt32 {
    isX2APIC
      ? UInt32(truncatingIfNeeded: readMSR(MSR.x2APIC + register)) : readMMIO32(base + UInt64(register) << 4)
  }

  private func write(_ register: UInt32, _ value: UInt32) {
    if isX2APIC {
      writeMSR(MSR.x2APIC + register, UInt64(value))
    } else {
      writeMMIO32(base + UInt64(register) << 4, value)
    }
  }
}
