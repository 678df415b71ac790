import Glibc

extension Workload {
  /// Any page, a third of the accesses writes: nothing stays where it was.
  func uniform(_ random: inout SplitMix64) -> Access {
    Access(
      page: UInt32(random.below(shape.pageCount)), isWrite: random.below(3) == 0,
      line: UInt8(random.below(64)))
  }

  /// Some pages much more often than others, one access in five a write.
  func zipfian(_ random: inout SplitMix64) -> Access {
    let rank = zipf?.rank(&random) ?? 0
    // Neighbours in rank are not neighbours in memory.
    let page = SplitMix64.mix(UInt64(rank) &+ 1) % UInt64(shape.pageCount)
    return Access(page: UInt32(page), isWrite: random.below(5) == 0, line: UInt8(random.below(64)))
  }
}

/// Numbers of which the n-th is drawn with a probability in proportion to n to the power of −0.99.
struct ZipfDistribution: Sendable {
  /// The probability of each number and all below it, in parts of 2⁵³.
  private let bounds: [UInt64]

  init(count: Int) {
    let weights = (1...max(1, count)).map { pow(Double($0), -0.99) }
    let whole = weights.reduce(0, +)
    var sum = 0.0
    bounds = weights.map {
      sum += $0
      return UInt64(sum / whole * 0x1p53)
    }
  }

  func rank(_ random: inout SplitMix64) -> Int {
    let value = random.next() >> 11
    var low = 0
    var high = bounds.count - 1
    while low < high {
      let middle = (low + high) / 2
      if bounds[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
