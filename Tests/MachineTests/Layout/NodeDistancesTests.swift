import Machine
import Testing

struct NodeDistancesTests {
  private func distances(_ nodeCount: Int, _ measured: [(Int, Int, UInt32)]) -> NodeDistances {
    var distances = NodeDistances(nodeCount: nodeCount)
    for (from, to, time) in measured { distances.note(from: from, to: to, nanoseconds: time) }
    return distances
  }

  @Test func nodesOfWhichNothingIsKnownAreAllEquallyFar() {
    let distances = distances(3, [])
    #expect(distances.relative == [10, 40, 40, 40, 10, 40, 40, 40, 10])
    #expect(distances.absolute == nil)
  }

  @Test func aNodeThatIsTwiceAsFarAsTheNearestHasTwiceItsDistance() {
    let distances = distances(3, [(0, 1, 50_000), (1, 0, 58_000), (0, 2, 90_000), (2, 1, 260_000)])
    #expect(distances.relative == [10, 40, 80, 40, 10, 160, 80, 160, 10])
  }

  @Test func smallDifferencesDoNotShow() {
    let distances = distances(3, [(0, 1, 500), (0, 2, 600), (1, 2, 700)])
    #expect(distances.relative == [10, 40, 40, 40, 10, 40, 40, 40, 10])
  }

  @Test func theFarthestIsWithinReach() {
    #expect(distances(3, [(0, 1, 1), (0, 2, .max)]).relative == [10, 40, 254, 40, 10, 40, 254, 40, 10])
  }

  @Test func theQuickerOfTwoMeasurementsCounts() throws {
    let distances = distances(2, [(0, 0, 90), (0, 1, 50_000), (1, 0, 60_000)])
    #expect(try #require(distances.absolute).map(\.latency) == [90, 50_000, 50_000, 0])
    #expect(try #require(distances.absolute).allSatisfy { $0.bandwidth == 0 })
  }
}
