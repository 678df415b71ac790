import Ethernet
import Firmware
import Cluster
import CPU
import E1000
import Memory
import Node
import Wire

/// Pages of pings that a node can hold at a time.
private let pingPageCount = 32

/// Joins this PC's cluster and serves it until the command line, or a fault, ends this node, or a guest begins.
func runCluster(_ boot: BootInformation) {
  // CPUs with XSAVE but without SSE 4.2 are the last Core 2.
  guard cpuid(1, 0).ecx & 1 << 20 != 0 else {
    refuse("nodes=\(node.options.nodes) needs a CPU with SSE 4.2, whose CRC32 instruction checks the frames")
  }
  let options = clusterOptions()
  guard let nic = unsafe node.nic else {
    refuse("nodes=\(node.options.nodes) needs an Ethernet controller, and there is none that can be used")
  }
  let service = UnsafeMutablePointer<ClusterService>.allocate(capacity: 1)
  let moduleFrames = boot.moduleFrames(besides: KernelImage.range)
  unsafe service.initialize(to: ClusterService(engine: makeEngine(nic, options, moduleFrames), nic: nic))
  unsafe log.info(
    "cluster: looking for \(node.options.nodes - 1) more \(node.options.nodes == 2 ? "node" : "nodes"), as \(nic.pointee.address), incarnation \(hex: service.pointee.engine.links.local.incarnation.value)"
  )
  unsafe node.console.pointee.isSynchronous = false
  unsafe service.pointee.hasGuest = !boot.modules.isEmpty
  guard let plan = unsafe service.pointee.run() else { unsafe report(&service.pointee) }
  var start = unsafe ClusterStart(
    service: service, plan: plan, epoch: service.pointee.engine.membership.map.epoch,
    moduleFrames: moduleFrames)
  if !start.isLoader, !boot.modules.isEmpty {
    log.warning("boot modules are not used: node \(ClusterGuest.deviceNode) loads the guest")
    start.freeModules()
  }
  startGuest(boot, start)
}

private func clusterOptions() -> ClusterOptions {
  var options = ClusterOptions(nodeCount: node.options.nodes)
  let asked = node.options
  if let number = asked.node, number >= asked.nodes {
    refuse("node=\(number): numbers of \(asked.nodes) nodes are 0 to \(asked.nodes - 1)")
  }
  guard asked.clusterHeartbeat < asked.clusterSuspect, asked.clusterSuspect < asked.clusterFailure else {
    log.warning(
      "options ignored: cluster.heartbeat, cluster.suspect and cluster.failure, which must be each longer than the one before"
    )
    return options
  }
  options.heartbeatInterval = asked.clusterHeartbeat * 1_000_000
  options.suspicionTime = asked.clusterSuspect * 1_000_000
  options.failureTime = asked.clusterFailure * 1_000_000
  return options
}

private func makeEngine(
  _ nic: UnsafeMutablePointer<NIC>, _ options: ClusterOptions,
  _ moduleFrames: BoundedList<16, Range<HostPhysicalAddress>>
) -> Engine {
  let address = unsafe nic.pointee.address
  let local = LocalNode(
    address: address, incarnation: NodeDescription.incarnation, cluster: ClusterID(node.options.cluster))
  var frames: [HostPhysicalAddress] = []
  do {
    for _ in 0...pingPageCount { frames.append(try Frames.allocate4K()) }
  } catch {
    refuse("no memory for pages on their way between nodes")
  }
  return Engine(
    NodeDescription.announcement(address: address, moduleFrames: moduleFrames), local: local,
    options: options, links: LinkOptions(),
    routines: ProcessorByteRoutines(), pages: NodePages(), frames: frames,
    at: Instant(nanoseconds: node.clock.nanosecondsSinceBoot(at: readTSC())))
}

/// The end of a node, told to people (the log) and to programs (one JSON object on the report channel).
private func report(_ service: inout ClusterService) -> Never {
  do {
    try unsafe service.nic.pointee.stop()
  } catch {
    log.warning("NIC: it does not stop: \(error)")
  }
  log.info("this node has left its cluster")
  var out = JSONWriter()
  out.open()
  out.field("end", EndOfRun.powerOff.name)
  out.field("version", Version.text)
  out.field("tscFrequency", node.clock.frequency)
  out.field("microseconds", node.clock.microsecondsSinceBoot)
  service.writeCounters(&out)
  out.close()
  out.finish()
  EndOfRun.powerOff.stopMachine()
}
