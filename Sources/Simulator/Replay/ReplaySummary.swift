import JSON
import Numbers

/// What a replay counts while it runs.
struct ReplayStatistics {
  var sent = 0
  var acknowledged = 0
  var dropped = 0
  var refused = 0
  var undelivered = 0
  var lateness = LatencyHistogram()
  var acknowledgement = LatencyHistogram()
}

/// The account of a replay. Times are in seconds, rates in messages per second.
public struct ReplaySummary: Sendable {
  /// Messages given to the client.
  public let sent: Int
  /// Messages that the broker acknowledged, or that at QoS 0 were written to the socket.
  public let acknowledged: Int
  /// Messages sent again because a connection was lost before their acknowledgement.
  public let resent: Int
  /// Messages dropped from a full backlog, refused by the broker, or not acknowledged at the end.
  public let dropped: Int
  /// Lost connections that were replaced.
  public let reconnects: Int
  /// The rate asked for last, of all trucks together; nil if as fast as possible or timed by the data.
  public let askedRate: Double?
  /// Acknowledged messages per second, of all trucks together: the sum of the trucks' rates, each from its first to its last
  /// acknowledgement. Nil if no truck has two of them, or they are too close together to tell.
  public let reachedRate: Double?
  /// How many times as fast as the dataset's timing was asked for, with `--speed`.
  public let askedSpeed: Double?
  /// How many times as fast the first truck really was.
  public let reachedSpeed: Double?
  /// The parts of the run in which one rate was asked for; more than one with `--ramp`, `--profile` and rates set while it ran.
  public let phases: [Phase]
  /// How late messages were handed over, against their due times.
  public let lateness: Quantiles
  /// From handing over to the acknowledgement.
  public let acknowledgement: Quantiles
  /// From the first connection to the end.
  public let duration: Double
  /// How many trucks took part.
  public let trucks: Int
  /// What `--lenient` repaired in the dataset.
  public let repairs: RepairCounts

  /// A part of the run in which one rate was asked for.
  public struct Phase: Sendable {
    /// When it began, in seconds from the start of the run.
    public let start: Double
    let askedText: String
    /// The rate asked for, of all trucks together; of a ramp the mean.
    public let askedRate: Double?
    /// Messages acknowledged in it per second; nil if it was too short to tell.
    public let reachedRate: Double?
    /// Messages given to the client in it.
    public let sent: Int
    /// Messages acknowledged in it.
    public let acknowledged: Int
  }

  /// A shorter time tells nothing of a rate, in seconds.
  static let shortestRatedTime = 0.01

  /// Points of a distribution, in seconds.
  public struct Quantiles: Sendable {
    /// Half of the values are at most this.
    public let p50: Double
    /// 95 % of the values are at most this.
    public let p95: Double
    /// 99 % of the values are at most this.
    public let p99: Double
    /// The largest value.
    public let max: Double

    init(_ histogram: LatencyHistogram) {
      func seconds(_ nanoseconds: Int64) -> Double { Double(nanoseconds) / 1_000_000_000 }
      p50 = seconds(histogram.quantile(0.5))
      p95 = seconds(histogram.quantile(0.95))
      p99 = seconds(histogram.quantile(0.99))
      max = seconds(histogram.max)
    }

    func write(to json: inout JSONWriter, hasP95: Bool) {
      json.member("p50", Decimals.microseconds(p50))
      if hasP95 { json.member("p95", Decimals.microseconds(p95)) }
      json.member("p99", Decimals.microseconds(p99))
      json.member("max", Decimals.microseconds(max))
    }
  }

  /// What the trucks' own counts come to.
  struct Totals {
    var trucks = 1
    var resent = 0
    var reconnects = 0
    var askedRate: Double?
    var reachedRate: Double?
    var askedSpeed: Double?
    var reachedSpeed: Double?
    /// Seconds.
    var duration = 0.0
    var repairs = RepairCounts()
    var phases: [Phase] = []
  }

  init(_ statistics: ReplayStatistics, _ totals: Totals) {
    sent = statistics.sent
    acknowledged = statistics.acknowledged
    resent = totals.resent
    dropped = statistics.dropped + statistics.refused + statistics.undelivered
    reconnects = totals.reconnects
    askedRate = totals.askedRate
    reachedRate = totals.reachedRate
    askedSpeed = totals.askedSpeed
    reachedSpeed = totals.reachedSpeed
    lateness = Quantiles(statistics.lateness)
    acknowledgement = Quantiles(statistics.acknowledgement)
    duration = totals.duration
    trucks = totals.trucks
    repairs = totals.repairs
    phases = totals.phases
  }

  /// One JSON object.
  public var json: [UInt8] {
    var json = JSONWriter()
    json.object { writeMembers(to: &$0) }
    return json.bytes
  }

