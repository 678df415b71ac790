/// What a sender must know about a local APIC, apart from its id, to tell whether a message is for it.
public struct APICAddressing: Equatable, Sendable {
  /// How the local APIC reads a logical destination (SDM Vol. 3A, 11.6.2.2, "Logical Destination Mode", and
  /// 11.12.10.2, "Logical Destination Mode in x2APIC Mode").
  public enum Model: UInt8, Sendable {
    /// The local APIC is off: it hears nothing.
    case disabled
    /// xAPIC: eight processors, one bit each.
    case flat
    /// xAPIC: 15 clusters of four.
    case cluster
    /// x2APIC: clusters of 16, numbered after the id.
    case x2APIC
  }

  public var model: Model
  /// The logical APIC id of an xAPIC; an x2APIC's follows from its id.
  public var logicalID: UInt8
  /// Whether the local APIC is enabled by software: otherwise it takes INIT, NMI, SMI and start-up only.
  public var acceptsVectors: Bool

  public init(model: Model, logicalID: UInt8 = 0, acceptsVectors: Bool) {
    self.model = model
    self.logicalID = logicalID
    self.acceptsVectors = acceptsVectors
  }
}
