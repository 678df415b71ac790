import Coherence
import Memory

/// The pages that vCPUs of this node wait for most often, and where in the guest's code they do. Allocates in `init` alone.
public struct HotPages: Sendable {
  private var pages: FrequentValues
  /// Of each place of a page, addresses of instructions.
  private var instructions: FrequentValues
  private var reads: [UInt64]

  /// How many of a page's instructions are told.
  public static var instructionCount: Int { 4 }
  /// How many are kept: with as few as are told, those that come now and then would push each other out.
  private static var keptInstructionCount: Int { 16 }

  /// - Parameter pageCount: how many pages are kept. One that makes up more than a `pageCount`th of all faults is among them.
  public init(pageCount: Int = 512) {
    pages = FrequentValues(setCount: 1, placeCount: pageCount)
    instructions = FrequentValues(setCount: pageCount, placeCount: Self.keptInstructionCount)
    reads = [UInt64](repeating: 0, count: pageCount)
  }

  /// A fault has gone to another node.
  ///
  /// - Parameter instruction: the guest's instruction pointer.
  public mutating func add(_ page: PageNumber, _ access: PageAccess, at instruction: UInt64) {
    let (place, isNew) = pages.add(page.value, to: 0)
    if isNew {
      instructions.removeAll(of: place)
      reads[place] = 0
    }
    if access == .read { reads[place] &+= 1 }
    instructions.add(instruction, to: place)
  }

  /// Calls `body` with at most `count` pages, those with most faults first.
  public func forEachHottest(_ count: Int, _ body: (HotPage) -> Void) {
    var last: Int?
    for _ in 0..<count {
      guard let place = pages.next(after: last, of: 0) else { return }
      let entry = pages.entry(place, of: 0)
      var page = HotPage(page: PageNumber(entry.value), reads: reads[place])
      page.writes = entry.count &- reads[place]
      page.missed = entry.bound &- entry.count
      var lastInstruction: Int?
      while page.instructionCount < Self.instructionCount,
        let next = instructions.next(after: lastInstruction, of: place)
      {
        let entry = instructions.entry(next, of: place)
        page.instructions[page.instructionCount] = HotInstruction(address: entry.value, count: entry.count)
        page.instructionCount += 1
        lastInstruction = next
      }
      body(page)
      last = place
    }
  }
}

/// A page that vCPUs wait for, and how often.
public struct HotPage: Sendable {
  public var page: PageNumber
  /// Faults that read.
  public var reads: UInt64
  /// Faults that wrote.
  public var writes: UInt64 = 0
  /// Faults that may have come before the page was looked at: more were not counted.
  public var missed: UInt64 = 0
  /// The first `instructionCount` count, those with most faults first.
  public var instructions = InlineArray<4, HotInstruction>(repeating: HotInstruction(address: 0, count: 0))
  public var instructionCount = 0
}

/// An instruction that has made faults on a page.
public struct HotInstruction: Hashable, Sendable {
  /// The guest's instruction pointer.
  public var address: UInt64
  /// Faults that were counted for it: where more instructions than are kept make some, it had more.
  public var count: UInt64

  public init(address: UInt64, count: UInt64) {
    self.address = address
    self.count = count
  }
}
