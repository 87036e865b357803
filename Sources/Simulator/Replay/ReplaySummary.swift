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
  /// The rate asked for, of all trucks together; nil if as fast as possible or timed by the data.
  public let askedRate: Double?
  /// Acknowledged messages per second over the run, of all trucks together.
  public let reachedRate: Double
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

  init(
    statistics: ReplayStatistics, trucks: Int, resent: Int, reconnects: Int, askedRate: Double?,
    duration: Double,
    repairs: RepairCounts
  ) {
    sent = statistics.sent
    acknowledged = statistics.acknowledged
    self.resent = resent
    dropped = statistics.dropped + statistics.refused + statistics.undelivered
    self.reconnects = reconnects
    self.askedRate = askedRate
    // n messages span n - 1 intervals.
    reachedRate = duration > 0 ? Double(max(0, statistics.acknowledged - trucks)) / duration : 0
    lateness = Quantiles(statistics.lateness)
    acknowledgement = Quantiles(statistics.acknowledgement)
    self.duration = duration
    self.trucks = trucks
    self.repairs = repairs
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
    json.member("reachedRate", Decimals.microseconds(reachedRate))
    json.object("lateness") { lateness.write(to: &$0, hasP95: false) }
    json.object("acknowledgement") { acknowledgement.write(to: &$0, hasP95: true) }
    json.member("duration", Decimals.microseconds(duration))
    json.member("trucks", trucks)
    json.object("repairs") { for kind in repairs.kinds { $0.member(kind.name, kind.count) } }
  }

  /// A few lines for a person.
  public var text: String {
    func milliseconds(_ seconds: Double) -> String { Decimals.text(seconds * 1000, places: 2) }
    let asked = askedRate.map { Decimals.text($0, places: 3) + "/s" } ?? "as fast as taken"
    var lines = [
      "sent \(sent), acknowledged \(acknowledged), re-sent \(resent), dropped \(dropped), reconnects \(reconnects)",
      "rate asked \(asked), reached \(Decimals.text(reachedRate, places: 3))/s over "
        + "\(Decimals.text(duration, places: 1)) s" + (trucks > 1 ? " by \(trucks) trucks" : ""),
      "lateness ms p50 \(milliseconds(lateness.p50)), p99 \(milliseconds(lateness.p99)), "
        + "max \(milliseconds(lateness.max))",
      "acknowledgement ms p50 \(milliseconds(acknowledgement.p50)), p95 \(milliseconds(acknowledgement.p95)), "
        + "p99 \(milliseconds(acknowledgement.p99)), max \(milliseconds(acknowledgement.max))",
    ]
    if repairs.total > 0 { lines.append("repaired in the dataset: \(repairs.text)") }
    return lines.joined(separator: "\n")
  }
}

/// Decimal numbers with a fixed number of places, without a locale.
enum Decimals {
  /// A number without what is smaller than a millionth: beyond a microsecond nothing is measured.
  static func microseconds(_ value: Double) -> Double {
    let scaled = (value * 1e6).rounded()
    return scaled.isFinite ? scaled / 1e6 : value
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
