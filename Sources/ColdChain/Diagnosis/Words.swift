import Numbers
import Time

/// How times are written in sentences.
public enum ClockStyle: Sendable, Equatable {
  /// As a time of day, `offset` seconds east of UTC, with the date if the record has several.
  case zone(offset: Int, hasDates: Bool = false)
  /// As time since the record's start.
  case elapsed(since: Int64)

  /// The style for a record of this span: with dates unless the whole span is on one day.
  public func dated(over span: TimeSpan?) -> ClockStyle {
    guard case .zone(let offset, false) = self, let span else { return self }
    return .zone(offset: offset, hasDates: Self.date(span.start, offset) != Self.date(span.end, offset))
  }

  /// `14:53:10`, `2024-10-23 14:53:10`, or `0:53:10 after the start`.
  public func text(_ time: Int64) -> String {
    switch self {
    case .zone(let offset, let hasDates):
      let second = Self.local(time, offset).floorDivided(by: 86_400).remainder
      let date = hasDates ? Self.date(time, offset) + " " : ""
      return date + "\(Self.two(second / 3600)):\(Self.two(second / 60 % 60)):\(Self.two(second % 60))"
    case .elapsed(let start):
      let second = max(0, time.saturatingSubtract(start) / 1_000_000_000)
      return "\(second / 3600):\(Self.two(second / 60 % 60)):\(Self.two(second % 60)) after the start"
    }
  }

  /// The seconds since 1970 on the zone's clock.
  private static func local(_ time: Int64, _ offset: Int) -> Int64 {
    time.floorDivided(by: 1_000_000_000).quotient.saturatingAdd(Int64(offset))
  }

  /// `2024-10-23`.
  private static func date(_ time: Int64, _ offset: Int) -> String {
    String(Moment.text(seconds: Int(clamping: local(time, offset))).prefix { $0 != "T" })
  }

  private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

/// Numbers as a person reads them.
public enum Words {
  /// A number with this many decimals, and a minus sign if it is negative.
  public static func number(_ value: Double, _ decimals: Int = 1) -> String {
    guard value.isFinite else { return "unknown" }
    var scale = 1.0
    for _ in 0..<max(0, decimals) { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(saturated: scaled)
    let factor = Int(saturated: scale)
    var text = "\(whole / factor)"
    if decimals > 0 {
      let rest = "\(whole % factor)"
      text += "." + String(repeating: "0", count: max(0, decimals - rest.count)) + rest
    }
    return (value < 0 && whole > 0 ? "−" : "") + text
  }

  /// `−18.0 °C`.
  public static func celsius(_ value: Double) -> String { number(value) + " °C" }

  /// `45 s`, `15 min`, `3 h 12 min`.
  public static func duration(_ seconds: Double) -> String {
    let seconds = max(0, seconds.isFinite ? seconds : 0)
    if seconds < 100 { return "\(Int(saturated: seconds.rounded())) s" }
    let minutes = Int(saturated: (seconds / 60).rounded())
    if minutes < 120 { return "\(minutes) min" }
    if minutes < 48 * 60 {
      return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
    }
    return "\(Int(saturated: (seconds / 86_400).rounded())) days"
  }

  /// `94 %`; a small share keeps two decimals, so that it doesn't read as none.
  public static func percent(_ share: Double) -> String {
    let percent = share * 100
    if percent > 0, percent < 0.5 { return number(max(0.01, percent), 2) + " %" }
    return "\(Int(saturated: percent.rounded())) %"
  }

  /// `1 row`, `2 rows`.
  public static func count(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
  }
}
