extension GuestPageWalk {
  /// What the processor, or the hyperkernel in its place, wants of an address.
  public struct Access: Equatable, Sendable {
    public enum Kind: Sendable {
      case read
      /// Also a read that is followed by a write, as of an instruction that updates memory.
      case write
      /// An instruction fetch.
      case execute
    }

    public enum Privilege: Equatable, Sendable {
      /// CPL 3.
      case user
      /// CPL below 3, with EFLAGS.AC: set, it exempts the access from SMAP.
      case supervisor(accessControl: Bool)
      /// To a descriptor table, TSS or the like, at any CPL.
      case implicitSupervisor
    }

    public var kind: Kind
    public var privilege: Privilege

    public init(_ kind: Kind, _ privilege: Privilege) {
      self.kind = kind
      self.privilege = privilege
    }
  }
}
