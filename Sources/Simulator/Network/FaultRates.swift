/// What the network does to frames, each as a probability for one that a receiver is to get.
struct FaultRates: Equatable, Sendable {
  var loss = 0.0
  /// Frames that come once more, up to 5 ms later.
  var replay = 0.0
  /// Frames that take up to 300 µs more.
  var reordering = 0.0
  /// Frames that take up to 20 ms more.
  var delay = 0.0
  /// Frames in which bits are wrong.
  var corruption = 0.0

  static let none = FaultRates()

  var isNone: Bool { self == .none }
}

/// How bad a run's network and nodes are.
enum FaultLevel: String, CaseIterable, Sendable {
  case none, mild, wild
  /// All of them in every run, each at any rate that `wild` has, until four accesses of five are done.
  case all

  func rates(_ generator: inout SplitMix64) -> FaultRates {
    var rates = FaultRates()
    switch self {
    case .none: break
    case .mild:
      rates = FaultRates(loss: 0.01, replay: 0.01, reordering: 0.02, delay: 0.001, corruption: 0.002)
    case .wild:
      // Each of them often: all bad at once hides what one alone brings about.
      rates.loss = Self.rate(0.30, &generator)
      rates.replay = Self.rate(0.50, &generator)
      rates.reordering = Self.rate(0.40, &generator)
      rates.delay = Self.rate(0.10, &generator)
      rates.corruption = Self.rate(0.10, &generator)
    case .all:
      // Any rate up to the limit as often as any other.
      rates.loss = 0.30 * Self.positiveShare(&generator)
      rates.replay = 0.50 * Self.positiveShare(&generator)
      rates.reordering = 0.40 * Self.positiveShare(&generator)
      rates.delay = 0.10 * Self.positiveShare(&generator)
      rates.corruption = 0.10 * Self.positiveShare(&generator)
    }
    return rates
  }

  /// 0 for every other run, else anything up to `limit`, small rates as often as large ones.
  private static func rate(_ limit: Double, _ generator: inout SplitMix64) -> Double {
    guard generator.chance(0.5) else { return 0 }
    let share = share(&generator)
    return limit * share * share
  }

  private static func positiveShare(_ generator: inout SplitMix64) -> Double {
    Double(1 + generator.below(1000)) / 1000
  }

  private static func share(_ generator: inout SplitMix64) -> Double { Double(generator.below(1001)) / 1000 }

  /// The mean time from one pause, flap or partition to the next.
  var troubleInterval: UInt64? {
    switch self {
    case .none: nil
    case .mild: 50_000_000
    case .wild, .all: 20_000_000
    }
  }

  /// Whether they end after some time even where too little has got done.
  var areLimited: Bool { self == .mild || self == .wild }

  /// Whether shootdowns and vCPUs are late now and then.
  var delaysCores: Bool { self == .wild || self == .all }
}
