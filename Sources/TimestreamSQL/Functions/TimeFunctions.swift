import Numbers
import Time

/// Functions over times and intervals (Timestream developer guide, "Date / time functions"; Presto documentation, "Date
/// and Time Functions"). All times are UTC.
enum TimeFunctions {
  static let day: Int64 = 86_400_000_000_000

  static let all: [FunctionFamily] =
    [
      now("now", .timestamp) { $0 }, now("current_timestamp", .timestamp) { $0 },
      now("localtimestamp", .timestamp) { $0 },
      now("current_date", .date) { $0.floorDivided(by: day).quotient },
      now("current_time", .time) { $0.floorDivided(by: day).remainder },
      now("localtime", .time) { $0.floorDivided(by: day).remainder },
      generic("ago", "ago(interval day to second)") { types in
        guard types.count == 1, types[0].coerces(to: .intervalDayToSecond) else { return nil }
        return ScalarFunction(name: "ago", parameters: [.intervalDayToSecond], result: .timestamp) {
          (values, context) throws(QueryError) in
          try time(context.now.checkedSubtract(values[0].integer))
        }
      },
      fixed("bin", [.timestamp, .intervalDayToSecond], .timestamp) { (values) throws(QueryError) in
        guard values[1].integer > 0 else { throw QueryError("bin() needs an interval above zero") }
        return try floor(values[0].integer, to: values[1].integer)
      },
      fixed("from_milliseconds", [.bigint], .timestamp) { (values) throws(QueryError) in
        try time(values[0].integer.checkedMultiply(1_000_000))
      },
      fixed("from_nanoseconds", [.bigint], .timestamp) { $0[0] },
      fixed("from_unixtime", [.double], .timestamp) { (values) throws(QueryError) in
        let seconds = values[0].double
        // Convert whole seconds and their fraction separately: a double can't hold nanoseconds since 1970.
        let whole = seconds.rounded(.down)
        return try time(
          Int64(truncated: whole)?.checkedMultiply(1_000_000_000)?.checkedAdd(
            Int64(saturated: (seconds - whole) * 1e9)))
      },
      fixed("to_milliseconds", [.timestamp], .bigint) {
        .integer($0[0].integer.floorDivided(by: 1_000_000).quotient)
      },
      fixed("to_milliseconds", [.intervalDayToSecond], .bigint) { .integer($0[0].integer / 1_000_000) },
      fixed("to_nanoseconds", [.timestamp], .bigint) { $0[0] },
      fixed("to_nanoseconds", [.intervalDayToSecond], .bigint) { $0[0] },
      fixed("to_unixtime", [.timestamp], .double) { values in
        let (seconds, rest) = values[0].integer.floorDivided(by: 1_000_000_000)
        return .double(Double(seconds) + Double(rest) / 1e9)
      },
      fixed("from_iso8601_timestamp", [.varchar], .timestamp) { (values) throws(QueryError) in
        try Casts.timestamp(values[0].text)
      },
      fixed("from_iso8601_date", [.varchar], .date) { (values) throws(QueryError) in
        try Casts.date(values[0].text)
      },
      fixed("to_iso8601", [.timestamp], .varchar) { .text(Timestamp.iso8601($0[0].integer)) },
      fixed("to_iso8601", [.date], .varchar) { .text(Datum.dateText($0[0].integer)) },
      fixed("date", [.timestamp], .date) { .integer($0[0].integer.floorDivided(by: day).quotient) },
      fixed("date", [.varchar], .date) { (values) throws(QueryError) in try Casts.date(values[0].text) },
      fixed("date_trunc", [.varchar, .timestamp], .timestamp) { (values) throws(QueryError) in
        let unit = values[0].text.lowercased()
        if unit == "millisecond" { return try floor(values[1].integer, to: 1_000_000) }
        guard let truncated = Timestamp.truncated(values[1].integer, to: unit) else {
          throw unknownUnit(unit)
        }
        // No calendar unit begins at the least timestamp, which stands for a beginning before it.
        return try time(truncated == .min ? nil : truncated)
      },
      fixed("date_trunc", [.varchar, .date], .date) { (values) throws(QueryError) in
        let unit = values[0].text.lowercased()
        guard ["day", "week", "month", "quarter", "year"].contains(unit),
          let time = Timestamp.truncated(values[1].integer.saturatingMultiply(day), to: unit)
        else { throw unknownUnit(unit) }
        return .integer(time.floorDivided(by: day).quotient)
      },
      fixed("date_add", [.varchar, .bigint, .timestamp], .timestamp) { (values) throws(QueryError) in
        try time(added(values[0].text.lowercased(), values[1].integer, to: values[2].integer))
      },
      fixed("date_add", [.intervalDayToSecond, .timestamp], .timestamp) { (values) throws(QueryError) in
        try time(values[1].integer.checkedAdd(values[0].integer))
      },
      fixed("date_add", [.varchar, .bigint, .date], .date) { (values) throws(QueryError) in
        let unit = values[0].text.lowercased()
        guard ["day", "week", "month", "quarter", "year"].contains(unit) else { throw unknownUnit(unit) }
        let sum = try added(unit, values[1].integer, to: values[2].integer.saturatingMultiply(day))
        return .integer(try time(sum).integer.floorDivided(by: day).quotient)
      },
      fixed("date_diff", [.varchar, .timestamp, .timestamp], .bigint) { (values) throws(QueryError) in
        .integer(try difference(values[0].text.lowercased(), values[1].integer, values[2].integer))
      },
      fixed("parse_duration", [.varchar], .intervalDayToSecond) { (values) throws(QueryError) in
        try duration(values[0].text)
      },
      fixed("human_readable_seconds", [.double], .varchar) { values in
        .text(readable(Int64(saturated: values[0].double.rounded())))
      },
      fixed("date_format", [.timestamp, .varchar], .varchar) { (values) throws(QueryError) in
        .text(try MySQLTimeFormat.text(values[0].integer, values[1].text))
      },
      fixed("format_datetime", [.timestamp, .varchar], .varchar) { (values) throws(QueryError) in
        // Joda-Time's letters, as in Presto.
        guard let parts = TimePattern.parts(values[1].text), let utc = TimeZoneFile.named("UTC"),
          let text = TimePattern.text(
            parts, milliseconds: Int(values[0].integer.floorDivided(by: 1_000_000).quotient), zone: utc)
        else { throw QueryError("Invalid pattern for format_datetime: '\(values[1].text.prefix(100))'") }
        return .text(text)
      },
      fixed("parse_datetime", [.varchar, .varchar], .timestamp) { (values) throws(QueryError) in
        .integer(try jodaTime(values[0].text, values[1].text))
      },
      fixed("date_parse", [.varchar, .varchar], .timestamp) { (values) throws(QueryError) in
        .integer(try MySQLTimeFormat.parse(values[0].text, values[1].text))
      },
      fixed("last_day_of_month", [.timestamp], .date) { values in
        let date = CivilDate(daysSinceEpoch: Int(values[0].integer.floorDivided(by: day).quotient))
        return .integer(
          Int64(CivilDate.days(date.year, date.month, CivilDate.length(ofMonth: date.month, in: date.year))))
      },
    ] + fields + arithmetic

