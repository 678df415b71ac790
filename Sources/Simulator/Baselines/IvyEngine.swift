import Coherence
import Memory
import Node
import Wire

// Shared memory as in IVY (Li and Hudak, "Memory coherence in shared virtual memory systems", TOCS 1989: the dynamic
// distributed manager), in the form that GiantVM (Zhang and others, VEE 2020) gave it:
//
//   - Each node has a guess of who owns a page. A request goes there, and a node that is not the owner asks the one that it
//     believes to be, and waits: the page comes back the way the request went. All nodes on that way learn who is the owner
//     next. (As Li and Hudak have it, the request is passed on and the owner answers directly: `ivy-direct`.)
//   - Each fault makes its node the owner, a read as well; the set of copies comes along with the page.
//   - The new owner has the copies of others dropped before it writes, one after another.
//   - There are I, S and M. Only an owner may write without the page being sent to it.
//
// A page has a lock on each node, which a fault holds until its access has been granted, and a request until it has been
// answered. Invalidations do not take it: who sends them holds that of the owner. Chains of guesses have no rings, since each
// guess is of a later owner than the one before it; so no request waits for itself.
//
// Where the two leave a choice, it is for the baseline's good: the first owner of a page is its home and not node 0, a page
// stays until the access that it was fetched for is made, and service cores never wait for an answer.

/// A baseline: IVY on one node.
final class IvyEngine: BaselineEngine {
  private var pages: [IvyPage] = []
  private var answersDirectly = false

  /// A frame for each page, and one more for each that passes through.
  static func frameCount(_ options: RunOptions) -> Int { 2 * options.pages }

  private func frame(_ page: Int) -> HostPhysicalAddress { HostPhysicalAddress(UInt64(page) * 4096) }

  private func passingFrame(_ page: Int) -> HostPhysicalAddress { frame(pages.count + page) }

  override func startMemory(_ options: RunOptions) {
    answersDirectly = options.sharing == .ivyDirect
    let shape = options.shape
    pages = [IvyPage](repeating: IvyPage(), count: options.pages)
    for node in 0..<nodeCount {
      for page in shape.firstPage(node)..<shape.firstPage(node + 1) {
        pages[page].probableOwner = NodeID(UInt16(node))
        pages[page].isOwner = node == id.index
      }
    }
  }

  // MARK: What happens on the node

  override func fault(_ page: PageNumber, _ access: PageAccess) -> Bool {
    let page = Int(page.value)
    pages[page].work.append(.fault(access == .write ? .write : .read))
    proceed(page)
    return true
  }

  override func release(_ page: PageNumber) { unpin(Int(page.value), to: pages[Int(page.value)].pins - 1) }

  override func expire(_ page: PageNumber) { unpin(Int(page.value), to: 0) }

  private func unpin(_ page: Int, to pins: Int) {
    pages[page].pins = max(0, pins)
    guard pages[page].pins == 0 else { return }
    if let (message, sender) = pages[page].invalidation {
      pages[page].invalidation = nil
      drop(page, message, sender)
    }
    proceed(page)
  }

  override func shotDown(_ page: PageNumber) {
    let page = Int(page.value)
    guard let next = pages[page].afterShootdown else { return }
    pages[page].afterShootdown = nil
    switch next {
    case .acknowledge(let message, let receiver): send(message, to: receiver)
    case .answer(let message, let receiver, let frame):
      send(message, page: frame, to: receiver)
      pages[page].holder = .nobody
    }
    proceed(page)
  }

  // MARK: The lock

  /// Does what can be done of what waits for the page.
  private func proceed(_ page: Int) {
    while !pages[page].isLocked, pages[page].afterShootdown == nil, pages[page].invalidation == nil,
      let work = pages[page].work.head
    {
      switch work {
      case .fault(let access):
        if pages[page].access < access {
          acquire(page, access)
        } else {
          _ = pages[page].work.removeFirst()
          pages[page].pins += 1
          act(.resume(PageNumber(UInt64(page)), isPinned: true))
        }
      case .request(let message, let sender):
        guard pages[page].pins == 0 else { return }
        _ = pages[page].work.removeFirst()
        serve(page, message, from: sender)
      }
    }
  }

