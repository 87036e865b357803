import Glibc
import Numbers

/// One row of a truck's data.
public struct TripReading: Sendable {
  /// Nanoseconds since 1970.
  public let time: Int64
  /// Celsius; nil if it wasn't measured.
  public let temperature: Double?
  /// Volts.
  public let voltage: Double?
  /// Whether the door was open.
  public let isDoorOpen: Bool?

  /// A row.
  public init(time: Int64, temperature: Double?, voltage: Double?, isDoorOpen: Bool?) {
    self.time = time
    self.temperature = temperature
    self.voltage = voltage
    self.isDoorOpen = isDoorOpen
  }
}

/// A span of time in which a condition held.
public struct Episode: Sendable, Equatable {
  /// Nanoseconds since 1970.
  public let start: Int64
  /// When the condition ended, or the last reading.
  public var end: Int64
  /// The worst value.
  public var worst: Double
  /// Whether a reading shows that the condition ended; else a gap follows, or the record ends.
  public var isEnded = false
  /// The length in seconds.
  public var seconds: Double { end.seconds(since: start) }
}

extension Int64 {
  /// Seconds from `start` to this moment, both in nanoseconds since 1970; saturates.
  package func seconds(since start: Int64) -> Double { Double(saturatingSubtract(start)) / 1e9 }
}

/// The limits that a trip is compared with: the thresholds of the alert rules, and the law's limit.
public struct TripLimits: Sendable, Equatable {
  /// The set point, Celsius, at which the temperature rule is armed; limits are graded once it has been reached.
  public let setPoint: Double
  /// The temperature that is tolerated for a short time, Celsius: the threshold of the temperature rule.
  public let tolerance: Double
  /// Volts: the threshold of the voltage rule.
  public let lowVoltage: Double
  /// The highest temperature of frozen food in the ATP treaty (annex 2), Celsius.
  public static let treaty = -12.0

  /// The limits of the shipped rules.
  static let shipped = TripLimits(AlertRule.defaults)

  /// The limits of alert rules; a missing threshold is taken from `AlertRule.defaults`. `setPoint` replaces that of the
  /// rules.
  public init(_ rules: [AlertRule], setPoint: Double? = nil) {
    func first(_ measure: String, _ condition: AlertRule.Condition) -> AlertRule? {
      (rules + AlertRule.defaults).first {
        $0.measure == measure && $0.condition == condition && !$0.isCumulative
      }
    }
    let temperature = first("temp", .above)
    tolerance = temperature?.threshold ?? Self.treaty
    self.setPoint = setPoint ?? temperature?.armedAt ?? tolerance
    lowVoltage = first("volts", .below)?.threshold ?? 0
  }

  /// The temperature limits, Celsius, and their sources.
  var celsius: [(celsius: Double, source: String)] {
    [
      (setPoint, "set point"), (tolerance, "brief tolerance in transport"),
      (Self.treaty, "ATP, frozen food"),
    ]
  }
}

/// A trip's data without a diagnosis: statistics, coverage, excursions, door and voltage.
public struct Trip: Sendable {
  /// A measure over the trip.
  public struct Summary: Sendable {
    /// The number of values.
    public let count: Int
    /// The least value, and when it was first measured (nanoseconds since 1970).
    public let minimum: (value: Double, time: Int64)
    /// The greatest value, and when it was first measured.
    public let maximum: (value: Double, time: Int64)
    /// The mean over time: each value holds until the next, and gaps are left out.
    public let average: Double
    /// The standard deviation, weighted in the same way.
    public let deviation: Double
  }

  /// A temperature limit. It is inclusive, as in data loggers, except at the set point.
  public struct Limit: Sendable {
    /// Celsius.
    public let celsius: Double
    /// The source of the limit.
    public let source: String
    /// The spans in which it was exceeded.
    public let events: [Episode]
    /// Seconds in all of them.
    public var seconds: Double { events.reduce(0) { $0 + $1.seconds } }
  }

  /// An opening of the door.
  public struct Opening: Sendable {
    /// When it opened and closed, nanoseconds since 1970.
    public let episode: Episode
    /// How much the temperature rose from the opening until two minutes after the closing, kelvin; nil if it wasn't
    /// measured.
    public let rise: Double?
  }

  /// The readings in the order of time.
  public let readings: [TripReading]
  /// The usual time between two readings, seconds.
  public let step: Double
  /// The spans without a reading that are longer than five steps and than a minute.
  public let gaps: [Episode]
  /// The share of the trip that was measured, 0 to 1.
  public let coverage: Double
  /// Temperature in Celsius; nil if nothing was measured.
  public let temperature: Summary?
  /// Voltage in volts.
  public let voltage: Summary?
  /// The mean kinetic temperature, Celsius, since the set point was first reached, or of the whole trip if it never was.
  /// It only informs: frozen goods have no rule for it.
  public let meanKineticTemperature: Double?
  /// When the set point was first reached, nanoseconds since 1970; limits are graded from then. Nil if it never was.
  public let coldSince: Int64?
  /// The limits that the readings were compared with.
  public let known: TripLimits
  /// The temperature limits.
  public let limits: [Limit]
  /// The spans at the tolerance (`TripLimits.tolerance`) or above it.
  public var excursions: [Episode] { limits.first { $0.celsius == known.tolerance }?.events ?? [] }
  /// The door's openings.
  public let openings: [Opening]
  /// The spans at the low voltage (`TripLimits.lowVoltage`) or below it.
  public let lowVoltage: [Episode]

