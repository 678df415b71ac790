import Machine
import Memory
import Support
import Testing

/// Images whose headers are mutated at random: whatever they say, a load ends in a state or a typed error
/// and writes nothing outside usable RAM.
@Suite struct LoaderFuzzTests {
  private static let segment = KernelImages.Segment(address: 0x10_0000, bytes: [0xF4], memorySize: 0x1000)

  private static let images: [(name: String, bytes: [UInt8], header: Range<Int>, mutants: Int)] = [
    ("bzImage", KernelImages.bzImage(), 0x1F1..<0x268, 100_000),
    ("PVH", KernelImages.pvh(entry: 0x10_0000, [segment, segment]), 0..<0x120, 100_000),
    ("multiboot ELF", KernelImages.multibootELF(entry: 0x10_0000, [segment, segment]), 0..<0x90, 50_000),
    (
      "multiboot flat",
      KernelImages.multibootFlat(loadEnd: 0, zeroEnd: 0, entry: 0x10_0030, code: [0xF4]), 0x50..<0x74, 50_000
    ),
  ]

  private static let extremes: [UInt64] = [
    0, 1, 0x7F, 0xFF, 0x200, 0xFFF, 0x1000, 0xA_0000, 0x10_0000, 0x83_FFFF, 0x7FFF_FFFF, 0x8000_0000,
    0xFFFF_FFFF, 0x1_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max - 7, .max,
  ]

  @Test(arguments: images.indices)
  func mutatedHeadersNeverTrapNorStray(image index: Int) throws {
    let (name, original, header, mutants) = Self.images[index]
    let map = try #require(GuestMemoryMap(ramSize: 8 << 20))
    let modules = ArrayModules(modules: [(bytes: [1, 2, 3], string: "m")])
    let commandLine: [UInt8] = [0x61]
    var random = SeededGenerator(seed: UInt64(index))
    var loads = 0
    for _ in 0..<mutants {
      var image = original
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let offset = Int.random(in: header, using: &random)
        var value = Self.extremes.randomElement(using: &random)!
        if Bool.random(using: &random) { value = random.next() }
        for byte in 0..<[1, 2, 4, 8].randomElement(using: &random)! where offset + byte < image.count {
          image[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte)))
        }
      }
      if random.next() % 8 == 0 { image.removeLast(Int.random(in: 0...image.count, using: &random)) }
      var memory = SparseGuestMemory(map: map)
      memory.writeLimit = 4
      do throws(LoaderError) {
        _ = try GuestLoader.load(
          kernel: image.span, commandLine: commandLine.span, modules: modules, map: map,
          linuxTSC: TSCFrequency(hertz: 3_000_000_000), into: &memory)
      } catch {
        if case .memoryMissing = error { loads += 1 }
      }
      if memory.strayWrites > 0 {
        Issue.record("\(name): a write outside RAM for \(image.get(header.clamped(to: image.indices)))")
        return
      }
    }
    // Enough mutants must be loadable for the test to say something about what is written.
    #expect(loads > 1_000)
  }
}
