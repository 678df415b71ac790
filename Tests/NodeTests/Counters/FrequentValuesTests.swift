import Support
import Testing

@testable import Node

/// What Space-Saving promises.
struct FrequentValuesTests {
  private func entries(_ values: FrequentValues, of set: Int = 0) -> [FrequentValues.Entry] {
    (0..<values.usedCount(of: set)).map { values.entry($0, of: set) }
  }

  @Test func whereAllValuesHaveAPlaceCountsAreExact() {
    var values = FrequentValues(setCount: 1, placeCount: 4)
    for value in [9, 7, 9, 9, 5, 7, 1] as [UInt64] { values.add(value, to: 0) }
    #expect(
      entries(values)
        == [(9, 3), (7, 2), (5, 1), (1, 1)].map { .init(value: $0.0, count: $0.1, bound: $0.1) })
  }

  @Test func theRarestMakesRoomAndLeavesItsBound() {
    var values = FrequentValues(setCount: 1, placeCount: 2)
    for value in [9, 9, 9, 7, 7] as [UInt64] { values.add(value, to: 0) }
    let first = values.add(5, to: 0)
    #expect(first.place == 1 && first.isNew)
    #expect(
      entries(values) == [.init(value: 9, count: 3, bound: 3), .init(value: 5, count: 1, bound: 3)])
    let second = values.add(5, to: 0)
    #expect(second.place == 1 && !second.isNew)
  }

  /// A tenth of all values is one of 4, each of them 2.5 % of all; the others come once or are frequent for a short time.
  @Test(arguments: 0..<5 as Range<UInt64>)
  func frequentValuesStandOutAndCountsAreBounds(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var values = FrequentValues(setCount: 1, placeCount: 64)
    var real: [UInt64: UInt64] = [:]
    for round in 0..<20_000 as Range<UInt64> {
      let value =
        switch generator.next() % 10 {
        case 0: generator.next() % 4
        case 1...4: 1000 + round / 500
        default: 1_000_000 + generator.next() % 1_000_000
        }
      real[value, default: 0] += 1
      values.add(value, to: 0)
    }
    let found = entries(values)
    #expect(found.count == 64)
    for entry in found {
      #expect(entry.count <= real[entry.value]! && real[entry.value]! <= entry.bound)
    }
    #expect(found.reduce(0) { $0 + $1.bound } == 20_000)
    for (value, count) in real where count > 20_000 / 64 {
      #expect(found.contains { $0.value == value }, "\(value), \(count) times")
    }
    var order: [Int] = []
    while let next = values.next(after: order.last, of: 0) { order.append(next) }
    #expect(Set(order).count == 64)
    let counts = order.map { found[$0].count }
    #expect(counts == counts.sorted(by: >))
    #expect(Set(order.prefix(4).map { found[$0].value }) == [0, 1, 2, 3])
  }

  @Test func setsAreApart() {
    var values = FrequentValues(setCount: 3, placeCount: 2)
    for value in 0..<30 as Range<UInt64> { values.add(value % 4, to: Int(value % 3)) }
    values.add(77, to: 1)
    values.removeAll(of: 0)
    #expect(values.usedCount(of: 0) == 0 && values.next(after: nil, of: 0) == nil)
    #expect(entries(values, of: 1).reduce(0) { $0 + $1.bound } == 11)
    #expect(entries(values, of: 2).reduce(0) { $0 + $1.bound } == 10)
    values.add(5, to: 0)
    #expect(entries(values, of: 0) == [.init(value: 5, count: 1, bound: 1)])
  }
}
