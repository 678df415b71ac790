import Memory

// Firmware hands out lists of ranges that may be unsorted, overlap and contradict each other. The map is
// made of such a list by a sweep over all bounds in rising order: between two neighbouring bounds the
// most restrictive of the ranges that cover the piece decides. Neighbouring pieces of one kind become one
// range before usable ones are rounded inward, so that two half pages of RAM that touch stay a page.
// A wrong list can therefore cost memory but never make a range usable that some entry calls otherwise.

/// What stands where in physical memory: sorted ranges that do not overlap.
///
/// An address that no range covers is a hole: not RAM.
public struct MemoryMap: Sendable {
  /// Most ranges that a map takes or holds.
  public static let capacity = 256

  /// First address that no x86-64 processor can reach (SDM Vol. 3A, 4.1.4: MAXPHYADDR is at most 52).
  public static let addressLimit = HostPhysicalAddress(1 << 52)

  /// Kinds of memory, each more restrictive than the one before it (ACPI 6.5, 15, table 15.2).
  public enum Kind: UInt8, Comparable, Sendable {
    case usable
    case acpiReclaimable
    case acpiNonvolatile
    case reserved
    case defective

    /// The kind that firmware and boot loaders mean by `type`; one that is not known is reserved.
    public init(firmwareType type: UInt32) {
      switch type {
      case 1: self = .usable
      case 3: self = .acpiReclaimable
      case 4: self = .acpiNonvolatile
      case 5: self = .defective
      default: self = .reserved
      }
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  public struct Entry: Equatable, Sendable {
    public var range: Range<HostPhysicalAddress>
    public var kind: Kind

    public init(_ range: Range<HostPhysicalAddress>, _ kind: Kind) {
      self.range = range
      self.kind = kind
    }

    static let filler = Entry(HostPhysicalAddress(0)..<HostPhysicalAddress(0), .reserved)
  }

  public private(set) var entries = BoundedList<256, Entry>(filler: .filler)

  /// Ranges that the sweep made and that found no room in `entries`.
  public private(set) var droppedCount = 0

  /// A map of holes only.
  init() {}

  /// A map of what `raw` says, in any order; usable ranges are rounded inward to 4 KiB and end at `addressLimit`.
  public init(_ raw: Span<Entry>) {
    var position: UInt64 = 0
    var run = Entry.filler
    while true {
      var kind: Kind?
      var next: UInt64?
      for index in raw.indices {
        let entry = raw[index]
        let (lower, upper) = (entry.range.lowerBound.value, entry.range.upperBound.value)
        guard lower < upper, upper > position else { continue }
        if lower <= position {
          kind = max(kind ?? .usable, entry.kind)
          next = min(next ?? upper, upper)
        } else {
          next = min(next ?? lower, lower)
        }
      }
      guard let next else { break }
      if let kind {
        let piece = HostPhysicalAddress(position)..<HostPhysicalAddress(next)
        if run.kind == kind, run.range.upperBound == piece.lowerBound {
          run.range = run.range.lowerBound..<piece.upperBound
        } else {
          close(run)
          run = Entry(piece, kind)
        }
      }
      position = next
    }
    close(run)
  }

  private mutating func close(_ run: Entry) {
    var run = run
    if run.kind == .usable {
      guard let range = run.range.wholePages(below: Self.addressLimit) else { return }
      run.range = range
    }
    guard !run.range.isEmpty else { return }
    if !entries.append(run) { droppedCount += 1 }
  }

  /// Bytes of usable memory.
  public var usableByteCount: UInt64 {
    var sum: UInt64 = 0
    let entries = entries.span
    for index in entries.indices where entries[index].kind == .usable {
      sum += entries[index].range.byteCount
    }
    return sum
  }

  /// The lowest place for `byteCount` bytes of usable memory that keeps clear of `obstacles` and of the
  /// page at address 0, or nil where there is none.
  ///
  /// - Parameters:
  ///   - alignment: what the address is a multiple of: a power of two, at least 4 KiB.
  ///   - limit: the place ends at or below this address.
  public func placeForBytes(
    _ byteCount: UInt64, alignment: UInt64, below limit: HostPhysicalAddress,
    avoiding obstacles: Span<Range<HostPhysicalAddress>>
  ) -> HostPhysicalAddress? {
    precondition(alignment >= pageSize && alignment.nonzeroBitCount == 1)
    let entries = entries.span
    for index in entries.indices where entries[index].kind == .usable {
      let range = entries[index].range
      let start = max(range.lowerBound.value, pageSize)
      let end = min(range.upperBound, limit).value
      var candidate = start
      // Each turn moves the candidate past one obstacle for good, so obstacles.count + 1 turns are enough.
      search: for _ in 0...obstacles.count {
        // Past the last multiple of the alignment this wraps to 0, which is before any start.
        candidate = (candidate &+ alignment &- 1) & ~(alignment &- 1)
        guard candidate >= start, candidate <= end, byteCount <= end - candidate else { break }
        let place = HostPhysicalAddress(candidate)..<HostPhysicalAddress(candidate + byteCount)
        for obstacle in obstacles.indices where obstacles[obstacle].overlaps(place) {
          candidate = obstacles[obstacle].upperBound.value
          continue search
        }
        return place.lowerBound
      }
    }
    return nil
  }
}

extension Range<HostPhysicalAddress> {
  /// The 4 KiB pages that lie in the range and below `limit` as a whole, or nil where there is none.
  func wholePages(below limit: HostPhysicalAddress) -> Self? {
    let (rounded, overflow) = lowerBound.value.addingReportingOverflow(pageSize - 1)
    let lower = rounded & ~(pageSize - 1)
    let upper = Swift.min(upperBound, limit).value & ~(pageSize - 1)
    guard !overflow, lower < upper else { return nil }
    return HostPhysicalAddress(lower)..<HostPhysicalAddress(upper)
  }
}
