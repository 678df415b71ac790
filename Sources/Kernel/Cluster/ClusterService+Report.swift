import Cluster
import Coherence
import Node
import Firmware
import E1000
import Wire

extension ClusterService {
  /// What this node has counted, as fields of an open object.
  func writeCounters(_ out: inout JSONWriter) {
    out.field("epoch", UInt64(engine.membership.map.epoch.value))
    out.field("nodes", UInt64(engine.membership.map.members.count))
    if engine.links.local.id.isNode { out.field("node", UInt64(engine.links.local.id.value)) }
    writeController(&out)
    out.openObject("dropped")
    for index in 0..<UInt8(FrameError.count) {
      guard let error = FrameError(rawValue: index), engine.links.drops[error] > 0 else { continue }
      out.field(error.name, engine.links.drops[error])
    }
    out.close()
    out.openList("links")
    for index in 0..<UInt16(node.options.nodes) where NodeID(index) != engine.links.local.id {
      writeLink(NodeID(index), &out)
    }
    out.closeList()
    writeMessages(&out)
    out.openObject("pings")
    out.field("received", engine.receivedPingCount)
    out.field("curtailed", engine.curtailedPings)
    out.field("rounds", pingRounds)
    out.field("ticks", pingTicks)
    out.close()
  }

  /// What was sent and received by type of message: all of them, and apart those about the guest's pages and its machine.
  private func writeMessages(_ out: inout JSONWriter) {
    out.openObject("messages")
    out.openObject("all")
    for kind in MessageKind.allCases {
      write(kind.name, engine.links.traffic, kind.index, &out)
    }
    out.close()
    out.openObject("pages")
    for kind in CoherenceMessage.Kind.allCases {
      write(kind.name, engine.traffic.pages, Int(kind.rawValue), &out)
    }
    out.close()
    out.openObject("guest")
    for operation in GuestMessage.Operation.allCases {
      write(operation.name, engine.traffic.machine, Int(operation.rawValue), &out)
    }
    out.close()
    out.close()
  }

  /// Writes what there was of one type.
  private func write<let count: Int>(
    _ name: StaticString, _ counters: TrafficCounters<count>, _ type: Int, _ out: inout JSONWriter
  ) {
    let sent = counters.sent[type]
    let received = counters.received[type]
    guard sent.messages > 0 || received.messages > 0 else { return }
    out.openObject(name)
    out.field("sent", sent.messages)
    out.field("sentBytes", sent.bytes)
    out.field("received", received.messages)
    out.field("receivedBytes", received.bytes)
    out.close()
  }

  private func writeController(_ out: inout JSONWriter) {
    let received = unsafe nic.pointee.receiver.counters
    let sent = unsafe nic.pointee.transmitter.counters
    let line = unsafe nic.pointee.lineCounters
    out.openObject("controller")
    unsafe out.field("model", nic.pointee.model.name)
    out.field("receivedFrames", received.frames)
    out.field("receivedBytes", received.bytes)
    out.field("badChecksums", received.badChecksums)
    out.field("otherErrors", received.otherErrors)
    out.field("tooShort", received.tooShort)
    out.field("tooLong", received.tooLong)
    out.field("missed", line.missed)
    out.field("sentFrames", sent.frames)
    out.field("sentBytes", sent.bytes)
    out.field("refusedFull", sent.refusedFull)
    out.field("refusedNoLink", sent.refusedNoLink)
    out.field("lost", sent.lost)
    unsafe out.field("linkLosses", nic.pointee.linkLossCount)
    unsafe out.field("overruns", nic.pointee.overrunCount)
    unsafe out.field("restarts", nic.pointee.restartCount)
    out.close()
  }

  private func writeLink(_ id: NodeID, _ out: inout JSONWriter) {
    let counters = engine.links.counters(id)
    out.open()
    out.field("node", UInt64(id.value))
    if let time = engine.links.roundTripTime(id) { out.field("roundTripNanoseconds", time) }
    out.field("messagesSent", counters.messagesSent)
    out.field("messagesReceived", counters.messagesReceived)
    out.field("framesSent", counters.framesSent)
    out.field("framesReceived", counters.framesReceived)
    out.field("retransmissions", counters.retransmissions)
    out.field("retransmittedBytes", counters.retransmittedBytes)
    out.field("timeouts", counters.timeouts)
    out.field("gapsHeard", counters.gapsHeard)
    out.field("duplicates", counters.duplicates)
    out.field("early", counters.early)
    out.field("acknowledgementsSent", counters.acknowledgementsSent)
    out.field("acknowledgementsReceived", counters.acknowledgementsReceived)
    out.close()
  }
}
