import Ethernet
import Wire

extension LogLine.Interpolation {
  /// A node's number, or a question mark where it has none.
  mutating func appendInterpolation(_ id: NodeID) {
    if id.isNode { line.append(decimal: id.value) } else { line.append(byte: UInt8(ascii: "?")) }
  }

  /// Nanoseconds as microseconds with one digit behind the point.
  mutating func appendInterpolation(microseconds nanoseconds: UInt64) {
    line.append(decimal: nanoseconds / 1000)
    line.append(byte: UInt8(ascii: "."))
    line.append(decimal: nanoseconds / 100 % 10)
  }

  /// Nanoseconds as seconds with six digits behind the point.
  mutating func appendInterpolation(seconds nanoseconds: UInt64) {
    line.append(decimal: nanoseconds / 1_000_000_000)
    line.append(byte: UInt8(ascii: "."))
    var scale: UInt64 = 100_000_000
    while scale >= 1000 {
      line.append(decimal: nanoseconds / scale % 10)
      scale /= 10
    }
  }

  /// Why a node is not wanted.
  mutating func appendInterpolation(_ refusal: Refusal) {
    switch refusal.reason {
    case .protocolVersion:
      line.append("another version of the protocol; the refusing node's is ")
      line.append(decimal: refusal.detail)
    case .softwareVersion:
      line.append("another build of Big Iron; the refusing node's is ")
      line.append(hex: refusal.detail, digits: 16)
    case .nodeCount:
      line.append("another number of nodes; the refusing node expects ")
      line.append(decimal: refusal.detail)
    case .duplicateID:
      line.append("another node has the number ")
      line.append(decimal: refusal.detail)
    case .duplicateAddress:
      line.append("another node has the address ")
      appendInterpolation(MACAddress(refusal.detail))
    case .clusterFull: line.append("the cluster has all its nodes")
    case .processor:
      line.append("its processor lacks what the cluster uses, ")
      line.append(hex: refusal.detail, digits: 16)
    case .declaredDown:
      line.append("it was declared down in epoch ")
      line.append(decimal: UInt32(truncatingIfNeeded: refusal.detail))
    case .stranger: line.append("it sends as a member and is none")
    default:
      line.append("reason ")
      line.append(decimal: refusal.reason.rawValue)
    }
  }
}

extension FrameError {
  /// As docs/wire.md calls it.
  var name: StaticString {
    switch self {
    case .etherType: "etherType"
    case .short: "short"
    case .long: "long"
    case .length: "length"
    case .checksum: "checksum"
    case .version: "version"
    case .kind: "kind"
    case .reserved: "reserved"
    case .layout: "layout"
    case .echo: "echo"
    case .cluster: "cluster"
    case .receiver: "receiver"
    case .stranger: "stranger"
    case .body: "body"
    case .window: "window"
    case .fragment: "fragment"
    }
  }
}