  /// The letters that mean the same in Joda-Time as in java.time.
  private static let jodaLetters = Set("yYMdDEaGHkhKmsSZz".unicodeScalars)

  /// The time of a text in a Joda-Time pattern, in nanoseconds since 1970; UTC unless the text names a zone.
  private static func jodaTime(_ text: String, _ pattern: String) throws(QueryError) -> Int64 {
    for part in TimePattern.parts(pattern) ?? [] {
      guard case .letters(let letter, let count) = part else { continue }
      guard jodaLetters.contains(letter) else {
        throw QueryError("parse_datetime: the letter '\(letter)' of the pattern is not supported")
      }
      // Joda-Time chooses the nearest such year, which depends on today's date.
      guard letter != "y" && letter != "Y" || count != 2 else {
        throw QueryError("parse_datetime: years of two digits are not supported")
      }
    }
    guard let milliseconds = TimePattern.epochMilliseconds(text, pattern, mustExist: true) else {
      throw QueryError("Invalid format: '\(text.prefix(100))' does not match '\(pattern.prefix(100))'")
    }
    return try time(Int64(milliseconds).checkedMultiply(1_000_000)).integer
  }

  private static func now(_ name: String, _ type: SQLType, _ part: @escaping @Sendable (Int64) -> Int64)
    -> FunctionFamily
  {
    generic(name, "\(name)()") { types in
      types.isEmpty
        ? ScalarFunction(name: name, parameters: [], result: type) { (_, context) throws(QueryError) in
          .integer(part(context.now))
        }
        : nil
    }
  }

