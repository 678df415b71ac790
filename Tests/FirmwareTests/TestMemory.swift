import Firmware
import Memory

/// Physical memory for tests: bytes from 0 on, and nothing above them.
struct TestMemory: PhysicalMemory {
  var bytes: [UInt8]

  init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }

  func byte(at address: HostPhysicalAddress) -> UInt8? {
    guard address.value < UInt64(bytes.count) else { return nil }
    return bytes[Int(address.value)]
  }

  mutating func put(_ data: [UInt8], at address: Int) {
    bytes.replaceSubrange(address..<address + data.count, with: data)
  }

  func text(_ range: Range<HostPhysicalAddress>) -> String {
    String(decoding: bytes[Int(range.lowerBound.value)..<Int(range.upperBound.value)], as: UTF8.self)
  }
}

/// The little-endian bytes of `value`.
func bytes<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> [UInt8] {
  (0..<Value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Value(8 * $0)) }
}

/// The bytes of `text` and a NUL.
func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

func physical(_ range: Range<UInt64>) -> Range<HostPhysicalAddress> {
  HostPhysicalAddress(range.lowerBound)..<HostPhysicalAddress(range.upperBound)
}

extension BoundedList {
  var array: [Element] { indices.map { self[$0] } }
}

/// A generator that repeats (xorshift64*).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

/// Changes up to eight bytes of `range` to values that break parsers: mostly 0, 0xFF and off-by-ones.
func mutate(_ memory: inout TestMemory, in range: Range<Int>, with generator: inout SeededGenerator) {
  for _ in 0..<Int.random(in: 1...8, using: &generator) {
    let index = Int.random(in: range, using: &generator)
    switch UInt8.random(in: 0..<5, using: &generator) {
    case 0: memory.bytes[index] = 0
    case 1: memory.bytes[index] = 0xFF
    case 2: memory.bytes[index] &+= 1
    case 3: memory.bytes[index] &-= 1
    default: memory.bytes[index] = UInt8.random(in: 0...255, using: &generator)
    }
  }
}
