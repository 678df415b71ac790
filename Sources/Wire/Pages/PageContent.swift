/// What a message says of a page's contents.
public enum PageContent: Hashable, Sendable {
  /// Nothing.
  case none
  /// All bytes are zero; none of them travels.
  case zero
  /// These lines travel; the receiver has the others already. `.all` is a page in full.
  case lines(PageLines)

  /// The lines that travel.
  @inline(__always)
  var lines: PageLines {
    if case .lines(let lines) = self { lines } else { [] }
  }

  @inline(__always)
  var hasLines: Bool {
    if case .lines = self { true } else { false }
  }
}