  /// Writes the members of that object.
  package func writeMembers(to json: inout JSONWriter) {
    json.member("sent", sent)
    json.member("acknowledged", acknowledged)
    json.member("resent", resent)
    json.member("dropped", dropped)
    json.member("reconnects", reconnects)
    json.member("askedRate", orNull: askedRate.map(Decimals.microseconds))
    json.member("reachedRate", orNull: reachedRate.map(Decimals.microseconds))
    if let askedSpeed {
      json.member("askedSpeed", askedSpeed)
      json.member("reachedSpeed", orNull: reachedSpeed.map(Decimals.microseconds))
    }
    json.object("lateness") { lateness.write(to: &$0, hasP95: false) }
    json.object("acknowledgement") { acknowledgement.write(to: &$0, hasP95: true) }
    json.member("duration", Decimals.microseconds(duration))
    json.member("trucks", trucks)
    json.object("repairs") { for kind in repairs.kinds { $0.member(kind.name, kind.count) } }
    json.array("phases") {
      for phase in phases {
        $0.object {
          $0.member("start", Decimals.microseconds(phase.start))
          $0.member("askedRate", orNull: phase.askedRate.map(Decimals.microseconds))
          $0.member("reachedRate", orNull: phase.reachedRate.map(Decimals.microseconds))
          $0.member("sent", phase.sent)
          $0.member("acknowledged", phase.acknowledged)
        }
      }
    }
  }

  /// One short line for a run that goes on: the rate so far, how late messages are, and what became of them.
  public var status: String {
    let rate = reachedRate.map { Decimals.text($0, places: $0 < 100 ? 1 : 0) + "/s" } ?? "no rate yet"
    return "\(rate), \(acknowledged) acknowledged" + (dropped > 0 ? ", \(dropped) dropped" : "")
      + ", late by \(Decimals.text(lateness.p99 * 1000, places: 1)) ms (p99)"
  }

  /// A few lines for a person.
  public var text: String {
    func milliseconds(_ seconds: Double) -> String { Decimals.text(seconds * 1000, places: 2) }
    var lines = [
      "sent \(sent), acknowledged \(acknowledged), re-sent \(resent), dropped \(dropped), reconnects \(reconnects)",
      rateText + " over \(Decimals.text(duration, places: 1)) s" + (trucks > 1 ? " by \(trucks) trucks" : ""),
      "lateness ms p50 \(milliseconds(lateness.p50)), p99 \(milliseconds(lateness.p99)), "
        + "max \(milliseconds(lateness.max))",
      "acknowledgement ms p50 \(milliseconds(acknowledgement.p50)), p95 \(milliseconds(acknowledgement.p95)), "
        + "p99 \(milliseconds(acknowledgement.p99)), max \(milliseconds(acknowledgement.max))",
    ]
    if phases.count > 1 { lines += phases.map(Self.text) }
    if repairs.total > 0 { lines.append("repaired in the dataset: \(repairs.text)") }
    return lines.joined(separator: "\n")
  }
}

extension ReplaySummary {
  private static func perSecond(_ rate: Double?) -> String {
    rate.map { Decimals.text($0, places: 3) + "/s" } ?? "no rate (too few messages, or too short)"
  }

  /// What was asked for and what was reached.
  private var rateText: String {
    if let askedSpeed {
      let reached = reachedSpeed.map { ", reached \(Decimals.text($0, places: 3)) times" } ?? ""
      return "speed asked \(Decimals.text(askedSpeed, places: 3)) times the dataset's\(reached), "
        + Self.perSecond(reachedRate)
    }
    // Of rates that changed, the phases say what was asked for.
    let asked =
      phases.count > 1
      ? "changing rates" : askedRate.map { Decimals.text($0, places: 3) + "/s" } ?? "as fast as acknowledged"
    return "rate asked \(asked), reached \(Self.perSecond(reachedRate))"
  }

  private static func text(_ phase: Phase) -> String {
    "from \(Decimals.text(phase.start, places: 1)) s: asked \(phase.askedText), reached \(perSecond(phase.reachedRate)), "
      + "sent \(phase.sent), acknowledged \(phase.acknowledged)"
  }
}

/// Decimal numbers with a fixed number of places, without a locale.
enum Decimals {
  /// A number without what is smaller than a millionth: beyond a microsecond nothing is measured.
  static func microseconds(_ value: Double) -> Double {
    let scaled = (value * 1e6).rounded()
    return scaled.isFinite ? scaled / 1e6 : value
  }

  /// Without a fraction if there is none.
  static func shortText(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  static func text(_ value: Double, places: Int) -> String {
    guard value.isFinite else { return "0" }
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    let digits = String(Int64(saturated: scaled))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    return sign + padded.dropLast(places) + "." + padded.suffix(places)
  }
}
