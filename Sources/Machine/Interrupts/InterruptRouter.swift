/// Which vCPUs an interrupt message is for (SDM Vol. 3A, 11.6.2, "Determining IPI Destination", and 11.12.10,
/// "Determining IPI Destination in x2APIC Mode").
///
/// A table of up to 64 · `words` vCPUs, each with its APIC id and what its local APIC last said of itself.
/// A message resolves to exactly those that would take it, so that nothing is sent to anyone else. Ids rise
/// with the index: a physical destination, and each bit of an x2APIC's logical one, is a binary search. Only
/// the logical destinations of xAPICs are found by asking all of them.
///
/// Every place that sends has its own copy; each must hear of every `LocalAPICEffect.addressingChanged`.
public struct InterruptRouter<let words: Int>: Sendable {
  /// How many vCPUs the table has.
  public private(set) var count = 0

  private var ids = InlineArray<words, InlineArray<64, UInt32>>(repeating: .init(repeating: 0))
  private var addressings = InlineArray<words, InlineArray<64, APICAddressing>>(
    repeating: .init(repeating: APICAddressing(model: .disabled, acceptsVectors: false)))

  private var enabled = VCPUSet<words>()
  private var acceptingVectors = VCPUSet<words>()
  private var xAPICs = VCPUSet<words>()

  /// Where the next lowest-priority arbitration begins.
  private var arbitrationStart = 0

  public init() {}

  /// Adds the vCPU whose index is `count`; false where the table is full or `apicID` not above the last one.
  public mutating func append(apicID: UInt32, _ addressing: APICAddressing) -> Bool {
    guard count < VCPUSet<words>.capacity, count == 0 || id(count - 1) < apicID else { return false }
    ids[count >> 6][count & 63] = apicID
    count += 1
    update(count - 1, addressing)
    return true
  }

  /// Replaces what is known of vCPU `index`; ignored where there is none.
  public mutating func update(_ index: Int, _ addressing: APICAddressing) {
    guard index >= 0, index < count else { return }
    addressings[index >> 6][index & 63] = addressing
    enabled.set(index, to: addressing.model != .disabled)
    acceptingVectors.set(index, to: addressing.model != .disabled && addressing.acceptsVectors)
    xAPICs.set(index, to: addressing.model == .flat || addressing.model == .cluster)
  }

  /// The index of the vCPU with this APIC id.
  public func index(ofAPICID apicID: UInt32) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if id(middle) < apicID { low = middle + 1 } else { high = middle }
    }
    return low < count && id(low) == apicID ? low : nil
  }

  /// The vCPUs that take `message`; `source` is the index of the vCPU that sends it, nil for a device.
  ///
  /// Of the vCPUs that a lowest-priority message is for, one is chosen: the first at or after the one that
  /// follows the last choice, whatever the priorities are (the arbitration is the model's own, and current
  /// processors do not look at priorities either; SDM Vol. 3A, 11.6.2.4, "Lowest Priority Delivery Mode").
  public mutating func resolve(_ message: InterruptMessage, from source: Int?) -> VCPUSet<words> {
    let isLowestPriority = message.deliveryMode == .lowestPriority
    let listeners = message.deliveryMode == .fixed || isLowestPriority ? acceptingVectors : enabled
    var targets: VCPUSet<words>
    switch message.destination {
    case .all:
      targets = listeners
    case .others:
      targets = listeners
      if let source { targets.set(source, to: false) }
    case .physical(let apicID):
      targets = VCPUSet()
      if let index = index(ofAPICID: apicID), listeners.contains(index) { targets.set(index, to: true) }
    case .logical(let address):
      targets = matches(address, among: listeners)
    }
    return isLowestPriority ? arbitrate(targets) : targets
  }

  @inline(__always)
  private func id(_ index: Int) -> UInt32 { ids[index >> 6][index & 63] }

  private func matches(_ address: UInt32, among listeners: VCPUSet<words>) -> VCPUSet<words> {
    var targets = VCPUSet<words>()
    // x2APIC: the cluster in the upper half, one bit for each of its 16 members in the lower.
    var members = address & 0xFFFF
    while members != 0 {
      let apicID = (address >> 16) << 4 | UInt32(members.trailingZeroBitCount)
      members &= members - 1
      if let index = index(ofAPICID: apicID), listeners.contains(index),
        addressings[index >> 6][index & 63].model == .x2APIC
      {
        targets.set(index, to: true)
      }
    }
    guard let address = UInt8(exactly: address) else { return targets }
    for index in xAPICs where listeners.contains(index) {
      let addressing = addressings[index >> 6][index & 63]
      let common = address & addressing.logicalID
      let isMatch =
        addressing.model == .flat
        ? common != 0 : address >> 4 == addressing.logicalID >> 4 && common & 0xF != 0
      if isMatch { targets.set(index, to: true) }
    }
    return targets
  }

  private mutating func arbitrate(_ candidates: VCPUSet<words>) -> VCPUSet<words> {
    var winner = VCPUSet<words>()
    guard let index = candidates.first(from: arbitrationStart) ?? candidates.first else { return winner }
    arbitrationStart = index + 1
    winner.set(index, to: true)
    return winner
  }
}
