import Wire

/// What a node has sent to others, and received of them, about the guest.
public struct GuestTraffic: Sendable {
  /// About its pages, by the raw value of `CoherenceMessage.Kind`.
  public internal(set) var pages = TrafficCounters<16>()
  /// About its machine, by the raw value of `GuestMessage.Operation`.
  public internal(set) var machine = TrafficCounters<10>()

  public init() {}
}
