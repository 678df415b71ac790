import Coherence
import Memory
import Wire

/// Copies of pages as they were before this node began to write to them: what has changed since can be told from them,
/// so that a node with the older version is sent the changed lines alone.
///
/// There is a fixed number. A page has one place where its copy can be; a newer one replaces what is there.
struct PageTwins {
  private struct Twin {
    var page: PageNumber
    /// The version whose predecessor the copy is.
    var version = PageVersion.none
  }

  private var twins: [Twin]
  private let frames: [HostPhysicalAddress]

  init(frames: [HostPhysicalAddress]) {
    self.frames = frames
    twins = [Twin](repeating: Twin(page: PageNumber(0)), count: frames.count)
  }

  private func place(_ page: PageNumber) -> Int { Int(page.value % UInt64(frames.count)) }

  /// Where to copy the page, which is going to become `version`; nil where there is no room for any.
  mutating func begin(_ page: PageNumber, _ version: PageVersion) -> HostPhysicalAddress? {
    guard !frames.isEmpty else { return nil }
    let place = place(page)
    twins[place] = Twin(page: page, version: version)
    return frames[place]
  }

  /// The copy of the page as it was before `version`, if it is still there.
  func twin(_ page: PageNumber, before version: PageVersion) -> HostPhysicalAddress? {
    guard !frames.isEmpty else { return nil }
    let place = place(page)
    guard twins[place].page == page, twins[place].version == version, version != .none else { return nil }
    return frames[place]
  }
}
