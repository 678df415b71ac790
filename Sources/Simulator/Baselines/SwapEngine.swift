import Coherence
import Memory
import Node
import Wire

// No shared memory: all vCPUs run on node 0, which has frames for a share of the pages. What has no room is kept by the other
// nodes, each of which serves every so many-th page. A fault is a request and a page back. Frames are made free ahead of
// faults: the page that was not used for the longest time is unmapped, and sent away if it was written to.
//
// It is spared what swapping to memory elsewhere costs on real systems: nobody has to find out which pages are in use, a page
// that was never written to is made from nothing again, and the node has frames for what is under way beyond its share.

/// A baseline: remote swap on one node.
final class SwapEngine: BaselineEngine {
  private enum Place {
    /// Nowhere, and all zero.
    case nowhere
    case away
    case coming(HostPhysicalAddress)
    case here(HostPhysicalAddress)
    /// The shootdown is under way.
    case leaving(HostPhysicalAddress)
  }

  private struct SwapPage {
    var place = Place.nowhere
    /// Whether its server has it, be it an older version.
    var isStored = false
    var pins = 0
    /// Faults that wait for it.
    var faults = 0
  }

  private let usage: PageUsage
  private var pages: [SwapPage] = []
  private var freeFrames: [HostPhysicalAddress] = []
  /// Frames that will be free without anything being done for it.
  private var leavingCount = 0
  /// Pages that wait for a frame.
  private var waiting = FIFO<Int>()

  init(_ index: Int, _ options: RunOptions, ram: SimulatedRAM, usage: PageUsage, at now: Instant) {
    self.usage = usage
    super.init(index, options, ram: ram, at: now)
  }

  /// Frames for what comes and goes.
  private static func spareCount(_ options: RunOptions) -> Int { 4 + options.shape.vcpuCount }

  /// Servers have a frame for each page.
  static func frameCount(_ index: Int, _ options: RunOptions) -> Int {
    index == 0 ? options.frames + spareCount(options) : options.pages
  }

  private func server(_ page: Int) -> NodeID { NodeID(UInt16(1 + page % (nodeCount - 1))) }

  override func startMemory(_ options: RunOptions) {
    guard id.index == 0 else { return }
    pages = [SwapPage](repeating: SwapPage(), count: options.pages)
    let count = Self.frameCount(0, options)
    freeFrames = (0..<count).reversed().map { HostPhysicalAddress(UInt64($0) * 4096) }
    spareCount = Self.spareCount(options)
  }

  private var spareCount = 0

  // MARK: What happens on the node

  override func fault(_ page: PageNumber, _ access: PageAccess) -> Bool {
    let page = Int(page.value)
    pages[page].faults += 1
    switch pages[page].place {
    case .here: resumeFaults(page)
    case .coming, .leaving: break
    case .nowhere, .away:
      if pages[page].faults == 1 {
        waiting.append(page)
        useFrames()
      }
    }
    return true
  }

  override func release(_ page: PageNumber) {
    pages[Int(page.value)].pins = max(0, pages[Int(page.value)].pins - 1)
    makeRoom()
  }

  override func expire(_ page: PageNumber) {
    pages[Int(page.value)].pins = 0
    makeRoom()
  }

  override func shotDown(_ page: PageNumber) {
    let number = Int(page.value)
    guard case .leaving(let frame) = pages[number].place else { return }
    let isChanged = usage.isWritten[number]
    if isChanged { pages[number].isStored = true }
    pages[number].place = pages[number].isStored ? .away : .nowhere
    if pages[number].faults > 0 { waiting.append(number) }
    if isChanged {
      send(BaselineMessage(.store, page, origin: id), page: frame, to: server(number))
      useFrames()
    } else {
      released(frame)
    }
  }

  private func resumeFaults(_ page: Int) {
    while pages[page].faults > 0 {
      pages[page].faults -= 1
      pages[page].pins += 1
      act(.resume(PageNumber(UInt64(page)), isPinned: true))
    }
  }

  // MARK: Frames

  /// Gives free frames to the pages that wait.
  private func useFrames() {
    while waiting.count > 0, let frame = freeFrames.popLast() {
      let page = waiting.removeFirst()
      if pages[page].isStored {
        pages[page].place = .coming(frame)
        send(BaselineMessage(.read, PageNumber(UInt64(page)), origin: id), to: server(page))
      } else {
        clear(frame)
        arrive(page, frame)
      }
    }
    makeRoom()
  }

  private func arrive(_ page: Int, _ frame: HostPhysicalAddress) {
    pages[page].place = .here(frame)
    usage.isWritten[page] = false
    act(.map(PageNumber(UInt64(page)), .write, frame: frame))
    resumeFaults(page)
  }

  /// Sees to it that frames become free.
  private func makeRoom() {
    while freeFrames.count + leavingCount < spareCount + waiting.count, let page = leastRecentlyUsed() {
      guard case .here(let frame) = pages[page].place else { return }
      pages[page].place = .leaving(frame)
      leavingCount += 1
      act(.unmap(PageNumber(UInt64(page))))
    }
  }

  private func leastRecentlyUsed() -> Int? {
    var oldest: Int?
    for page in pages.indices where pages[page].pins == 0 {
      guard case .here = pages[page].place else { continue }
      if oldest.map({ usage.lastUse[page] < usage.lastUse[$0] }) ?? true { oldest = page }
    }
    return oldest
  }

  override func released(_ frame: HostPhysicalAddress) {
    // Servers keep a frame for each page.
    guard id.index == 0 else { return }
    leavingCount -= 1
    freeFrames.append(frame)
    useFrames()
  }

  // MARK: Messages

  override func frame(for message: BaselineMessage) -> HostPhysicalAddress {
    let page = Int(message.page.value)
    guard id.index == 0 else { return HostPhysicalAddress(message.page.value * 4096) }
    guard case .coming(let frame) = pages[page].place else { preconditionFailure("nobody wants the page") }
    return frame
  }

  override func take(_ message: BaselineMessage, from sender: NodeID) {
    switch message.operation {
    case .read:
      let answer = BaselineMessage(.data, message.page, origin: message.origin)
      send(answer, page: frame(for: message), to: sender)
    case .data: arrive(Int(message.page.value), frame(for: message))
    case .store, .write, .invalidate, .invalidated: break
    }
  }
}
