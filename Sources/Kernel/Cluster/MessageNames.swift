import Coherence
import Node
import Wire

// Messages as docs/wire.md calls them.

extension MessageKind {
  var name: StaticString {
    switch self {
    case .acknowledgement: "acknowledgement"
    case .announcement: "announcement"
    case .view: "view"
    case .heartbeat: "heartbeat"
    case .clockRequest: "clockRequest"
    case .clockReply: "clockReply"
    case .ping: "ping"
    case .pong: "pong"
    case .coherence: "coherence"
    case .adoption: "adoption"
    case .guest: "guest"
    case .refusal: "refusal"
    }
  }
}

extension CoherenceMessage.Kind {
  var name: StaticString {
    switch self {
    case .getShared: "getShared"
    case .getExclusive: "getExclusive"
    case .upgrade: "upgrade"
    case .put: "put"
    case .forwardShared: "forwardShared"
    case .forwardExclusive: "forwardExclusive"
    case .invalidate: "invalidate"
    case .grant: "grant"
    case .drop: "drop"
    case .give: "give"
    case .keep: "keep"
    case .void: "void"
    case .data: "data"
    case .invalidated: "invalidated"
    case .unblock: "unblock"
    case .putData: "putData"
    }
  }
}

extension GuestMessage.Operation {
  var name: StaticString {
    switch self {
    case .plan: "plan"
    case .ready: "ready"
    case .interrupt: "interrupt"
    case .endOfInterrupt: "endOfInterrupt"
    case .addressing: "addressing"
    case .addressingKnown: "addressingKnown"
    case .device: "device"
    case .deviceReply: "deviceReply"
    case .end: "end"
    case .distance: "distance"
    }
  }
}
