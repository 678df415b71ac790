import Firmware
import Memory
import Testing

/// Which frames of the boot modules can be used again.
struct ModuleFramesTests {
  private static let nowhere = physical(0..<0)

  private static func frames(
    _ modules: [(UInt32, UInt32, UInt32)], besides other: Range<UInt64> = 0..<0
  ) throws -> [Range<HostPhysicalAddress>] {
    var machine = Multiboot1Machine()
    // Command line, loader's name and the modules' strings are at 0x2000, 0x2100 and 0x2200.
    machine.putModules(modules)
    return try machine.read().moduleFrames(besides: physical(other)).array
  }

  @Test func wholeFramesOfModulesAre() throws {
    #expect(try Self.frames([(0x8000, 0x9000, 0x2200)]) == [physical(0x8000..<0x9000)])
    #expect(
      try Self.frames([(0x5800, 0x7001, 0x2200), (0x8000, 0xAFFF, 0)]) == [
        physical(0x6000..<0x7000), physical(0x8000..<0xA000),
      ])
    #expect(try Self.frames([(0x8800, 0x9800, 0), (0xA000, 0xA000, 0), (0xA001, 0xAFFF, 0)]) == [])
  }

  /// Two that follow each other in one frame leave it alone.
  @Test func neighboursAreKeptApart() throws {
    #expect(
      try Self.frames([(0x5000, 0x6800, 0), (0x6800, 0x8000, 0)]) == [
        physical(0x5000..<0x6000), physical(0x7000..<0x8000),
      ])
  }

  @Test func framesThatHoldSomethingElseAreNot() throws {
    let module = (UInt32(0x8000), UInt32(0xA000), UInt32(0x2200))
    #expect(try Self.frames([module], besides: 0x9FFF..<0xC000) == [])
    #expect(try Self.frames([module], besides: 0xA000..<0xC000) == [physical(0x8000..<0xA000)])
    // Over the command line and the loader's name.
    #expect(try Self.frames([(0x2000, 0x3000, 0)]) == [])
    // Over another one.
    #expect(
      try Self.frames([(0x8000, 0xA000, 0), (0x9000, 0xB000, 0), (0xC000, 0xD000, 0)]) == [
        physical(0xC000..<0xD000)
      ])
    #expect(try Self.frames([(0x8000, 0xA000, 0), (0x8000, 0xA000, 0)]) == [])
  }

  @Test func framesThatHoldAnotherModulesStringAreNot() throws {
    var machine = Multiboot1Machine()
    machine.memory.put(Array("console=ttyS0\0".utf8), at: 0x8800)
    machine.putModules([(0x8000, 0x9000, 0), (0xA000, 0xB000, 0x8800)])
    #expect(try machine.read().moduleFrames(besides: Self.nowhere).array == [physical(0xA000..<0xB000)])
  }

  @Test func framesOutsideUsableMemoryAreNot() throws {
    var machine = Multiboot1Machine()
    machine.putModules([(0x8000, 0xA000, 0), (0xB000, 0xC000, 0)])
    machine.putMemoryMap([(0, 0x9000, 1), (0x9000, 0x1000, 2), (0xA000, 0x6000, 1)])
    #expect(try machine.read().moduleFrames(besides: Self.nowhere).array == [physical(0xB000..<0xC000)])
  }
}
