/// The processors, the memory and the topology that the guest's firmware tables report.
///
/// A proximity domain is one node of the cluster: its number is below `domainCount`. A matrix holds
/// `domainCount` rows of `domainCount` elements; the row is the domain that accesses (the initiator), the
/// column the one whose memory is accessed (the target).
public struct MachineDescription: Sendable {
  public struct VCPU: Equatable, Sendable {
    public var apicID: UInt32
    public var proximityDomain: UInt32

    public init(apicID: UInt32, proximityDomain: UInt32) {
      self.apicID = apicID
      self.proximityDomain = proximityDomain
    }
  }

  /// Guest-physical memory of one domain; a domain that holes divide has several.
  public struct MemoryRange: Equatable, Sendable {
    public var range: Range<UInt64>
    public var proximityDomain: UInt32

    public init(_ range: Range<UInt64>, proximityDomain: UInt32) {
      self.range = range
      self.proximityDomain = proximityDomain
    }
  }

  /// How fast an initiator reads and writes a target's memory; 0 where a figure is unknown.
  public struct MemoryAccess: Equatable, Sendable {
    /// In nanoseconds. Linux 6.1 keeps it in 32 bits of picoseconds: from 4.29 ms on it reads as unknown.
    public var latency: UInt32
    /// In MiB per second.
    public var bandwidth: UInt32

    public init(latency: UInt32, bandwidth: UInt32) {
      self.latency = latency
      self.bandwidth = bandwidth
    }
  }

  /// The bootstrap processor comes first.
  public var vCPUs: [VCPU]
  public var memory: [MemoryRange]
  public var domainCount: Int

  /// Matrix of relative distances: 10 to the domain itself, more to any other, 255 where there is no way
  /// (ACPI 6.5, 5.2.17).
  public var distances: [UInt8]

  /// Matrix of the absolute figures, or nil where none were measured.
  public var memoryAccess: [MemoryAccess]?

  public init(
    vCPUs: [VCPU], memory: [MemoryRange], domainCount: Int, distances: [UInt8],
    memoryAccess: [MemoryAccess]? = nil
  ) {
    self.vCPUs = vCPUs
    self.memory = memory
    self.domainCount = domainCount
    self.distances = distances
    self.memoryAccess = memoryAccess
  }
}
