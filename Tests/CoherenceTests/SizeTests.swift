import Coherence
import Support
import Testing

struct SizeTests {
  @Test func aPageTakes16BytesAtACacheAnd32AtItsHome() {
    #expect(MemoryLayout<CachePage>.size <= 16 && MemoryLayout<CachePage>.stride <= 16)
    #expect(MemoryLayout<HomePage>.size <= 32 && MemoryLayout<HomePage>.stride <= 32)
  }
}
