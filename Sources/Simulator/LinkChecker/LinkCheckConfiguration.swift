/// What the model checker tries out with links on a network that has faults: two nodes and one page.
struct LinkCheckConfiguration {
  /// What each node may do at most: reads, writes, evictions, in any order.
  var accesses = 1
  /// Frames that the network may lose.
  var losses = 1
  /// Frames that the network may deliver twice.
  var duplicates = 1
  /// Timeouts that may pass although a frame or an acknowledgement is still on its way.
  var earlyTimeouts = 0
  var evicts = true
  /// Whether frames in flight may overtake each other.
  var reorders = true
  /// Stale copies are kept, and forgotten where a node uses one of its accesses for that.
  var keepsStaleCopies = true
  /// What a link is made to do wrong: the check must fail.
  var fault: LinkFault?
  /// The check is given up after so many states.
  var stateLimit = 20_000_000
}

/// A fault of links, as the checker pretends it: it hands on what the link has dropped.
enum LinkFault: String, CaseIterable {
  /// A frame that comes again is handed on again.
  case repeatsDuplicates
  /// A frame that comes early is handed on, whatever is missing before it.
  case skipsLostFrames
  /// What has been lost is never sent again.
  case neverSendsAgain
}
