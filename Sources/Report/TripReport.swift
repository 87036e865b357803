import ColdChain
import Numbers
import Time

/// A truck's whole data as one document.
public struct TripReport: Sendable {
  /// The forms of a report, by the ending of the file's name.
  public enum Format: String, Sendable, CaseIterable { case html, pdf, svg, png, csv, json }

  /// The truck.
  public let device: String
  /// The file or database that the data is from.
  public let source: String
  /// The SHA-256 of the input, hexadecimal; of a store, of its readings as CSV.
  public let digest: String
  /// Whether the times are the clock's; else they are seconds from an unknown start.
  public let hasClock: Bool
  /// Seconds east of UTC in which the clock's times are written.
  public let zone: Int
  /// The data and what it says.
  public let trip: Trip
  /// What happened on the trip, and why.
  public let diagnosis: Diagnosis
  /// The diagnosis as JSON, which the report's JSON repeats; nil leaves it out.
  public let diagnosisJSON: [UInt8]?
  /// When the report was made, nanoseconds since 1970.
  public let made: Int64

  /// A report; nothing is written yet.
  public init(
    device: String, source: String, digest: String, hasClock: Bool, zone: Int = 0, trip: Trip,
    diagnosis: Diagnosis, diagnosisJSON: [UInt8]? = nil, made: Int64 = Timestamp.now
  ) {
    self.device = device
    self.source = source
    self.digest = digest
    self.hasClock = hasClock
    self.zone = zone
    self.trip = trip
    self.diagnosis = diagnosis
    self.diagnosisJSON = diagnosisJSON
    self.made = made
  }

  /// The report's bytes.
  public func bytes(_ format: Format) throws(ReportError) -> [UInt8] {
    switch format {
    case .html: return Array(try html().utf8)
    case .csv: return Array(csv.utf8)
    case .json: return json
    case .pdf: return try page(.pdf)
    case .svg: return try page(.svg)
    case .png: return try page(.png)
    }
  }

  // MARK: Texts

  /// A moment: the clock's to the second, or the time since the start as on the chart's axis, `2:05:12`.
  func moment(_ time: Int64) -> String {
    guard hasClock else {
      let whole = Int(saturated: time.seconds(since: trip.readings.first?.time ?? time).rounded())
      return "\(whole / 3600):\(Self.two(whole / 60 % 60)):\(Self.two(whole % 60))"
    }
    return String(Timestamp.text(local(time)).prefix(19))
  }

  /// A moment as a clock in the report's zone shows it.
  func local(_ time: Int64) -> Int64 { time.saturatingAdd(Int64(zone).saturatingMultiply(1_000_000_000)) }

