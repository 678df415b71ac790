import Coherence
import Memory
import Wire

// What of a state makes a difference to what can happen from now on. Versions count from the newest one down, and all that
// are older than the one before it are alike: no contents are ever described as changes of those. Writes are told apart
// only as far as some frame, or a message, still has their contents.

extension World {
  /// The least hash over all renamings.
  func hash(_ symmetries: [Symmetry]) -> StateHash {
    let newest = (0..<pageCount).map { newestVersion($0) }
    var least = StateHash(high: .max, low: .max)
    for symmetry in symmetries { least = min(least, hash(symmetry, newest)) }
    return least
  }

  private func newestVersion(_ page: Int) -> UInt32 {
    var newest = homePage(page).version.value
    for node in 0..<nodeCount {
      let cached = cachePage(node, page)
      if cached.state.isValid || cached.hasStaleCopy { newest = max(newest, cached.version.value) }
    }
    for queue in queues {
      for packet in queue where Int(packet.message.page.value) == page {
        newest = max(newest, packet.message.version.value)
      }
    }
    return newest
  }

  private func hash(_ symmetry: Symmetry, _ newest: [UInt32]) -> StateHash {
    var hash = StateHash()
    for newPage in 0..<pageCount {
      let page = symmetry.oldPage[newPage]
      var labels = ContentLabels(latest[page])
      for newNode in 0..<nodeCount {
        addCache(symmetry.oldNode[newNode], page, symmetry, newest[page], &labels, &hash)
      }
      addHome(page, symmetry, newest[page], &hash)
      for newSender in 0..<nodeCount {
        let row = symmetry.oldNode[newSender] * nodeCount
        for newReceiver in 0..<nodeCount {
          for packet in queues[row + symmetry.oldNode[newReceiver]] {
            // Which page it is of: the order between pages is part of the state.
            hash.add(UInt64(symmetry.newPage[Int(packet.message.page.value)]) + 1)
            guard Int(packet.message.page.value) == page else { continue }
            add(packet, symmetry, newest[page], &labels, &hash)
          }
          hash.add(0)
        }
      }
    }
    for node in instructions.indices {
      let instruction = instructions[symmetry.oldNode[node]]
      hash.add(instruction.hasRetired ? 1 : 0)
      for page in 0..<pageCount {
        hash.add(instruction.pinned.contains(PageNumber(UInt64(symmetry.oldPage[page]))) ? 1 : 0)
      }
    }
    for node in programs.indices {
      let vCPU = programs[symmetry.oldNode[node]]
      hash.add(UInt64(vCPU.next) << 8 | UInt64(vCPU.buffer.count))
      for value in vCPU.registers { hash.add(UInt64(value)) }
      for store in vCPU.buffer { hash.add(UInt64(store.value)) }
    }
    // Which store it was makes a difference to who reads it into a register.
    if !programs.isEmpty { for page in 0..<pageCount { hash.add(UInt64(latest[page].write)) } }
    return hash
  }

  /// What `hash` is in a world without other pages, under this renaming of nodes.
  func pageHash(_ page: Int, _ symmetry: Symmetry) -> StateHash {
    var hash = StateHash()
    var labels = ContentLabels(latest[page])
    let newest = newestVersion(page)
    for newNode in 0..<nodeCount {
      addCache(symmetry.oldNode[newNode], page, symmetry, newest, &labels, &hash)
    }
    addHome(page, symmetry, newest, &hash)
    for newSender in 0..<nodeCount {
      let row = symmetry.oldNode[newSender] * nodeCount
      for newReceiver in 0..<nodeCount {
        for packet in queues[row + symmetry.oldNode[newReceiver]]
        where Int(packet.message.page.value) == page {
          hash.add(1)
          add(packet, symmetry, newest, &labels, &hash)
        }
        hash.add(0)
      }
    }
    return hash
  }

  private func age(_ version: PageVersion, _ newest: UInt32) -> UInt64 {
    version == .none ? 3 : UInt64(min(newest &- version.value, 2))
  }

  private func newNumber(_ node: NodeID, _ symmetry: Symmetry) -> UInt64 {
    node.index < nodeCount ? UInt64(symmetry.newNode[node.index]) : 15
  }

