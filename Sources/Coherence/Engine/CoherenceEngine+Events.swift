import Memory
import Wire

extension CoherenceEngine {
  /// Takes what happened on the node. False: nothing has happened, the event may be reported again later, since the node
  /// has as many requests open as it may have, or since the page can't be evicted, or forgotten, as it is now.
  ///
  /// - Parameter holdsPin: of a fault, whether who faults has the page pinned already.
  public mutating func handle(_ event: LocalEvent, on page: PageNumber, holdsPin: Bool = false) -> Bool {
    guard let home = homes.home(of: page) else {
      out.add(.stop(CoherenceFault(page, .nowhere, .local(event))))
      return true
    }
    let index = Int(page.value)
    switch event {
    case .readFault, .writeFault:
      let access: PageAccess = event == .readFault ? .read : .write
      let mayAsk = openRequestCount < options.requestLimit || cache[index].state.isOpen
      guard mayAsk || cache[index].permits(access) || cache[index].state == .exclusive else { return false }
    case .evict:
      guard openRequestCount < options.requestLimit, cache[index].canEvict else { return false }
    case .forget:
      let isExpected = home == local && directory[directoryIndex(page)].state == .busyPut
      guard cache[index].state == .invalid, cache[index].hasStaleCopy, !isExpected else { return false }
    case .shotDown, .release, .expire: break
    }
    let context = PageContext(page: page, home: home, keepsStaleCopies: options.keepsStaleCopies)
    let before = cache[index].state
    guard cache[index].handle(event, holdsPin: holdsPin, context, &out, rules) else {
      out.add(.stop(CoherenceFault(page, .cache(before), .local(event))))
      return true
    }
    countRequest(before, cache[index].state)
    handleOwnMessages()
    return true
  }

  /// Takes a message of a peer.
  public mutating func receive(_ message: CoherenceMessage, from sender: NodeID) {
    deliver(message, from: sender)
    handleOwnMessages()
  }

  private mutating func handleOwnMessages() {
    while let message = out.nextOwnMessage() { deliver(message, from: local) }
  }

  private mutating func deliver(_ message: CoherenceMessage, from sender: NodeID) {
    guard sender.index < homes.nodeCount, let home = homes.home(of: message.page),
      !message.kind.isForHome || home == local, !message.kind.isFromHome || sender == home,
      !message.kind.namesRequester
        || (message.requester.index < homes.nodeCount && message.requester != local)
    else { return refuse(message, from: sender, .nowhere) }
    if message.kind.isForHome {
      deliverToHome(message, from: sender)
    } else {
      deliverToCache(message, from: sender, home: home)
    }
  }

  private mutating func deliverToCache(_ message: CoherenceMessage, from sender: NodeID, home: NodeID) {
    let index = Int(message.page.value)
    let context = PageContext(page: message.page, home: home, keepsStaleCopies: options.keepsStaleCopies)
    let before = cache[index].state
    let answersRequest = message.kind == .data || message.kind == .invalidated
    if answersRequest, home == local, !isServed(message.page) {
      return refuse(message, from: sender, .cache(before))
    }
    guard cache[index].receive(message, context, &out, rules) else {
      return refuse(message, from: sender, .cache(before))
    }
    countRequest(before, cache[index].state)
  }

  /// Whether this node's own request for a page of its own is the one that is being served, so that peers may answer.
  func isServed(_ page: PageNumber) -> Bool {
    let entry = directory[directoryIndex(page)]
    return entry.state.isBusy && entry.requester == local
  }

  private mutating func deliverToHome(_ message: CoherenceMessage, from sender: NodeID) {
    let index = directoryIndex(message.page)
    let state = directory[index].state
    if message.kind.isRequest {
      let request = HomeRequest(kind: message.kind, node: sender, known: message.known)
      if state.isBusy, !rules.breaks(.blockWhileBusy) {
        guard directory[index].requester != sender, waiting.append(request, to: &directory[index])
        else { return refuse(message, from: sender, .home(state)) }
        return
      }
      begin(request, index, message.page)
    } else {
      guard directory[index].end(message, from: sender, homeContext(message.page), rules) else {
        return refuse(message, from: sender, .home(state))
      }
      if message.kind == .putData { takeIn(index, message.page) }
    }
    guard !rules.breaks(.serveWaiting) else { return }
    while !directory[index].state.isBusy, let request = waiting.removeFirst(of: &directory[index]) {
      begin(request, index, message.page)
    }
  }

  /// Lets a request have its turn, which is now.
  private mutating func begin(_ request: HomeRequest, _ index: Int, _ page: PageNumber) {
    var request = request
    // What this node's own cache has may have changed while it waited, since pages that are sent home use its frame.
    if request.node == local { request.known = cache[Int(page.value)].known }
    let before = directory[index].state
    var sharers = sharers(index)
    guard directory[index].begin(request, &sharers, homeContext(page), &out, rules) else {
      return refuse(request.kind, page, from: request.node, .home(before))
    }
    setSharers(sharers, index)
    if before == .held, directory[index].state != .held, request.node != local { giveOut(index, page) }
  }

  private func homeContext(_ page: PageNumber) -> HomeContext {
    HomeContext(
      page: page, local: local, known: cache[Int(page.value)].known, hasRoom: hasRoom,
      supplierOffset: supplierOffset)
  }

  // MARK: The home's frame
  //
  // A node has one frame for a page, whether as its home or for its cache.

  /// The page has come home: what the cache had is overwritten, or not needed.
  private mutating func takeIn(_ index: Int, _ page: PageNumber) {
    let cached = Int(page.value)
    if !rules.breaks(.clearStaleCopyAtHome) { cache[cached].hasStaleCopy = false }
    if directory[index].state == .untouched, !cache[cached].state.needsFrame { out.add(.freeFrame(page)) }
  }

  /// The home has sent what it held to another node.
  private mutating func giveOut(_ index: Int, _ page: PageNumber) {
    let cached = Int(page.value)
    if options.keepsStaleCopies {
      cache[cached].hasStaleCopy = true
      cache[cached].version = directory[index].version
    } else if !cache[cached].state.needsFrame {
      out.add(.freeFrame(page))
    }
  }

  // MARK: Bookkeeping

  private mutating func countRequest(_ before: CacheState, _ after: CacheState) {
    if after.isOpen, !before.isOpen { openRequestCount += 1 }
    if before.isOpen, !after.isOpen { openRequestCount -= 1 }
  }

  private mutating func refuse(
    _ message: CoherenceMessage, from sender: NodeID, _ place: CoherenceFault.Place
  ) {
    refuse(message.kind, message.page, from: sender, place)
  }

  /// Nothing has changed: the one who is to blame has to go.
  private mutating func refuse(
    _ kind: CoherenceMessage.Kind, _ page: PageNumber, from sender: NodeID, _ place: CoherenceFault.Place
  ) {
    let fault = CoherenceFault(page, place, .message(kind))
    out.add(sender == local ? .stop(fault) : .breakLink(sender, fault))
  }
}