  /// `UTC`, or `UTC+02:00`.
  private var zoneName: String {
    guard zone != 0 else { return "UTC" }
    let minutes = zone.saturatingMagnitude / 60
    return "UTC\(zone < 0 ? "−" : "+")\(Self.two(minutes / 60)):\(Self.two(minutes % 60))"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  static func duration(_ seconds: Double) -> String {
    let whole = Int(saturated: seconds.rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    if hours >= 48 { return "\(hours / 24) d \(hours % 24) h" }
    if hours > 0 { return "\(hours) h \(minutes) min" }
    return minutes > 0 ? "\(minutes) min \(rest) s" : "\(rest) s"
  }

  /// A number with so many decimals and a true minus sign; beyond 15 digits with an exponent.
  static func number(_ value: Double, _ digits: Int = 2) -> String {
    guard value.isFinite else { return "–" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e15 else { return "\(value)".replacing("-", with: "−") }
    let whole = Int(saturated: scaled)
    let divisor = Int(saturated: scale)
    let sign = value < 0 && whole > 0 ? "−" : ""
    guard digits > 0 else { return "\(sign)\(whole)" }
    let fraction = String(whole % divisor)
    return "\(sign)\(whole / divisor).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
  }

  // MARK: The verdict

  /// `electrical, 98 % sure`.
  var verdict: String { "\(diagnosis.verdict.rawValue), \(Words.percent(diagnosis.confidence)) sure" }

  /// What speaks for the verdict, and against it or isn't known.
  var evidence: [(sign: String, text: String)] {
    guard let top = diagnosis.causes.first else { return [] }
    return top.evidence.map { ("+", $0.text) } + top.against.map { ("−", $0.text) }
      + diagnosis.remarks.map { ("·", $0) }
  }

  // MARK: What was measured

  /// The share of the trip in which a measure was measured; nil if it never was.
  func measured(_ measure: Measure) -> Double? {
    guard let coverage = diagnosis.coverage[measure], coverage.isMeasured else { return nil }
    return coverage.share ?? 1
  }

  /// What is said where nothing was found: "none" only of what was measured.
  func nothing(_ measure: Measure) -> String {
    guard let share = measured(measure) else { return "not measured" }
    return share >= LimitGrade.neededCoverage
      ? "none" : "none in the \(Words.percent(share)) of the time that was measured"
  }

  /// What was measured of whom.
  var identity: [(name: String, value: String)] {
    guard let first = trip.readings.first, let last = trip.readings.last else { return [] }
    let length = last.time.seconds(since: first.time)
    return [
      ("Device", device), ("Source", source),
      (
        "Window",
        "\(moment(first.time)) to \(moment(last.time))\(hasClock ? " \(zoneName)" : " from the start")"
      ),
      (
        "Length",
        "\(Self.duration(length)), \(trip.readings.count) readings, one every \(Self.number(trip.step, 1)) s"
      ),
      (
        "Measured",
        Measure.allCases.map {
          "\($0.rawValue) \(measured($0).map { "\(Self.number($0 * 100, 1)) %" } ?? "not measured")"
        }
        .joined(separator: ", ")
      ),
      (
        "Gaps",
        trip.gaps.isEmpty
          ? "none" : "\(trip.gaps.count), the longest \(Self.duration(trip.gaps.map(\.seconds).max() ?? 0))"
      ),
      (
        "Limits from",
        trip.coldSince.map { "\(moment($0)), when \(Self.limit(trip.known.setPoint)) °C was first reached" }
          ?? "never: \(Self.limit(trip.known.setPoint)) °C was not reached"
      ),
    ]
  }

  /// Rows of the statistics: name, average, minimum with time, maximum with time, deviation.
  var statistics: [[String]] {
    var rows: [[String]] = []
    for (name, unit, summary) in [("Temperature", "°C", trip.temperature), ("Voltage", "V", trip.voltage)] {
      guard let summary else { continue }
      rows.append([
        name, "\(Self.number(summary.average)) \(unit)",
        "\(Self.number(summary.minimum.value)) \(unit) at \(moment(summary.minimum.time))",
        "\(Self.number(summary.maximum.value)) \(unit) at \(moment(summary.maximum.time))",
        Self.number(summary.deviation),
      ])
    }
    return rows
  }

  /// Rows of the limits: limit, source, events, time, longest, first, state. The profile's limits come first and grade the load;
  /// the others count each moment above them, such as the ripple of a thermostat, and only inform.
  var limits: [[String]] {
    diagnosis.grades.map { grade in
      [
        grade.limit.title, grade.limit.source, "\(grade.count)", Self.duration(grade.seconds),
        Self.duration(grade.excursions.map(\.seconds).max() ?? 0),
        grade.excursions.first.map { moment($0.start) } ?? "–",
        grade.result == .exceeded ? "ALARM" : grade.result == .ok ? "OK" : "not measured",
      ]
    }
      + trip.limits.map { limit in
        [
          "above \(Self.limit(limit.celsius)) °C", limit.source, "\(limit.events.count)",
          Self.duration(limit.seconds),
          Self.duration(limit.events.map(\.seconds).max() ?? 0),
          limit.events.first.map { moment($0.start) } ?? "–",
          trip.coldSince == nil
            ? "not graded"
            : limit.events.isEmpty && measured(.temperature) ?? 0 < LimitGrade.neededCoverage
              ? "not measured" : "information",
        ]
      }
  }

  /// A limit as people write it: without decimals where it has none.
  static func limit(_ value: Double) -> String {
    number(value, value == value.rounded() ? 0 : (value * 10) == (value * 10).rounded() ? 1 : 2)
  }

  var excursionsTitle: String { "Excursions above \(Self.limit(trip.known.tolerance)) °C" }

  /// `Door: 3 openings, 12 min in all`.
  var doorTitle: String {
    guard measured(.door) != nil else { return "Door" }
    return
      "Door: \(Words.count(trip.openings.count, "opening")), \(Self.duration(trip.openings.reduce(0) { $0 + $1.episode.seconds })) in all"
  }

  var voltageTitle: String { "Voltage at \(Self.limit(trip.known.lowVoltage)) V or below" }

  /// When an episode ended, if that was seen.
  private func until(_ episode: Episode) -> String {
    if episode.isEnded { return moment(episode.end) }
    return trip.gaps.contains { $0.start >= episode.end }
      ? "\(moment(episode.end)), then a gap" : "end of the record"
  }

  /// Rows of the excursions above the brief tolerance: from, until, length, worst.
  var excursions: [[String]] {
    trip.excursions.map {
      [moment($0.start), until($0), Self.duration($0.seconds), "\(Self.number($0.worst)) °C"]
    }
  }

  /// Rows of the door: opened, closed, length, rise.
  /// - Parameter limit: How many openings at most: those after which the temperature rose most.
  func door(_ limit: Int = .max) -> [[String]] {
    let greatest = trip.openings.sorted {
      ($0.rise ?? 0, $0.episode.seconds) > ($1.rise ?? 0, $1.episode.seconds)
    }.prefix(limit)
    return greatest.sorted { $0.episode.start < $1.episode.start }.map {
      [
        moment($0.episode.start), until($0.episode), Self.duration($0.episode.seconds),
        $0.rise.map { "\(Self.number($0)) K" } ?? "–",
      ]
    }
  }

  /// Rows of low voltage: from, until, length, worst.
  var voltage: [[String]] {
    trip.lowVoltage.map {
      [moment($0.start), until($0), Self.duration($0.seconds), "\(Self.number($0.worst)) V"]
    }
  }

  var meanKinetic: String {
    trip.meanKineticTemperature.map { celsius in
      let span = trip.coldSince.map { "from \(moment($0)) on" } ?? "over the whole trip"
      return
        "Mean kinetic temperature \(span): \(Self.number(celsius)) °C (for information: frozen goods have no rule for it)"
    }
      ?? ""
  }
}
