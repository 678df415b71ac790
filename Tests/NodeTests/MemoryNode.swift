import Coherence
import Memory
import Node
import Support

/// What a driver does for the guest's memory: what is mapped how, who waits, and the accesses of one vCPU.
final class MemoryNode {
  var permissions: [PageAccess?]
  var frames: [HostPhysicalAddress]
  /// Pages whose shootdown is to be reported.
  var shootdowns: [PageNumber] = []
  var fault: MemoryFault?
  /// The access that the vCPU is at, and whether its fault has been reported.
  var access: (page: PageNumber, kind: PageAccess)?
  var isWaiting = false
  var isPinned = false
  var doneCount = 0

  init(pageCount: Int) {
    permissions = [PageAccess?](repeating: nil, count: pageCount)
    frames = [HostPhysicalAddress](repeating: HostPhysicalAddress(0), count: pageCount)
  }

  func permits(_ page: PageNumber, _ access: PageAccess) -> Bool {
    switch permissions[Int(page.value)] {
    case nil: false
    case .read?: access == .read
    case .write?: true
    }
  }

  func act(_ action: NodeAction) {
    switch action {
    case .map(let page, let access, let frame):
      permissions[Int(page.value)] = access
      frames[Int(page.value)] = frame
    case .protect(let page):
      permissions[Int(page.value)] = .read
      shootdowns.append(page)
    case .unmap(let page):
      permissions[Int(page.value)] = nil
      shootdowns.append(page)
    case .resume(let page, let isPinned):
      guard page == access?.page else { break }
      isWaiting = false
      self.isPinned = isPinned
    case .retry(let page): if page == access?.page { isWaiting = false }
    case .retryPutOff: isWaiting = false
    case .stop(let fault): self.fault = fault
    }
  }
}
