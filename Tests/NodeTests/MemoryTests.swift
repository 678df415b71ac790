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
    /// How many of them hold something else at first, and are added one by one.
    var lateFrameCount = 0
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
    var lateFrames = network.nodes.map { _ in ArraySlice<HostPhysicalAddress>() }
    let vCPUs = network.nodes.indices.map { _ in MemoryNode(pageCount: load.pageCount) }
    for (index, node) in network.nodes.enumerated() {
      let frames = EngineNetwork.frames(from: EngineNetwork.frameCount, load.frameCount)
      let twins = EngineNetwork.frames(from: EngineNetwork.frameCount + load.frameCount, load.twinCount)
      var options = MemoryOptions()
      options.lowFrameCount = load.lowFrameCount
      node.engine.startMemory(
        homes, frameCapacity: frames.count, frameLimit: HostPhysicalAddress(frames.last!.value + 4096),
        twins: twins, options: options)
      lateFrames[index] = frames.suffix(load.lateFrameCount)
      for frame in frames.dropLast(load.lateFrameCount) { node.engine.addFrame(frame) }
      node.drive = { engine in
        step(&engine, vCPUs[index], &sums, &generator, load)
        guard vCPUs[index].doneCount >= load.additions / 4, let frame = lateFrames[index].popFirst() else {
          return
        }
        engine.addFrame(frame)
        step(&engine, vCPUs[index], &sums, &generator, load)
      }
    }
    let isDone = network.run(milliseconds: 20_000) {
      vCPUs.allSatisfy { $0.doneCount >= load.additions } || vCPUs.contains { $0.fault != nil }
    }
    #expect(vCPUs.map(\.fault) == vCPUs.map { _ in nil })
    #expect(isDone, "\(vCPUs.map(\.doneCount)) additions")
    #expect(lateFrames.allSatisfy { $0.isEmpty })
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

  @Test func framesMayComeLate() throws {
    for seed in 0..<5 as Range<UInt64> {
      // 12 pages in 3 · 6 frames, and then in 3 · 10.
      _ = try run(
        Load(
          pageCount: 12, frameCount: 10, lateFrameCount: 4, lowFrameCount: 1, additions: 200, seed: seed))
    }
  }

  /// Where nobody else does anything, as while a guest is loaded, a node that will have no frame must know it.
  @Test func aNodeKnowsThatItIsOutOfFrames() {
    let frames = EngineNetwork.frames(from: EngineNetwork.frameCount, 13)
    let (network, vCPUs) = startLoading(HomeMap(pageCounts: [32, 32]), frames)
    let loader = network.nodes[0]
    #expect(network.run(milliseconds: 1000) { loader.engine.isOutOfFrames })
    #expect(vCPUs[0].doneCount == 4 + 12)
    #expect(!network.run(milliseconds: 100) { vCPUs[0].doneCount > 16 || !loader.engine.isOutOfFrames })
    loader.engine.addFrame(frames[12])
    let isStillOut = loader.engine.isOutOfFrames
    #expect(!isStillOut)
    #expect(network.run(milliseconds: 1000) { loader.engine.isOutOfFrames })
    #expect(vCPUs.map(\.doneCount) == [17, 0])
    #expect(vCPUs.map(\.fault) == [nil, nil])
  }

  /// The only pages that can leave may be far from where the search goes on.
  @Test func whoWaitsForAFrameDoesNotWaitForTheSearch() {
    let frames = EngineNetwork.frames(from: EngineNetwork.frameCount, 13)
    var turns = 0
    let (network, vCPUs) = startLoading(HomeMap(pageCounts: [100_000, 4]), frames) { turns += 1 }
    #expect(network.run(milliseconds: 1000) { vCPUs[0].doneCount == 4 + 12 })
    #expect(turns < 200)
  }

  /// Two nodes with all of `frames` but the last, of which the first loads four pages of the other one, which can go home,
  /// and then its own, which can't.
  ///
  /// - Parameter turn: called whenever it has its turn.
  private func startLoading(
    _ homes: HomeMap, _ frames: [HostPhysicalAddress], turn: @escaping () -> Void = {}
  ) -> (EngineNetwork, [MemoryNode]) {
    let network = EngineNetwork(nodeCount: 2, extraFrames: frames.count)
    #expect(network.form())
    var options = MemoryOptions()
    options.lowFrameCount = 2
    let vCPUs = network.nodes.map { _ in MemoryNode(pageCount: homes.pageCount) }
    let first = homes.pageCount(of: NodeID(0))
    let pages = Array(first..<first + 4) + Array(0..<20)
    for (index, node) in network.nodes.enumerated() {
      node.engine.startMemory(
        homes, frameCapacity: frames.count,
        frameLimit: HostPhysicalAddress(frames[frames.count - 1].value + 4096), twins: [], options: options)
      for frame in frames.dropLast() { node.engine.addFrame(frame) }
      node.drive = { engine in
        if index == 0 {
          turn()
          load(pages, &engine, vCPUs[0])
        } else {
          while let action = engine.nextAction() { vCPUs[1].act(action) }
        }
      }
    }
    return (network, vCPUs)
  }

  /// Writes to one page after the other.
  private func load(_ pages: [Int], _ engine: inout Engine, _ loader: MemoryNode) {
    for _ in 0..<20 {
      while let action = engine.nextAction() { loader.act(action) }
      if !loader.shootdowns.isEmpty {
        engine.shotDown(loader.shootdowns.removeFirst())
        continue
      }
      guard !loader.isWaiting else { return }
      let page = PageNumber(UInt64(pages[loader.doneCount]))
      loader.access = (page, .write)
      if loader.permits(page, .write) {
        if loader.isPinned { engine.release(page) }
        loader.isPinned = false
        loader.doneCount += 1
      } else {
        // Where it is put off, it is reported again and again.
        guard engine.fault(page, .write) else { return }
        loader.isWaiting = true
      }
    }
  }
}
