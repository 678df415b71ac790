import CPU
import EPT
import Firmware
import Machine
import Memory
import VCPU

// Taking a translation away, or making it weaker, is over only when no core can use the old one any more. The core
// that changes the tables drops its own translations, asks every vCPU of the other cores through its mailbox to do
// the same, kicks them out of the guest, and waits for all of them. A core answers when it next looks into the
// mailbox: before an entry, or when it wakes. It never does so while it waits for a lock, so whoever shoots down
// holds none that a vCPU's exit may want.

/// What is being shot down: all that a page may be used for from now on.
struct Shootdown {
  var page = PageNumber(0)
  var permissions: PagePermissions = []
}

extension VirtualMachine {
  /// Makes every core drop what it has cached of a page's translation, which leaves `permissions` at most. Only core 0
  /// does this.
  borrowing func shootDown(_ page: PageNumber, to permissions: PagePermissions) {
    // The others read it after the mailbox's signal, and this core writes it again only after their answers.
    shootdown = Shootdown(page: page, permissions: permissions)
    expectAcknowledgements(from: processorCount - processorCountOnThisCore)
    for index in 0..<processorCount {
      if core(of: index) == Core.currentIndex {
        unsafe processors[index].applyShootdown(self)
      } else {
        unsafe mailboxes[index].post(.dropTranslations)
        kick(index)
      }
    }
    // Once the machine has ended the others leave without an answer, and enter no guest again.
    while !isShootdownOver && ended == nil { pause() }
  }

  private var processorCountOnThisCore: Int {
    (processorCount - Core.currentIndex + node.coreCount - 1) / node.coreCount
  }

  /// Moves one page of guest RAM to another frame while the guest runs; nothing that the guest can see changes.
  borrowing func move(_ page: PageNumber) throws(PageTableError) {
    countMovedPage()
    guard try unsafe space.pointee.protect(page) else { return }
    shootDown(page, to: [.read, .execute])
    let old = try unsafe space.pointee.replaceFrame(of: page)
    // Nobody may write to the new frame while another one still reads the old.
    shootDown(page, to: [])
    try unsafe space.pointee.unprotect(page)
    unsafe space.pointee.release(old)
  }

  /// `debug.move`: one page a call, spread over all of RAM.
  borrowing func moveNextPage() {
    let count = movedPages
    guard count < node.options.debugMove else { return }
    // A stride that shares no factor with the number of pages comes to all of them.
    let pages = unsafe space.pointee.map.ramSize / pageSize
    let page = UInt64(count) &* 0x9E37_79B1 % pages
    do {
      try move(PageNumber(page))
    } catch {
      panic("page \(hex: page) of the guest's memory cannot be moved: \(error.summary)")
    }
  }
}