  /// The greatest multiple of `step` that isn't above `value`.
  private static func floor(_ value: Int64, to step: Int64) throws(QueryError) -> Datum {
    try time(value.checkedSubtract(value.floorDivided(by: step).remainder))
  }

  static func time(_ value: Int64?) throws(QueryError) -> Datum {
    guard let value else {
      throw QueryError("The time is outside the range of timestamps, the years 1677 to 2262")
    }
    return .integer(value)
  }

  private static func unknownUnit(_ unit: String) -> QueryError {
    QueryError("'\(unit)' is not a valid Timestamp field")
  }

  // MARK: Parts of times

  private static let names = [
    "year", "quarter", "month", "week", "day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy",
    "year_of_week", "yow", "week_of_year", "hour", "minute", "second", "millisecond",
  ]

  private static let fields: [FunctionFamily] = names.flatMap { name in
    [
      fixed(name, [.timestamp], .bigint) { .integer(field(name, $0[0].integer)) },
      fixed(name, [.intervalDayToSecond], .bigint) { .integer(field(name, $0[0].integer)) },
      fixed(name, [.time], .bigint) { .integer(field(name, $0[0].integer)) },
    ]
  }

  static func isField(_ name: String) -> Bool { names.contains(name) }

  private static func field(_ name: String, _ time: Int64) -> Int64 {
    let (dayNumber, rest) = time.floorDivided(by: day)
    let days = Int(dayNumber)
    let date = CivilDate(daysSinceEpoch: days)
    switch name {
    case "year": return Int64(date.year)
    case "quarter": return Int64((date.month - 1) / 3 + 1)
    case "month": return Int64(date.month)
    case "week", "week_of_year": return Int64(CivilDate.isoWeek(days).week)
    case "year_of_week", "yow": return Int64(CivilDate.isoWeek(days).year)
    case "day", "day_of_month": return Int64(date.day)
    case "day_of_week", "dow": return Int64((CivilDate.weekday(days) + 6) % 7 + 1)
    case "day_of_year", "doy": return Int64(days - CivilDate.days(date.year, 1, 1) + 1)
    case "hour": return rest / 3_600_000_000_000
    case "minute": return rest / 60_000_000_000 % 60
    case "second": return rest / 1_000_000_000 % 60
    default: return rest / 1_000_000 % 1000
    }
  }

  // MARK: Arithmetic

