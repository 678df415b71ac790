// The algorithm is Space-Saving (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data
// Streams, ICDT 2005). A value that has no place takes that of the value with the lowest bound, and with it that bound, for
// so often it may have come before without anybody counting. So of a value that has a place
//
//     count ≤ how often it came ≤ bound,
//
// and a value that made up more than 1/n of all has a place for sure, n being the number of places. To find a place takes a
// look at all of a set, which is short compared with what is counted here.

/// The values that come most often, in each of some sets apart, in memory that does not grow.
struct FrequentValues: Sendable {
  /// In each set.
  let placeCount: Int
  /// Those of a set stand together; its first `usedCounts` places have a value.
  private var values: [UInt64]
  private var counts: [UInt64]
  private var bounds: [UInt64]
  private var usedCounts: [Int]

  init(setCount: Int, placeCount: Int) {
    precondition(placeCount > 0)
    self.placeCount = placeCount
    values = [UInt64](repeating: 0, count: setCount * placeCount)
    counts = values
    bounds = values
    usedCounts = [Int](repeating: 0, count: setCount)
  }

  struct Entry: Equatable, Sendable {
    var value: UInt64
    /// How often it came since it has its place.
    var count: UInt64
    /// More often it did not come.
    var bound: UInt64
  }

  /// What is in a place, which is below `usedCount`.
  func entry(_ place: Int, of set: Int) -> Entry {
    let index = set * placeCount + place
    return Entry(value: values[index], count: counts[index], bound: bounds[index])
  }

  func usedCount(of set: Int) -> Int { usedCounts[set] }

  /// A value has come.
  ///
  /// - Returns: its place in the set, and whether that was none of its before.
  @discardableResult
  mutating func add(_ value: UInt64, to set: Int) -> (place: Int, isNew: Bool) {
    let base = set * placeCount
    let (place, isNew) = place(value, set)
    if isNew {
      values[base + place] = value
      counts[base + place] = 0
    }
    counts[base + place] &+= 1
    bounds[base + place] &+= 1
    return (place, isNew)
  }

  private mutating func place(_ value: UInt64, _ set: Int) -> (Int, isNew: Bool) {
    let base = set * placeCount
    var lowest = 0
    for place in 0..<usedCounts[set] {
      if values[base + place] == value { return (place, false) }
      if bounds[base + place] < bounds[base + lowest] { lowest = place }
    }
    guard usedCounts[set] < placeCount else { return (lowest, true) }
    usedCounts[set] += 1
    return (usedCounts[set] - 1, true)
  }

  mutating func removeAll(of set: Int) {
    for place in 0..<usedCounts[set] { bounds[set * placeCount + place] = 0 }
    usedCounts[set] = 0
  }

  /// The place of the value that was counted most often, of those behind `place` in that order; of the first one where that
  /// is nil. Nil where there is none.
  func next(after place: Int?, of set: Int) -> Int? {
    let base = set * placeCount
    var found: Int?
    for other in 0..<usedCounts[set] {
      if let place, !isBefore(base + place, base + other) { continue }
      if let found, !isBefore(base + other, base + found) { continue }
      found = other
    }
    return found
  }

  private func isBefore(_ index: Int, _ other: Int) -> Bool {
    counts[index] != counts[other] ? counts[index] > counts[other] : index < other
  }
}
