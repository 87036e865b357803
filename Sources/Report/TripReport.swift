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
  /// The data and what it says.
  public let trip: Trip
  /// When the report was made, nanoseconds since 1970.
  public let made: Int64

  /// A report; nothing is written yet.
  public init(
    device: String, source: String, digest: String, hasClock: Bool, trip: Trip, made: Int64 = Timestamp.now
  ) {
    self.device = device
    self.source = source
    self.digest = digest
    self.hasClock = hasClock
    self.trip = trip
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

  /// A moment: the clock's to the second, or the time since the start.
  func moment(_ time: Int64) -> String {
    guard hasClock else { return Self.duration(time.seconds(since: trip.readings.first?.time ?? time)) }
    return String(Timestamp.text(time).prefix(19))
  }

  static func duration(_ seconds: Double) -> String {
    let whole = Int(saturated: seconds.rounded())
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
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

  /// What was measured of whom.
  var identity: [(name: String, value: String)] {
    guard let first = trip.readings.first, let last = trip.readings.last else { return [] }
    let length = last.time.seconds(since: first.time)
    return [
      ("Device", device), ("Source", source),
      ("Window", "\(moment(first.time)) to \(moment(last.time))\(hasClock ? " UTC" : " from the start")"),
      (
        "Length",
        "\(Self.duration(length)), \(trip.readings.count) readings, one each \(Self.number(trip.step, 1)) s"
      ),
      (
        "Coverage",
        "\(Self.number(trip.coverage * 100, 1)) % measured"
          + (trip.gaps.isEmpty
            ? ", no gaps"
            : ", \(trip.gaps.count) gaps, the longest \(Self.duration(trip.gaps.map(\.seconds).max() ?? 0))")
      ),
      (
        "Graded from",
        trip.coldSince.map { "\(moment($0)), when \(Self.number(trip.setPoint, 0)) °C was first reached" }
          ?? "never: \(Self.number(trip.setPoint, 0)) °C was not reached"
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

  /// Rows of the limits: limit, source, events, time, longest, first, state.
  var limits: [[String]] {
    trip.limits.map { limit in
      [
        "above \(Self.number(limit.celsius, 0)) °C", limit.source, "\(limit.events.count)",
        Self.duration(limit.seconds),
        Self.duration(limit.events.map(\.seconds).max() ?? 0),
        limit.events.first.map { moment($0.start) } ?? "–",
        trip.coldSince == nil ? "not graded" : limit.events.isEmpty ? "OK" : "ALARM",
      ]
    }
  }

  /// Rows of the excursions above the brief tolerance: from, until, length, worst.
  var excursions: [[String]] {
    (trip.limits.first { $0.celsius == -15 }?.events ?? []).map {
      [moment($0.start), moment($0.end), Self.duration($0.seconds), "\(Self.number($0.worst)) °C"]
    }
  }

  /// Rows of the door: opened, closed, length, rise.
  var door: [[String]] {
    trip.openings.map {
      [
        moment($0.episode.start), moment($0.episode.end), Self.duration($0.episode.seconds),
        $0.rise.map { "\(Self.number($0)) K" } ?? "–",
      ]
    }
  }

  /// Rows of low voltage: from, until, length, worst.
  var voltage: [[String]] {
    trip.lowVoltage.map {
      [moment($0.start), moment($0.end), Self.duration($0.seconds), "\(Self.number($0.worst)) V"]
    }
  }

  var meanKinetic: String {
    trip.meanKineticTemperature.map {
      "Mean kinetic temperature \(Self.number($0)) °C (for information: frozen goods have no rule for it)"
    }
      ?? ""
  }
}
