/// The values of a truck's sensors at one time; nil for what wasn't measured.
public struct Observation: Sendable, Equatable {
  /// Nanoseconds since 1970, or since the start if the record has no clock.
  public var time: Int64
  /// The row of the record, from 1.
  public var row: Int
  /// The temperature in the box, Celsius.
  public var temperature: Double?
  /// The supply voltage, volts.
  public var voltage: Double?
  /// Whether the door was open.
  public var isDoorOpen: Bool?
  /// The outside temperature, Celsius.
  public var ambient: Double?
  /// Degrees north.
  public var latitude: Double?
  /// Degrees east.
  public var longitude: Double?

  /// An observation.
  public init(
    time: Int64, row: Int, temperature: Double? = nil, voltage: Double? = nil, isDoorOpen: Bool? = nil,
    ambient: Double? = nil, latitude: Double? = nil, longitude: Double? = nil
  ) {
    self.time = time
    self.row = row
    self.temperature = temperature
    self.voltage = voltage
    self.isDoorOpen = isDoorOpen
    self.ambient = ambient
    self.latitude = latitude
    self.longitude = longitude
  }
}

/// What can be measured on a trip.
public enum Measure: String, Sendable, CaseIterable {
  case temperature
  case voltage
  case door
  case ambient
  case position

  /// The name that a person reads.
  public var title: String {
    switch self {
    case .temperature: "temperature"
    case .voltage: "supply voltage"
    case .door: "door"
    case .ambient: "outside temperature"
    case .position: "position"
    }
  }
}

/// A span of time, nanoseconds.
public struct TimeSpan: Sendable, Equatable {
  /// Its first nanosecond.
  public var start: Int64
  /// Its end.
  public var end: Int64

  /// A span.
  public init(_ start: Int64, _ end: Int64) {
    self.start = start
    self.end = end
  }

  /// Its length in seconds.
  public var seconds: Double { Double(end) / 1e9 - Double(start) / 1e9 }
}
