import Machine
import Memory
import Support
import Testing

/// A load into `megabytes` of RAM and what came of it.
struct LoaderTrial {
  let map: GuestMemoryMap
  let state: InitialState
  let bytes: [UInt8]

  init(
    _ kernel: [UInt8], commandLine: String = "", modules: [(bytes: [UInt8], string: String)] = [],
    megabytes: Int = 8, linuxTSC: TSCFrequency? = nil
  ) throws {
    map = try #require(GuestMemoryMap(ramSize: UInt64(megabytes) << 20))
    var memory = ArrayGuestMemory(count: Int(map.endOfRAM.value))
    let commandLine = Array(commandLine.utf8)
    state = try GuestLoader.load(
      kernel: kernel.span, commandLine: commandLine.span, modules: ArrayModules(modules: modules), map: map,
      linuxTSC: linuxTSC, into: &memory)
    bytes = memory.bytes
  }

  /// The text that ends with a NUL at `address`.
  func string(at address: Int) -> String {
    String(decoding: bytes[address...].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The memory map as `count` records that are `stride` bytes apart, the address first.
  func memoryMap(at address: Int, count: Int, stride: Int) -> [GuestMemoryMap.Entry] {
    (0..<count).map { index in
      let start = bytes.get(UInt64.self, at: address + index * stride)
      let size = bytes.get(UInt64.self, at: address + index * stride + 8)
      let kind = bytes.get(UInt32.self, at: address + index * stride + 16)
      return GuestMemoryMap.Entry(start..<start + size, GuestMemoryMap.Kind(rawValue: kind)!)
    }
  }

  func descriptor(_ selector: UInt16) -> UInt64 {
    bytes.get(UInt64.self, at: Int(InitialState.gdtBase.value) + Int(selector))
  }
}
