import Coherence
import Wire

/// What leads to a state, a line for each step, with the frames that it sends.
struct LinkTrace {
  private var lines: [String] = []

  init<Rules: ProtocolRules>(_ path: [LinkStep], _ configuration: LinkCheckConfiguration, rules: Rules) {
    var world = LinkWorld(configuration, rules: rules)
    for (index, step) in path.enumerated() {
      let before = world
      world.take(step)
      var line = "\(index + 1). node \(step.node): \(step.kind)"
      switch step.kind {
      case .deliver, .deliverCopy, .lose: line += " " + Self.describe(before.flights[step.node][step.frame])
      default: break
      }
      lines.append(line)
      let receiver = 1 - step.node
      for flight in Self.added(before.flights[receiver], world.flights[receiver]) {
        lines.append("     sends \(Self.describe(flight))")
      }
    }
  }

  var text: String { lines.joined(separator: "\n") }

  private static func added(_ old: [HashedBytes], _ new: [HashedBytes]) -> [HashedBytes] {
    var old = old
    return new.filter { flight in
      guard let place = old.firstIndex(of: flight) else { return true }
      old.remove(at: place)
      return false
    }
  }

  private static func describe(_ flight: HashedBytes) -> String {
    do throws(FrameError) {
      let header = try FrameHeader(flight.bytes.span, using: HostByteRoutines())
      let acknowledgement = header.acknowledgement.map { ", has all before \($0.value)" } ?? ""
      let gap = header.reportsGap ? ", misses it" : ""
      guard header.kind == .coherence else { return "acknowledgement\(acknowledgement)\(gap)" }
      var text = "frame \(header.sequence.value)"
      if header.isContinuation {
        text += ": rest of a page"
      } else {
        let body = try CoherenceBody(header.kind, flight.bytes.span.extracting(header.bodyRange))
        text += ": \(body.message.kind)"
      }
      return text + acknowledgement + gap
    } catch {
      return "\(error)"
    }
  }
}
