import Assembly
import CPU
import Synchronization

/// Vectors of our own interrupts: all they have to do is to end a wait or a guest's run.
enum InterruptVector {
  static let timer: UInt8 = 0x40
  /// Another core has work for this one.
  static let kick: UInt8 = 0x41
  /// The Ethernet controller has work for us.
  static let nic: UInt8 = 0x42
  static let spurious: UInt8 = 0xFF
}

/// Every interrupt and exception ends up here (Boot/interrupts.asm).
@c(handleInterrupt)
public func handleInterrupt(_ frame: UnsafeMutablePointer<interrupt_frame>) {
  switch unsafe UInt8(truncatingIfNeeded: frame.pointee.vector) {
  case InterruptVector.timer:
    unsafe Core.current.pointee.armedDeadline = .max
    node.apic.endOfInterrupt()
  case InterruptVector.kick: node.apic.endOfInterrupt()
  case InterruptVector.nic:
    DoorbellInterrupt.acknowledge()
    node.apic.endOfInterrupt()
  case InterruptVector.spurious: break
  case 2:
    if node.hasPanicked.load(ordering: .acquiring) { stopForGood() }
    // No lock may be taken here, so no line be logged: the final report has the count.
    unsafe Core.current.pointee.strayNMICount += 1
  case let vector where vector < 32: unsafe panic(exception: frame)
  default:
    unsafe Core.current.pointee.strayInterruptCount += 1
    node.apic.endOfInterrupt()
  }
}
