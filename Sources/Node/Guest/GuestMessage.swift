/// What nodes say to each other about the guest's machine, its memory apart. Links deliver it once, and in order from
/// each node to each other.
///
/// vCPUs are counted over the whole guest. Whether there is such a vCPU, and on which node, is for the receiver to check.
public enum GuestMessage: Hashable, Sendable {
  /// The loading node to all others: how the guest is laid out. `ramSize` is in bytes, whole pages; `frequency` that of
  /// the guest's TSC in Hz, not 0; `startTime` the cluster's time, in nanoseconds, at which the guest's TSC was 0.
  case plan(ramSize: UInt64, frequency: UInt64, startTime: UInt64)

  /// How far the sender is from a node's memory, in nanoseconds: a round trip of the link, or a load from its own. It goes
  /// to the loading node, before `ready`.
  case distance(node: UInt16, nanoseconds: UInt32)

  /// The answer to the plan: this node's memory has started.
  case ready

  /// An interrupt for one vCPU, its destination resolved. `mode` is the delivery mode as the interrupt command register
  /// has it (SDM Vol. 3A, 11.6.1), where it is neither reserved nor ExtINT.
  case interrupt(vcpu: UInt16, mode: UInt8, vector: UInt8, isLevel: Bool)

  /// A local APIC has ended a level-triggered interrupt: for the node with the I/O APIC.
  case endOfInterrupt(vector: UInt8)

  /// What the vCPU's local APIC answers to from now on. `model` is the raw value of an addressing model, 0 to 3.
  case addressing(vcpu: UInt16, model: UInt8, logicalID: UInt32, acceptsVectors: Bool)

  /// The answer to `addressing`.
  case addressingKnown(vcpu: UInt16)

  /// A vCPU's access to a device of another node's.
  case device(vcpu: UInt16, DeviceAccess)

  /// The answer to it, with what was read; 0 for writes.
  case deviceReply(vcpu: UInt16, value: UInt32)

  /// The virtual machine has ended: the reason's raw value, not 0.
  case end(reason: UInt8)
}
