import Coherence
import Memory
import Wire

extension LinkWorld {
  /// What is wrong in this state, if anything is.
  func violatedInvariant() -> String? {
    if let problem = violation ?? accessProblem { return problem }
    for receiver in 0..<2 where expected[receiver].count > queueBound {
      return "more than \(queueBound) messages for node \(receiver)"
    }
    return isQuiet ? directoryProblem ?? frameProblem : nil
  }

  /// Messages of one page to one node: an answer, a message of the transaction, the next request, and what that one needs.
  private var queueBound: Int { 4 }

  /// Single writer or many readers; who may read would read what was written last.
  private var accessProblem: String? {
    for node in nodes where node.permission != .none && node.contents != latest {
      return "node \(node.id.index) may read old contents"
    }
    let hasWriter = nodes.contains { $0.permission == .write }
    return hasWriter && nodes.allSatisfy { $0.permission != .none } ? "a writer and a reader" : nil
  }

  /// Directory and caches agree when all is quiet.
  private var directoryProblem: String? {
    for receiver in 0..<2 where !expected[receiver].isEmpty { return "a message never comes" }
    let home = nodes[0]
    let entry = home.engine.homePage(home.page)
    if entry.state.isBusy { return "the page stays busy" }
    if entry.hasWaitingRequests { return "a request waits for nothing" }
    for node in nodes {
      let isMember = entry.sharersBelow64 >> UInt64(node.id.index) & 1 == 1
      let fits =
        switch entry.state {
        case .shared where isMember: node.cached.state == .shared
        case .exclusive where isMember: node.cached.state == .exclusive || node.cached.state == .modified
        default: node.cached.state == .invalid
        }
      if !fits || node.cached.deferred != .nothing {
        return
          "the page is \(entry.state.symbol) at its home, \(node.cached.state.symbol) at node \(node.id.index)"
      }
    }
    let holder = nodes.first { $0.cached.state.isValid } ?? (entry.state == .held ? home : nil)
    if let holder { return holder.contents == latest ? nil : "the last contents are lost" }
    return entry.state == .untouched && latest == HashedBytes.zeroPage ? nil : "the last contents are lost"
  }

  /// Frames are there for what is in them, and for nothing else, when all is quiet.
  private var frameProblem: String? {
    for node in nodes {
      let isHeld = node.id == NodeID(0) && node.engine.homePage(node.page).state == .held
      let isNeeded = isHeld || node.cached.state != .invalid || node.cached.hasStaleCopy
      let used = node.frames.filter { $0.isInUse || $0.references > 0 }.count
      if used != (isNeeded ? 1 : 0) || isNeeded != (node.frame != nil) {
        return "node \(node.id.index) has \(used) frames where it needs \(isNeeded ? 1 : 0)"
      }
    }
    return nil
  }
}
