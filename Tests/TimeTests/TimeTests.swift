import Testing

@testable import Time

@Suite struct TimeTests {
  @Test("Each day of 800 years is one day after the one before, and reads back")
  func civilDays() {
    var previous = CivilDate(daysSinceEpoch: -146_097)
    for day in -146_096...146_097 {
      let date = CivilDate(daysSinceEpoch: day)
      let isNext =
        date.day == previous.day + 1 && date.month == previous.month
        || date.day == 1 && previous.day == CivilDate.length(ofMonth: previous.month, in: previous.year)
      #expect(isNext)
      #expect(CivilDate.days(date.year, date.month, date.day) == day)
      previous = date
    }
  }

  @Test("Days and years beyond the calendar's limits become the nearest", arguments: [Int.min, .max])
  func limits(value: Int) {
    let date = CivilDate(daysSinceEpoch: value)
    #expect(date.year.magnitude > 900_000_000)
    #expect((0...6).contains(CivilDate.weekday(value)))
    #expect((1...53).contains(CivilDate.isoWeek(value).week))
    #expect(CivilDate.days(value, 1, 1).magnitude < 400_000_000_000)
    #expect(CivilDate.days(2024, value, value).magnitude < 400_000_000_000_000)
  }

  @Test(
    "ISO 8601 is read to the nanosecond, with and without zone",
    arguments: [
      ("1970-01-01", 0),
      ("2024-10-23T17:14:03Z", 1_729_703_643_000_000_000),
      ("2024-10-23 17:14:03", 1_729_703_643_000_000_000),
      (" 2024-10-23T17:14:03.979735001Z ", 1_729_703_643_979_735_001),
      ("2024-10-23T17:14:03,5 +03:00", 1_729_692_843_500_000_000),
      ("2024-10-23T17:14+0300", 1_729_692_840_000_000_000),
      ("2024-10-23T17:14:03-03", 1_729_714_443_000_000_000),
      ("2024-10-23T17:14:03.9999999999999999Z", 1_729_703_643_999_999_999),
      ("1969-12-31T23:59:59.5Z", -500_000_000),
    ])
  func iso8601(text: String, nanoseconds: Int64) { #expect(Timestamp.parse(text) == nanoseconds) }

  @Test(
    "What is not a moment is refused",
    arguments: [
      "", " ", "2024", "2024-13-01", "2024-02-30", "2023-02-29", "2024-10-23T", "2024-10-23T24:00",
      "2024-10-23T17:60",
      "2024-10-23T17:14:61", "2024-10-23T17:14:03.", "2024-10-23T17:14:03+", "2024-10-23T17:14:03+24:00",
      "2024-10-23T17:14:03ZZ", "x2024-10-23", "99999-01-01", "-2024-01-01",
    ])
  func invalid(text: String) { #expect(Moment(iso8601: text) == nil) }

  @Test("Moments outside 64 bits of nanoseconds have no timestamp", arguments: ["1600-01-01", "2300-01-01"])
  func outside(text: String) {
    #expect(Moment(iso8601: text) != nil)
    #expect(Timestamp.parse(text) == nil)
  }

  @Test(
    "Epoch numbers are seconds, milliseconds, microseconds or nanoseconds by their size",
    arguments: [
      ("1729703643.5", 1_729_703_643.5), ("1729703643500", 1_729_703_643.5),
      ("1729703643500000", 1_729_703_643.5),
      ("1729703643500000000", 1_729_703_643.5), ("-1e300", -1e300 / 1e9),
    ])
  func epoch(text: String, seconds: Double) { #expect(Moment.epochSeconds(text) == seconds) }

  @Test(
    "Timestamps at the limits of 64 bits have texts and calendar units", arguments: [Int64.min, -1, 0, .max])
  func timestampLimits(time: Int64) {
    #expect(Timestamp.text(time).count == 29)
    #expect(Timestamp.parse(Timestamp.text(time)) == time)
    for unit in ["second", "minute", "hour", "day", "week", "month", "quarter", "year"] {
      #expect(Timestamp.truncated(time, to: unit)! <= time)
    }
    #expect(Timestamp.truncated(time, to: "fortnight") == nil)
  }

  @Test("Weeks begin on Monday")
  func weeks() {
    let wednesday = Timestamp.parse("2024-10-23T17:14:03Z")!
    #expect(Timestamp.truncated(wednesday, to: "week") == Timestamp.parse("2024-10-21"))
  }

  @Test("Monotonic times saturate")
  func monotonic() {
    let early = MonotonicTime(nanoseconds: .min)
    let late = MonotonicTime(nanoseconds: .max)
    #expect(late.since(early) == .max)
    #expect(early.since(late) == .min)
    #expect(late.advanced(by: 1) == late)
  }

  @Test("A long pattern is refused, and a text as long is read in one pass")
  func longPatterns() {
    let letters = String(repeating: "yyyy-", count: 100_000)
    #expect(TimePattern.parts(letters) == nil)
    #expect(TimePattern.epochMilliseconds(letters, letters) == nil)
    #expect(TimePattern.epochMilliseconds(String(repeating: "2", count: 1 << 20), "yyyy-MM-dd") == nil)
    #expect(TimePattern.parts(String(repeating: "'a'", count: 1 << 20)) == nil)
  }

  @Test("Zones by many names don't grow what is kept in memory, and a long name isn't a zone")
  func manyZones() {
    for hour in 0...18 {
      for minute in 0...59 {
        for sign in ["+", "-", "UTC+", "UTC-"] {
          let name = "\(sign)\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
          _ = TimeZoneFile.named(name)
        }
      }
    }
    #expect(TimeZoneFile.cachedCount <= TimeZoneFile.cacheLimit)
    #expect(TimeZoneFile.named("+05:30") != nil)
    #expect(TimeZoneFile.named(String(repeating: "a", count: 200_000)) == nil)
    #expect(TimeZoneFile.named("Etc/" + String(repeating: "../Etc/", count: 8) + "UTC") == nil)
  }
}
