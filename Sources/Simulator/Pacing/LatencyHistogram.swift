import Numbers

/// Counts nanosecond values in buckets that grow with the value: at most 0.8 % error, at most 58 KiB.
public struct LatencyHistogram: Sendable, Equatable {
  private static let bits = 7
  private static let bucketsPerOctave = 1 << bits

  private var buckets: [UInt64] = []
  /// How many values were recorded.
  public private(set) var count = 0
  /// The largest value in nanoseconds, exactly; 0 where there is none.
  public private(set) var max: Int64 = 0

  /// An empty histogram.
  public init() {}

  /// Counts a value in nanoseconds; what is below 0 counts as 0.
  public mutating func record(_ nanoseconds: Int64) {
    let value = Swift.max(0, nanoseconds)
    let index = Self.bucket(of: value)
    if index >= buckets.count {
      buckets.append(contentsOf: repeatElement(0, count: index + 1 - buckets.count))
    }
    buckets[index] += 1
    count += 1
    max = Swift.max(max, value)
  }

  /// Adds all that `other` counted.
  public mutating func merge(_ other: LatencyHistogram) {
    if other.buckets.count > buckets.count {
      buckets.append(contentsOf: repeatElement(0, count: other.buckets.count - buckets.count))
    }
    for (index, value) in other.buckets.enumerated() { buckets[index] += value }
    count += other.count
    max = Swift.max(max, other.max)
  }

  /// The value in nanoseconds that a share `fraction` (0…1) of all values doesn't pass; 0 where there is none.
  public func quantile(_ fraction: Double) -> Int64 {
    guard count > 0 else { return 0 }
    let share = Swift.min(1, Swift.max(0, fraction))
    let rank = UInt64(saturated: Swift.max(1, (share * Double(count)).rounded(.up)))
    var seen: UInt64 = 0
    for (index, value) in buckets.enumerated() {
      seen += value
      if seen >= rank { return Swift.min(max, Self.highestValue(ofBucket: index)) }
    }
    return max
  }

  static func bucket(of value: Int64) -> Int {
    let shift = Swift.max(0, 63 - value.leadingZeroBitCount - bits)
    return shift << bits + Int(value >> Int64(shift))
  }

  static func highestValue(ofBucket index: Int) -> Int64 {
    let shift = Swift.max(0, index >> bits - 1)
    let lowest = Int64(index - shift << bits) << Int64(shift)
    return lowest + (Int64(1) << Int64(shift) - 1)
  }
}
