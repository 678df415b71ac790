import Glibc

/// Values along one side of a plot.
struct Axis {
  let range: ClosedRange<Double>
  let isLogarithmic: Bool
  let ticks: [Double]

  /// From 0 to a round number that is not below `limit`, in up to six steps of 1, 2 or 5 times a power of ten.
  static func linear(to limit: Double) -> Axis {
    let factors = [2, 2.5, 2]
    var step = 1.0
    var count = 0
    while step * 6 < limit {
      step *= factors[count % 3]
      count += 1
    }
    let end = max(step, (limit / step).rounded(.up) * step)
    return Axis(
      range: 0...end, isLogarithmic: false, ticks: Array(stride(from: 0, through: end, by: step)))
  }

  /// From a power of `base` that is not above `range` to one that is not below it.
  static func logarithmic(_ range: ClosedRange<Double>, base: Double) -> Axis {
    let first = (log(max(range.lowerBound, 1e-3)) / log(base) + 1e-9).rounded(.down)
    let last = max(first + 1, (log(max(range.upperBound, 1e-3)) / log(base) - 1e-9).rounded(.up))
    let ticks = stride(from: first, through: last, by: 1).map { pow(base, $0) }
    return Axis(range: pow(base, first)...pow(base, last), isLogarithmic: true, ticks: ticks)
  }

  /// Where the value is: 0 at the start, 1 at the end.
  func place(_ value: Double) -> Double {
    let value = min(max(value, range.lowerBound), range.upperBound)
    guard isLogarithmic else { return (value - range.lowerBound) / (range.upperBound - range.lowerBound) }
    return log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
  }
}
