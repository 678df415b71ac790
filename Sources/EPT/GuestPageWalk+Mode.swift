extension GuestPageWalk {
  /// How linear addresses are translated (SDM Vol. 3A, 4.1.1).
  public enum Mode: Equatable, Sendable {
    /// Linear addresses are physical.
    case none
    /// 32-bit paging: 4 KiB and, with CR4.PSE, 4 MiB pages.
    case bits32
    /// PAE paging: 4 KiB and 2 MiB pages, execute-disable.
    case pae
    /// 4-level paging: 4 KiB, 2 MiB and 1 GiB pages, execute-disable.
    case level4

    public init(cr0: UInt64, cr4: UInt64, efer: UInt64) {
      guard cr0 & 1 << 31 != 0 else {
        self = .none
        return
      }
      guard cr4 & 1 << 5 != 0 else {
        self = .bits32
        return
      }
      self = efer & 1 << 10 != 0 ? .level4 : .pae
    }
  }
}
