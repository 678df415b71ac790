import Memory

extension ACPITables {
  /// APIC ids from here on take the x2APIC's structures; those below must take the local APIC's
  /// (ACPI 6.5, 5.2.12.12).
  static let firstX2APICID: UInt32 = 255

  /// The MADT (ACPI 6.5, 5.2.12).
  ///
  /// There is no 8259 (PCAT_COMPAT is clear), and ISA interrupts reach the I/O APIC's inputs of the same
  /// number, so that no override is needed. A processor's UID is its APIC id, which fits the 8-bit field
  /// wherever there is one; the DSDT agrees. LINT1 is wired to NMI on all of them.
  static func madt(_ machine: MachineDescription) -> [UInt8] {
    var table = SystemDescriptionTable("APIC", revision: 6)
    table.append(UInt32(truncatingIfNeeded: GuestMemoryMap.localAPIC.value))
    table.append(UInt32(0))  // flags
    var hasX2APIC = false
    for vCPU in machine.vCPUs {
      if vCPU.apicID < firstX2APICID {
        let id = UInt8(vCPU.apicID)
        table.append([0, 8, id, id])  // local APIC: UID, APIC id
        table.append(UInt32(1))  // enabled
      } else {
        hasX2APIC = true
        table.append([9, 16, 0, 0])  // local x2APIC
        table.append(vCPU.apicID)
        table.append(UInt32(1))  // enabled
        table.append(vCPU.apicID)  // UID
      }
    }
    table.append([1, 12, 0, 0])  // I/O APIC, id 0
    table.append(UInt32(truncatingIfNeeded: GuestMemoryMap.ioAPIC.value))
    table.append(UInt32(0))  // its first global system interrupt
    table.append([4, 6, 0xFF, 0, 0, 1])  // local APIC NMI: all processors, flags, LINT1
    if hasX2APIC {
      table.append([10, 12, 0, 0])  // local x2APIC NMI: flags
      table.append(UInt32.max)  // all processors
      table.append([1, 0, 0, 0])  // LINT1
    }
    return table.finished()
  }
}
