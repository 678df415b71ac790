import Coherence

/// One thing that can happen in a world.
struct Step: Hashable, ExploredStep {
  enum Kind: UInt8 {
    case readFault
    case writeFault
    /// A write fault of who has the page pinned.
    case pinnedWriteFault
    case write
    case evict
    case forget
    case shotDown
    case release
    /// A vCPU with an instruction of several pages goes on.
    case execute
    /// A message arrives. `from` is its sender.
    case deliver
  }

  var kind: Kind
  var node: UInt8
  /// The page, or the sender of what is delivered.
  var other: UInt8
  /// Which choices are the home's: bit 0: it has no room; the others: how many sharers it passes over.
  var choice: UInt8 = 0

  init(_ kind: Kind, _ node: Int, _ other: Int, choice: Int = 0) {
    self.kind = kind
    self.node = UInt8(node)
    self.other = UInt8(other)
    self.choice = UInt8(choice)
  }

  var code: UInt32 {
    UInt32(kind.rawValue) << 24 | UInt32(node) << 16 | UInt32(other) << 8 | UInt32(choice)
  }

  init(code: UInt32) {
    kind = Kind(rawValue: UInt8(code >> 24))!
    node = UInt8(truncatingIfNeeded: code >> 16)
    other = UInt8(truncatingIfNeeded: code >> 8)
    choice = UInt8(truncatingIfNeeded: code)
  }
}
