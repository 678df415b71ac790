import Machine

/// A processor made of a table; leaves that it lacks are zeros.
struct TableHostCPUID: HostCPUID {
  private struct Key: Hashable {
    let leaf: UInt32
    let subleaf: UInt32
  }

  private var table: [Key: CPUIDRegisters] = [:]
  /// What all other leaves read as.
  var filler = CPUIDRegisters()

  subscript(leaf: UInt32, subleaf: UInt32 = 0) -> CPUIDRegisters {
    get { table[Key(leaf: leaf, subleaf: subleaf)] ?? filler }
    set { table[Key(leaf: leaf, subleaf: subleaf)] = newValue }
  }

  func registers(leaf: UInt32, subleaf: UInt32) -> CPUIDRegisters { self[leaf, subleaf] }

  /// In the manner of a Core i7-4770.
  static var haswell: Self {
    var host = Self()
    host[0] = CPUIDRegisters(eax: 0xD, ebx: 0x756E_6547, ecx: 0x6C65_746E, edx: 0x4965_6E69)
    host[1] = CPUIDRegisters(eax: 0x306C3, ebx: 0x0510_0800, ecx: 0x7FFA_FBFF, edx: 0xBFEB_FBFF)
    host[4, 0] = CPUIDRegisters(eax: 0x1C00_4121, ebx: 0x01C0_003F, ecx: 0x3F)
    host[4, 2] = CPUIDRegisters(eax: 0x1C00_4143, ebx: 0x01C0_003F, ecx: 0x1FF)
    host[4, 3] = CPUIDRegisters(eax: 0x1C03_C163, ebx: 0x03C0_003F, ecx: 0x1FFF, edx: 6)
    host[5] = CPUIDRegisters(eax: 0x40, ebx: 0x40, ecx: 3, edx: 0x42120)
    host[6] = CPUIDRegisters(eax: 0x77, ebx: 2, ecx: 9)
    host[7] = CPUIDRegisters(ebx: 0x27AB, edx: 0x9C00_0600)
    host[0xA] = CPUIDRegisters(eax: 0x0730_0403, edx: 0x603)
    host[0xD, 0] = CPUIDRegisters(eax: 7, ebx: 832, ecx: 832)
    host[0xD, 1] = CPUIDRegisters(eax: 1)
    host[0xD, 2] = CPUIDRegisters(eax: 256, ebx: 576)
    host[0x8000_0000] = CPUIDRegisters(eax: 0x8000_0008)
    host[0x8000_0001] = CPUIDRegisters(ecx: 0x21, edx: 0x2C10_0800)
    host[0x8000_0002] = CPUIDRegisters(eax: 0x6574_6E49)
    host[0x8000_0007] = CPUIDRegisters(edx: 0x100)
    host[0x8000_0008] = CPUIDRegisters(eax: 0x3027)
    return host
  }

  /// In the manner of a first-generation EPYC.
  static var epyc: Self {
    var host = Self()
    host[0] = CPUIDRegisters(eax: 0xD, ebx: 0x6874_7541, ecx: 0x444D_4163, edx: 0x6974_6E65)
    host[1] = CPUIDRegisters(eax: 0x800F12, ebx: 0x0040_0800, ecx: 0x7ED8_320B, edx: 0x178B_FBFF)
    host[7] = CPUIDRegisters(ebx: 0x209C_01A9)
    host[0xD, 0] = CPUIDRegisters(eax: 7, ebx: 832, ecx: 832)
    host[0xD, 1] = CPUIDRegisters(eax: 0xF)
    host[0xD, 2] = CPUIDRegisters(eax: 256, ebx: 576)
    host[0x8000_0000] = CPUIDRegisters(eax: 0x8000_001F, ebx: 0x6874_7541, ecx: 0x444D_4163, edx: 0x6974_6E65)
    host[0x8000_0001] = CPUIDRegisters(eax: 0x800F12, ebx: 0x4000_0000, ecx: 0x35C2_33FF, edx: 0x2FD3_FBFF)
    host[0x8000_0005] = CPUIDRegisters(ecx: 0x2008_0140)
    host[0x8000_0007] = CPUIDRegisters(ebx: 0x1B, edx: 0x6599)
    host[0x8000_0008] = CPUIDRegisters(eax: 0x3030, ebx: 0x1007, ecx: 0x603F)
    host[0x8000_000A] = CPUIDRegisters(eax: 1, ebx: 0x8000, edx: 0x1BCFF)
    host[0x8000_001D, 3] = CPUIDRegisters(eax: 0x1C163, ebx: 0x03C0_003F, ecx: 0x1FFF, edx: 1)
    host[0x8000_001F] = CPUIDRegisters(eax: 0xF, ebx: 0x16F)
    return host
  }
}
