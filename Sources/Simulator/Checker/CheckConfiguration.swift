/// What the model checker tries out.
struct CheckConfiguration {
  /// How many pages each node is home to.
  var pagesAtHome: [Int] = [1, 0]
  /// Nodes evict pages.
  var evicts = true
  /// Pages stay pinned until a step of its own; else accesses end at once.
  var pins = true
  /// Faults come for pages that have a request open already.
  var waits = false
  /// Stale copies are kept, and forgotten in a step of its own.
  var keepsStaleCopies = true
  /// Homes refuse pages now and then.
  var lacksRoom = false
  /// How many requests a node may have open; by default as many as there are pages.
  var requestLimit: Int?
  /// Of each node the pages that one instruction of its vCPU writes to, in this order. If there are any, nothing else
  /// happens on the nodes, and it is checked that every run comes to an end, whatever happens first.
  var instructions: [[Int]] = []
  /// A vCPU releases pages that come after the one that it waits for.
  var ordersPins = true
  /// Of each node what its vCPU executes, or nothing at all. If there are any, nothing else happens on the nodes.
  var programs: [Program] = []
  /// The check is given up after so many states.
  var stateLimit = 20_000_000
  /// Whether it is checked that pages do not influence each other. For nodes without instructions and programs.
  var checksIndependence = false
  /// Whether it is checked that a quiet state can be reached from every state.
  var checksLiveness = true

  var nodeCount: Int { pagesAtHome.count }
  var pageCount: Int { pagesAtHome.reduce(0, +) }
}
