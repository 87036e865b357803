/// Counts durations in fixed memory: each power of two is split into 128 buckets, so a quantile is at most 0.8 % off.
public struct LatencyHistogram: Sendable {
  private static let splitBits = 7
  private static let split = 1 << splitBits
  private var counts = [UInt32](repeating: 0, count: (64 - 7) * 128)
  /// How many durations were recorded.
  public private(set) var count = 0
  /// The longest, in nanoseconds.
  public private(set) var max: Int64 = 0

  /// An empty histogram.
  public init() {}

  /// Adds a duration in nanoseconds; a negative one counts as 0.
  public mutating func record(_ nanoseconds: Int64) {
    let value = Swift.max(0, nanoseconds)
    counts[Self.bucket(value)] += 1
    count += 1
    max = Swift.max(max, value)
  }

  /// The duration that the part `quantile` (0 to 1) of all is at most; 0 without any.
  public func quantile(_ quantile: Double) -> Int64 {
    guard count > 0 else { return 0 }
    let rank = Swift.max(1, Int((Double(count) * quantile).rounded(.up)))
    var seen = 0
    for (index, number) in counts.enumerated() where number > 0 {
      seen += Int(number)
      if seen >= rank { return min(max, Self.upperBound(index)) }
    }
    return max
  }

  private static func bucket(_ value: Int64) -> Int {
    guard value >= Int64(split) else { return Int(value) }
    let shift = 63 - value.leadingZeroBitCount - splitBits
    return (shift + 1) * split + Int(value >> Int64(shift)) - split
  }

  private static func upperBound(_ bucket: Int) -> Int64 {
    guard bucket >= split else { return Int64(bucket) }
    let shift = Int64(bucket / split - 1)
    let base = Int64(bucket % split + split)
    return ((base + 1) << shift) - 1
  }
}
