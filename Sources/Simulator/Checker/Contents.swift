import Coherence

/// Which write a page's bytes are from: 0 is the zeros from before the first one.
struct Contents: Hashable {
  var write: Int32

  init(_ write: Int32) { self.write = write }

  static let zero = Contents(0)
  /// Not the page's at all, or lines of different versions.
  static let garbage = Contents(-1)
}

/// A message on its way, and the contents that it carries.
struct Packet: Hashable {
  var message: CoherenceMessage
  var contents: Contents?
  /// What the changes in it have to be applied to.
  var base: Contents?
}

/// What cores can do with a page.
enum Permission: UInt8, Comparable {
  case none
  case read
  case write

  static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a node's driver knows of a page, and what its cores do.
struct LocalPage: Hashable {
  /// Nil where the page has no frame.
  var frame: Contents?
  /// What the frame held when a write was allowed, and the version that this made.
  var twin: Contents?
  var twinVersion = PageVersion.none
  /// What some core may still do.
  var permission = Permission.none
  /// What will be left when the shootdown that is under way has ended.
  var shootdown: Permission?
  /// How many faults have not been settled.
  var faults: UInt8 = 0
}