  private func addCache(
    _ node: Int, _ page: Int, _ symmetry: Symmetry, _ newest: UInt32, _ labels: inout ContentLabels,
    _ hash: inout StateHash
  ) {
    let cached = cachePage(node, page)
    let local = self[node, page]
    var word = UInt64(cached.state.rawValue)
    word = word << 2 | UInt64(cached.deferred.rawValue)
    word = word << 8 | UInt64(cached.pins)
    word = word << 2 | (cached.hasStaleCopy ? 2 : 0) | (cached.isAwaited ? 1 : 0)
    let hasCopy = cached.state.isValid || cached.hasStaleCopy
    let isHeld = home(of: page) == node && homePage(page).state == .held
    word = word << 2 | (hasCopy ? age(cached.version, newest) : 3)
    if cached.deferred != .nothing {
      word = word << 4 | newNumber(cached.deferredRequester, symmetry)
      word = word << 2 | age(cached.deferredKnown, newest)
      word = word << 4 | UInt64(cached.deferredAcknowledgementCount)
    } else {
      word = word << 10
    }
    word = word << 6 | UInt64(truncatingIfNeeded: cached.acknowledgements & 0x3F)
    word = word << 2 | UInt64(local.permission.rawValue)
    word = word << 2 | (local.shootdown.map { UInt64($0.rawValue) } ?? 3)
    word = word << 2 | UInt64(local.faults)
    hash.add(word)
    let isUseful = cached.state.isValid || isHeld || (cached.hasStaleCopy && age(cached.version, newest) < 2)
    let hasTwin = cached.state.isValid && local.twin != nil && local.twinVersion == cached.version
    var contents: UInt64 = local.frame == nil ? 0 : 1
    contents = contents << 8 | (isUseful ? labels.label(local.frame) : 0)
    contents = contents << 8 | (hasTwin ? labels.label(local.twin) : 0)
    hash.add(contents)
  }

  private func addHome(_ page: Int, _ symmetry: Symmetry, _ newest: UInt32, _ hash: inout StateHash) {
    let entry = homePage(page)
    let sharers = sharers(page)
    var word = UInt64(entry.state.rawValue)
    word = word << 4 | (entry.state.isBusy ? newNumber(entry.requester, symmetry) : 0)
    let isHere = entry.state == .held || entry.state == .untouched
    word = word << 2 | (isHere ? age(entry.version, newest) : 0)
    for node in 0..<nodeCount {
      word = word << 1 | (sharers.contains(NodeID(UInt16(symmetry.oldNode[node]))) ? 1 : 0)
    }
    hash.add(word)
    var index = 0
    while let request = waitingRequest(index, page) {
      var word = newNumber(request.node, symmetry)
      word = word << 5 | UInt64(request.kind.rawValue)
      word = word << 2 | age(request.known, newest)
      hash.add(word)
      index += 1
    }
    hash.add(UInt64.max)
  }

  private func add(
    _ packet: Packet, _ symmetry: Symmetry, _ newest: UInt32, _ labels: inout ContentLabels,
    _ hash: inout StateHash
  ) {
    let message = packet.message
    var word = UInt64(message.kind.rawValue)
    word = word << 2 | UInt64(message.content.rawValue)
    word = word << 1 | (message.isExclusive ? 1 : 0)
    word = word << 4 | newNumber(message.requester, symmetry)
    word = word << 6 | UInt64(message.acknowledgements & 0x3F)
    word = word << 2 | age(message.version, newest)
    word = word << 2 | age(message.known, newest)
    word = word << 8 | (packet.contents == nil ? 0 : labels.label(packet.contents))
    word = word << 8 | (packet.base == nil ? 0 : labels.label(packet.base))
    hash.add(word)
  }
}

/// Small numbers for the contents of one page, in the order of their appearance.
private struct ContentLabels {
  private var known: InlineArray<32, Int32>
  private var count = 1

  init(_ latest: Contents) { known = InlineArray(repeating: latest.write) }

  mutating func label(_ contents: Contents?) -> UInt64 {
    guard let contents else { return 0 }
    if contents == .garbage { return 1 }
    let zero: UInt64 = contents == .zero ? 0x40 : 0
    for index in 0..<count where known[index] == contents.write { return zero | UInt64(index + 2) }
    known[count] = contents.write
    count += 1
    return zero | UInt64(count + 1)
  }
}
