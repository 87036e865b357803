import Glibc

/// Fisher's exact test of a 2 × 2 table: how likely is it by chance that so many of the affected share a property?
public enum FisherTest {
  /// The one-sided probability of at least `both` affected trips with the property, given the margins.
  ///
  /// - Parameters:
  ///   - both: affected, with the property.
  ///   - affected: affected at all.
  ///   - property: with the property at all.
  ///   - total: all trips.
  public static func probability(both: Int, affected: Int, property: Int, total: Int) -> Double {
    guard total > 0, affected >= 0, property >= 0, affected <= total, property <= total else { return 1 }
    let most = min(affected, property)
    let least = max(0, affected + property - total)
    guard both > least else { return 1 }
    guard both <= most else { return 0 }
    let whole = logChoose(total, affected)
    var sum = 0.0
    for count in both...most {
      sum += exp(logChoose(property, count) + logChoose(total - property, affected - count) - whole)
    }
    return min(1, sum)
  }

  private static func logChoose(_ n: Int, _ k: Int) -> Double {
    guard k >= 0, k <= n else { return -.infinity }
    return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
  }

  private static func logFactorial(_ n: Int) -> Double { lgamma(Double(n) + 1) }
}