  /// Analyses readings in any order; nil if there are none.
  public init?(_ unordered: [TripReading], limits known: TripLimits = TripLimits(AlertRule.defaults)) {
    let readings = unordered.sorted { $0.time < $1.time }
    guard let first = readings.first, let last = readings.last else { return nil }
    self.readings = readings
    let setPoint = known.setPoint
    self.known = known
    let steps = zip(readings, readings.dropFirst()).map { $1.time.seconds(since: $0.time) }.filter { $0 > 0 }
      .sorted()
    let step = steps.isEmpty ? 1 : steps[steps.count / 2]
    self.step = step
    let longest = max(60, 5 * step)
    var gaps: [Episode] = []
    for (one, next) in zip(readings, readings.dropFirst()) where next.time.seconds(since: one.time) > longest
    {
      gaps.append(Episode(start: one.time, end: next.time, worst: 0))
    }
    self.gaps = gaps
    let length = last.time.seconds(since: first.time)
    coverage = length > 0 ? 1 - gaps.reduce(0) { $0 + $1.seconds } / length : 1
    temperature = Self.summary(readings, longest) { $0.temperature }
    voltage = Self.summary(readings, longest) { $0.voltage }
    let cold = readings.first { ($0.temperature ?? .infinity) <= setPoint }?.time
    coldSince = cold
    let graded = cold.map { start in readings.filter { $0.time >= start } } ?? []
    limits = known.celsius.map { celsius, source in
      Limit(
        celsius: celsius, source: source,
        events: Self.episodes(graded, longest, { $0.temperature }, max) {
          $0 >= celsius && celsius > setPoint || $0 > celsius
        })
    }
    meanKineticTemperature = Self.meanKineticTemperature(graded.isEmpty ? readings : graded, longest)
    self.lowVoltage = Self.episodes(readings, longest, { $0.voltage }, min) { $0 <= known.lowVoltage }
    openings = Self.episodes(readings, longest, { $0.isDoorOpen.map { $0 ? 1 : 0 } }, max) { $0 > 0 }.map {
      episode in
      let start = Self.firstIndex(readings, from: episode.start)
      let end = Self.firstIndex(readings, from: episode.end.saturatingAdd(120_000_000_001))
      let during = readings[start..<end].compactMap(\.temperature)
      let before = during.first
      let peak = during.max()
      return Opening(episode: episode, rise: before.flatMap { before in peak.map { $0 - before } })
    }
  }

  /// The index of the first reading at or after a moment.
  private static func firstIndex(_ readings: [TripReading], from time: Int64) -> Int {
    var (low, high) = (0, readings.count)
    while low < high {
      let middle = (low + high) / 2
      if readings[middle].time < time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private static func summary(
    _ readings: [TripReading], _ longest: Double, _ value: (TripReading) -> Double?
  ) -> Summary? {
    var count = 0
    var minimum = (value: Double.infinity, time: Int64(0))
    var maximum = (value: -Double.infinity, time: Int64(0))
    var length = 0.0
    var area = 0.0
    var squares = 0.0
    forEach(readings, longest, value) { value, time, seconds in
      count += 1
      if value < minimum.value { minimum = (value, time) }
      if value > maximum.value { maximum = (value, time) }
      length += seconds
      area += value * seconds
      squares += value * value * seconds
    }
    guard count > 0 else { return nil }
    let average = length > 0 ? area / length : minimum.value
    let variance = length > 0 ? max(0, squares / length - average * average) : 0
    return Summary(
      count: count, minimum: minimum, maximum: maximum, average: average, deviation: variance.squareRoot())
  }

  /// Calls `body` with each value and the seconds for which it holds: until the next reading, but not across a gap.
  private static func forEach(
    _ readings: [TripReading], _ longest: Double, _ value: (TripReading) -> Double?,
    _ body: (_ value: Double, _ time: Int64, _ seconds: Double) -> Void
  ) {
    for index in readings.indices {
      guard let present = value(readings[index]) else { continue }
      let next =
        index + 1 < readings.count ? readings[index + 1].time.seconds(since: readings[index].time) : 0
      body(present, readings[index].time, next > longest ? 0 : next)
    }
  }

  private static func episodes(
    _ readings: [TripReading], _ longest: Double, _ value: (TripReading) -> Double?,
    _ worse: (Double, Double) -> Double, _ isSo: (Double) -> Bool
  ) -> [Episode] {
    var episodes: [Episode] = []
    var isOpen = false
    var last: Int64?
    for reading in readings {
      guard let present = value(reading) else { continue }
      // Nobody knows whether the condition went on during a gap.
      if let last, reading.time.seconds(since: last) > longest { isOpen = false }
      last = reading.time
      if isOpen { episodes[episodes.count - 1].end = reading.time }
      guard isSo(present) else {
        if isOpen { episodes[episodes.count - 1].isEnded = true }
        isOpen = false
        continue
      }
      if isOpen {
        episodes[episodes.count - 1].worst = worse(episodes[episodes.count - 1].worst, present)
      } else {
        episodes.append(Episode(start: reading.time, end: reading.time, worst: present))
        isOpen = true
      }
    }
    return episodes
  }

  /// T = (ΔH/R) / −ln(Σ w·exp(−ΔH/(R·T)) / Σ w) in kelvin, with ΔH/R = 10 000 K; the weights are the seconds for which
  /// each value holds (USP <1079.2>).
  private static func meanKineticTemperature(_ readings: [TripReading], _ longest: Double) -> Double? {
    var sum = 0.0
    var length = 0.0
    forEach(readings, longest, { $0.temperature }) { value, _, seconds in
      guard value > -273.15 else { return }
      sum += seconds * exp(-10_000 / (value + 273.15))
      length += seconds
    }
    guard length > 0, sum > 0 else { return nil }
    return 10_000 / -log(sum / length) - 273.15
  }
}
