import Numbers

/// Moments as nanoseconds since 1970 in 64 bits, and their texts.
public enum Timestamp {
  /// The wall clock's present reading.
  public static var now: Int64 { WallClock.nanoseconds }

  /// `2024-10-23 17:14:03.979735000`, UTC: Timestream's text of a timestamp.
  public static func text(_ nanoseconds: Int64) -> String {
    let (day, rest) = nanoseconds.floorDivided(by: 86_400_000_000_000)
    let date = CivilDate(daysSinceEpoch: Int(day))
    let second = rest / 1_000_000_000
    return
      "\(padded(Int64(date.year), 4))-\(padded(Int64(date.month), 2))-\(padded(Int64(date.day), 2)) "
      + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))."
      + padded(rest % 1_000_000_000, 9)
  }

  /// RFC 3339 with as many decimals as needed: `2024-10-23T17:14:03.979735Z`.
  public static func iso8601(_ nanoseconds: Int64) -> String {
    var text = Array(text(nanoseconds).utf8)
    text[10] = UInt8(ascii: "T")
    while text.last == UInt8(ascii: "0") { text.removeLast() }
    if text.last == UInt8(ascii: ".") { text.removeLast() }
    return String(decoding: text, as: UTF8.self) + "Z"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// The nanoseconds of an ISO 8601 text (`Moment`); nil if it is none or lies outside the years 1677 to 2262.
  public static func parse(_ text: String) -> Int64? { Moment(iso8601: text)?.epochNanoseconds }

  /// The first nanosecond of the calendar unit that `time` is in; nil for an unknown unit. Saturates.
  public static func truncated(_ time: Int64, to unit: String) -> Int64? {
    let day: Int64 = 86_400_000_000_000
    switch unit {
    case "second": return time.floored(to: 1_000_000_000)
    case "minute": return time.floored(to: 60_000_000_000)
    case "hour": return time.floored(to: 3_600_000_000_000)
    case "day": return time.floored(to: day)
    case "week":
      // 1970-01-01 was a Thursday; weeks begin on Monday.
      let (days, _) = time.floorDivided(by: day)
      return ((days + 3).floored(to: 7) - 3).saturatingMultiply(day)
    case "month", "quarter", "year":
      let date = CivilDate(daysSinceEpoch: Int(time.floorDivided(by: day).quotient))
      let first = unit == "year" ? 1 : unit == "quarter" ? (date.month - 1) / 3 * 3 + 1 : date.month
      return Int64(CivilDate.days(date.year, first, 1)).saturatingMultiply(day)
    default: return nil
    }
  }
}
