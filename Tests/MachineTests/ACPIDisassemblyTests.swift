import Machine
import Testing

/// The lines of a disassembly without indentation and offsets.
private func lines(_ source: String) -> [Substring] {
  source.split(separator: "\n").map { line in
    let text = line.first == "[" ? line.drop { $0 != "]" }.dropFirst() : line
    return text.drop { $0 == " " }
  }
}

/// The values of all fields of this name in the disassembly of a data table.
private func values(_ name: String, in source: String) -> [Substring] {
  lines(source).compactMap { $0.hasPrefix(name + " : ") ? $0.dropFirst(name.count + 3) : nil }
}

private func disassembly(_ signature: String, of machine: ACPISampleMachine) throws -> String {
  let table = try ACPITableParser(machine.description)[signature]
  return try IASL().disassemble(table.bytes).source
}

/// Everything but the checksum and the creator's id and revision, which name the compiler.
private func content(_ table: [UInt8]) -> [UInt8] {
  Array(table[..<9] + table[10..<28] + table[36...])
}

@Test(arguments: [ACPISampleMachine.single, .straddling, .large])
func iaslReadsEveryTableAndCompilesItBackToTheSameBytes(_ machine: ACPISampleMachine) throws {
  for table in try ACPITableParser(machine.description).tables {
    let iasl = try IASL()
    let (source, messages) = try iasl.disassemble(table.bytes)
    for complaint in ["error", "warning", "invalid", "unknown", "****"] {
      #expect(!messages.lowercased().contains(complaint), "\(table.signature): \(messages)")
      #expect(!source.lowercased().contains(complaint), "\(table.signature): \(source)")
    }
    let (recompiled, report) = try iasl.recompile()
    #expect(report.contains("0 Errors, 0 Warnings, 0 Remarks"), "\(table.signature): \(report)")
    #expect(content(recompiled) == content(table.bytes), "\(table.signature)")
  }
}

@Test func iaslFindsTheHardwareReducedMachineInTheFADT() throws {
  let source = try disassembly("FACP", of: .single)
  let expected = [
    ("Revision", ["06"]), ("FADT Minor Revision", ["05"]),
    ("Hardware Reduced (V5)", ["1"]), ("Reset Register Supported (V2)", ["1"]),
    ("Control Method Power Button (V1)", ["1"]), ("Control Method Sleep Button (V1)", ["1"]),
    ("RTC wake not in fixed reg space (V1)", ["1"]),
    ("Legacy Devices Supported (V2)", ["0"]), ("8042 Present on ports 60/64 (V2)", ["0"]),
    ("VGA Not Present (V4)", ["1"]), ("CMOS RTC Not Present (V5)", ["0"]),
    ("PM Timer Block Address", ["00000608"]), ("PM Timer Block Length", ["04"]),
    ("32-bit PM Timer (V1)", ["1"]), ("Value to cause reset", ["01"]),
    ("SMI Command Port", ["00000000"]), ("SCI Interrupt", ["0000"]),
  ]
  for (name, value) in expected {
    #expect(values(name, in: source).map { String($0) } == value, "\(name)")
  }
  let registers = lines(source).filter { $0.contains("[Generic Address Structure]") }.map {
    $0.prefix { $0 != ":" }.split(separator: " ").joined(separator: " ")
  }
  let addresses = values("Address", in: source)
  try #require(registers.count == addresses.count)
  let used = zip(registers, addresses).filter { $1 != "0000000000000000" }
  #expect(
    used.map { "\($0) \($1)" } == [
      "Reset Register 0000000000000604", "PM Timer Block 0000000000000608",
      "Sleep Control Register 0000000000000600", "Sleep Status Register 0000000000000601",
    ])
}

@Test func iaslFindsTheInterruptControllersInTheMADT() throws {
  let source = try disassembly("APIC", of: .large)
  #expect(values("Local Apic Address", in: source) == ["FEE00000"])
  #expect(values("PC-AT Compatibility", in: source) == ["0"])
  #expect(values("Processor Enabled", in: source).count == 300)
  #expect(values("Processor Enabled", in: source).allSatisfy { $0 == "1" })
  #expect(values("I/O Apic ID", in: source) == ["00"])
  #expect(values("Address", in: source) == ["FEC00000"])
  #expect(values("Interrupt", in: source) == ["00000000"])
  #expect(values("Interrupt Input LINT", in: source) == ["01", "01"])
}

@Test func iaslFindsTheDevicesInTheDSDT() throws {
  let source = try disassembly("DSDT", of: .straddling)
  let names = lines(source).filter { $0.hasPrefix("Device (") }
  #expect(
    names == [
      "Device (C000)", "Device (C001)", "Device (C002)", "Device (C003)", "Device (COM1)", "Device (COM2)",
      "Device (RTC)", "Device (TIMR)",
    ])
  let packed = source.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
  for (id, uid, port, length, irq) in [
    ("PNP0501", "One", "0x03F8", "0x08", 4), ("PNP0501", "0x02", "0x02F8", "0x08", 3),
  ] {
    #expect(packed.contains("Name (_HID, EisaId (\"\(id)\")"))
    #expect(packed.contains("Name (_UID, \(uid)) // _UID: Unique ID Name (_CRS"))
    #expect(packed.contains(resources(port, length, irq)), "\(packed)")
  }
  #expect(packed.contains("Name (_HID, EisaId (\"PNP0B00\")"))
  #expect(packed.contains(resources("0x0070", "0x02", 8)))
  #expect(packed.contains("Name (_HID, EisaId (\"PNP0100\")"))
  #expect(packed.contains(resources("0x0040", "0x04", 0)))
  #expect(packed.contains("Name (_S5, Package (0x04) // _S5_: S5 System State { 0x05, Zero, Zero, Zero })"))
}

private func resources(_ port: String, _ length: String, _ irq: Int) -> String {
  "IO (Decode16, \(port), // Range Minimum \(port), // Range Maximum 0x01, // Alignment "
    + "\(length), // Length ) IRQNoFlags () {\(irq)}"
}

@Test func everyProcessorDeviceHasAnAPICIDForItsUID() throws {
  let source = lines(try disassembly("DSDT", of: .large))
  let uids = zip(source, source.dropFirst()).compactMap { previous, line -> UInt32? in
    guard previous.contains("ACPI0007") else { return nil }
    let value = line.dropFirst("Name (_UID, ".count).prefix { $0 != ")" }
    switch value {
    case "Zero": return 0
    case "One": return 1
    default: return UInt32(value.dropFirst(2), radix: 16)
    }
  }
  #expect(uids == ACPISampleMachine.large.description.vCPUs.map(\.apicID))
  #expect(Set(source.filter { $0.hasPrefix("Device (C") && !$0.contains("COM") }).count == 300)
}
