import Machine
import Memory
import Testing

/// Whatever a guest starts from stands at the lowest addresses, however much RAM it has: on the first node.
struct LowPlacementTests {
  private static let kernel = 0x100_0000
  private static let kernelSize = 0x400_0000

  private static let images: [(name: String, bytes: [UInt8])] = [
    (
      "bzImage",
      KernelImages.bzImage(preferredAddress: kernel, initSize: kernelSize)
    ),
    (
      "PVH",
      KernelImages.pvh(
        entry: kernel, [KernelImages.Segment(address: kernel, bytes: [0xF4], memorySize: kernelSize)])
    ),
    (
      "multiboot ELF",
      KernelImages.multibootELF(
        entry: kernel, [KernelImages.Segment(address: kernel, bytes: [0xF4], memorySize: kernelSize)])
    ),
  ]

  @Test(arguments: images.indices)
  func nothingStandsAboveTheKernelAndItsInitrd(index: Int) throws {
    let image = Self.images[index]
    let offers = GuestLayoutTests.offers([512, 4096, 4096])
    let layout = try GuestLayout(offers, costs: GuestLayoutTests.costs, wanted: nil)
    #expect(!layout.map.highRange.isEmpty)
    var memory = SparseGuestMemory(map: layout.map)
    let initrd = [UInt8](repeating: 5, count: 3 * 4096)
    let commandLine = Array("console=ttyS0".utf8)
    let state = try GuestLoader.load(
      kernel: image.bytes.span, commandLine: commandLine.span,
      modules: ArrayModules(modules: [(bytes: initrd, string: "")]), map: layout.map,
      linuxTSC: nil, into: &memory)
    let end = UInt64(Self.kernel + Self.kernelSize + initrd.count)
    #expect(memory.writtenEnd == end, "\(image.name)")
    #expect(try memory.load(UInt8.self, at: GuestPhysicalAddress(end - 1)) == 5)
    #expect(max(state.rip, state.cr3, state.rsi, state.rbx, state.rsp) < end)
    #expect(end <= layout.memoryRanges(of: 0).last!.upperBound)
  }

  @Test func firmwareTablesAndTheResetVectorStandInTheFirstMebibyte() throws {
    for machine in ACPISampleMachine.allCases {
      let tables = try ACPITables.build(machine.description)
      let end = ACPITables.address.value + UInt64(tables.count)
      #expect(GuestMemoryMap.firmwareTables.contains(end - 1))
      #expect(end <= ResetVector.address.value)
    }
    #expect(GuestMemoryMap.firmwareTables.contains(ResetVector.address.value + 15))
  }
}
