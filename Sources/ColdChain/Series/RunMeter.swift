import Glibc

/// Finds the longest run of equal readings, and how unlikely it is for this sensor.
///
/// While a box is in use, its reading changes from row to row with some probability p. A run of n equal readings has the
/// likelihood (1 − p)^n; p is estimated from all readings outside the run.
struct RunMeter: Sendable {
  /// A run of equal readings.
  struct Run: Sendable {
    var value: Double
    var span: TimeSpan
    var count: Int
    var firstRow: Int
    var lastRow: Int
  }

  private var run: Run?
  private(set) var longest: Run?
  private(set) var second: Run?
  private var pairs = 0
  private var changes = 0
  private(set) var least = Double.infinity
  private(set) var greatest = -Double.infinity
  /// The least change seen: one step of the sensor, K.
  private var step = Double.infinity
  /// Whether the longest run ended with a small change, as in a calm box.
  private var longestEndsQuietly = false

  mutating func add(_ value: Double, _ time: Int64, _ row: Int) {
    least = min(least, value)
    greatest = max(greatest, value)
    if run != nil { pairs += 1 }
    if let present = run, present.value == value {
      run?.span.end = time
      run?.count += 1
      run?.lastRow = row
      return
    }
    if let present = run {
      changes += 1
      step = min(step, (value - present.value).magnitude)
      let isLongest = present.count > longest?.count ?? 0
      close()
      if isLongest { longestEndsQuietly = (value - present.value).magnitude < 0.7 }
    }
    run = Run(value: value, span: TimeSpan(time, time), count: 1, firstRow: row, lastRow: row)
  }

  /// A gap ends a run.
  mutating func interrupt() {
    close()
    run = nil
  }

  private mutating func close() {
    guard let run else { return }
    if run.count > longest?.count ?? 0 {
      second = longest
      longest = run
    } else if run.count > second?.count ?? 0 {
      second = run
    }
  }

  /// The evidence that the longest run is a stuck sensor, as the logarithm of the odds; nil for too few readings.
  func evidence() -> (run: Run, logOdds: Double)? {
    var meter = self
    if run?.count ?? 0 > longest?.count ?? 0 { meter.longestEndsQuietly = false }
    meter.close()
    guard let longest = meter.longest, longest.count >= 8, longest.span.seconds >= 900 else { return nil }
    let others = max(0, pairs - longest.count)
    let change = (Double(changes) + 0.5) / (Double(others) + 1.5)
    // If a reading hardly ever changes, an unchanged reading says nothing.
    let surprise = -Double(longest.count) * log(max(1e-9, 1 - min(0.999, change)))
    let ratio = Double(longest.count) / Double(max(meter.second?.count ?? 1, 1))
    // The bounds keep a single figure from deciding alone; the ratio tells a stuck sensor from one that calms down.
    var logOdds = min(4, (surprise - 14) / 4) + min(3, 1.6 * log(ratio / 4))
    if step.isFinite { logOdds -= 8 * max(0, min(1, step) - 0.15) }
    if meter.longestEndsQuietly { logOdds -= 4 }
    return (longest, logOdds)
  }
}
