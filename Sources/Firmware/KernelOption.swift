// The table of the kernel's options. Parsing, the help text and the test that holds docs/command-line.md to
// it all go by this one. Texts are `String` literals, of which only the UTF-8 bytes are ever used: those
// can be compared without a pointer, as a `StaticString`'s cannot.

/// An option of the kernel's own command line.
public enum KernelOption: UInt8, Sendable {
  case log
  case console
  case guestMemory
  case guestVCPUs
  case reserve
  case paging
  case net
  case nodes
  case node
  case cluster
  case clusterHeartbeat
  case clusterSuspect
  case clusterFailure
  case timeScale
  case exit
  case debugCrash
  case debugStep
  case debugMove
  case debugEcho

  /// What an option's value may be.
  public enum Kind: Sendable {
    /// One of the words between the bars; the first counts as 0.
    case word(String)
    /// A decimal integer.
    case number(ClosedRange<UInt64>)
    /// A decimal integer of bytes, or of the unit that a K, M, G or T after it says.
    case size(ClosedRange<UInt64>)
  }

  public struct Definition: Sendable {
    /// What stands before the equals sign.
    public let key: String
    public let kind: Kind
    /// What holds where the option is absent, in words.
    public let fallback: String
    public let summary: String

    init(_ key: String, _ kind: Kind, default fallback: String, _ summary: String) {
      self.key = key
      self.kind = kind
      self.fallback = fallback
      self.summary = summary
    }
  }

  public var definition: Definition {
    switch self {
    case .log:
      Definition(
        "log", .word("error|warn|info|debug"), default: "info", "least severe message that is logged")
    case .console:
      Definition(
        "console", .word("plain|mux"), default: "plain", "how the serial line is shared with the guest")
    case .guestMemory:
      Definition("guest.memory", .size(2 << 20...1 << 46), default: "all", "RAM that the guest gets")
    case .guestVCPUs:
      Definition("guest.vcpus", .number(1...256), default: "all", "processors that the guest gets")
    case .reserve:
      Definition("reserve", .size(0...1 << 46), default: "0", "RAM kept back from the guest; 0 chooses")
    case .paging:
      Definition(
        "paging", .word("auto|nested|shadow"), default: "auto",
        "whose page tables translate for the guest: a second level of the CPU's, or shadow tables")
    case .net:
      Definition(
        "net", .word("off|auto"), default: "off", "the Ethernet controller: none, or the first usable")
    case .nodes:
      Definition("nodes", .number(1...256), default: "1", "PCs that the cluster has")
    case .node:
      Definition("node", .number(0...255), default: "any", "this PC's number in the cluster")
    case .cluster:
      Definition(
        "cluster", .number(0...0xFFFF_FFFF), default: "1", "tells clusters on one Ethernet apart")
    case .clusterHeartbeat:
      Definition(
        "cluster.heartbeat", .number(1...10_000), default: "100", "milliseconds between signs of life")
    case .clusterSuspect:
      Definition(
        "cluster.suspect", .number(1...60_000), default: "500",
        "milliseconds of silence after which a node is suspected")
    case .clusterFailure:
      Definition(
        "cluster.failure", .number(1...60_000), default: "1000",
        "milliseconds of silence after which a node is declared down")
    case .timeScale:
      Definition(
        "time.scale", .number(1...1000), default: "1", "how many times slower than real time the guest runs")
    case .exit:
      Definition(
        "exit", .word("halt|bochs|qemu"), default: "halt", "what follows the end of the guest")
    case .debugCrash:
      Definition(
        "debug.crash", .word("none|exception|stack|entry"), default: "none",
        "a failure made on purpose, to see its report")
    case .debugStep:
      Definition(
        "debug.step", .number(0...1_000_000), default: "0", "first guest instructions to log, one by one")
    case .debugMove:
      Definition(
        "debug.move", .number(0...1_000_000), default: "0",
        "guest pages to move to other frames while the guest runs")
    case .debugEcho:
      Definition(
        "debug.echo", .number(0...1_000_000), default: "0",
        "frames to send back to their senders before the guest starts")
    }
  }

  /// The option whose key is `key`.
  init?(key: Span<UInt8>) {
    var raw: UInt8 = 0
    while let option = KernelOption(rawValue: raw) {
      if option.definition.key.hasBytes(key) {
        self = option
        return
      }
      raw += 1
    }
    return nil
  }

  /// Hands the help text to `write` byte by byte: a line for each option, in the table's order.
  public static func writeHelp(_ write: (UInt8) -> Void) {
    var raw: UInt8 = 0
    while let option = KernelOption(rawValue: raw) {
      let definition = option.definition
      definition.key.forEachByte(write)
      "=".forEachByte(write)
      definition.kind.writePlaceholder(write)
      ": ".forEachByte(write)
      definition.summary.forEachByte(write)
      " (default: ".forEachByte(write)
      definition.fallback.forEachByte(write)
      ")\n".forEachByte(write)
      raw += 1
    }
  }
}
