import Glibc

/// Moments as nanoseconds since 1970, and Timestream's text of them.
public enum Timestamp {
  /// The wall clock's present reading.
  public static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// `2024-10-23 17:14:03.979735000`, UTC.
  public static func text(_ nanoseconds: Int64) -> String {
    let (day, rest) = nanoseconds.quotientAndFloor(by: 86_400_000_000_000)
    let (year, month, dayOfMonth) = civil(day)
    let second = rest / 1_000_000_000
    return
      "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2)) \(padded(second / 3600, 2)):"
      + "\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2)).\(padded(rest % 1_000_000_000, 9))"
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

  /// The nanoseconds of `2024-10-23[ T]17:14[:03[.979735]][Z|+03:00]`, or of a date alone; no zone means UTC. Nil for
  /// what is no moment between 1677 and 2262.
  public static func parse(_ text: String) -> Int64? {
    var scanner = Scanner(bytes: Array(text.utf8))
    return scanner.moment()
  }

  private struct Scanner {
    let bytes: [UInt8]
    var index = 0

    mutating func take(_ characters: String) -> UInt8? {
      guard index < bytes.count, characters.utf8.contains(bytes[index]) else { return nil }
      index += 1
      return bytes[index - 1]
    }

    mutating func number(_ digits: Int) -> Int64? {
      guard index + digits <= bytes.count else { return nil }
      var value: Int64 = 0
      for byte in bytes[index..<index + digits] {
        let digit = byte &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        value = value * 10 + Int64(digit)
      }
      index += digits
      return value
    }

    mutating func moment() -> Int64? {
      guard let year = number(4), take("-") != nil, let month = number(2), take("-") != nil,
        let day = number(2),
        (1...12).contains(month), day >= 1, day <= Timestamp.daysOf(month: month, year: year)
      else { return nil }
      var seconds = Timestamp.days(year: year, month: month, day: day) * 86_400
      var fraction: Int64 = 0
      if take(" T") != nil {
        guard let hour = number(2), take(":") != nil, let minute = number(2), hour < 24, minute < 60 else {
          return nil
        }
        seconds += hour * 3600 + minute * 60
        if take(":") != nil {
          guard let second = number(2), second < 60 else { return nil }
          seconds += second
          if take(".") != nil {
            var scale: Int64 = 100_000_000
            let start = index
            while let digit = number(1) {
              fraction += digit * scale
              scale /= 10
            }
            guard index > start else { return nil }
          }
        }
        if let sign = take("Z+-"), sign != UInt8(ascii: "Z") {
          guard let hours = number(2), hours < 24 else { return nil }
          _ = take(":")
          let minutes = index < bytes.count ? number(2) : 0
          guard let minutes, minutes < 60 else { return nil }
          seconds -= (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
        }
      }
      guard index == bytes.count else { return nil }
      let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
      let (sum, carry) = product.addingReportingOverflow(fraction)
      return overflow || carry ? nil : sum
    }
  }

  private static func daysOf(month: Int64, year: Int64) -> Int64 {
    let next =
      month == 12 ? days(year: year + 1, month: 1, day: 1) : days(year: year, month: month + 1, day: 1)
    return next - days(year: year, month: month, day: 1)
  }

  /// Days from 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// Year, month and day of a day since 1970-01-01 (the inverse, same source).
  static func civil(_ day: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }

  /// The first nanosecond of the calendar unit that `time` is in; nil for no such unit.
  static func truncated(_ time: Int64, to unit: String) -> Int64? {
    let day: Int64 = 86_400_000_000_000
    switch unit {
    case "second": return time.floored(to: 1_000_000_000)
    case "minute": return time.floored(to: 60_000_000_000)
    case "hour": return time.floored(to: 3_600_000_000_000)
    case "day": return time.floored(to: day)
    // 1970-01-01 was a Thursday; weeks begin on Monday.
    case "week": return (time + 3 * day).floored(to: 7 * day) - 3 * day
    case "month", "quarter", "year":
      let (year, month, _) = civil(time.quotientAndFloor(by: day).quotient)
      let first = unit == "year" ? 1 : unit == "quarter" ? (month - 1) / 3 * 3 + 1 : month
      return days(year: year, month: first, day: 1) * day
    default: return nil
    }
  }
}

extension Int64 {
  /// Quotient rounded down, and what is left, never negative.
  func quotientAndFloor(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  /// The greatest multiple of `step` that isn't above this.
  func floored(to step: Int64) -> Int64 { self - quotientAndFloor(by: step).remainder }
}
