import Coherence
import Support
import Testing

struct SizeTests {
  @Test func aPageTakes16BytesAtACacheAnd24AtItsHome() {
    #expect(MemoryLayout<CachePage>.size == 16 && MemoryLayout<CachePage>.stride == 16)
    #expect(MemoryLayout<HomePage>.size <= 24 && MemoryLayout<HomePage>.stride == 24)
  }
}
