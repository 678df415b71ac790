import Support
import Testing
import Wire

struct PageRunsTests {
  @Test func aFullPageIsOneRun() {
    #expect(
      Array(PageRuns(.all, frameOffset: 10)) == [PageRun(pageOffset: 0, frameOffset: 10, byteCount: 4096)])
    #expect(Array(PageRuns([], frameOffset: 10)).isEmpty)
  }

  @Test func everyLineIsInOneRunAndRunsAreAsLongAsCanBe() {
    var generator = SeededGenerator(seed: 7)
    for index in 0..<2000 {
      var bits = generator.next()
      if index % 2 == 0 { bits &= generator.next() }
      if index % 3 == 0 { bits |= generator.next() }
      var lines: UInt64 = 0
      var frameOffset = 100
      var last: PageRun?
      for run in PageRuns(PageLines(rawValue: bits), frameOffset: 100) {
        #expect(run.frameOffset == frameOffset && run.byteCount > 0)
        #expect(run.byteCount % 64 == 0 && run.pageOffset % 64 == 0)
        if let last { #expect(run.pageOffset > last.pageOffset + last.byteCount) }
        for line in run.pageOffset / 64..<(run.pageOffset + run.byteCount) / 64 { lines |= 1 << UInt64(line) }
        frameOffset += run.byteCount
        last = run
      }
      #expect(lines == bits)
    }
  }

  @Test func theFirstLinesHoldSoManyBytes() {
    #expect(PageLines.first(byteCount: 0) == [])
    #expect(PageLines.first(byteCount: 1).rawValue == 1)
    #expect(PageLines.first(byteCount: 64).rawValue == 1)
    #expect(PageLines.first(byteCount: 65).rawValue == 3)
    #expect(PageLines.first(byteCount: 4032).rawValue == .max >> 1)
    #expect(PageLines.first(byteCount: 4096) == .all)
  }
}
