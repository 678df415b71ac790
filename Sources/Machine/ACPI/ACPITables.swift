import Memory

/// The guest's ACPI tables.
///
/// They are one block of bytes for `GuestMemoryMap.firmwareTables`, which the memory map reports as reserved
/// and at whose end the `ResetVector` stands. The root pointer (RSDP) comes first, where a boot protocol
/// passes its address and a search of the BIOS area finds it. Every other table starts on a multiple of 16
/// and points to tables that precede it:
///
///     RSDP ──► XSDT ──► FADT ──► DSDT     registers; devices and processors
///                   ├─► MADT              interrupt controllers
///                   ├─► SRAT              domain of each processor and memory range
///                   ├─► SLIT              relative distances between domains
///                   └─► HMAT              latency and bandwidth between domains, where known
///
/// The guest is a hardware-reduced ACPI machine (ACPI 6.5, 4.1): no SCI, no PM1 event or control registers,
/// no general-purpose events, no global lock and so no FACS, and no legacy interrupt controller or timer.
/// Power off and reset are a register each.
public enum ACPITables {
  public static let maximumVCPUCount = 1024
  public static let maximumDomainCount = 64

  /// Where the first byte of the block stands.
  public static var address: GuestPhysicalAddress {
    GuestPhysicalAddress(GuestMemoryMap.firmwareTables.lowerBound)
  }

  /// The block's limit in bytes: it ends where the reset vector's code begins.
  public static var maximumSize: Int { Int(ResetVector.address.value - address.value) }

  /// The block for `machine`.
  public static func build(_ machine: MachineDescription) throws(ACPITablesError) -> [UInt8] {
    try check(machine)
    var block = [UInt8](repeating: 0, count: rootPointerSize)
    func place(_ table: [UInt8]) -> UInt64 {
      while block.count % 16 != 0 { block.append(0) }
      defer { block += table }
      return address.value + UInt64(block.count)
    }
    let dsdtAddress = place(dsdt(machine))
    var xsdt = SystemDescriptionTable("XSDT", revision: 1)
    xsdt.append(place(fadt(dsdtAddress: dsdtAddress)))
    xsdt.append(place(madt(machine)))
    xsdt.append(place(srat(machine)))
    xsdt.append(place(slit(machine)))
    if let access = machine.memoryAccess { xsdt.append(place(hmat(machine, access))) }
    let xsdtAddress = place(xsdt.finished())
    block.replaceSubrange(0..<rootPointerSize, with: rootPointer(xsdtAddress: xsdtAddress))
    guard block.count <= maximumSize else { throw .tooLarge(block.count) }
    return block
  }

  private static let rootPointerSize = 36

  /// The RSDP, whose first 20 bytes have a checksum of their own (ACPI 6.5, 5.2.5.3).
  private static func rootPointer(xsdtAddress: UInt64) -> [UInt8] {
    var bytes = [UInt8]("RSD PTR ".utf8)
    bytes.append(0)  // checksum
    bytes += "BIGIRN".utf8
    bytes.append(2)  // revision
    bytes += UInt32(0).littleEndianBytes  // RSDT: the XSDT takes its place
    bytes += UInt32(rootPointerSize).littleEndianBytes
    bytes += xsdtAddress.littleEndianBytes
    bytes += UInt32(0).littleEndianBytes  // extended checksum, reserved
    bytes[8] = bytes.span.extracting(first: 20).checksum
    bytes[32] = bytes.span.checksum
    return bytes
  }

  private static func check(_ machine: MachineDescription) throws(ACPITablesError) {
    guard 1...maximumVCPUCount ~= machine.vCPUs.count else { throw .vCPUCount(machine.vCPUs.count) }
    guard 1...maximumDomainCount ~= machine.domainCount else { throw .domainCount(machine.domainCount) }
    guard !machine.memory.isEmpty else { throw .noMemory }

    let domains = machine.vCPUs.map { $0.proximityDomain } + machine.memory.map { $0.proximityDomain }
    for domain in domains where domain >= machine.domainCount { throw .unknownDomain(domain) }

    // The broadcast id at the end makes one vCPU with that id a pair, too.
    let apicIDs = machine.vCPUs.map { $0.apicID }.sorted() + [.max]
    for (id, next) in zip(apicIDs, apicIDs.dropFirst()) where id == next { throw .apicID(id) }

    let ranges = machine.memory.map { $0.range }.sorted { $0.lowerBound < $1.lowerBound }
    var end: UInt64 = 0
    for range in ranges {
      guard !range.isEmpty, range.lowerBound >= end else { throw .memoryRange(range) }
      end = range.upperBound
    }

    let elementCount = machine.domainCount * machine.domainCount
    let accessCount = machine.memoryAccess?.count ?? elementCount
    guard machine.distances.count == elementCount else { throw .matrixSize(machine.distances.count) }
    guard accessCount == elementCount else { throw .matrixSize(accessCount) }
    for (index, distance) in machine.distances.enumerated() {
      let (from, to) = index.quotientAndRemainder(dividingBy: machine.domainCount)
      guard from == to ? distance == 10 : distance > 10 else { throw .distance(from: from, to: to) }
    }
  }
}
