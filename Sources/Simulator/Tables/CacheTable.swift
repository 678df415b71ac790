import Coherence
import Memory
import Wire

/// The cache side's table: what the code does in every state, with everything that can happen.
struct CacheTable {
  /// A state, perhaps with something that makes a difference.
  struct Situation {
    var condition: String
    var page: CachePage
  }

  /// Something that happens, perhaps with something that makes a difference.
  struct Event {
    enum Cause {
      case local(LocalEvent, holdsPin: Bool)
      case message(CoherenceMessage)
    }

    var name: String
    var condition = ""
    var cause: Cause

    var isRelease: Bool { name == "release" || name == "expire" }
  }

  static let page = PageNumber(0)
  private static let home = NodeID(0)
  private static let local = NodeID(1)
  private static let other = NodeID(2)

  // MARK: Rows and columns

  /// The states of interest within one state, the plain one first.
  static func situations(_ state: CacheState) -> [Situation] {
    var plain = CachePage()
    plain.state = state
    plain.version = PageVersion(5)
    plain.hasStaleCopy = false
    if state == .collecting { plain.acknowledgements = 1 }
    func with(_ condition: String, _ change: (inout CachePage) -> Void) -> Situation {
      var page = plain
      change(&page)
      return Situation(condition: condition, page: page)
    }
    func deferring(_ deferred: CachePage.Deferred, pinned: Bool) -> Situation {
      let name =
        switch deferred {
        case .share: "to share"
        case .give: "to give"
        case .acknowledge: "to acknowledge"
        case .nothing: "nothing to answer"
        }
      return with(pinned ? "pinned, \(name)" : name) {
        $0.pins = pinned ? 1 : 0
        $0.deferred = deferred
        $0.deferredRequester = other
      }
    }
    let own = Situation(condition: "", page: plain)
    let pinned = with("pinned") { $0.pins = 1 }
    return switch state {
    case .invalid: [own, with("stale copy") { $0.hasStaleCopy = true }]
    case .shared, .upgrading:
      [own, pinned, deferring(.acknowledge, pinned: true), deferring(.give, pinned: true)]
    case .exclusive: [own, pinned, deferring(.give, pinned: true)]
    case .modified: [own, pinned, deferring(.share, pinned: true), deferring(.give, pinned: true)]
    case .losing, .upgradeLosing:
      [deferring(.acknowledge, pinned: false), deferring(.give, pinned: false)]
    case .downgrading: [deferring(.share, pinned: false)]
    case .leavingShared:
      [own] + [.share, .give, .acknowledge].map { deferring($0, pinned: false) }
    case .leavingExclusive, .leavingModified: [own] + [.share, .give].map { deferring($0, pinned: false) }
    case .collecting: [own, with("two to come") { $0.acknowledgements = 2 }]
    case .writing: [own, with("one has come") { $0.acknowledgements = -1 }]
    default: [own]
    }
  }

  static let events: [Event] =
    LocalEvent.allCases.flatMap { event -> [Event] in
      let plain = Event(name: "\(event)", cause: .local(event, holdsPin: false))
      return event == .writeFault
        ? [plain, Event(name: "\(event)", condition: "by who pins", cause: .local(event, holdsPin: true))]
        : [plain]
    } + CoherenceMessage.Kind.allCases.filter { !$0.isForHome }.flatMap { messages($0) }

  private static func messages(_ kind: CoherenceMessage.Kind) -> [Event] {
    var plain = CoherenceMessage(kind, page)
    if kind.namesRequester { plain.requester = other }
    func event(_ condition: String, _ change: (inout CoherenceMessage) -> Void) -> Event {
      var message = plain
      change(&message)
      return Event(name: "\(kind)", condition: condition, cause: .message(message))
    }
    guard kind == .data || kind == .grant else { return [event("") { _ in }] }
    plain.version = PageVersion(6)
    guard kind == .data else {
      return [event("") { _ in }, event("1 to acknowledge") { $0.acknowledgements = 1 }]
    }
    plain.content = .page
    return [
      event("shared") { _ in }, event("exclusive") { $0.isExclusive = true },
      event("exclusive, 1 to acknowledge") {
        $0.isExclusive = true
        $0.acknowledgements = 1
      },
      event("exclusive, zero") {
        $0.isExclusive = true
        $0.content = .zero
      },
    ]
  }

  // MARK: Cells

  /// What happens: the actions in words, and the next state; nil if it can't be.
  static func outcome(_ situation: Situation, _ event: Event) -> (actions: String, next: CachePage)? {
    var cached = situation.page
    var out = Outbox(local: local, capacity: 16)
    let context = PageContext(page: page, home: home, keepsStaleCopies: true)
    let isPossible =
      switch event.cause {
      case .local(let event, let holdsPin):
        cached.handle(event, holdsPin: holdsPin, context, &out, SoundRules())
      case .message(let message): cached.receive(message, context, &out, SoundRules())
      }
    guard isPossible else { return nil }
    var actions: [String] = []
    while let action = out.nextAction() { actions.append(ActionText.text(action, home: home)) }
    if cached.isAwaited, !situation.page.isAwaited { actions.append("fault waits") }
    if cached.deferred != .nothing, situation.page.deferred == .nothing { actions.append("answer later") }
    return (actions.joined(separator: ", "), cached)
  }
}
