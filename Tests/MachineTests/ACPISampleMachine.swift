import Machine

/// Machines to make tables for.
enum ACPISampleMachine: CaseIterable {
  /// One vCPU and 512 MiB on one node.
  case single
  /// Four vCPUs on two nodes; the device hole divides the second one's memory.
  case straddling
  /// 300 vCPUs on 64 nodes, dealt out in turn.
  case large
  /// As many vCPUs and nodes as there may be.
  case largest

  var description: MachineDescription {
    switch self {
    case .single:
      MachineDescription(
        vCPUs: [.init(apicID: 0, proximityDomain: 0)],
        memory: [.init(0..<512 << 20, proximityDomain: 0)],
        domainCount: 1, distances: [10])
    case .straddling:
      MachineDescription(
        vCPUs: (0..<4).map { .init(apicID: $0, proximityDomain: $0 / 2) },
        memory: [
          .init(0..<0xA_0000, proximityDomain: 0),
          .init(0xE_0000..<0x8000_0000, proximityDomain: 0),
          .init(0x8000_0000..<0xC000_0000, proximityDomain: 1),
          .init(0x1_0000_0000..<0x1_4000_0000, proximityDomain: 1),
        ],
        domainCount: 2, distances: [10, 40, 50, 10],
        memoryAccess: [
          .init(latency: 90, bandwidth: 20_000), .init(latency: 150_000, bandwidth: 110),
          .init(latency: 160_000, bandwidth: 100), .init(latency: 95, bandwidth: 0),
        ])
    case .large: uniform(vCPUCount: 300, domainCount: 64)
    case .largest: uniform(vCPUCount: 1024, domainCount: 64)
    }
  }

  private func uniform(vCPUCount: UInt32, domainCount: UInt32) -> MachineDescription {
    let pairs = (0..<domainCount).flatMap { from in (0..<domainCount).map { (from, $0) } }
    return MachineDescription(
      vCPUs: (0..<vCPUCount).map { .init(apicID: $0, proximityDomain: $0 % domainCount) },
      memory: (0..<domainCount).map {
        let base = UInt64($0) << 32
        return .init(base..<base + 1 << 32, proximityDomain: $0)
      },
      domainCount: Int(domainCount),
      distances: pairs.map { $0 == $1 ? 10 : 100 },
      memoryAccess: pairs.map {
        $0 == $1
          ? .init(latency: 80, bandwidth: 90_000) : .init(latency: 70_000 + 100 * $0 + $1, bandwidth: 118)
      })
  }
}
