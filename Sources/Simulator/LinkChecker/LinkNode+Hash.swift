import Coherence
import Memory
import Wire

// Versions and sequence numbers are taken as they are: a node does a few things only. Clocks are left out, since timers go off
// at any time; of a deadline, the link says whether there is one.

extension LinkNode {
  /// Stands for all that makes a difference to what can happen on the node from now on.
  var hash: StateHash {
    var hash = StateHash()
    addEngine(&hash)
    links.forEachWord(ofLinkTo: peer) { hash.add($0) }
    addMemory(&hash)
    hash.add(UInt64(vCPU.rawValue) << 32 | UInt64(accessesLeft))
    hash.add(UInt64(permission.rawValue) << 8 | (shootdown.map { UInt64($0.rawValue) } ?? 0xFF))
    for (message, page) in backlog {
      hash.add(message)
      if case .lines(let lines, let frame) = page {
        hash.add(lines.rawValue)
        hash.add(frame.value)
      } else {
        hash.add(page == .zero ? 1 : 0)
      }
    }
    hash.add(UInt64(backlog.count))
    if let (message, lines) = incoming {
      hash.add(message)
      hash.add(lines.rawValue)
    }
    hash.add(UInt64(framesTaken) << 1 | (incoming == nil ? 0 : 1))
    return hash
  }

  private func addEngine(_ hash: inout StateHash) {
    let cached = cached
    hash.add(UInt64(cached.version.value) << 32 | UInt64(cached.deferredKnown.value))
    var word = UInt64(UInt16(bitPattern: cached.acknowledgements))
    word = word << 8 | UInt64(cached.state.rawValue)
    word = word << 8 | UInt64(cached.deferred.rawValue)
    word = word << 8 | UInt64(cached.deferredRequester.value & 0xFF)
    word = word << 8 | UInt64(cached.deferredAcknowledgementCount)
    word = word << 8 | UInt64(cached.pins)
    word = word << 2 | (cached.hasStaleCopy ? 2 : 0) | (cached.isAwaited ? 1 : 0)
    hash.add(word)
    hash.add(UInt64(engine.openRequestCount))
    guard id == NodeID(0) else { return }
    let entry = engine.homePage(page)
    hash.add(
      UInt64(entry.version.value) << 32 | UInt64(entry.state.rawValue) << 16 | UInt64(entry.requester.value))
    hash.add(entry.sharersBelow64)
    var index = 0
    while let request = engine.waitingRequest(index, on: page) {
      hash.add(
        UInt64(request.node.value) << 40 | UInt64(request.kind.rawValue) << 32 | UInt64(request.known.value))
      index += 1
    }
    hash.add(UInt64(index))
  }

  private func addMemory(_ hash: inout StateHash) {
    for frame in frames where frame.isInUse || frame.references > 0 { hash.add(frame.contents.hash) }
    for frame in frames { hash.add(UInt64(frame.references) << 1 | (frame.isInUse ? 1 : 0)) }
    hash.add(UInt64(frames.count) << 8 | UInt64(frame ?? 0xFF))
    if let twin { hash.add(twin.hash) }
    hash.add(UInt64(twinVersion.value) << 1 | (twin == nil ? 0 : 1))
  }
}

extension StateHash {
  mutating func add(_ other: StateHash) {
    add(other.high)
    add(other.low)
  }

  mutating func add(_ message: CoherenceMessage) {
    var word = UInt64(message.kind.rawValue)
    word = word << 8 | UInt64(message.content.rawValue)
    word = word << 1 | (message.isExclusive ? 1 : 0)
    word = word << 16 | UInt64(message.requester.value)
    word = word << 16 | UInt64(message.acknowledgements)
    add(word)
    add(UInt64(message.version.value) << 32 | UInt64(message.known.value))
  }
}
