import Glibc

/// What is wrong with the temperature readings themselves.
struct SensorSigns: Sendable {
  /// The longest run of equal readings, if it is suspicious, and the logarithm of the odds that the probe is stuck.
  var stuck: (run: RunMeter.Run, logOdds: Double)?
  /// Readings of exactly 0.00 that the readings before don't lead to, with their span and rows.
  var zeros = 0
  var zeroSpan: TimeSpan?
  var zeroRows: ClosedRange<Int>?
  /// Readings that a sensor can't measure, and changes faster than possible.
  var impossible = 0
  var jumps = 0
  var readings = 0
  /// The share of the record whose rows have no temperature.
  var blank = 0.0

  private static func logistic(_ value: Double) -> Double { 1 / (1 + exp(-value)) }

  var stuckProbability: Double { stuck.map { Self.logistic($0.logOdds) } ?? 0 }
  var zeroProbability: Double { zeros < 3 ? 0 : Self.logistic(2 * log(Double(zeros) / 4)) }
  var implausibleProbability: Double {
    let bad = Double(impossible + 4 * jumps)
    return bad < 3
      ? 0 : Self.logistic(2 * log(bad / 12) + 2 * log(max(0.001, bad / Double(max(1, readings))) / 0.01))
  }
  var blankProbability: Double { blank <= 0.02 ? 0 : Self.logistic((blank - 0.13) / 0.025) }

  /// The probability that the sensor failed.
  var probability: Double {
    1 - (1 - stuckProbability) * (1 - zeroProbability) * (1 - implausibleProbability) * (1 - blankProbability)
  }
}
