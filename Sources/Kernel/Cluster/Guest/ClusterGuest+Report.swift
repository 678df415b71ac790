import Memory
import Node

extension ClusterGuest {
  /// How many of the pages that vCPUs wait for are reported.
  private static var hotPageCount: Int { 32 }

  /// What this node has counted of the guest's pages, as fields of an open object.
  func writeCounters(_ out: inout JSONWriter) {
    let evictions = unsafe service.pointee.engine.evictionCounters
    out.openObject("pages")
    out.field("reads", counters.reads)
    out.field("writes", counters.writes)
    out.field("local", counters.settled.local)
    out.field("retries", counters.retries)
    out.field("shootdowns", counters.shootdowns)
    out.field("waitedMicroseconds", node.clock.microseconds(counters.waitedTicks))
    out.openObject("faults")
    write("joined", counters.settled.joined, &out)
    write("read", counters.settled.reads, &out)
    write("write", counters.settled.writes, &out)
    write("upgrade", counters.settled.upgrades, &out)
    out.close()
    out.field("evictions", evictions.evictions)
    out.field("refusedEvictions", evictions.refusals)
    out.field("forgottenCopies", evictions.forgottenCopies)
    out.field("adoptions", evictions.adoptions)
    out.close()
    out.openList("hotPages")
    hotPages.forEachHottest(Self.hotPageCount) { write($0, &out) }
    out.closeList()
  }

  private func write(_ name: StaticString, _ histogram: Histogram, _ out: inout JSONWriter) {
    out.openObject(name)
    out.field("count", histogram.count)
    out.field("sumMicroseconds", histogram.sum)
    out.field("maximumMicroseconds", histogram.maximum)
    out.openList("buckets")
    for index in 0..<histogram.usedBucketCount { out.element(histogram.buckets[index]) }
    out.closeList()
    out.close()
  }

  private func write(_ page: HotPage, _ out: inout JSONWriter) {
    out.open()
    out.field("page", page.page.value)
    out.field("reads", page.reads)
    out.field("writes", page.writes)
    out.field("missed", page.missed)
    out.openList("instructions")
    for index in 0..<page.instructionCount {
      out.open()
      out.field("address", page.instructions[index].address)
      out.field("count", page.instructions[index].count)
      out.close()
    }
    out.closeList()
    out.close()
  }
}
