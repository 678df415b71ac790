import Ethernet
import Memory

/// A page's contents as a message to be sent has them: by reference.
///
/// What is in the lines at `frame` must not change until the link has given the frame back
/// (`LinkTable.nextReleasedPage`): they may have to be sent again (docs/decisions/pages-stay-until-acknowledged.md).
public enum OutgoingPage: Hashable, Sendable {
  case none
  /// All bytes are zero; none of them travels.
  case zero
  /// These lines of the 4 KiB at `frame`. The link never looks at the address: whoever copies the lines does.
  case lines(PageLines, frame: HostPhysicalAddress)

  public var content: PageContent {
    switch self {
    case .none: .none
    case .zero: .zero
    case .lines(let lines, _): .lines(lines)
    }
  }
}
