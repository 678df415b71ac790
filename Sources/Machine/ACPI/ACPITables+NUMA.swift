extension ACPITables {
  /// The SRAT (ACPI 6.5, 5.2.16).
  static func srat(_ machine: MachineDescription) -> [UInt8] {
    var table = SystemDescriptionTable("SRAT", revision: 3)
    table.append(UInt32(1))  // reserved, and 1
    table.appendZeros(8)
    for vCPU in machine.vCPUs {
      if vCPU.apicID < firstX2APICID {
        table.append([0, 16, UInt8(truncatingIfNeeded: vCPU.proximityDomain), UInt8(vCPU.apicID)])
        table.append(UInt32(1))  // enabled
        table.appendZeros(8)  // SAPIC EID, bits 31:8 of the domain, clock domain
      } else {
        table.append([2, 24, 0, 0])
        table.append(vCPU.proximityDomain)
        table.append(vCPU.apicID)
        table.append(UInt32(1))  // enabled
        table.appendZeros(8)  // clock domain, reserved
      }
    }
    for memory in machine.memory {
      table.append([1, 40])
      table.append(memory.proximityDomain)
      table.appendZeros(2)
      table.append(memory.range.lowerBound)
      table.append(memory.range.upperBound - memory.range.lowerBound)
      table.appendZeros(4)
      table.append(UInt32(1))  // enabled; neither hot-pluggable nor non-volatile
      table.appendZeros(8)
    }
    return table.finished()
  }

  /// The SLIT (ACPI 6.5, 5.2.17).
  static func slit(_ machine: MachineDescription) -> [UInt8] {
    var table = SystemDescriptionTable("SLIT", revision: 1)
    table.append(UInt64(machine.domainCount))
    table.append(machine.distances)
    return table.finished()
  }
}
