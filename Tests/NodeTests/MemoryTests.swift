import Coherence
import Memory
import Node
import Support
import Testing
import Wire

/// One vCPU on each node adds to counters in pages that all share; no addition may get lost.
struct MemoryTests {
  private struct Load {
    var nodeCount = 3
    var pageCount = 8
    /// Frames of each node for pages.
    var frameCount = 16
    var twinCount = 4
    var lowFrameCount = 4
    var additions = 300
    var loss = 0.0
    var seed: UInt64 = 1
  }

  private func run(_ load: Load) throws -> EngineNetwork {
    let network = EngineNetwork(
      nodeCount: load.nodeCount, seed: load.seed, extraFrames: load.frameCount + load.twinCount)
    network.loss = load.loss
    #expect(network.form())
    var generator = SeededGenerator(seed: load.seed)
    var sums = [UInt64](repeating: 0, count: load.pageCount)
    let counts = (0..<load.nodeCount).map { UInt64((load.pageCount + $0) / load.nodeCount) }
    let homes = HomeMap(pageCounts: counts)
    #expect(homes.pageCount == load.pageCount)
    let vCPUs = network.nodes.indices.map { _ in MemoryNode(pageCount: load.pageCount) }
    for (index, node) in network.nodes.enumerated() {
      let frames = EngineNetwork.frames(from: EngineNetwork.frameCount, load.frameCount)
      let twins = EngineNetwork.frames(from: EngineNetwork.frameCount + load.frameCount, load.twinCount)
      var options = MemoryOptions()
      options.lowFrameCount = load.lowFrameCount
      node.engine.startMemory(homes, frames: frames, twins: twins, options: options)
      node.drive = { engine in step(&engine, vCPUs[index], &sums, &generator, load) }
    }
    let isDone = network.run(milliseconds: 20_000) {
      vCPUs.allSatisfy { $0.doneCount >= load.additions } || vCPUs.contains { $0.fault != nil }
    }
    #expect(vCPUs.map(\.fault) == vCPUs.map { _ in nil })
    #expect(isDone, "\(vCPUs.map(\.doneCount)) additions")
    #expect(sums.reduce(0, +) == UInt64(vCPUs.reduce(0) { $0 + $1.doneCount }))
    #expect(network.run(milliseconds: 5000) { network.nodes.allSatisfy { $0.engine.links.isQuiet } })
    expectAllArrived(network)
    return network
  }

  /// What nodes have counted as sent, of each type, is what nodes have counted as received.
  private func expectAllArrived(_ network: EngineNetwork) {
    var all: [Traffic] = []
    for kind in CoherenceMessage.Kind.allCases {
      let type = Int(kind.rawValue)
      let sent = network.nodes.map { $0.engine.traffic.pages.sent[type] }
      let received = network.nodes.map { $0.engine.traffic.pages.received[type] }
      #expect(Self.sum(sent) == Self.sum(received), "\(kind)")
      all += sent
    }
    #expect(Self.sum(all)[0] > 0)
    for kind in [.coherence, .adoption] as [MessageKind] {
      let sent = Self.sum(network.nodes.map { $0.engine.links.traffic.sent[kind.index] })
      #expect(sent == Self.sum(network.nodes.map { $0.engine.links.traffic.received[kind.index] }))
      if kind == .coherence { #expect(sent == Self.sum(all)) }
    }
  }

  /// Messages, and bytes.
  private static func sum(_ traffic: [Traffic]) -> [UInt64] {
    [traffic.reduce(0) { $0 + $1.messages }, traffic.reduce(0) { $0 + $1.bytes }]
  }

  /// What a node's driver does after each of its engine's events.
  private func step(
    _ engine: inout Engine, _ vCPU: MemoryNode, _ sums: inout [UInt64], _ generator: inout SeededGenerator,
    _ load: Load
  ) {
    for _ in 0..<20 {
      while let action = engine.nextAction() { vCPU.act(action) }
      if !vCPU.shootdowns.isEmpty {
        engine.shotDown(vCPU.shootdowns.removeFirst())
        continue
      }
      guard !vCPU.isWaiting, vCPU.doneCount < load.additions else { return }
      let isWrite = generator.next() % 4 != 0
      let access =
        vCPU.access ?? (PageNumber(generator.next() % UInt64(load.pageCount)), isWrite ? .write : .read)
      vCPU.access = access
      guard vCPU.permits(access.page, access.kind) else {
        vCPU.isWaiting = true
        // Where it is put off, `retryPutOff` ends the wait.
        _ = engine.fault(access.page, access.kind, holdsPin: vCPU.isPinned)
        continue
      }
      let page = Int(access.page.value)
      let offset = 8 * (page * 37 % 512)
      let found = engine.pages.word(at: offset, of: vCPU.frames[page])
      if found != sums[page] { Issue.record("page \(page): \(found), not \(sums[page])") }
      if access.kind == .write {
        sums[page] += 1
        engine.pages.setWord(sums[page], at: offset, of: vCPU.frames[page])
        vCPU.doneCount += 1
      }
      if vCPU.isPinned { engine.release(access.page) }
      vCPU.isPinned = false
      vCPU.access = nil
    }
  }

  @Test func noAdditionIsLost() throws { _ = try run(Load()) }

  @Test func noAdditionIsLostWithoutTwins() throws { _ = try run(Load(twinCount: 0)) }

  @Test func noAdditionIsLostOnABadNetwork() throws {
    for seed in 0..<5 as Range<UInt64> { _ = try run(Load(additions: 60, loss: 0.2, seed: seed)) }
  }

  @Test func noAdditionIsLostWhereFramesAreFew() throws {
    for seed in 0..<5 as Range<UInt64> {
      // 12 pages in 3 · 6 frames.
      let network = try run(Load(pageCount: 12, frameCount: 6, lowFrameCount: 1, additions: 200, seed: seed))
      let counters = network.nodes.map { $0.engine.evictionCounters }
      #expect(counters.reduce(0) { $0 + $1.evictions } > 0)
      #expect(counters.reduce(0) { $0 + $1.forgottenCopies } > 0)
      // Who evicts in vain asks another node, which may have room.
      let refusals = counters.reduce(0) { $0 + $1.refusals }
      let questions = network.nodes.reduce(0) {
        $0 + $1.engine.links.traffic.received[MessageKind.adoption.index].messages
      }
      #expect(questions <= refusals && counters.reduce(0) { $0 + $1.adoptions } <= questions)
    }
  }
}
