import Support

/// What a simulated network does to frames, each as a probability.
struct NetworkFaults {
  var loss = 0.0
  var duplication = 0.0
  /// Frames that take up to 5 ms.
  var reordering = 0.0
  /// Frames that take up to 60 ms.
  var delay = 0.0

  static let none = NetworkFaults()

  static func random(_ generator: inout SeededGenerator) -> NetworkFaults {
    func rate(_ generator: inout SeededGenerator) -> Double { Double(generator.next() % 31) / 100 }
    return NetworkFaults(
      loss: rate(&generator), duplication: rate(&generator), reordering: rate(&generator),
      delay: rate(&generator) / 3)
  }
}
