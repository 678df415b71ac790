/// What the kernel's own command line asks for; docs/command-line.md describes each option.
public struct KernelOptions: Sendable {
  public enum LogLevel: UInt8, Sendable { case error, warn, info, debug }
  public enum Console: UInt8, Sendable { case plain, mux }
  public enum Paging: UInt8, Sendable { case auto, nested, shadow }
  public enum Net: UInt8, Sendable { case off, auto }
  public enum Exit: UInt8, Sendable { case halt, bochs, qemu }
  public enum Crash: UInt8, Sendable { case none, exception, stack, entry }

  public private(set) var log = LogLevel.info
  public private(set) var console = Console.plain
  /// In bytes; nil stands for all that the machine can give.
  public private(set) var guestMemory: UInt64?
  /// nil stands for one on each core that can run it.
  public private(set) var guestVCPUs: Int?
  /// In bytes; 0 leaves it to the kernel.
  public private(set) var reserve: UInt64 = 0
  public private(set) var paging = Paging.auto
  public private(set) var net = Net.off
  public private(set) var nodes = 1
  /// nil leaves the number to the cluster.
  public private(set) var node: Int?
  public private(set) var cluster: UInt32 = 1
  /// In milliseconds, as are the two that follow.
  public private(set) var clusterHeartbeat: UInt64 = 100
  public private(set) var clusterSuspect: UInt64 = 500
  public private(set) var clusterFailure: UInt64 = 1000
  public private(set) var timeScale: UInt64 = 1
  public private(set) var exit = Exit.halt
  public private(set) var debugCrash = Crash.none
  public private(set) var debugStep = 0
  public private(set) var debugMove = 0
  public private(set) var debugEcho = 0

  /// A word of the command line that was ignored, and why.
  public struct Problem: Equatable, Sendable {
    public enum Reason: Equatable, Sendable {
      case unknownKey
      case unterminatedQuote
      case missingValue(KernelOption)
      case malformedValue(KernelOption)
      case outOfRange(KernelOption)
    }

    /// The word's bytes, counted from the start of the command line.
    public let range: Range<Int>
    public let reason: Reason
  }

  /// The first words that were ignored.
  public private(set) var problems = BoundedList<16, Problem>(
    filler: Problem(range: 0..<0, reason: .unknownKey))

  /// Ignored words that found no room in `problems`.
  public private(set) var unlistedProblemCount = 0

  /// What holds without a command line.
  public init() {}

  mutating func set(_ option: KernelOption, to value: UInt64) {
    let index = UInt8(truncatingIfNeeded: value)
    switch option {
    case .log: log = LogLevel(rawValue: index) ?? log
    case .console: console = Console(rawValue: index) ?? console
    case .guestMemory: guestMemory = value
    case .guestVCPUs: guestVCPUs = Int(value)
    case .reserve: reserve = value
    case .paging: paging = Paging(rawValue: index) ?? paging
    case .net: net = Net(rawValue: index) ?? net
    case .nodes: nodes = Int(value)
    case .node: node = Int(value)
    case .cluster: cluster = UInt32(truncatingIfNeeded: value)
    case .clusterHeartbeat: clusterHeartbeat = value
    case .clusterSuspect: clusterSuspect = value
    case .clusterFailure: clusterFailure = value
    case .timeScale: timeScale = value
    case .exit: exit = Exit(rawValue: index) ?? exit
    case .debugCrash: debugCrash = Crash(rawValue: index) ?? debugCrash
    case .debugStep: debugStep = Int(value)
    case .debugMove: debugMove = Int(value)
    case .debugEcho: debugEcho = Int(value)
    }
  }

  mutating func report(_ range: Range<Int>, _ reason: Problem.Reason) {
    if !problems.append(Problem(range: range, reason: reason)) { unlistedProblemCount += 1 }
  }
}
