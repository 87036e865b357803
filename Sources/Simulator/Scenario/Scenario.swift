/// A named story of a trip. Several can happen on one trip: `hot-day+door-left-open`.
public enum Scenario: String, Sendable, CaseIterable {
  case healthy
  case electricalSag = "electrical-sag"
  case unitOff = "unit-off"
  case doorLeftOpen = "door-left-open"
  case hotDay = "hot-day"
  case loadedWarm = "loaded-warm"
  case defrost
  case sensorStuck = "sensor-stuck"
  case sensorDropout = "sensor-dropout"
  case weakUnit = "weak-unit"

  /// What happens, in one sentence.
  public var summary: String {
    switch self {
    case .healthy: "pre-cooled, holds its set point, short stops"
    case .electricalSag: "the supply sags, and the unit stops shortly after (the original's story)"
    case .unitOff: "the unit stops, with a healthy supply or with the engine off"
    case .doorLeftOpen: "a door stays open for 12 to 40 minutes"
    case .hotDay: "the unit can't hold the set point in the heat of the day"
    case .loadedWarm: "the product is loaded warm, and the unit takes hours to cool it"
    case .defrost: "regular defrosts of at most about 3 K; harmless"
    case .sensorStuck: "the probe's reading freezes, or jumps to 0.00 as if disconnected"
    case .sensorDropout: "the probe gives no reading for long stretches"
    case .weakUnit: "the unit has lost much of its power and settles above the set point on a mild day"
    }
  }

  /// The cause that a diagnosis should name, by the names of `diagnose --json`.
  public var cause: String {
    switch self {
    case .healthy: "none"
    case .electricalSag: "electrical"
    case .unitOff: "unit-off"
    case .doorLeftOpen: "door"
    case .hotDay, .weakUnit: "heat"
    case .loadedWarm: "warm-load"
    case .defrost: "defrost"
    case .sensorStuck, .sensorDropout: "sensor"
    }
  }

  /// Reads `a` or `a+b`; nil if a name is unknown.
  public static func combination(_ text: String) -> [Scenario]? {
    let parts = text.split(separator: "+", omittingEmptySubsequences: false)
    let scenarios = parts.compactMap { Scenario(rawValue: String($0)) }
    return scenarios.count == parts.count && !scenarios.isEmpty ? scenarios : nil
  }
}
