import Coherence
import Memory
import Testing

struct PinnedPagesTests {
  private static func pinned(_ pages: [UInt64]) -> PinnedPages {
    var pinned = PinnedPages()
    for page in pages {
      let isTaken = pinned.insert(PageNumber(page))
      #expect(isTaken)
    }
    return pinned
  }

  @Test func beforeAFaultOnlyLaterPagesAreReleased() {
    var pinned = Self.pinned([7, 2, 5, 9, 5])
    var released: Set<UInt64> = []
    while let page = pinned.removeOne(after: PageNumber(5)) { released.insert(page.value) }
    #expect(released == [7, 9] && pinned.count == 2)
    #expect(pinned.contains(PageNumber(2)) && pinned.contains(PageNumber(5)))
    let hasGone = pinned.remove(PageNumber(5))
    let wasThere = pinned.remove(PageNumber(9))
    #expect(hasGone && !wasThere && pinned.count == 1)
  }

  @Test func afterTheInstructionAllAreReleasedOnce() {
    var pinned = Self.pinned([3, 1, 2])
    var released: [UInt64] = []
    while let page = pinned.removeOne() { released.append(page.value) }
    #expect(released.sorted() == [1, 2, 3] && pinned.count == 0)
  }

  @Test func aPageTooManyIsRefused() {
    var pinned = Self.pinned((0..<UInt64(PinnedPages.limit)).map { $0 })
    let isTaken = pinned.insert(PageNumber(1000))
    let isThereAlready = pinned.insert(PageNumber(3))
    #expect(!isTaken && isThereAlready && pinned.count == PinnedPages.limit)
  }
}
