import Numbers

/// A date of the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
///
/// Years are limited to a billion on either side; what lies beyond becomes the nearest day within.
public struct CivilDate: Sendable, Hashable {
  /// The astronomical year: 0 is 1 BC.
  public let year: Int
  /// 1 to 12.
  public let month: Int
  /// 1 to 31.
  public let day: Int

  private static let years = -1_000_000_000...1_000_000_000
  private static let dayLimits = -365_000_000_000...365_000_000_000

  /// The date of a day counted from 1970-01-01.
  public init(daysSinceEpoch days: Int) {
    let shifted = days.clamped(to: Self.dayLimits) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Days since 1970-01-01. `month` is 1 to 12; `day` may lie outside the month, by at most a few billion.
  public static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = year.clamped(to: Self.years)
    let month = month.clamped(to: 1...12)
    let day = day.clamped(to: Self.dayLimits)
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// The day of the week of a day since the epoch; 0 is Sunday.
  public static func weekday(_ days: Int) -> Int { ((days % 7 + 4) % 7 + 7) % 7 }

  /// Whether the year has a 29 February.
  public static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  /// The number of days in a month.
  public static func length(ofMonth month: Int, in year: Int) -> Int {
    month == 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
  }

  /// ISO 8601's week and the year that it belongs to, of a day since the epoch.
  public static func isoWeek(_ days: Int) -> (year: Int, week: Int) {
    let days = days.clamped(to: Self.dayLimits)
    let thursday = days + 3 - (weekday(days) + 6) % 7
    let year = CivilDate(daysSinceEpoch: thursday).year
    return (year, (thursday - CivilDate.days(year, 1, 1)) / 7 + 1)
  }
}
