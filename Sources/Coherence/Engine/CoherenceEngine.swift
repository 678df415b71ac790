import Memory
import Wire

// Coherence of one node: the cache side of every page and the directory of those that the node is home to, as a state
// machine without input or output. Its driver calls
//
//   - `handle` with what happens on the node, `receive` with each message of a peer;
//   - `nextAction` after each of them until it gives none, and does what it says, in that order.
//
// Messages of the node to itself never leave the engine: they are handled before the call returns. All memory is
// allocated by `init`, and no call takes longer than it takes to invalidate every node's copy.

/// The coherence of one node.
public struct CoherenceEngine<Rules: ProtocolRules>: Sendable {
  public let local: NodeID
  public let homes: HomeMap
  public let options: CoherenceOptions
  let rules: Rules

  /// Whether the node could take in a page of its own that another one has no room for.
  public var hasRoom = true

  /// Which of several sharers sends its copy to the next reader. Any number will do; the model checker tries all.
  public var supplierOffset = 0

  /// How many transactions this node has open.
  public internal(set) var openRequestCount = 0

  @usableFromInline var cache: [CachePage]
  @usableFromInline var directory: [HomePage]
  /// Three words for each page of the directory: sharers from node 64 on, if there are such nodes.
  var moreSharers: [UInt64]
  var waiting: WaitingRequests
  var out: Outbox

  public init(local: NodeID, homes: HomeMap, options: CoherenceOptions = CoherenceOptions(), rules: Rules) {
    precondition(local.index < homes.nodeCount)
    self.local = local
    self.homes = homes
    self.options = options
    self.rules = rules
    let ownCount = homes.pageCount(of: local)
    cache = [CachePage](repeating: CachePage(), count: homes.pageCount)
    directory = [HomePage](repeating: HomePage(), count: ownCount)
    moreSharers = [UInt64](repeating: 0, count: homes.nodeCount > 64 ? 3 * ownCount : 0)
    waiting = WaitingRequests(nodeCount: homes.nodeCount, limit: options.requestLimit)
    out = Outbox(local: local, capacity: Outbox.capacity(nodeCount: homes.nodeCount))
  }

  /// Whether the node may open another transaction.
  package var hasRoomForRequest: Bool { openRequestCount < options.requestLimit }

  /// The next thing to do.
  public mutating func nextAction() -> CoherenceAction? { out.nextAction() }

  // MARK: What the engine knows

  @inlinable
  public func cachePage(_ page: PageNumber) -> CachePage { cache[Int(page.value)] }

  /// The directory's entry of a page that this node is home to.
  @inlinable
  public func homePage(_ page: PageNumber) -> HomePage { directory[directoryIndex(page)] }

  /// Who has copies of a page that this node is home to.
  public func sharers(of page: PageNumber) -> NodeSet { sharers(directoryIndex(page)) }

  /// The request at place `index` of those that wait for a page that this node is home to; nil behind the last.
  public func waitingRequest(
    _ index: Int, on page: PageNumber
  ) -> (node: NodeID, kind: CoherenceMessage.Kind, known: PageVersion)? {
    guard let request = waiting.request(index, of: directory[directoryIndex(page)]) else { return nil }
    return (request.node, request.kind, request.known)
  }

  /// Whether contents that `message` brings from `sender` belong into this node's frame. To be asked before they are
  /// copied there: a peer may send them at any time.
  public func expectsContents(_ message: CoherenceMessage, from sender: NodeID) -> Bool {
    guard let home = homes.home(of: message.page) else { return false }
    let known = cache[Int(message.page.value)].known
    if message.kind == .putData {
      guard home == local else { return false }
      let entry = directory[directoryIndex(message.page)]
      return entry.state == .busyPut && entry.requester == sender && message.isTakenBy(known: known)
    }
    let state = cache[Int(message.page.value)].state
    if home == local, !isServed(message.page) { return false }
    return message.kind == .data && (state == .reading || state == .writing)
      && message.isTakenBy(known: known)
  }

  /// Puts another outbox in place: copies of an engine between calls need none of their own.
  package mutating func exchangeOutbox(with other: inout Outbox) { swap(&out, &other) }

  /// Puts a page of the directory into a state of the caller's choice, for tables and tests.
  package mutating func setHomePage(_ page: PageNumber, _ entry: HomePage, sharers: NodeSet) {
    directory[directoryIndex(page)] = entry
    setSharers(sharers, directoryIndex(page))
  }

  @usableFromInline
  func directoryIndex(_ page: PageNumber) -> Int { Int(page.value - homes.firstPage(of: local).value) }

  func sharers(_ index: Int) -> NodeSet {
    var set = NodeSet()
    set[word: 0] = directory[index].firstSharers
    if !moreSharers.isEmpty { for word in 0..<3 { set[word: word + 1] = moreSharers[3 * index + word] } }
    return set
  }

  mutating func setSharers(_ set: NodeSet, _ index: Int) {
    directory[index].firstSharers = set[word: 0]
    if !moreSharers.isEmpty { for word in 0..<3 { moreSharers[3 * index + word] = set[word: word + 1] } }
  }
}

extension CoherenceEngine<SoundRules> {
  public init(local: NodeID, homes: HomeMap, options: CoherenceOptions = CoherenceOptions()) {
    self.init(local: local, homes: homes, options: options, rules: SoundRules())
  }
}

public struct CoherenceOptions: Sendable {
  /// How many transactions a node may have open: one for each vCPU, some for evictions and for the hyperkernel's own
  /// accesses. The same on all nodes.
  public var requestLimit = 64
  /// Whether a copy that has become stale is kept, so that changes suffice to renew it, until `forget` frees its frame.
  public var keepsStaleCopies = true

  public init() {}
}
