import Support
import Wire

extension ClusterSimulation {
  func traceEvents(of node: SimulatedNode) {
    for event in node.events[node.tracedCount...] { print(now / 1000, "µs: node", node.index, event) }
    node.tracedCount = node.events.count
  }

  func trace(_ frame: [UInt8], from sender: Int) {
    guard let header = try? FrameHeader(frame.span, using: ProcessorByteRoutines()), header.kind == .view,
      let view = try? View(header, in: frame.span)
    else { return }
    let members = String(view.members[word: 0], radix: 2)
    let digest = String(view.digest & 0xFFFF, radix: 16)
    print(
      now / 1000, "µs: node", sender, "in epoch", header.epoch.value, "says", view.stage, view.epoch.value,
      members, digest)
  }
}
