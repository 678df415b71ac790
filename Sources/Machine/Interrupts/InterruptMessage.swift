/// What travels from a local APIC's interrupt command register, or from an I/O APIC's input, to local APICs.
///
/// Formats are gone here: the sender has turned its own broadcast encoding (0xFF in xAPIC mode and in the
/// I/O APIC, 0xFFFF_FFFF in x2APIC mode) into `.all`, so that an id of 255 can be addressed by an x2APIC.
public struct InterruptMessage: Equatable, Sendable {
  public enum Destination: Equatable, Sendable {
    /// The local APIC with this id.
    case physical(UInt32)
    /// The local APICs whose logical destination matches this message destination address.
    case logical(UInt32)
    /// Every local APIC, the sender's own included.
    case all
    /// Every local APIC but the sender's.
    case others
  }

  /// SDM Vol. 3A, 11.6.1, "Interrupt Command Register (ICR)". 3 is reserved; 7
  /// (ExtINT) takes its vector from an 8259, which the guest's machine lacks.
  public enum DeliveryMode: UInt8, Sendable {
    case fixed = 0
    case lowestPriority = 1
    case smi = 2
    case nmi = 4
    case initialize = 5
    case startUp = 6
  }

  public enum TriggerMode: Sendable {
    case edge
    case level
  }

  public var destination: Destination
  public var deliveryMode: DeliveryMode
  /// For `startUp`: the page number of the address where the processor starts.
  public var vector: UInt8
  public var trigger: TriggerMode

  public init(
    to destination: Destination, _ deliveryMode: DeliveryMode = .fixed, vector: UInt8,
    trigger: TriggerMode = .edge
  ) {
    self.destination = destination
    self.deliveryMode = deliveryMode
    self.vector = vector
    self.trigger = trigger
  }
}
