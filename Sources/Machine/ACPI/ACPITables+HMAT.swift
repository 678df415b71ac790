extension ACPITables {
  /// What a matrix of the HMAT tells; reads and writes are alike (ACPI 6.5, table 5.146).
  private enum LocalityData: UInt8 {
    case accessLatency = 0
    case accessBandwidth = 3
  }

  /// The HMAT (ACPI 6.5, 5.2.28) from `access`, the machine's matrix: domains with processors are initiators,
  /// domains with memory are targets.
  static func hmat(_ machine: MachineDescription, _ access: [MachineDescription.MemoryAccess]) -> [UInt8] {
    let domains = 0..<UInt32(machine.domainCount)
    let initiators = domains.filter { domain in
      machine.vCPUs.contains { $0.proximityDomain == domain }
    }
    let targets = domains.filter { domain in
      machine.memory.contains { $0.proximityDomain == domain }
    }
    let pairs = initiators.flatMap { initiator in
      targets.map { access[Int(initiator) * machine.domainCount + Int($0)] }
    }

    var table = SystemDescriptionTable("HMAT", revision: 2)
    table.appendZeros(4)
    for target in targets {
      let isAttached = initiators.contains(target)
      table.append(UInt32(0))  // memory proximity domain attributes, reserved
      table.append(UInt32(40))
      table.append(UInt32(isAttached ? 1 : 0))  // whether the next field is valid, reserved
      table.append(isAttached ? target : 0)  // initiator that the memory is attached to
      table.append(target)
      table.appendZeros(20)
    }
    // The base unit of latency is a picosecond, of bandwidth a megabyte per second.
    for (data, values, unit) in [
      (LocalityData.accessLatency, pairs.map { $0.latency }, UInt64(1000)),
      (LocalityData.accessBandwidth, pairs.map { $0.bandwidth }, UInt64(1)),
    ] {
      let (scale, entries) = scaled(values)
      table.append(UInt32(1))  // system locality latency and bandwidth information, reserved
      table.append(UInt32(32 + 4 * (initiators.count + targets.count) + 2 * entries.count))
      table.append([0, data.rawValue, 0, 0])  // flags: memory itself; minimum transfer size, reserved
      table.append(UInt32(initiators.count))
      table.append(UInt32(targets.count))
      table.appendZeros(4)
      table.append(UInt64(scale) * unit)
      for domain in initiators + targets { table.append(domain) }
      for entry in entries { table.append(entry) }
    }
    return table.finished()
  }

  /// `values` as 16-bit multiples, rounded up, of the smallest scale that suits all of them: 0 stays 0
  /// (unknown) and 0xFFFF does not appear, because it means unreachable.
  private static func scaled(_ values: [UInt32]) -> (scale: UInt32, entries: [UInt16]) {
    let scale = max((values.max() ?? 0).dividedRoundingUp(by: 0xFFFE), 1)
    return (scale, values.map { UInt16(truncatingIfNeeded: $0.dividedRoundingUp(by: scale)) })
  }
}

extension UInt32 {
  fileprivate func dividedRoundingUp(by divisor: UInt32) -> UInt32 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder == 0 ? quotient : quotient + 1
  }
}
