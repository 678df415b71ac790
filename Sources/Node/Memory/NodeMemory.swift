import Coherence
import Memory
import Wire

/// The guest's memory as far as it concerns one node. All of its own memory is allocated by `init`.
struct NodeMemory {
  let options: MemoryOptions
  var coherence: CoherenceEngine<SoundRules>
  var frames: PageFrames
  var twins: PageTwins
  var pending: PendingMessages
  /// The message that is under way from each node.
  var incoming: [IncomingMessage?]
  var actions: ActionQueue
  /// Whether faults were put off that nobody has been told to repeat.
  var hasPutOff = false
  /// Whether somebody does what the actions say. As long as nobody does, others can't have any added.
  var isDriven = false
  /// Whether the virtual machine has to stop, and nothing is done any more.
  var isStopped = false
  /// Where the search for pages to evict goes on.
  var hand: UInt64 = 0
  /// Pages that this node fetches since others have no room for them.
  var adoptions = AdoptedPages()
  /// The first node to ask next whether it has room for a page.
  var nextAdopter = 0
  /// Pages that were looked at since a copy that could be spared has left, up to twice the number of all; of the second time
  /// only those since a frame was freed or taken.
  var fruitlessCount = 0
  /// Whether the search has found such a copy since a frame was last freed.
  var canSpare = false

  /// A message of which not all fragments are there.
  struct IncomingMessage {
    var message: CoherenceMessage
    var lines: PageLines = []
  }

  init(
    local: NodeID, homes: HomeMap, frameCapacity: Int, frameLimit: HostPhysicalAddress,
    twins: [HostPhysicalAddress], options: MemoryOptions
  ) {
    precondition(options.evictionLimit < options.coherence.requestLimit)
    self.options = options
    coherence = CoherenceEngine(local: local, homes: homes, options: options.coherence)
    frames = PageFrames(pageCount: homes.pageCount, capacity: frameCapacity, limit: frameLimit)
    self.twins = PageTwins(frames: twins)
    let nodeCount = homes.nodeCount
    pending = PendingMessages(
      nodeCount: nodeCount, capacity: homes.pageCount == 0 ? 0 : nodeCount * options.pendingPerNode,
      filler: CoherenceMessage(.void, PageNumber(0)))
    incoming = [IncomingMessage?](repeating: nil, count: nodeCount)
    actions = ActionQueue(capacity: homes.pageCount == 0 ? 1 : 4 * nodeCount + 256)
  }

  /// Before there is any.
  static func empty(nodeCount: Int) -> NodeMemory {
    NodeMemory(
      local: NodeID(0), homes: HomeMap(pageCounts: [UInt64](repeating: 0, count: nodeCount)),
      frameCapacity: 0, frameLimit: HostPhysicalAddress(0), twins: [], options: MemoryOptions())
  }

  mutating func stop(_ fault: MemoryFault) {
    guard !isStopped else { return }
    isStopped = true
    actions.append(.stop(fault))
  }
}

/// Actions for the driver, first in, first out.
struct ActionQueue {
  private var actions: [NodeAction]
  private var first = 0
  private var end = 0

  init(capacity: Int) { actions = [NodeAction](repeating: .retryPutOff, count: capacity) }

  mutating func append(_ action: NodeAction) {
    actions[end] = action
    end += 1
  }

  mutating func next() -> NodeAction? {
    guard first < end else {
      first = 0
      end = 0
      return nil
    }
    first += 1
    return actions[first - 1]
  }
}
