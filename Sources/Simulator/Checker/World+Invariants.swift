import Coherence
import Memory
import Wire

extension World {
  /// What is wrong in this state, if anything is.
  func violatedInvariant() -> String? {
    if let violation { return violation }
    for page in 0..<pageCount {
      if let problem = accessProblem(page) ?? copyProblem(page) { return problem }
    }
    for index in 0..<queues.count where queues[index].count > queueBound {
      return "more than \(queueBound) messages from node \(index / nodeCount) to node \(index % nodeCount)"
    }
    guard isQuiet else { return nil }
    for page in 0..<pageCount {
      if let problem = directoryProblem(page) ?? frameProblem(page) { return problem }
    }
    return nil
  }

  /// For each page that a transaction is open of: an answer, a message of it, the next request.
  var queueBound: Int { 4 * pageCount }

  /// Nothing goes on but what cores do.
  var isQuiet: Bool {
    for queue in queues where !queue.isEmpty { return false }
    for page in local where page.shootdown != nil || page.faults != 0 { return false }
    return true
  }

  /// Single writer or many readers; who may read would read what was written last.
  private func accessProblem(_ page: Int) -> String? {
    var readers = 0
    var writers = 0
    for node in 0..<nodeCount {
      let local = self[node, page]
      if local.permission >= .read {
        readers += 1
        if local.frame != latest[page] { return "node \(node) may read old contents of page \(page)" }
      }
      if local.permission == .write { writers += 1 }
      let cached = cachePage(node, page)
      if cached.pins > 0, local.permission == .none {
        return "page \(page) was taken from node \(node), pinned"
      }
    }
    return writers > 0 && readers > 1 ? "page \(page) has a writer and \(readers - 1) others" : nil
  }

  /// The latest contents are somewhere.
  private func copyProblem(_ page: Int) -> String? {
    let entry = homePage(page)
    if entry.state == .untouched, latest[page] == .zero { return nil }
    if entry.state == .held, self[home(of: page), page].frame == latest[page] { return nil }
    for node in 0..<nodeCount
    where cachePage(node, page).state.isValid && self[node, page].frame == latest[page] {
      return nil
    }
    for queue in queues {
      for packet in queue where Int(packet.message.page.value) == page && packet.contents == latest[page] {
        return nil
      }
    }
    return "the last copy of page \(page) is lost"
  }

  /// Directory and caches agree when all is quiet.
  private func directoryProblem(_ page: Int) -> String? {
    let entry = homePage(page)
    let sharers = sharers(page)
    if entry.state.isBusy { return "page \(page) stays busy" }
    if waitingRequest(0, page) != nil {
      return "a request for page \(page) waits for nothing"
    }
    for node in 0..<nodeCount {
      let isMember = sharers.contains(NodeID(UInt16(node)))
      let expected: [CacheState] =
        switch entry.state {
        case .shared where isMember: [.shared]
        case .exclusive where isMember: [.exclusive, .modified]
        default: [.invalid]
        }
      let cached = cachePage(node, page)
      if cached.deferred != .nothing, cached.pins > 0 { continue }
      if !expected.contains(cached.state) {
        return "page \(page) is \(entry.state.symbol) at its home, \(cached.state.symbol) at node \(node)"
      }
      if cached.deferred != .nothing { return "node \(node) never answers for page \(page)" }
    }
    return nil
  }

  /// Frames are there for what is in them, and for nothing else, when all is quiet.
  private func frameProblem(_ page: Int) -> String? {
    for node in 0..<nodeCount {
      let cached = cachePage(node, page)
      let isHeld = home(of: page) == node && homePage(page).state == .held
      let isNeeded = isHeld || cached.state != .invalid || cached.hasStaleCopy
      if isNeeded != (self[node, page].frame != nil) {
        return isNeeded
          ? "node \(node) lacks a frame for page \(page)" : "node \(node) leaks a frame of page \(page)"
      }
    }
    return nil
  }
}
