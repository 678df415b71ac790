import Coherence
import Memory
import Wire

// All that there is in the model: the engines of some nodes as they are in the kernel; what their drivers and cores do, in
// its simplest form; and messages on their way, in a queue from each node to each other. Contents of pages are the number
// of the write that made them.

/// The state that the model checker explores.
struct World<Rules: ProtocolRules> {
  let configuration: CheckConfiguration
  private let homes: [Int]
  var engines: [CoherenceEngine<Rules>]
  /// From node a to node b at a · nodeCount + b.
  var queues: [[Packet]]
  /// Of node n and page p at n · pageCount + p.
  var local: [LocalPage]
  /// Which write to each page was the last.
  var latest: [Contents]
  var writeCount: Int32 = 0
  /// One of each node, or none at all.
  var instructions: [Instruction]
  /// One of each node, or none at all.
  var programs: [ProgramState]
  /// What the last step broke.
  var violation: String?

  init(_ configuration: CheckConfiguration, rules: Rules) {
    self.configuration = configuration
    let homes = HomeMap(pageCounts: configuration.pagesAtHome.map { UInt64($0) })
    self.homes = (0..<configuration.pageCount).map { homes.home(of: PageNumber(UInt64($0)))!.index }
    var options = CoherenceOptions()
    options.keepsStaleCopies = configuration.keepsStaleCopies
    options.requestLimit = configuration.requestLimit ?? configuration.pageCount
    engines = (0..<configuration.nodeCount).map {
      CoherenceEngine(local: NodeID(UInt16($0)), homes: homes, options: options, rules: rules)
    }
    let nodeCount = configuration.nodeCount
    queues = [[Packet]](repeating: [], count: nodeCount * nodeCount)
    local = [LocalPage](repeating: LocalPage(), count: nodeCount * configuration.pageCount)
    instructions = configuration.instructions.map { _ in Instruction() }
    programs = configuration.programs.map { _ in ProgramState() }
    latest = [Contents](repeating: .zero, count: configuration.pageCount)
  }

  var nodeCount: Int { engines.count }
  var pageCount: Int { latest.count }

  func home(of page: Int) -> Int { homes[page] }

  func cachePage(_ node: Int, _ page: Int) -> CachePage { engines[node].cachePage(PageNumber(UInt64(page))) }

  func homePage(_ page: Int) -> HomePage { engines[home(of: page)].homePage(PageNumber(UInt64(page))) }

  func waitingRequest(
    _ index: Int, _ page: Int
  ) -> (node: NodeID, kind: CoherenceMessage.Kind, known: PageVersion)? {
    // Most pages have none; to ask the engine costs a copy of it.
    guard homePage(page).hasWaitingRequests else { return nil }
    return engines[home(of: page)].waitingRequest(index, on: PageNumber(UInt64(page)))
  }

  func sharers(_ page: Int) -> NodeSet {
    var set = NodeSet()
    set[word: 0] = homePage(page).sharersBelow64
    return set
  }

  subscript(node: Int, page: Int) -> LocalPage {
    get { local[node * pageCount + page] }
    set { local[node * pageCount + page] = newValue }
  }
}
