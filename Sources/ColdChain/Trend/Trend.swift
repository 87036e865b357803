import Glibc

/// A trend over trips: its slope by Theil and Sen (the median of the slopes of all pairs, which a few odd trips don't
/// move; Sen 1968) and its significance by the test of Mann and Kendall (Mann 1945, Kendall 1975). Neither assumes a
/// distribution.
public struct Trend: Sendable, Equatable {
  /// The change per trip, in the sign's unit.
  public var slope: Double
  /// The value at the first trip, by the slope.
  public var first: Double
  /// The value at the last trip, by the slope.
  public var last: Double
  /// The two-sided probability of such values without a trend.
  public var probability: Double
  /// How many trips of the second half lie beyond the median of the first half, in the trend's direction.
  public var consistent: Int
  /// The number of values.
  public var count: Int

  /// The trend of values in the order of trips; nil for fewer than five.
  public init?(_ values: [Double]) {
    guard values.count >= 5 else { return nil }
    count = values.count
    var slopes: [Double] = []
    var score = 0
    for i in values.indices {
      for j in (i + 1)..<max(i + 1, values.count) {
        slopes.append((values[j] - values[i]) / Double(j - i))
        score += values[j] > values[i] ? 1 : values[j] < values[i] ? -1 : 0
      }
    }
    slope = Robust.median(slopes) ?? 0
    let slopeNow = slope
    let intercepts = values.indices.map { values[$0] - slopeNow * Double($0) }
    first = Robust.median(intercepts) ?? values[0]
    last = first + slope * Double(values.count - 1)
    // Ties make the variance smaller.
    let n = Double(values.count)
    var variance = n * (n - 1) * (2 * n + 5) / 18
    var groups: [Double: Int] = [:]
    for value in values { groups[value, default: 0] += 1 }
    for size in groups.values.map(Double.init) where size > 1 {
      variance -= size * (size - 1) * (2 * size + 5) / 18
    }
    if variance <= 0 || score == 0 {
      probability = 1
    } else {
      // The continuity correction of the normal approximation.
      let z = (Double(score).magnitude - 1) / variance.squareRoot()
      probability = erfc(z / 2.0.squareRoot())
    }
    let early = Robust.median(Array(values.prefix(values.count / 2))) ?? 0
    let rises = slope >= 0
    consistent = values.suffix(values.count - values.count / 2).count { rises ? $0 > early : $0 < early }
  }
}

/// A warning, in plain words, that a sign is getting worse.
public struct TrendWarning: Sendable {
  /// The sign, for example `pullDown`.
  public var sign: String
  /// The sentence that a manager reads.
  public var text: String
  /// The trend behind it.
  public var trend: Trend
}

/// The trends of one truck's signs over its trips.
public struct TrendAnalysis: Sendable {
  /// A sign, what its worse direction means, and what to check.
  struct Sign: Sendable {
    var name: String
    var title: String
    var unit: String
    /// 1 if a rise is worse, −1 if a fall is.
    var worse: Double
    /// The least relative change that a person would act on; for voltages and margins, the least absolute change.
    var least: Double
    var isAbsolute = false
    var check: String
    var dependsOnAmbient = true
    var value: @Sendable (UnitSigns) -> Double?
  }

  static let known: [Sign] = [
    Sign(
      name: "pullDown", title: "pull-down", unit: "min per 10 K", worse: 1, least: 0.08,
      check: "belt, refrigerant, door seal", value: { $0.pullDown }),
    Sign(
      name: "dutyCycle", title: "the compressor's duty cycle", unit: "", worse: 1, least: 0.08,
      check: "refrigerant, condenser, door seal, insulation", value: { $0.dutyCycle }),
    Sign(
      name: "recovery", title: "recovery after a door opening", unit: "min per K", worse: 1, least: 0.15,
      check: "air curtain, evaporator fans, refrigerant", value: { $0.recovery }),
    Sign(
      name: "workingVoltage", title: "the working voltage", unit: "V", worse: -1, least: 0.05,
      isAbsolute: true,
      check: "battery, alternator, earth strap, cable lugs", dependsOnAmbient: false,
      value: { $0.workingVoltage }),
    Sign(
      name: "holdMargin", title: "the level above the set point", unit: "K", worse: 1, least: 0.4,
      isAbsolute: true,
      check: "refrigerant, evaporator ice, thermostat", value: { $0.holdMargin }),
  ]

  /// Probabilities below this, after a correction for the number of signs, are significant. It is low because the test is
  /// repeated after each trip.
  public static let significance = 0.005

  /// Each sign's values over the trips.
  public private(set) var series: [(name: String, title: String, values: [Double?])] = []
  /// Each sign's trend.
  public private(set) var trends: [String: Trend] = [:]
  /// The warnings, for significant changes.
  public private(set) var warnings: [TrendWarning] = []

  /// Analyses a truck's trips, given in the order of time.
  public init(_ trips: [UnitSigns]) {
    for sign in Self.known {
      let values = trips.map(sign.value)
      series.append((sign.name, sign.title, values))
      var pairs: [(value: Double, ambient: Double?)] = []
      for (index, value) in values.enumerated() {
        if let value { pairs.append((value, trips[index].ambient)) }
      }
      let adjusted = sign.dependsOnAmbient ? Self.withoutAmbient(pairs) : pairs.map(\.value)
      guard let trend = Trend(adjusted) else { continue }
      trends[sign.name] = trend
      let change = trend.last - trend.first
      let relative = sign.isAbsolute ? change : change / max(trend.first.magnitude, 1e-9)
      guard trend.probability * Double(Self.known.count) < Self.significance,
        relative * sign.worse >= sign.least
      else { continue }
      let amount =
        sign.isAbsolute
        ? "\(Words.number(change.magnitude, 2)) \(sign.unit)" : Words.percent(relative.magnitude)
      let later = trend.count - trend.count / 2
      let verb: String
      switch sign.name {
      case "pullDown", "recovery": verb = "takes \(amount) longer"
      case "workingVoltage": verb = "is \(amount) lower"
      default: verb = "is \(amount) higher"
      }
      let start = sign.title.prefix(1).uppercased() + sign.title.dropFirst()
      warnings.append(
        TrendWarning(
          sign: sign.name,
          text:
            "\(start) \(verb) than \(trend.count - 1) trips ago, on \(trend.consistent) of the last \(later) trips; check \(sign.check).",
          trend: trend))
    }
  }

  /// The values adjusted to the mean outside temperature, by removing their robust slope over it.
  private static func withoutAmbient(_ pairs: [(value: Double, ambient: Double?)]) -> [Double] {
    let known = pairs.compactMap { pair in pair.ambient.map { (pair.value, $0) } }
    guard known.count == pairs.count, known.count >= 6 else { return pairs.map(\.value) }
    let mean = known.reduce(0) { $0 + $1.1 } / Double(known.count)
    // Neighbouring trips differ in weather more than in wear, so their slopes show the weather's part.
    var slopes: [Double] = []
    for i in known.indices {
      for j in (i + 1)..<max(i + 1, min(known.count, i + 4)) where (known[j].1 - known[i].1).magnitude > 1 {
        slopes.append((known[j].0 - known[i].0) / (known[j].1 - known[i].1))
      }
    }
    guard let slope = Robust.median(slopes) else { return pairs.map(\.value) }
    return known.map { $0.0 - slope * ($0.1 - mean) }
  }
}
