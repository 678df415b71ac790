import Coherence
import Memory
import Support
import Testing
import Wire

struct EngineTests {
  private static let page = PageNumber(0)

  private static func engine(_ node: UInt16, pageCounts: [UInt64]) -> CoherenceEngine<SoundRules> {
    CoherenceEngine(local: NodeID(node), homes: HomeMap(pageCounts: pageCounts))
  }

  private static func actions(_ engine: inout CoherenceEngine<SoundRules>) -> [CoherenceAction] {
    var actions: [CoherenceAction] = []
    while let action = engine.nextAction() { actions.append(action) }
    return actions
  }

  private static func take(
    _ event: LocalEvent, _ page: PageNumber, _ engine: inout CoherenceEngine<SoundRules>,
    isRefused: Bool = false,
    at location: SourceLocation = #_sourceLocation
  ) {
    let isTaken = engine.handle(event, on: page)
    #expect(isTaken != isRefused, sourceLocation: location)
  }

  private static func home(sharers count: UInt16) -> CoherenceEngine<SoundRules> {
    var engine = engine(0, pageCounts: [1] + [UInt64](repeating: 0, count: 255))
    var entry = HomePage()
    entry.state = .shared
    var sharers = NodeSet()
    for node in 1...count { sharers.insert(NodeID(node)) }
    engine.setHomePage(page, entry, sharers: sharers)
    return engine
  }

  @Test func aUpgradeInvalidatesAllOf255SharersAndNobodyElse() {
    for count: UInt16 in [1, 63, 64, 65, 255] {
      var engine = Self.home(sharers: count)
      engine.receive(CoherenceMessage(.upgrade, Self.page), from: NodeID(count))
      var invalidated = NodeSet()
      for action in Self.actions(&engine) {
        guard case .send(let message, let node) = action else { continue }
        if message.kind == .invalidate {
          #expect(message.requester == NodeID(count) && !invalidated.contains(node))
          invalidated.insert(node)
        } else {
          #expect(message.kind == .grant && Int(message.acknowledgements) == Int(count) - 1)
        }
      }
      #expect(invalidated.count == Int(count) - 1 && !invalidated.contains(NodeID(count)))
      engine.receive(CoherenceMessage(.unblock, Self.page), from: NodeID(count))
      #expect(engine.homePage(Self.page).state == .exclusive)
      #expect(
        engine.sharers(of: Self.page).count == 1 && engine.sharers(of: Self.page).contains(NodeID(count)))
    }
  }

  @Test func requestsThatWaitAreServedInTheirOrder() {
    var engine = Self.engine(0, pageCounts: [1] + [UInt64](repeating: 0, count: 255))
    for node: UInt16 in 1..<256 {
      engine.receive(CoherenceMessage(.getShared, Self.page), from: NodeID(node))
    }
    for node: UInt16 in 1..<256 {
      #expect(engine.homePage(Self.page).state.isBusy && engine.homePage(Self.page).requester == NodeID(node))
      engine.receive(CoherenceMessage(.unblock, Self.page), from: NodeID(node))
    }
    #expect(engine.homePage(Self.page).state == .shared && engine.sharers(of: Self.page).count == 255)
    // A put of everybody at once, and a writer: the longest answer to one message.
    engine.receive(CoherenceMessage(.upgrade, Self.page), from: NodeID(1))
    _ = Self.actions(&engine)
    for node: UInt16 in 2..<256 { engine.receive(CoherenceMessage(.put, Self.page), from: NodeID(node)) }
    engine.receive(CoherenceMessage(.unblock, Self.page), from: NodeID(1))
    let answers = Self.actions(&engine)
    #expect(answers.count == 254)
    for answer in answers {
      guard case .send(let message, _) = answer, message.kind == .void else {
        Issue.record("\(answer)")
        return
      }
    }
  }

  @Test func aNodeHasOneRequestForAPageAndSoManyAtAll() {
    var options = CoherenceOptions()
    options.requestLimit = 2
    let homes = HomeMap(pageCounts: [4, 0])
    var engine = CoherenceEngine(local: NodeID(1), homes: homes, options: options)
    Self.take(.readFault, PageNumber(0), &engine)
    Self.take(.writeFault, PageNumber(0), &engine)
    Self.take(.readFault, PageNumber(1), &engine)
    #expect(engine.openRequestCount == 2)
    Self.take(.readFault, PageNumber(2), &engine, isRefused: true)
    let sent = Self.actions(&engine).filter { if case .send = $0 { true } else { false } }
    #expect(sent.count == 2)

    var home = CoherenceEngine(local: NodeID(0), homes: homes, options: options)
    for page: UInt64 in 0..<4 { Self.take(.writeFault, PageNumber(page), &home) }
    for page: UInt64 in 0..<4 { home.receive(CoherenceMessage(.put, PageNumber(page)), from: NodeID(1)) }
    #expect(!Self.actions(&home).contains { if case .breakLink = $0 { true } else { false } })
  }

  @Test func anExpiredPinLetsGo() {
    var engine = Self.engine(1, pageCounts: [1, 0, 0])
    Self.take(.writeFault, Self.page, &engine)
    var data = CoherenceMessage(.data, Self.page)
    data.isExclusive = true
    data.content = .zero
    data.version = .first
    engine.receive(data, from: NodeID(0))
    #expect(Self.actions(&engine).contains(.resume(Self.page, isPinned: true)))
    var forward = CoherenceMessage(.forwardExclusive, Self.page)
    forward.requester = NodeID(2)
    engine.receive(forward, from: NodeID(0))
    #expect(Self.actions(&engine).isEmpty)
    // Others wait: who comes now is not pinned, so that the page gets away.
    Self.take(.writeFault, Self.page, &engine)
    #expect(Self.actions(&engine) == [.resume(Self.page, isPinned: false)])
    Self.take(.expire, Self.page, &engine)
    #expect(Self.actions(&engine) == [.unmap(Self.page)])
    Self.take(.release, Self.page, &engine)
    #expect(Self.actions(&engine).isEmpty)
  }

  @Test func anImpossibleEventOfTheNodeStopsIt() {
    var engine = Self.engine(0, pageCounts: [1, 0])
    Self.take(.shotDown, Self.page, &engine)
    let fault = CoherenceFault(Self.page, .cache(.invalid), .local(.shotDown))
    #expect(Self.actions(&engine) == [.stop(fault)])
    Self.take(.readFault, PageNumber(9), &engine)
    #expect(Self.actions(&engine) == [.stop(CoherenceFault(PageNumber(9), .nowhere, .local(.readFault)))])
  }
}