  private func acquire(_ page: Int, _ access: IvyPage.Access) {
    if pages[page].isOwner {
      if access == .read { return grant(page, .read) }
      pages[page].holder = .invalidating
      return invalidateNext(page)
    }
    pages[page].holder = .asking
    let request = BaselineMessage(access == .write ? .write : .read, PageNumber(UInt64(page)), origin: id)
    send(request, to: pages[page].probableOwner)
  }

  private func grant(_ page: Int, _ access: IvyPage.Access) {
    pages[page].access = access
    pages[page].holder = .nobody
    act(.map(PageNumber(UInt64(page)), access == .write ? .write : .read, frame: frame(page)))
  }

  private func invalidateNext(_ page: Int) {
    guard let next = pages[page].copySet.first() else { return grant(page, .write) }
    send(BaselineMessage(.invalidate, PageNumber(UInt64(page)), origin: id), to: next)
  }

  // MARK: Requests of others

  private func serve(_ page: Int, _ request: BaselineMessage, from sender: NodeID) {
    guard pages[page].isOwner else {
      let next = pages[page].probableOwner
      if answersDirectly {
        pages[page].probableOwner = request.origin
      } else {
        pages[page].holder = .relaying(from: sender)
      }
      return send(request, to: next)
    }
    pages[page].holder = .giving
    var answer = BaselineMessage(.data, request.page, origin: request.origin)
    answer.copySet = pages[page].copySet
    let isRead = request.operation == .read
    answer.isExclusive = !isRead
    if isRead, pages[page].access != .none { answer.copySet.insert(id) }
    pages[page].isOwner = false
    pages[page].probableOwner = request.origin
    pages[page].copySet = NodeSet()
    let receiver = answersDirectly ? request.origin : sender
    yield(page, to: isRead ? .read : .none, .answer(answer, receiver, frame(page)))
  }

  /// Takes rights away that are above `limit`, and does what is to be done then.
  private func yield(_ page: Int, to limit: IvyPage.Access, _ next: IvyPage.AfterShootdown) {
    precondition(pages[page].afterShootdown == nil)
    let number = PageNumber(UInt64(page))
    pages[page].afterShootdown = next
    guard pages[page].access > limit else { return shotDown(number) }
    pages[page].access = limit
    act(limit == .read ? .protect(number) : .unmap(number))
  }

  /// Drops the copy, as its new owner demands.
  private func drop(_ page: Int, _ message: BaselineMessage, _ sender: NodeID) {
    pages[page].probableOwner = sender
    let answer = BaselineMessage(.invalidated, message.page, origin: message.origin)
    yield(page, to: .none, .acknowledge(answer, sender))
  }

  // MARK: Messages

  override func frame(for message: BaselineMessage) -> HostPhysicalAddress {
    let page = Int(message.page.value)
    return message.origin == id ? frame(page) : passingFrame(page)
  }

  override func take(_ message: BaselineMessage, from sender: NodeID) {
    let page = Int(message.page.value)
    switch message.operation {
    case .read, .write:
      pages[page].work.append(.request(message, from: sender))
      proceed(page)
    case .data:
      if message.origin == id { own(page, message) } else { passOn(page, message) }
    case .invalidate:
      if pages[page].pins > 0 {
        pages[page].invalidation = (message, sender)
      } else {
        drop(page, message, sender)
      }
    case .invalidated:
      pages[page].copySet.remove(sender)
      invalidateNext(page)
      proceed(page)
    case .store: break
    }
  }

  /// The page that a fault has asked for has come.
  private func own(_ page: Int, _ message: BaselineMessage) {
    guard case .fault(let access) = pages[page].work.head else { preconditionFailure("nobody wants it") }
    pages[page].isOwner = true
    pages[page].probableOwner = id
    pages[page].copySet = message.copySet
    pages[page].copySet.remove(id)
    if access == .read {
      grant(page, .read)
    } else {
      pages[page].holder = .invalidating
      invalidateNext(page)
    }
    proceed(page)
  }

  /// The page that another node has asked for through this one has come. A copy of its own goes with a write, without
  /// being told to.
  private func passOn(_ page: Int, _ message: BaselineMessage) {
    guard case .relaying(let receiver) = pages[page].holder else { preconditionFailure("nobody waits") }
    var message = message
    pages[page].probableOwner = message.origin
    let isWrite = message.isExclusive
    if isWrite { message.copySet.remove(id) }
    yield(page, to: isWrite ? .none : .read, .answer(message, receiver, passingFrame(page)))
  }
}
