import Coherence
import Wire

/// Actions in the words of the tables.
enum ActionText {
  static func text(_ action: CoherenceAction, home: NodeID) -> String {
    switch action {
    case .send(let message, let node): "\(summary(message)) ⇒ \(node == home ? "home" : "node \(node.value)")"
    case .map(_, let access): access == .write ? "map to write" : "map to read"
    case .beginVersion: "begin version"
    case .protect: "protect"
    case .unmap: "unmap"
    case .resume(_, let isPinned): isPinned ? "resume, pinned" : "resume"
    case .retry: "retry"
    case .needFrame: "need frame"
    case .freeFrame: "free frame"
    case .fillWithZeros: "fill with zeros"
    case .kept: "kept"
    case .breakLink: "break link"
    case .stop: "stop"
    }
  }

  private static func summary(_ message: CoherenceMessage) -> String {
    var notes: [String] = []
    if message.kind == .data { notes.append(message.isExclusive ? "exclusive" : "shared") }
    if message.content == .zero { notes.append("zero") }
    if message.acknowledgements > 0 { notes.append("\(message.acknowledgements) to acknowledge") }
    return "`\(message.kind)`" + (notes.isEmpty ? "" : " (\(notes.joined(separator: ", ")))")
  }
}
