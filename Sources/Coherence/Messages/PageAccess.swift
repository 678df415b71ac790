/// What a vCPU, or the hyperkernel itself, wants to do with a page.
public enum PageAccess: UInt8, Sendable {
  case read
  case write
}
