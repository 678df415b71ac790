extension ACPITables {
  /// The DSDT: processors, serial ports, RTC, PIT, and what to write to power off.
  ///
  /// The SRAT states each processor's domain, so that none needs a `_PXM` (ACPI 6.5, 17.2).
  static func dsdt(_ machine: MachineDescription) -> [UInt8] {
    let processors = machine.vCPUs.enumerated().map { index, vCPU in
      AMLTerm.device(
        AMLName("C", index: index),
        [.name("_HID", .string("ACPI0007")), .name("_UID", .integer(vCPU.apicID))])
    }
    let devices = [
      serialPort("COM1", uid: 1, ports: GuestPorts.com1, irq: GuestPorts.com1IRQ),
      serialPort("COM2", uid: 2, ports: GuestPorts.com2, irq: GuestPorts.com2IRQ),
      AMLTerm.device(
        "RTC",
        [
          .name("_HID", .plugAndPlayID(0x0B00)),
          .name("_CRS", .resources(ports: GuestPorts.rtc, irq: GuestPorts.rtcIRQ)),
        ]),
      AMLTerm.device(
        "TIMR",
        [
          .name("_HID", .plugAndPlayID(0x0100)),
          .name("_CRS", .resources(ports: GuestPorts.pit, irq: GuestPorts.pitIRQ)),
        ]),
    ]
    let softOff = AMLTerm.name("_S5", .package([UInt32(GuestPorts.softOffSleepType), 0, 0, 0]))
    var table = SystemDescriptionTable("DSDT", revision: 2)
    table.append(AMLTerm.scope("_SB", processors + devices).bytes)
    table.append(softOff.bytes)
    return table.finished()
  }

  private static func serialPort(
    _ name: AMLName, uid: UInt32, ports: Range<UInt16>, irq: UInt8
  ) -> AMLTerm {
    .device(
      name,
      [
        .name("_HID", .plugAndPlayID(0x0501)),
        .name("_UID", .integer(uid)),
        .name("_CRS", .resources(ports: ports, irq: irq)),
      ])
  }
}
