import VCPU

extension Segment {
  /// This segment of real mode, or what protected mode has left of it, as virtual-8086 mode has segments (SDM Vol. 3C,
  /// 27.3.1.2): 64 KiB at the selector times 16. The base stays, and the selector follows from it.
  func asVirtual8086() throws(RealModeProblem) -> Segment {
    if isUnusable { return Segment(selector: 0, attributes: 0xF3, limit: 0xFFFF, base: 0) }
    guard base & 0xF == 0, base >> 4 <= 0xFFFF else { throw .segmentBase }
    return Segment(selector: UInt16(base >> 4), attributes: 0xF3, limit: 0xFFFF, base: base)
  }

  /// This segment of virtual-8086 mode as a VM entry accepts it in protected mode at CPL 0: SS and CS with an RPL of
  /// 0, the others with a DPL that is no less than theirs (27.3.1.2).
  func asProtected(_ register: SegmentRegister) -> Segment {
    var segment = self
    switch register {
    case .cs, .ss:
      segment.selector &= ~3
      segment.attributes = register == .cs ? 0x9B : 0x93
    default: segment.attributes = 0x93 | UInt32(selector & 3) << 5
    }
    return segment
  }

  /// This task-state segment, too short for an I/O permission map; a limit of 0 is measured in bytes (27.3.1.2).
  var withoutPermissionMap: Segment {
    Segment(selector: selector, attributes: attributes & ~(1 << 15), limit: 0, base: base)
  }
}
