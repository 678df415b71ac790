import Coherence

/// The protocol with one rule broken.
struct BrokenRule: ProtocolRules {
  let rule: ProtocolRule

  @inline(__always)
  func breaks(_ rule: ProtocolRule) -> Bool { rule == self.rule }
}
