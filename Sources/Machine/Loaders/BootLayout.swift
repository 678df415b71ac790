import Memory

/// Where the loaders put what they hand to the guest's kernel: all of it in low RAM that
/// `GuestMemoryMap` sets aside for them, so that a kernel may occupy everything from 1 MiB up.
///
///     0x0_0000 ┌─────────────────────────────────────────────────────────────┐
///              │ untouched: a PC's interrupt vectors and BIOS data           │
///     0x0_1000 ├─────────────────────────────────────────────────────────────┤
///              │ global descriptor table                                     │
///     0x0_2000 ├─────────────────────────────────────────────────────────────┤
///              │ boot_params, hvm_start_info or the multiboot information    │
///     0x0_3000 ├─────────────────────────────────────────────────────────────┤
///              │ memory map (PVH, multiboot; in boot_params for a bzImage)   │
///     0x0_4000 ├─────────────────────────────────────────────────────────────┤
///              │ list of modules                                             │
///     0x0_5000 ├─────────────────────────────────────────────────────────────┤
///              │ the modules' strings, each ended by a NUL                   │
///     0x0_9000 ├─────────────────────────────────────────────────────────────┤
///              │ command line, ended by a NUL                                │
///     0x1_0000 ├─────────────────────────────────────────────────────────────┤
///              │ page tables that map the first 4 GiB to themselves (bzImage)│
///     0x1_6000 ├─────────────────────────────────────────────────────────────┤
///              │ free, for kernel segments too; the initial stack grows down │
///     0x9_0000 └─────────────────────────────────────────────────────────────┘ from here
///
/// The kernel itself stands where its image asks for. Each module starts at the first page boundary
/// after what precedes it: the kernel, or the module before.
enum BootLayout {
  static let descriptorTable = GuestPhysicalAddress(0x1000)
  static let information = GuestPhysicalAddress(0x2000)
  static let memoryMap = GuestPhysicalAddress(0x3000)
  static let moduleList = GuestPhysicalAddress(0x4000)
  static let moduleStrings: Range<UInt64> = 0x5000..<0x9000
  static let commandLine: Range<UInt64> = 0x9000..<0x1_0000
  /// In bytes, the terminator not counted.
  static let maximumCommandLine = 0x1_0000 - 0x9000 - 1
  static let pageTables = GuestPhysicalAddress(0x1_0000)
  static let stackTop: UInt64 = 0x9_0000

  /// Everything above that is in use while the kernel starts: no segment may overlap it.
  static let reserved: Range<UInt64> = 0x1000..<0x1_6000

  /// The ACPI root system description pointer (RSDP).
  static let rootPointer = GuestPhysicalAddress(GuestMemoryMap.firmwareTables.lowerBound)

  /// Entries of the largest format (PVH, 32 bytes) that the list's page holds.
  static let maximumModules = 128
}
