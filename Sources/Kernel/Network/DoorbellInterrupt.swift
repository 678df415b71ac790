import Ethernet
import CPU
import E1000
import Firmware
import PCI
import Synchronization

/// What the controller's interrupt was for, since it was looked at last.
private let pendingCauses = Atomic<UInt32>(0)
private let interruptCount = Atomic<UInt64>(0)

/// How the interrupt of the controller reaches the boot core.
enum DoorbellInterrupt {
  enum Way {
    case message, line, none

    var name: StaticString {
      switch self {
      case .message: "interrupts by message"
      case .line: "interrupts by line"
      case .none: "polled"
      }
    }
  }

  /// Whether it reaches the core that it was led to.
  private(set) nonisolated(unsafe) static var isConnected = false

  /// The line that was led to the core, where there is one.
  private nonisolated(unsafe) static var line: (interrupt: UInt32, MADT)?
  /// Interrupts in a row that were not the controller's.
  private nonisolated(unsafe) static var idleCount = 0
  private static let idleLimit = 1000

  /// The doorbell that the handler acknowledges.
  private nonisolated(unsafe) static var doorbell: Doorbell<ControllerRegisters>?

  /// Leads the interrupt to the calling core, and sees whether it comes: which pin of which I/O APIC a line ends at is
  /// known for certain only to the interpreter of the firmware's ACPI machine language, which this kernel is not.
  static func connect(
    _ doorbell: Doorbell<ControllerRegisters>, of function: PCIFunction, _ madt: MADT?
  ) -> Way {
    unsafe self.doorbell = doorbell
    let way = findWay(doorbell, of: function, madt)
    unsafe isConnected = way != .none
    return way
  }

  private static func findWay(
    _ doorbell: Doorbell<ControllerRegisters>, of function: PCIFunction, _ madt: MADT?
  ) -> Way {
    let apicID = unsafe Core.current.pointee.apicID
    guard apicID < 255 else { return .none }
    if function.enableMessageInterrupt(
      messageAddress: 0xFEE0_0000 | apicID << 12, data: UInt16(InterruptVector.nic), in: PCIPorts())
    {
      return isHeard(doorbell) ? .message : .none
    }
    guard let line = function.interruptLine(in: PCIPorts()), let madt else { return .none }
    let source = madt.pciInterrupt(line: line)
    guard HostIOAPIC.route(source, to: apicID, vector: InterruptVector.nic, madt) else { return .none }
    unsafe self.line = (source.interrupt, madt)
    if isHeard(doorbell) { return .line }
    HostIOAPIC.mask(source.interrupt, madt)
    return .none
  }

  /// Whether an interrupt arrives within a millisecond of being asked for.
  private static func isHeard(_ doorbell: Doorbell<ControllerRegisters>) -> Bool {
    let before = interruptCount.load(ordering: .relaxed)
    doorbell.set(true)
    doorbell.ring()
    let end = readTSC() &+ node.clock.ticks(microseconds: 1000)
    while interruptCount.load(ordering: .relaxed) == before, readTSC() < end { takePendingInterrupts() }
    doorbell.set(false)
    return interruptCount.load(ordering: .relaxed) != before
  }

  /// The interrupt's handler.
  static func acknowledge() {
    guard let doorbell = unsafe doorbell else { return }
    let causes = doorbell.acknowledge().rawValue
    unsafe idleCount = causes == 0 ? idleCount + 1 : 0
    if unsafe idleCount == idleLimit { giveUpLine() }
    pendingCauses.bitwiseOr(causes, ordering: .relaxed)
    interruptCount.wrappingAdd(1, ordering: .relaxed)
  }

  /// Somebody else's device keeps the line up, and would interrupt for ever: from here on the controller is polled.
  private static func giveUpLine() {
    guard let (interrupt, madt) = unsafe line else { return }
    HostIOAPIC.mask(interrupt, madt)
    unsafe isConnected = false
  }

  /// What the interrupts since the last call were for.
  static func takeCauses() -> InterruptCauses {
    InterruptCauses(rawValue: pendingCauses.exchange(0, ordering: .relaxed))
  }
}
