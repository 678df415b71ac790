import Node
import Testing

struct HistogramTests {
  @Test func aBucketHoldsTheValuesOfOneLength() {
    for (value, bucket) in [
      (0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (1023, 10), (1024, 11), (1 << 30 - 1, 30),
      (1 << 30, 31), (1 << 40, 31), (.max, 31),
    ] as [(UInt64, Int)] {
      var histogram = Histogram()
      histogram.add(value)
      #expect(histogram.buckets[bucket] == 1, "\(value)")
      #expect(histogram.usedBucketCount == bucket + 1)
    }
  }

  @Test func countSumAndMaximumAreOfAllValues() {
    var histogram = Histogram()
    #expect(histogram.usedBucketCount == 0)
    for value in 0..<1000 as Range<UInt64> { histogram.add(value * 7 % 1000) }
    #expect(histogram.count == 1000 && histogram.sum == 499_500 && histogram.maximum == 999)
    #expect(histogram.buckets.indices.reduce(0) { $0 + histogram.buckets[$1] } == 1000)
  }
}
