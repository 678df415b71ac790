import Support

/// What a simulated network does to frames, each as a probability.
struct NetworkFaults {
  var loss = 0.0
  var duplication = 0.0
  /// Frames that are held back until others have passed.
  var reordering = 0.0
  /// Frames that take much longer than others, in a burst or alone.
  var delay = 0.0
  /// Frames in which bits are changed, or whose end is cut off.
  var corruption = 0.0

  static let none = NetworkFaults()

  /// Every fault between absent and 30 %; now and then one alone.
  static func random(_ generator: inout SeededGenerator) -> NetworkFaults {
    let isAlone = generator.next() % 4 == 0
    let only = generator.next() % 5
    func rate(_ index: UInt64, _ generator: inout SeededGenerator) -> Double {
      let rate = Double(generator.next() % 31) / 100
      return isAlone && index != only ? 0 : rate
    }
    return NetworkFaults(
      loss: rate(0, &generator), duplication: rate(1, &generator), reordering: rate(2, &generator),
      delay: rate(3, &generator), corruption: rate(4, &generator))
  }

  static let worst = NetworkFaults(
    loss: 0.3, duplication: 0.3, reordering: 0.3, delay: 0.3, corruption: 0.3)
}
