/// Where a page is, as its home sees it, and whether a transaction on it is open.
public enum HomeState: UInt8, CaseIterable, Sendable {
  /// U: all zero, and nowhere.
  case untouched
  /// H: in the home's frame, and no cache has a copy, nor has the home's own.
  case held
  /// S: the sharers have a copy to read.
  case shared
  /// X: the owner has the only copy.
  case exclusive
  /// BS: until the requester says that it has its copy.
  case busyShared
  /// BX: until the requester says that it has the page.
  case busyExclusive
  /// BP: until the page comes from the node that can't keep it.
  case busyPut

  /// Whether a transaction is open, so that requests must wait.
  public var isBusy: Bool {
    switch self {
    case .busyShared, .busyExclusive, .busyPut: true
    case .untouched, .held, .shared, .exclusive: false
    }
  }

  public var symbol: StaticString {
    switch self {
    case .untouched: "U"
    case .held: "H"
    case .shared: "S"
    case .exclusive: "X"
    case .busyShared: "BS"
    case .busyExclusive: "BX"
    case .busyPut: "BP"
    }
  }
}