  private static let arithmetic: [FunctionFamily] = [
    fixed("+", [.timestamp, .intervalDayToSecond], .timestamp) { (v) throws(QueryError) in
      try time(v[0].integer.checkedAdd(v[1].integer))
    },
    fixed("+", [.intervalDayToSecond, .timestamp], .timestamp) { (v) throws(QueryError) in
      try time(v[0].integer.checkedAdd(v[1].integer))
    },
    fixed("-", [.timestamp, .intervalDayToSecond], .timestamp) { (v) throws(QueryError) in
      try time(v[0].integer.checkedSubtract(v[1].integer))
    },
    fixed("-", [.timestamp, .timestamp], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedSubtract(v[1].integer), "subtraction")
    },
    fixed("+", [.timestamp, .intervalYearToMonth], .timestamp) { (v) throws(QueryError) in
      try time(added("month", v[1].integer, to: v[0].integer))
    },
    fixed("+", [.intervalYearToMonth, .timestamp], .timestamp) { (v) throws(QueryError) in
      try time(added("month", v[0].integer, to: v[1].integer))
    },
    fixed("-", [.timestamp, .intervalYearToMonth], .timestamp) { (v) throws(QueryError) in
      try time(added("month", Int64(0).saturatingSubtract(v[1].integer), to: v[0].integer))
    },
    fixed("+", [.intervalDayToSecond, .intervalDayToSecond], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedAdd(v[1].integer), "addition")
    },
    fixed("-", [.intervalDayToSecond, .intervalDayToSecond], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedSubtract(v[1].integer), "subtraction")
    },
    fixed("+", [.intervalYearToMonth, .intervalYearToMonth], .intervalYearToMonth) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedAdd(v[1].integer), "addition")
    },
    fixed("-", [.intervalYearToMonth, .intervalYearToMonth], .intervalYearToMonth) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedSubtract(v[1].integer), "subtraction")
    },
    fixed("*", [.intervalYearToMonth, .bigint], .intervalYearToMonth) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedMultiply(v[1].integer), "multiplication")
    },
    fixed("*", [.bigint, .intervalYearToMonth], .intervalYearToMonth) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedMultiply(v[1].integer), "multiplication")
    },
    fixed("+", [.date, .intervalDayToSecond], .date) { (v) throws(QueryError) in
      try date(v[0].integer, plus: v[1].integer)
    },
    fixed("+", [.intervalDayToSecond, .date], .date) { (v) throws(QueryError) in
      try date(v[1].integer, plus: v[0].integer)
    },
    fixed("-", [.date, .intervalDayToSecond], .date) { (v) throws(QueryError) in
      try date(v[0].integer, plus: Int64(0).saturatingSubtract(v[1].integer))
    },
    fixed("+", [.date, .intervalYearToMonth], .date) { (v) throws(QueryError) in
      try date(v[0].integer, plusMonths: v[1].integer)
    },
    fixed("+", [.intervalYearToMonth, .date], .date) { (v) throws(QueryError) in
      try date(v[1].integer, plusMonths: v[0].integer)
    },
    fixed("-", [.date, .intervalYearToMonth], .date) { (v) throws(QueryError) in
      try date(v[0].integer, plusMonths: Int64(0).saturatingSubtract(v[1].integer))
    },
    fixed("+", [.time, .intervalDayToSecond], .time) { v in
      .integer((v[0].integer + v[1].integer.floorDivided(by: day).remainder) % day)
    },
    fixed("+", [.intervalDayToSecond, .time], .time) { v in
      .integer((v[1].integer + v[0].integer.floorDivided(by: day).remainder) % day)
    },
    fixed("-", [.time, .intervalDayToSecond], .time) { v in
      .integer((v[0].integer + day - v[1].integer.floorDivided(by: day).remainder) % day)
    },
    fixed("*", [.intervalDayToSecond, .bigint], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedMultiply(v[1].integer), "multiplication")
    },
    fixed("*", [.bigint, .intervalDayToSecond], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(v[0].integer.checkedMultiply(v[1].integer), "multiplication")
    },
    fixed("*", [.intervalDayToSecond, .double], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(Int64(truncated: v[0].double * v[1].double), "multiplication")
    },
    fixed("*", [.double, .intervalDayToSecond], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(Int64(truncated: v[0].double * v[1].double), "multiplication")
    },
    fixed("/", [.intervalDayToSecond, .double], .intervalDayToSecond) { (v) throws(QueryError) in
      try MathFunctions.bigint(Int64(truncated: v[0].double / v[1].double), "division")
    },
  ]

  /// The date, in days since 1970, that is an interval of whole days later.
  private static func date(_ days: Int64, plus interval: Int64) throws(QueryError) -> Datum {
    let (count, rest) = interval.floorDivided(by: day)
    guard rest == 0 else { throw QueryError("Cannot add hour, minutes or seconds to a date") }
    let sum = days.saturatingAdd(count)
    _ = try time(sum.checkedMultiply(day))
    return .integer(sum)
  }

  private static func date(_ days: Int64, plusMonths months: Int64) throws(QueryError) -> Datum {
    let moved = try time(added("month", months, to: days.saturatingMultiply(day))).integer
    return .integer(moved.floorDivided(by: day).quotient)
  }

  private static func length(_ unit: String) -> Int64? {
    switch unit {
    case "nanosecond", "ns": 1
    case "microsecond", "us": 1000
    case "millisecond", "ms": 1_000_000
    case "second", "s": 1_000_000_000
    case "minute", "m": 60_000_000_000
    case "hour", "h": 3_600_000_000_000
    case "day", "d": day
    case "week": 7 * day
    default: nil
    }
  }

  private static func added(_ unit: String, _ count: Int64, to time: Int64) throws(QueryError) -> Int64? {
    if let length = length(unit) { return count.checkedMultiply(length).flatMap { time.checkedAdd($0) } }
    guard let months = ["month": 1, "quarter": 3, "year": 12][unit] as Int64? else { throw unknownUnit(unit) }
    guard let total = count.checkedMultiply(months), total.magnitude < 12_000_000 else { return nil }
    let (dayNumber, rest) = time.floorDivided(by: day)
    let date = CivilDate(daysSinceEpoch: Int(dayNumber))
    let (years, month) = (Int64(date.month) - 1 + total).floorDivided(by: 12)
    let year = date.year + Int(years)
    let last = CivilDate.length(ofMonth: Int(month) + 1, in: year)
    return Int64(CivilDate.days(year, Int(month) + 1, min(date.day, last))).checkedMultiply(day)?.checkedAdd(
      rest)
  }

  private static func difference(_ unit: String, _ from: Int64, _ to: Int64) throws(QueryError) -> Int64 {
    if let length = length(unit) {
      // The difference of two timestamps may need 65 bits.
      let (high, low) = (to / length, from / length)
      let rest = to % length - from % length
      guard let whole = high.checkedSubtract(low) else { throw QueryError("bigint subtraction overflow") }
      if whole > 0, rest < 0 { return whole - 1 }
      if whole < 0, rest > 0 { return whole + 1 }
      return whole.saturatingAdd(rest / length)
    }
    guard let months = ["month": 1, "quarter": 3, "year": 12][unit] as Int64? else { throw unknownUnit(unit) }
    let (low, high) = from <= to ? (from, to) : (to, from)
    let (start, end) = (civil(low), civil(high))
    var count = Int64(end.date.year - start.date.year) * 12 + Int64(end.date.month - start.date.month)
    // A month is complete when its day and time of day are reached.
    if (end.date.day, end.rest) < (start.date.day, start.rest) { count -= 1 }
    return (from <= to ? count : -count) / months
  }

  private static func civil(_ time: Int64) -> (date: CivilDate, rest: Int64) {
    let (dayNumber, rest) = time.floorDivided(by: day)
    return (CivilDate(daysSinceEpoch: Int(dayNumber)), rest)
  }

  private static func duration(_ text: String) throws(QueryError) -> Datum {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let count = Double(digits), let length = length(String(unit)),
      let nanoseconds = Int64(truncated: (count * Double(length)).rounded())
    else { throw QueryError("'\(text)' is not a duration") }
    return .integer(nanoseconds)
  }

  private static func readable(_ seconds: Int64) -> String {
    var rest = seconds.magnitude
    var parts: [String] = []
    for (name, length) in [
      ("week", UInt64(604_800)), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1),
    ] {
      let count = rest / length
      rest %= length
      if count > 0 || name == "second" && parts.isEmpty {
        parts.append("\(count) \(name)\(count == 1 ? "" : "s")")
      }
    }
    return (seconds < 0 ? "-" : "") + parts.joined(separator: ", ")
  }
}
