/// The I/O ports and interrupt lines of the guest's fixed devices: the devices decode them and the ACPI
/// tables advertise them.
///
///     0x040 ┌─────────────────┐
///           │ PIT             │  8254, IRQ 0
///     0x061 ├─────────────────┤
///           │ system control  │  gate and output of the PIT's counter 2
///     0x070 ├─────────────────┤
///           │ RTC             │  CMOS index and data, IRQ 8
///     0x2F8 ├─────────────────┤
///           │ COM2            │  16550, IRQ 3
///     0x3F8 ├─────────────────┤
///           │ COM1            │  16550, IRQ 4
///     0x600 ├─────────────────┤
///           │ sleep registers │  control, status
///     0x604 ├─────────────────┤
///           │ reset register  │
///     0x608 ├─────────────────┤
///           │ PM timer        │  32 bits, 3.579545 MHz
///     0xCF8 ├─────────────────┤
///           │ PCI             │  configuration address and data
///           └─────────────────┘
///
/// An IRQ is also the number of the I/O APIC input: nothing is remapped.
public enum GuestPorts {
  public static let pit: Range<UInt16> = 0x40..<0x44
  public static let pitIRQ: UInt8 = 0
  public static let systemControl: UInt16 = 0x61

  public static let rtc: Range<UInt16> = 0x70..<0x72
  public static let rtcIRQ: UInt8 = 8

  public static let com2: Range<UInt16> = 0x2F8..<0x300
  public static let com2IRQ: UInt8 = 3

  public static let com1: Range<UInt16> = 0x3F8..<0x400
  public static let com1IRQ: UInt8 = 4

  /// One byte: the sleep type in bits 2–4, and bit 5 to enter that state (ACPI 6.5, 4.8.3.7).
  public static let sleepControl: UInt16 = 0x600

  /// One byte: bit 7 tells that the machine woke, and is cleared by writing 1 (ACPI 6.5, 4.8.3.7).
  public static let sleepStatus: UInt16 = 0x601

  /// Taken by doubleword accesses alone.
  public static let pciAddress: UInt16 = 0xCF8
  public static let pciData: Range<UInt16> = 0xCFC..<0xD00

  /// The sleep type that means soft off (S5).
  public static let softOffSleepType: UInt8 = 5

  /// One byte: `resetValue` resets the machine (ACPI 6.5, 4.8.3.6).
  public static let reset: UInt16 = 0x604
  public static let resetValue: UInt8 = 1

  public static let pmTimer: Range<UInt16> = 0x608..<0x60C
}
