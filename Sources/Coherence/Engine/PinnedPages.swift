import Memory

// How instructions that need several pages come to an end, whoever else wants those pages.
//
// A page that was granted stays until its pin is released, which a vCPU does when it has retired an instruction. Two vCPUs
// could then wait for each other, each with one page that the other needs. So pages are taken in the order of their
// numbers: before a vCPU waits for a page, it releases those that come after it. Who waits for a page has pinned lower ones
// only, so no ring of waiting vCPUs can close; and a page that was pinned in its turn is not lost again, so an
// instruction that needs n pages is done after n² grants at most. The bound on a pin is for what breaks this rule, such as
// a vCPU that is stopped by a debugger: it must be longer than n times the time that a page takes. A vCPU that runs on
// at the same instruction has all of its pages.

/// The pages that one vCPU has pinned for the instruction that it is at.
public struct PinnedPages: Sendable {
  private var pages: InlineArray<32, PageNumber>
  public private(set) var count = 0

  public init() { pages = InlineArray(repeating: PageNumber(0)) }

  /// More than an instruction needs: two pages each of code, source, target and stack, and the guest's page tables of
  /// four levels that lead to them, of which most are the same.
  public static var limit: Int { 32 }

  public func contains(_ page: PageNumber) -> Bool {
    for index in 0..<count where pages[index] == page { return true }
    return false
  }

  /// Notes a page that `resume` has said to be pinned. False: there are too many, it must be released at once.
  public mutating func insert(_ page: PageNumber) -> Bool {
    guard !contains(page) else { return true }
    guard count < Self.limit else { return false }
    pages[count] = page
    count += 1
    return true
  }

  /// A page to be released before the vCPU faults on `page`, again and again until there is none.
  ///
  /// `page` itself is not among them: its pin goes with the fault (`holdsPin`).
  public mutating func removeOne(after page: PageNumber) -> PageNumber? {
    for index in 0..<count where pages[index] > page { return remove(index) }
    return nil
  }

  /// A page to be released after the instruction, again and again until there is none.
  public mutating func removeOne() -> PageNumber? { count == 0 ? nil : remove(count - 1) }

  /// Forgets `page`, whose pin went with a fault. False: it was not pinned.
  public mutating func remove(_ page: PageNumber) -> Bool {
    for index in 0..<count where pages[index] == page {
      _ = remove(index)
      return true
    }
    return false
  }

  private mutating func remove(_ index: Int) -> PageNumber {
    let page = pages[index]
    count -= 1
    pages[index] = pages[count]
    return page
  }
}
