import EPT
import Memory
import Testing

/// Frames for page tables in one array, seen by the table under test and by the test at once. It starts at an
/// address above 4 GiB; a freed frame is poisoned, and freeing one twice fails the test.
final class TableFrames {
  static let base: UInt64 = 0x12_3400_0000
  static let poison: UInt64 = 0xDEAD_DEAD_DEAD_DEAD

  private(set) var words: [UInt64]
  private(set) var isAllocated: [Bool]
  private(set) var live = 0
  private(set) var frees = 0
  private(set) var writes = 0
  private var free: [Int]
  var afterWrite: (() -> Void)?

  init(capacity: Int) {
    words = Array(repeating: Self.poison, count: capacity * 512)
    isAllocated = Array(repeating: false, count: capacity)
    free = Array((0..<capacity).reversed())
  }

  private func index(_ address: HostPhysicalAddress) -> Int {
    precondition(address.value % 8 == 0 && address.value >= Self.base)
    let index = Int((address.value - Self.base) / 8)
    precondition(isAllocated[index / 512], "a frame that is not allocated is accessed")
    return index
  }

  subscript(address: HostPhysicalAddress) -> UInt64 {
    get { words[index(address)] }
    set { words[index(address)] = newValue }
  }

  func write(_ entry: UInt64, at address: HostPhysicalAddress) {
    self[address] = entry
    writes += 1
    afterWrite?()
  }

  func allocate() -> HostPhysicalAddress? {
    guard let frame = free.popLast() else { return nil }
    isAllocated[frame] = true
    live += 1
    for index in frame * 512..<(frame + 1) * 512 { words[index] = 0 }
    return HostPhysicalAddress(Self.base + UInt64(frame) * 4096)
  }

  func release(_ table: HostPhysicalAddress) {
    let frame = index(table) / 512
    isAllocated[frame] = false
    live -= 1
    frees += 1
    for index in frame * 512..<(frame + 1) * 512 { words[index] = Self.poison }
    free.append(frame)
  }

  /// The frames that are allocated, with their contents.
  var contents: [Int: ArraySlice<UInt64>] {
    var contents: [Int: ArraySlice<UInt64>] = [:]
    for frame in isAllocated.indices where isAllocated[frame] {
      contents[frame] = words[frame * 512..<(frame + 1) * 512]
    }
    return contents
  }
}

struct ArrayTableMemory: TableMemory, ~Copyable {
  let frames: TableFrames

  func readEntry(at address: HostPhysicalAddress) -> UInt64 { frames[address] }
  mutating func writeEntry(_ entry: UInt64, at address: HostPhysicalAddress) {
    frames.write(entry, at: address)
  }
  mutating func allocateTable() -> HostPhysicalAddress? { frames.allocate() }
  mutating func freeTable(_ table: HostPhysicalAddress) { frames.release(table) }
}
