import Cluster
import Coherence
import Memory
import Node
import Wire

/// What the simulator drives on each node: Big Iron's own engine, or a baseline that does the same job differently.
///
/// Calls and actions are those of `NodeEngine`.
protocol SharingEngine: AnyObject {
  /// The node's number, as far as it has one.
  var id: NodeID { get }
  var deadline: Instant { get }
  var hasFrames: Bool { get }

  func receive(_ frame: Span<UInt8>, at now: Instant)
  func advance(at now: Instant)
  func writeFrame(to bytes: inout MutableSpan<UInt8>, at now: Instant) -> Int?
  func nextEvent() -> ClusterEvent?

  func startMemory(_ options: RunOptions)
  func fault(_ page: PageNumber, _ access: PageAccess) -> Bool
  func shotDown(_ page: PageNumber)
  func release(_ page: PageNumber)
  func expire(_ page: PageNumber)
  func nextAction() -> NodeAction?
}

/// Who keeps the memory of the cluster together.
enum SharingProtocol: String, CaseIterable, Sendable {
  /// The kernel's engine.
  case bigIron = "bigiron"
  /// The same engine, which is kept from sending less than a page where it sends one.
  case homeMSI = "home-msi"
  /// A chain of probable owners, as in IVY, along which pages come back, as in GiantVM.
  case ivy
  /// The same, but owners send pages straight to who wants them.
  case ivyDirect = "ivy-direct"
  /// All vCPUs on one node, whose memory the others' is swap space for.
  case swap
}
