import EPT
import Memory

/// The frames of a virtual TLB in one array, seen by the tables under test and by the simulated processor at once.
final class ShadowFrames {
  static let base: UInt64 = 0x8765_4000

  var words: [UInt64]

  init(frameCount: Int) { words = Array(repeating: 0xDEAD_DEAD_DEAD_DEAD, count: frameCount * 512) }

  subscript(address: HostPhysicalAddress) -> UInt64 {
    get { words[Int((address.value - Self.base) / 8)] }
    set { words[Int((address.value - Self.base) / 8)] = newValue }
  }
}

struct ArrayShadowMemory: ShadowMemory, ~Copyable {
  let frames: ShadowFrames
  var base = HostPhysicalAddress(ShadowFrames.base)

  var frameCount: Int { frames.words.count / 512 }
  func read(_ index: Int) -> UInt64 { frames.words[index] }
  mutating func write(_ word: UInt64, at index: Int) { frames.words[index] = word }
}
