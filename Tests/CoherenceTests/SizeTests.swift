import Coherence
import Support
import Testing

struct SizeTests {
  @Test func aPageTakes16BytesAtACacheAnd16AtItsHome() {
    #expect(MemoryLayout<CachePage>.size == 16 && MemoryLayout<CachePage>.stride == 16)
    #expect(MemoryLayout<HomePage>.size == 16 && MemoryLayout<HomePage>.stride == 16)
  }
}
