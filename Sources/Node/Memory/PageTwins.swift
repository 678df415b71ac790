import Coherence
import Memory
import Wire

/// Copies of pages as they were before this node began to write to them: what has changed since can be told from them,
/// so that a node with the older version is sent the changed lines alone.
///
/// There is a fixed number, in sets of four. A page has one set where its copy can be, in any place; a newer one replaces the
/// page's older one, or else the oldest of the set.
struct PageTwins {
  private struct Twin {
    var page: PageNumber
    /// The version whose predecessor the copy is.
    var version = PageVersion.none
    /// How many copies had been made before.
    var number: UInt32 = 0
  }

  private var twins: [Twin]
  private let frames: [HostPhysicalAddress]
  private var count: UInt32 = 0

  private static let placesPerSet = 4

  init(frames: [HostPhysicalAddress]) {
    self.frames = frames
    twins = [Twin](repeating: Twin(page: PageNumber(0)), count: frames.count)
  }

  /// Where the page's copy can be; the last set has what is left over. There are frames.
  private func places(_ page: PageNumber) -> Range<Int> {
    let setCount = max(1, frames.count / Self.placesPerSet)
    let set = Int(page.value % UInt64(setCount))
    let start = set * Self.placesPerSet
    return start..<(set == setCount - 1 ? frames.count : start + Self.placesPerSet)
  }

  /// Where to copy the page, which is going to become `version`; nil where there is no room for any.
  mutating func begin(_ page: PageNumber, _ version: PageVersion) -> HostPhysicalAddress? {
    guard !frames.isEmpty else { return nil }
    let places = places(page)
    var place = places.lowerBound
    for index in places {
      if twins[index].page == page, twins[index].version != .none {
        place = index
        break
      }
      if count &- twins[index].number > count &- twins[place].number { place = index }
    }
    count &+= 1
    twins[place] = Twin(page: page, version: version, number: count)
    return frames[place]
  }

  /// The copy of the page as it was before `version`, if it is still there.
  func twin(_ page: PageNumber, before version: PageVersion) -> HostPhysicalAddress? {
    guard !frames.isEmpty, version != .none else { return nil }
    for index in places(page) where twins[index].page == page && twins[index].version == version {
      return frames[index]
    }
    return nil
  }
}
