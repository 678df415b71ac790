import Coherence
import Memory
import Node
import Testing

struct HotPagesTests {
  private func hottest(_ pages: HotPages, _ count: Int = 32) -> [HotPage] {
    var list: [HotPage] = []
    pages.forEachHottest(count) { list.append($0) }
    return list
  }

  @Test func aPageHasItsReadsWritesAndInstructions() {
    var pages = HotPages(pageCount: 8)
    for _ in 0..<3 { pages.add(PageNumber(5), .read, at: 0x100) }
    for _ in 0..<4 { pages.add(PageNumber(5), .write, at: .max) }
    pages.add(PageNumber(6), .write, at: 0x100)
    let list = hottest(pages)
    #expect(list.map(\.page.value) == [5, 6])
    #expect(list.map(\.reads) == [3, 0] && list.map(\.writes) == [4, 1] && list.map(\.missed) == [0, 0])
    #expect(list.map(\.instructionCount) == [2, 1])
    #expect(list[0].instructions[0] == HotInstruction(address: .max, count: 4))
    #expect(list[0].instructions[1] == HotInstruction(address: 0x100, count: 3))
    #expect(list[1].instructions[0] == HotInstruction(address: 0x100, count: 1))
  }

  @Test func thoseAskedForAreTheHottest() {
    var pages = HotPages(pageCount: 64)
    for page in 0..<50 as Range<UInt64> { for _ in 0...page { pages.add(PageNumber(page), .read, at: 0) } }
    #expect(hottest(pages, 3).map(\.page.value) == [49, 48, 47])
    #expect(hottest(pages, 100).count == 50)
  }

  /// A guest that goes through its memory once must not wash away what is hot.
  @Test func pagesThatComeOnceDoNotHideTheHotOnes() {
    var pages = HotPages(pageCount: 128)
    for round in 0..<20_000 as Range<UInt64> {
      pages.add(PageNumber(1000 + round), .write, at: 0x9000)
      if round % 20 == 0 { pages.add(PageNumber(1), round % 40 == 0 ? .read : .write, at: 0x100 + round % 3) }
      if round % 50 == 0 { pages.add(PageNumber(2), .write, at: 0x200) }
    }
    let list = hottest(pages, 2)
    #expect(list.map(\.page.value) == [1, 2])
    #expect(list[0].reads + list[0].writes <= 1000 && list[0].reads + list[0].writes + list[0].missed >= 1000)
    #expect(list[0].missed < 300 && list[1].missed < 300)
    #expect(list[0].instructionCount == 3)
    #expect(list[1].instructions[0].address == 0x200)
  }

  /// A page that takes another one's place has nothing of it.
  @Test func whatWasAnotherPagesIsOnlyMissed() {
    var pages = HotPages(pageCount: 1)
    for _ in 0..<5 { pages.add(PageNumber(1), .read, at: 0x100) }
    pages.add(PageNumber(2), .write, at: 0x200)
    let page = hottest(pages)[0]
    #expect(page.page == PageNumber(2) && page.reads == 0 && page.writes == 1 && page.missed == 5)
    #expect(page.instructionCount == 1)
    #expect(page.instructions[0] == HotInstruction(address: 0x200, count: 1))
  }

  @Test func instructionsThatTakeTurnsDoNotPushEachOtherOut() {
    var pages = HotPages(pageCount: 4)
    for round in 0..<1000 as Range<UInt64> { pages.add(PageNumber(1), .read, at: round % 10) }
    let page = hottest(pages)[0]
    #expect(page.instructionCount == HotPages.instructionCount)
    #expect((0..<4).allSatisfy { page.instructions[$0].count == 100 })
  }

  @Test func ofManyInstructionsTheMostFrequentStays() {
    var pages = HotPages(pageCount: 4)
    for round in 0..<1000 as Range<UInt64> {
      pages.add(PageNumber(1), .write, at: round % 2 == 0 ? 0x100 : 0x1000 + round)
    }
    let page = hottest(pages)[0]
    #expect(page.instructionCount == HotPages.instructionCount)
    #expect(page.instructions[0] == HotInstruction(address: 0x100, count: 500))
  }
}
