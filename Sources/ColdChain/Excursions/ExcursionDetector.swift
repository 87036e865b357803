/// A span above a limit.
public struct Excursion: Sendable, Equatable {
  /// The limit, Celsius.
  public var limit: Double
  /// The first reading above the limit, ns.
  public var start: Int64
  /// When the value was back; nil if it wasn't before a gap or the end of the record.
  public var end: Int64?
  /// The time of its last reading, ns: its end as far as it was measured.
  public var lastTime: Int64
  /// Whether a gap in the readings cuts it off, so that what happened then isn't known.
  public var endsAtGap = false
  /// Its first and last rows.
  public var rows: ClosedRange<Int>
  /// The greatest value.
  public var peak: Extreme
  /// Kelvins above the limit times minutes.
  public var degreeMinutes = 0.0

  /// Its length in seconds, as far as it was measured.
  public var seconds: Double { TimeSpan(start, end ?? lastTime).seconds }
}

/// Finds excursions above one limit in one pass, with hysteresis, so that a value that wavers around the limit is one
/// event.
///
/// An alarm limit triggers at the limit itself and resets `hysteresis` below it. A maximum is exceeded once the value is
/// `hysteresis` above it, which the ripple of a thermostat set to the limit isn't; the excursion then counts from the
/// first reading above the limit until the value is back at it.
///
/// If a record begins above the limit, the way down to it isn't an excursion, unless a gap or the record's end comes
/// first.
public struct ExcursionDetector: Sendable {
  /// The limit.
  public let limit: CargoProfile.Limit
  /// Kelvins, at least 0.
  public let hysteresis: Double
  /// How many excursions are kept: those with the most degree-minutes.
  public static let listed = 50
  /// The finished excursions, in the order of time.
  public private(set) var events: [Excursion] = []
  /// The number of excursions.
  public private(set) var count = 0
  /// Seconds in all of them.
  public private(set) var seconds = 0.0
  /// Degree-minutes in all of them.
  public private(set) var degreeMinutes = 0.0
  /// The way down from a warm beginning, which isn't counted; nil if there is none.
  public private(set) var approach: Excursion?
  private var open: Excursion?
  private var isConfirmed = false
  private var isApproach = false
  private var last: Double?

  /// A detector.
  public init(_ limit: CargoProfile.Limit, hysteresis: Double = 0.5) {
    self.limit = limit
    self.hysteresis = max(0, hysteresis)
  }

  /// Takes a value; `held` is how long the previous value held, in seconds, or nil after a gap.
  public mutating func add(_ value: Double, at time: Int64, row: Int, held: Double?) {
    let isAlarm = limit.kind == .alarm
    if open != nil, let last {
      if let held {
        open?.degreeMinutes += max(0, last - limit.celsius) * held / 60
      } else {
        open?.endsAtGap = true
        close(at: nil)
      }
    }
    let isFirst = last == nil
    last = value
    if open == nil {
      guard isAlarm ? value >= limit.celsius : value > limit.celsius else { return }
      open = Excursion(
        limit: limit.celsius, start: time, lastTime: time, rows: row...row,
        peak: Extreme(value: value, time: time))
    }
    if isFirst { isApproach = open != nil }
    guard let present = open else { return }
    if isAlarm || value >= limit.celsius + hysteresis { isConfirmed = true }
    open?.lastTime = time
    open?.rows = present.rows.lowerBound...max(present.rows.lowerBound, row)
    if value > present.peak.value { open?.peak = Extreme(value: value, time: time) }
    let isBack =
      isAlarm
      ? value < limit.celsius && value <= limit.celsius - hysteresis : value <= limit.celsius
    if isBack { close(at: time) }
  }

  /// Ends the record.
  public mutating func finish() { close(at: nil) }

  private mutating func close(at end: Int64?) {
    guard var event = open else { return }
    open = nil
    defer { isConfirmed = false }
    event.end = end
    if isApproach {
      isApproach = false
      if end != nil {
        approach = event
        return
      }
    }
    guard isConfirmed, event.seconds >= limit.allowance else { return }
    count += 1
    seconds += event.seconds
    degreeMinutes += event.degreeMinutes
    events.append(event)
    if events.count > 2 * Self.listed {
      events = Array(events.sorted { $0.degreeMinutes > $1.degreeMinutes }.prefix(Self.listed))
        .sorted { $0.start < $1.start }
    }
  }
}

/// How a limit is graded.
public struct LimitGrade: Sendable, Equatable {
  /// The grade.
  public enum Result: String, Sendable {
    /// Measured well enough and never exceeded.
    case ok
    /// Exceeded.
    case exceeded
    /// Not exceeded where it was measured, but too little was measured to clear the load.
    case notMeasured = "not-measured"
  }

  /// The limit.
  public var limit: CargoProfile.Limit
  /// The grade.
  public var result: Result
  /// The excursions, in the order of time.
  public var excursions: [Excursion]
  /// The way down from a warm beginning, which isn't counted.
  public var approach: Excursion?
  /// The number of excursions.
  public var count: Int
  /// Seconds above the limit.
  public var seconds: Double
  /// Kelvins above the limit times minutes.
  public var degreeMinutes: Double

  /// The least coverage at which a limit that wasn't exceeded is OK.
  public static let neededCoverage = 0.95
}
