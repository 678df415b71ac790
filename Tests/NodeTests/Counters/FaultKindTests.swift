import Coherence
import Memory
import Node
import Support
import Testing
import Wire

/// How faults are told apart, by what an engine does about them.
struct FaultKindTests {
  /// Two nodes, each home of two pages.
  private final class Pair {
    let network = EngineNetwork(nodeCount: 2, extraFrames: 8)
    private var vCPUs: [MemoryNode] = []

    init() {
      #expect(network.form())
      var options = MemoryOptions()
      options.lowFrameCount = 0
      for node in network.nodes {
        node.engine.startMemory(
          HomeMap(pageCounts: [2, 2]), frames: EngineNetwork.frames(from: EngineNetwork.frameCount, 8),
          twins: [], options: options)
        let vCPU = MemoryNode(pageCount: 4)
        vCPUs.append(vCPU)
        node.drive = { engine in
          while let action = engine.nextAction() { vCPU.act(action) }
          while !vCPU.shootdowns.isEmpty {
            engine.shotDown(vCPU.shootdowns.removeFirst())
            while let action = engine.nextAction() { vCPU.act(action) }
          }
        }
      }
    }

    /// An access by a node, to its end.
    func access(_ page: UInt64, _ access: PageAccess, by index: Int) -> FaultKind {
      let engine = network.nodes[index]
      let vCPU = vCPUs[index]
      let page = PageNumber(page)
      var progress = FaultProgress(access, start: 0)
      progress.report(engine.engine.version(of: page))
      vCPU.access = (page, access)
      vCPU.isWaiting = true
      let isTaken = engine.engine.fault(page, access)
      #expect(isTaken)
      engine.drive(&engine.engine)
      let isAtOnce = !vCPU.isWaiting
      network.pump(index)
      #expect(network.run(milliseconds: 1000) { !vCPU.isWaiting })
      let kind = progress.kind(isAtOnce: isAtOnce, engine.engine.version(of: page))
      if vCPU.isPinned { engine.engine.release(page) }
      network.pump(index)
      return kind
    }
  }

  @Test func whatANodeHasIsLocal() {
    let pair = Pair()
    #expect(pair.access(0, .write, by: 0) == .local)
    #expect(pair.access(1, .read, by: 0) == .local)
    #expect(pair.access(1, .write, by: 0) == .local)
    #expect(pair.access(2, .read, by: 1) == .local)
  }

  @Test func whatComesFromAnotherNodeIsReadOrWritten() {
    let pair = Pair()
    #expect(pair.access(0, .write, by: 0) == .local)
    #expect(pair.access(0, .read, by: 1) == .read)
    #expect(pair.access(2, .write, by: 0) == .write)
    #expect(pair.access(2, .read, by: 0) == .local)
    #expect(pair.access(2, .write, by: 1) == .write)
  }

  @Test func aCopyThatMayBeWrittenToIsAnUpgrade() {
    let pair = Pair()
    #expect(pair.access(0, .write, by: 0) == .local)
    #expect(pair.access(0, .read, by: 1) == .read)
    #expect(pair.access(0, .write, by: 1) == .upgrade)
    #expect(pair.access(0, .read, by: 0) == .read)
    #expect(pair.access(0, .write, by: 0) == .upgrade)
  }

  @Test func aCopyThatWasLostMeanwhileIsNoUpgrade() {
    var progress = FaultProgress(.write, start: 0)
    progress.report(PageVersion(7))
    #expect(progress.kind(isAtOnce: false, PageVersion(8)) == .upgrade)
    #expect(progress.kind(isAtOnce: false, PageVersion(9)) == .write)
    // Reported once more, without a copy.
    progress.report(.none)
    #expect(progress.kind(isAtOnce: false, PageVersion(1)) == .write)
  }

  @Test func whoWaitsForAnothersRequestJoinsIt() {
    var progress = FaultProgress(.read, start: 0)
    progress.report(.none)
    progress.report(PageVersion(3))
    #expect(progress.kind(isAtOnce: true, PageVersion(3)) == .joined)
    #expect(!FaultKind.joined.isRemote && !FaultKind.local.isRemote)
  }

  @Test func countersAddUp() {
    var counters = FaultCounters()
    for (kind, count) in [(.local, 5), (.joined, 4), (.read, 3), (.write, 2), (.upgrade, 1)]
      as [(FaultKind, UInt64)]
    {
      for _ in 0..<count { counters.add(kind, microseconds: count) }
    }
    #expect(counters.local == 5)
    #expect(
      [counters.joined, counters.reads, counters.writes, counters.upgrades].map { [$0.count, $0.sum] }
        == [[4, 16], [3, 9], [2, 4], [1, 1]])
  }
}
