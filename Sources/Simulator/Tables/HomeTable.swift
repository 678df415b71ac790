import Coherence
import Memory
import Wire

/// The home side's table, in a cluster of five nodes: the home is node 0, requests are from node 1, 2 or 3.
struct HomeTable {
  struct Situation {
    var state: HomeState
    var condition: String
    /// Who has copies.
    var sharers: [UInt16]
    /// Who has a transaction open.
    var requester: UInt16 = 0
    /// Who sends the message.
    var sender: UInt16 = 1
    var hasRoom = true
  }

  static let situations: [Situation] =
    [
      Situation(state: .untouched, condition: "", sharers: []),
      Situation(state: .held, condition: "", sharers: []),
      Situation(state: .shared, condition: "from another", sharers: [2, 3]),
      Situation(state: .shared, condition: "from another, home shares", sharers: [0, 2, 3]),
      Situation(state: .shared, condition: "from a sharer", sharers: [1, 2, 3]),
      Situation(state: .shared, condition: "from the only sharer", sharers: [1]),
      Situation(state: .shared, condition: "from the only sharer, no room", sharers: [1], hasRoom: false),
      Situation(state: .shared, condition: "from the only sharer, the home", sharers: [0], sender: 0),
      Situation(state: .exclusive, condition: "from another", sharers: [2]),
      Situation(state: .exclusive, condition: "from the owner", sharers: [1]),
      Situation(state: .exclusive, condition: "from the owner, no room", sharers: [1], hasRoom: false),
      Situation(state: .exclusive, condition: "from the owner, the home", sharers: [0], sender: 0),
    ]
    + [HomeState.busyShared, .busyExclusive, .busyPut].flatMap { state in
      [
        Situation(state: state, condition: "from the requester", sharers: [1], requester: 1),
        Situation(state: state, condition: "from another", sharers: [2], requester: 2),
      ]
    }

  static let events: [CoherenceMessage] = CoherenceMessage.Kind.allCases.filter { $0.isForHome }.map { kind in
    var message = CoherenceMessage(kind, CacheTable.page)
    if kind == .putData {
      message.version = PageVersion(6)
      message.content = .page
    }
    return message
  }

  /// What happens: the actions in words, and the next state; nil if it can't be.
  static func outcome(
    _ situation: Situation, _ message: CoherenceMessage
  ) -> (actions: String, next: HomeState)? {
    var entry = HomePage()
    entry.state = situation.state
    entry.requester = NodeID(situation.requester)
    var sharers = NodeSet()
    for sharer in situation.sharers { sharers.insert(NodeID(sharer)) }
    if message.kind.isRequest, situation.state.isBusy {
      return mayWait(message, from: NodeID(situation.sender), entry, sharers)
        ? ("the request waits", entry.state) : nil
    }
    let context = HomeContext(
      page: message.page, local: home, known: .none, hasRoom: situation.hasRoom, supplierOffset: 0)
    // What the home tells itself is wanted, too: this is nobody's number.
    var out = Outbox(local: NodeID(9), capacity: 16)
    let sender = NodeID(situation.sender)
    let request = HomeRequest(kind: message.kind, node: sender, known: message.known)
    let isPossible =
      message.kind.isRequest
      ? entry.begin(request, &sharers, context, &out, SoundRules())
      : entry.end(message, from: sender, context, SoundRules())
    guard isPossible else { return nil }
    var actions: [String] = []
    while let action = out.nextAction() { actions.append(ActionText.text(action, home: home)) }
    return (actions.joined(separator: ", "), entry.state)
  }

  private static let home = NodeID(0)

  /// Whether a request is put into the list of those that wait.
  private static func mayWait(
    _ message: CoherenceMessage, from sender: NodeID, _ entry: HomePage, _ sharers: NodeSet
  ) -> Bool {
    var engine = CoherenceEngine(local: home, homes: HomeMap(pageCounts: [1, 0, 0, 0, 0]))
    engine.setHomePage(message.page, entry, sharers: sharers)
    engine.receive(message, from: sender)
    return engine.waitingRequest(0, on: message.page) != nil
  }
}
