import Machine
import Memory

/// As much guest memory as a map has; only pages that were written take space. A write outside the map's
/// usable RAM is a hole.
///
/// With a `writeLimit` nothing is kept and every write after that many fails: for fuzzing, which asks where
/// a load writes, and not what.
struct SparseGuestMemory: GuestMemory {
  let map: GuestMemoryMap
  var writeLimit: Int?
  private(set) var strayWrites = 0
  /// One past the highest address that was written or cleared.
  private(set) var writtenEnd: UInt64 = 0
  private var pages: [UInt64: [UInt8]] = [:]

  init(map: GuestMemoryMap) { self.map = map }

  mutating func read(
    _ address: GuestPhysicalAddress, count: Int, into bytes: inout MutableSpan<UInt8>
  ) throws(GuestMemoryError) {
    for index in 0..<count {
      let address = address + UInt64(index)
      bytes[index] = pages[address.page.value]?[Int(address.value % pageSize)] ?? 0
    }
  }

  mutating func write(
    _ bytes: Span<UInt8>, to address: GuestPhysicalAddress
  ) throws(GuestMemoryError) {
    try check(address, count: UInt64(bytes.count))
    guard writeLimit == nil else { return }
    for index in 0..<bytes.count {
      let address = address + UInt64(index)
      pages[address.page.value, default: [UInt8](repeating: 0, count: Int(pageSize))][
        Int(address.value % pageSize)] = bytes[index]
    }
  }

  mutating func clear(_ address: GuestPhysicalAddress, count: UInt64) throws(GuestMemoryError) {
    try check(address, count: count)
    for page in pages.keys where page << 12 < address.value &+ count && (page + 1) << 12 > address.value {
      for index in pages[page]!.indices
      where (address.value..<address.value + count).contains(page << 12 + UInt64(index)) {
        pages[page]![index] = 0
      }
    }
  }

  private mutating func check(
    _ address: GuestPhysicalAddress, count: UInt64
  ) throws(GuestMemoryError) {
    if let limit = writeLimit {
      guard limit > 0 else { throw .hole(address) }
      writeLimit = limit - 1
    }
    let usable = [0..<GuestMemoryMap.legacyHole.lowerBound, map.extendedRange, map.highRange]
    let fits = usable.contains { range in
      address.value >= range.lowerBound && address.value <= range.upperBound
        && count <= range.upperBound - address.value
    }
    guard fits else {
      strayWrites += 1
      throw .hole(address)
    }
    writtenEnd = max(writtenEnd, address.value + count)
  }
}
