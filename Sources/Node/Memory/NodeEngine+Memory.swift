import Cluster
import Coherence
import Memory
import Wire

// The guest's memory, for the engine's driver. It reports faults and what has become of its actions, and does what
// `nextAction` says, until it gives nothing, after each call to the engine: `receive` and `advance` included.

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  /// Begins to keep the guest's memory coherent: once, when the cluster has formed and before anything is received of its
  /// members. Allocates. Frames for pages are to be added next.
  ///
  /// - Parameters:
  ///   - homes: has as many nodes as the cluster, and is the same on all of them.
  ///   - frameCapacity: frames for pages that there will be, at most.
  ///   - frameLimit: what all of them are below; no more than 16 TiB.
  ///   - twins: frames for copies of pages from before they were written to. Without any, pages travel in full.
  public mutating func startMemory(
    _ homes: HomeMap, frameCapacity: Int, frameLimit: HostPhysicalAddress, twins: [HostPhysicalAddress],
    options: MemoryOptions = MemoryOptions()
  ) {
    precondition(homes.nodeCount == membership.options.nodeCount)
    memory = NodeMemory(
      local: links.local.id, homes: homes, frameCapacity: frameCapacity, frameLimit: frameLimit, twins: twins,
      options: options)
  }

  /// Gives the engine a frame for pages, which may have held something else until now.
  public mutating func addFrame(_ frame: HostPhysicalAddress) {
    memory.frames.add(frame)
    if memory.hasPutOff { settle() }
  }

  /// As above, with all of the frames.
  public mutating func startMemory(
    _ homes: HomeMap, frames: [HostPhysicalAddress], twins: [HostPhysicalAddress],
    options: MemoryOptions = MemoryOptions()
  ) {
    let limit = frames.map { $0.value + pageSize }.max() ?? 0
    startMemory(
      homes, frameCapacity: frames.count, frameLimit: HostPhysicalAddress(limit), twins: twins,
      options: options)
    for frame in frames { addFrame(frame) }
  }

  /// Whether this node will have no frame for another page as long as no other node does anything: none is free, and since the
  /// last one was taken all pages have been looked at and none could be evicted.
  public var isOutOfFrames: Bool {
    memory.frames.freeCount == 0 && memory.coherence.openRequestCount == 0 && links.isQuiet
      && memory.fruitlessCount == 2 * memory.coherence.homes.pageCount
  }

  /// A vCPU, or the hyperkernel itself, wants such access to the page and has it not. `resume` follows, for each fault.
  ///
  /// - Parameter holdsPin: whether whoever faults has pinned the page already.
  /// - Returns: false where the fault must be reported again after `retryPutOff`.
  public mutating func fault(_ page: PageNumber, _ access: PageAccess, holdsPin: Bool = false) -> Bool {
    guard !memory.isStopped else { return false }
    // Whoever asks for a page needs a frame for it at once, since nobody else can be asked to wait for one.
    let isTaken =
      (memory.frames[page] != nil || memory.frames.freeCount > 0)
      && handle(access == .read ? .readFault : .writeFault, page, holdsPin: holdsPin)
    if !isTaken { memory.hasPutOff = true }
    settle(looksFar: !isTaken)
    return isTaken
  }

  /// No core of this node can use the translation any more that the page's last `protect` or `unmap` has taken away.
  public mutating func shotDown(_ page: PageNumber) { report(.shotDown, page) }

  /// Who had the page pinned is done with it.
  public mutating func release(_ page: PageNumber) { report(.release, page) }

  /// The page has been pinned for as long as may be.
  public mutating func expire(_ page: PageNumber) { report(.expire, page) }

  /// The version of the valid copy that this node has of the page; `.none` where it has none.
  public func version(of page: PageNumber) -> PageVersion {
    guard page.value < UInt64(memory.coherence.homes.pageCount) else { return .none }
    let copy = memory.coherence.cachePage(page)
    return copy.state.isValid ? copy.version : .none
  }

  /// The next thing to do; nil where there is none.
  public mutating func nextAction() -> NodeAction? {
    memory.isDriven = true
    return memory.actions.next()
  }

  private mutating func report(_ event: LocalEvent, _ page: PageNumber) {
    guard !memory.isStopped else { return }
    _ = handle(event, page)
    settle()
  }

  mutating func handle(_ event: LocalEvent, _ page: PageNumber, holdsPin: Bool = false) -> Bool {
    memory.coherence.hasRoom = memory.frames.freeCount > 0
    let isDone = memory.coherence.handle(event, on: page, holdsPin: holdsPin)
    act()
    return isDone
  }

  /// What may follow from any event.
  ///
  /// - Parameter looksFar: whether somebody can't go on before there is a frame.
  mutating func settle(looksFar: Bool = false) {
    flushPending()
    evictWhereShort(lookingAt: looksFar ? 8192 : 64)
    let canOpen = memory.coherence.openRequestCount < memory.options.coherence.requestLimit
    if memory.hasPutOff, memory.frames.freeCount > 0, canOpen {
      memory.hasPutOff = false
      memory.actions.append(.retryPutOff)
    }
  }

  /// Does what the coherence engine wants, or hands it on.
  mutating func act() {
    while let action = memory.coherence.nextAction() {
      switch action {
      case .send(let message, let id): send(message, to: id)
      case .map(let page, let access):
        guard let frame = memory.frames[page] else { return memory.stop(.noFrame(page)) }
        memory.actions.append(.map(page, access, frame: frame))
      case .protect(let page): memory.actions.append(.protect(page))
      case .unmap(let page): memory.actions.append(.unmap(page))
      case .resume(let page, let isPinned):
        if !endAdoption(page, isPinned: isPinned) { memory.actions.append(.resume(page, isPinned: isPinned)) }
      case .retry(let page): memory.actions.append(.retry(page))
      case .beginVersion(let page, let version): keepTwin(page, version)
      case .needFrame(let page):
        if !memory.frames.provide(page) { return memory.stop(.noFrame(page)) }
        allowAnotherLook()
      case .freeFrame(let page):
        memory.frames.vacate(page)
        allowAnotherLook()
        if memory.canSpare { memory.fruitlessCount = 0 }
        memory.canSpare = false
      case .fillWithZeros(let page): fillWithZeros(page)
      case .kept(let page):
        evictionCounters.refusals &+= 1
        allowAnotherLook()
        seekAdopter(page)
      case .breakLink(let id, _): brokenLinks.insert(id)
      case .stop(let fault): return memory.stop(.coherence(fault))
      }
    }
  }

  private mutating func fillWithZeros(_ page: PageNumber) {
    guard let frame = memory.frames[page] else { return memory.stop(.noFrame(page)) }
    pages.clear(frame)
  }

  private mutating func keepTwin(_ page: PageNumber, _ version: PageVersion) {
    // Nobody has a copy of an untouched page.
    guard version != PageVersion.first.next, let frame = memory.frames[page],
      let twin = memory.twins.begin(page, version)
    else { return }
    pages.copy(frame, to: twin)
  }

  // MARK: Eviction

  /// Looks for pages that this node can do without, where it is short of frames: first copies that are of no use or that
  /// others have too; where a look at all pages has found none of them, pages that nobody else has and whose home is
  /// another node, until one of the former has left.
  private mutating func evictWhereShort(lookingAt count: Int) {
    let pageCount = memory.coherence.homes.pageCount
    guard memory.frames.freeCount < memory.options.lowFrameCount, pageCount > 0 else { return }
    var left = count
    while left > 0, memory.coherence.openRequestCount < memory.options.evictionLimit,
      memory.frames.freeCount < memory.options.lowFrameCount
    {
      left -= 1
      let page = PageNumber(memory.hand)
      memory.hand = memory.hand + 1 == UInt64(pageCount) ? 0 : memory.hand + 1
      memory.fruitlessCount = min(memory.fruitlessCount + 1, 2 * pageCount)
      guard let event = eviction(of: page) else { continue }
      let state = memory.coherence.cachePage(page).state
      if state == .invalid || state == .shared { memory.canSpare = true }
      guard handle(event, page) else { continue }
      if event == .evict {
        evictionCounters.evictions &+= 1
      } else {
        evictionCounters.forgottenCopies &+= 1
      }
    }
  }

  private func isHome(_ page: PageNumber) -> Bool {
    memory.coherence.homes.home(of: page) == links.local.id
  }

  /// A frame has come or gone, so that what a look at all pages has shown is no more true.
  private mutating func allowAnotherLook() {
    memory.fruitlessCount = min(memory.fruitlessCount, memory.coherence.homes.pageCount)
  }

  /// How the page can leave its frame, if it should.
  private func eviction(of page: PageNumber) -> LocalEvent? {
    guard memory.frames[page] != nil else { return nil }
    let copy = memory.coherence.cachePage(page)
    switch copy.state {
    case .invalid: return copy.hasStaleCopy ? .forget : nil
    case .shared:
      // The last copy would go to its home, where it is.
      if isHome(page), memory.coherence.sharers(of: page).count < 2 { return nil }
      return copy.canEvict ? .evict : nil
    case .exclusive, .modified:
      let isDesperate = memory.fruitlessCount >= memory.coherence.homes.pageCount
      return isDesperate && copy.canEvict && !isHome(page) ? .evict : nil
    default: return nil
    }
  }
}
