/// A cluster, what its vCPUs do, and what befalls its network.
struct RunConfiguration {
  var nodeCount = 4
  var vcpuCount = 2
  var pageCount = 8
  /// Accesses of each vCPU.
  var accessCount = 1000
  var writeShare = 0.4
  /// How often an access is followed by an eviction, or by the end of a stale copy.
  var evictionShare = 0.1
  var seed: UInt64 = 1
  /// Probabilities for each frame.
  var loss = 0.0
  var duplication = 0.0
  var reordering = 0.0
  /// One way, in nanoseconds.
  var latency: UInt64 = 20_000
}
