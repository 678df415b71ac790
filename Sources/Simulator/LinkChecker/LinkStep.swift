/// One thing that can happen in a world of links.
struct LinkStep: Hashable, ExploredStep {
  enum Kind: UInt8 {
    case read
    case write
    case evict
    case forget
    /// The vCPU tries again what it had to wait with.
    case retry
    case shotDown
    /// A frame arrives at the node.
    case deliver
    /// The same, and the network has another one like it.
    case deliverCopy
    /// A frame on its way to the node is lost.
    case lose
    /// An acknowledgement has waited for long enough.
    case acknowledge
    /// The retransmission timeout passes.
    case timeOut
  }

  var kind: Kind
  var node: Int
  /// Which of the frames on their way to the node.
  var frame = 0

  var code: UInt32 { UInt32(kind.rawValue) << 24 | UInt32(node) << 16 | UInt32(frame) }
}

extension LinkStep {
  init(code: UInt32) {
    kind = Kind(rawValue: UInt8(code >> 24))!
    node = Int(code >> 16 & 0xFF)
    frame = Int(code & 0xFFFF)
  }
}
