/// How often values of which size came: a value of n bits, leading zeros left out, counts in bucket n, so that bucket 0 is
/// for zeros and bucket n > 0 for 2ⁿ⁻¹ to 2ⁿ − 1.
public struct Histogram: Sendable {
  /// The last one is for all that is larger, too.
  public private(set) var buckets = InlineArray<32, UInt64>(repeating: 0)
  public private(set) var count: UInt64 = 0
  public private(set) var sum: UInt64 = 0
  public private(set) var maximum: UInt64 = 0

  public init() {}

  public mutating func add(_ value: UInt64) {
    buckets[min(UInt64.bitWidth - value.leadingZeroBitCount, buckets.count - 1)] &+= 1
    count &+= 1
    sum &+= value
    maximum = max(maximum, value)
  }

  /// Buckets up to the last one that has a value.
  public var usedBucketCount: Int {
    var end = buckets.count
    while end > 0, buckets[end - 1] == 0 { end -= 1 }
    return end
  }
}
