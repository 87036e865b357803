import Glibc

/// A value and when it was first measured.
public struct Extreme: Sendable, Equatable {
  /// The value.
  public var value: Double
  /// Nanoseconds since 1970.
  public var time: Int64

  /// An extreme.
  public init(value: Double, time: Int64) {
    self.value = value
    self.time = time
  }
}

/// Mean kinetic temperature: the constant temperature that would do the same harm as the record (Haynes 1971; USP
/// <1079.2>).
///
///     T = (ΔH/R) / −ln( Σ wᵢ · exp(−ΔH/(R·Tᵢ)) / Σ wᵢ ), kelvin
///
/// with ΔH = 83.14472 kJ/mol and R = 8.314472 J/(mol·K), so ΔH/R = 10 000 K. The weights are the times for which each
/// value holds. It only informs: frozen goods have no rule for it.
public struct KineticMean: Sendable {
  private static let heatOverGas = 10_000.0
  private static let zeroCelsius = 273.15
  private var sum = 0.0
  private var weight = 0.0

  /// No values.
  public init() {}

  /// Adds a temperature in Celsius, above absolute zero, that held for `weight` seconds (or any unit).
  public mutating func add(_ celsius: Double, weight: Double) {
    guard celsius > -Self.zeroCelsius, weight > 0, weight.isFinite else { return }
    sum += weight * exp(-Self.heatOverGas / (celsius + Self.zeroCelsius))
    self.weight += weight
  }

  /// Celsius; nil without values.
  public var celsius: Double? {
    guard weight > 0, sum > 0 else { return nil }
    return Self.heatOverGas / -log(sum / weight) - Self.zeroCelsius
  }
}

/// Statistics of a measure over the whole record, in one pass. A reading holds until the next; the last reading and one
/// before a gap hold for the usual step.
public struct SeriesStatistics: Sendable {
  /// The number of readings.
  public private(set) var count = 0
  /// The least value.
  public private(set) var minimum: Extreme?
  /// The greatest value.
  public private(set) var maximum: Extreme?
  private var sum = 0.0
  private var area = 0.0
  private var squares = 0.0
  /// The seconds that the time-weighted figures cover.
  public private(set) var seconds = 0.0
  private var kinetic = KineticMean()
  private let hasKinetic: Bool
  private var last: Double?
  private var shift = 0.0

  /// No values. `kinetic` is for temperatures in Celsius.
  public init(kinetic: Bool = false) { hasKinetic = kinetic }

  /// Takes a value. `held` is how long the previous value held, in seconds; if it is nil, a gap followed that value,
  /// which then counts for `fallback`.
  public mutating func add(_ value: Double, at time: Int64, held: Double?, fallback: Double) {
    hold(held ?? fallback)
    if count == 0 { shift = value }
    count += 1
    sum += value - shift
    if value < minimum?.value ?? .infinity { minimum = Extreme(value: value, time: time) }
    if value > maximum?.value ?? -.infinity { maximum = Extreme(value: value, time: time) }
    last = value
  }

  /// Ends the record; the last value counts for the usual step.
  public mutating func finish(step: Double?) {
    hold(step ?? 1)
    last = nil
  }

  private mutating func hold(_ seconds: Double) {
    guard let last, seconds > 0 else { return }
    let value = last - shift
    self.seconds += seconds
    area += value * seconds
    squares += value * value * seconds
    if hasKinetic { kinetic.add(last, weight: seconds) }
  }

  /// The mean of the readings.
  public var mean: Double? { count > 0 ? shift + sum / Double(count) : nil }
  /// The mean over time.
  public var timeWeightedMean: Double? { seconds > 0 ? shift + area / seconds : mean }
  /// The standard deviation over time.
  public var deviation: Double? {
    guard seconds > 0 else { return nil }
    let mean = area / seconds
    return max(0, squares / seconds - mean * mean).squareRoot()
  }
  /// The mean kinetic temperature over the same span as the means, Celsius.
  public var meanKinetic: Double? { hasKinetic ? kinetic.celsius : nil }
}

/// Counts thaw–refreeze cycles: from −15 °C or colder to −10 °C or warmer and back. Ice crystals that have grown do not shrink
/// again; the two limits lie around the −12 °C at which about a third of ice cream's water is liquid.
struct ThawCounter: Sendable {
  static let frozen = -15.0
  static let thawed = -10.0
  private var wasFrozen = false
  private var isThawed = false
  /// How often the load thawed.
  private(set) var thaws = 0
  /// How often it froze again.
  private(set) var cycles = 0

  mutating func add(_ celsius: Double) {
    if celsius <= Self.frozen {
      if isThawed { cycles += 1 }
      isThawed = false
      wasFrozen = true
    } else if celsius >= Self.thawed, wasFrozen, !isThawed {
      isThawed = true
      thaws += 1
    }
  }
}
