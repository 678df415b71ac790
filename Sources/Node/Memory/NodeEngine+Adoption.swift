import Cluster
import Coherence
import Memory
import Wire

// A page that has to leave a node goes home. Where its home has no room either, and two nodes are full of each other's
// pages, neither could ever get rid of one. So a node whose page was not taken asks the others, in turn, to take it; one
// with room to spare asks for the page as if it wanted to write to it.

extension NodeEngine where Routines: ~Copyable, Pages: ~Copyable {
  /// The home has no room for the page: asks the next of the other nodes.
  mutating func seekAdopter(_ page: PageNumber) {
    let peers = links.peers
    guard let id = peers.first(from: memory.nextAdopter) ?? peers.first() else { return }
    memory.nextAdopter = id.index + 1
    guard id != memory.coherence.homes.home(of: page) || peers.count == 1 else { return }
    // A link without room is no loss: the page will be chosen again.
    _ = try? links.send(Adoption(page: page.value), to: id)
  }

  mutating func receiveAdoption(_ header: FrameHeader, _ frame: Span<UInt8>) {
    do {
      let page = PageNumber(try Adoption(header, in: frame).page)
      if memory.coherence.homes.home(of: page) == nil { links.drops.count(.body) } else { adopt(page) }
    } catch {
      links.drops.count(error)
    }
  }

  private mutating func adopt(_ page: PageNumber) {
    guard !memory.isStopped, memory.isDriven, memory.frames.freeCount > memory.options.lowFrameCount,
      memory.coherence.openRequestCount < memory.options.evictionLimit,
      memory.coherence.cachePage(page).state == .invalid, memory.adoptions.insert(page)
    else { return }
    guard handle(.writeFault, page) else {
      _ = memory.adoptions.remove(page)
      return
    }
    evictionCounters.adoptions &+= 1
  }

  /// Whether it was this node's own wish for the page that is fulfilled, and no fault.
  mutating func endAdoption(_ page: PageNumber, isPinned: Bool) -> Bool {
    guard memory.adoptions.remove(page) else { return false }
    if isPinned { _ = memory.coherence.handle(.release, on: page) }
    return true
  }
}

/// A few pages that are on their way.
struct AdoptedPages {
  private var pages = InlineArray<16, PageNumber>(repeating: PageNumber(0))
  private var count = 0

  init() {}

  /// False where there is no room.
  mutating func insert(_ page: PageNumber) -> Bool {
    guard count < 16 else { return false }
    pages[count] = page
    count += 1
    return true
  }

  /// False where it is not there.
  mutating func remove(_ page: PageNumber) -> Bool {
    for index in 0..<count where pages[index] == page {
      count -= 1
      pages[index] = pages[count]
      return true
    }
    return false
  }
}
