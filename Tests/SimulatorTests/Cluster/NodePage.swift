import Coherence

@testable import Simulator

/// What a simulated node's driver knows of a page.
struct NodePage {
  var frame: Int?
  /// A copy from before the version began.
  var twin: [UInt8]?
  var twinVersion = PageVersion.none
  var permission = Permission.none
  var shootdown: Permission?
  /// The vCPU whose fault has opened a request, and those whose faults wait.
  var opener: Int?
  var waiters: [Int] = []
}
