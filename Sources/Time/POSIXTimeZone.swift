import Numbers

/// The rule at a TZif file's end, for times after its last transition: `<-04>4<-03>,M9.1.6/24,M4.1.6/24`
/// (POSIX.1 section 8.3, RFC 8536 section 3.3.1).
struct POSIXTimeZone: Sendable {
  private struct Change: Sendable {
    enum Day: Sendable { case julian(Int), zeroBased(Int), weekday(month: Int, week: Int, day: Int) }
    let day: Day
    /// Seconds from midnight of that day, of the clock before the change.
    let time: Int

    /// Epoch seconds of the change in a year as if the clock were UTC.
    func moment(in year: Int) -> Int {
      let days: Int
      switch day {
      case .julian(let number):
        days = CivilDate.days(year, 1, 1) + number - 1 + (CivilDate.isLeap(year) && number >= 60 ? 1 : 0)
      case .zeroBased(let number): days = CivilDate.days(year, 1, 1) + number
      case .weekday(let month, let week, let day):
        let first = CivilDate.days(year, month, 1)
        var date = first + (day - CivilDate.weekday(first) + 7) % 7 + (week - 1) * 7
        if date >= first + CivilDate.length(ofMonth: month, in: year) { date -= 7 }
        days = date
      }
      return days * 86_400 + time
    }
  }

  private let standard: TimeZoneFile.Period
  private let daylight: (period: TimeZoneFile.Period, start: Change, end: Change)?

  init?(_ text: String) {
    var reader = Reader(text: Array(text.utf8))
    guard let name = reader.name(), let west = reader.time() else { return nil }
    standard = TimeZoneFile.Period(offset: -west, isDaylightSaving: false, abbreviation: name)
    guard !reader.isAtEnd else {
      daylight = nil
      return
    }
    guard let summer = reader.name() else { return nil }
    let offset = reader.peek == UInt8(ascii: ",") ? -west + 3600 : reader.time().map { -$0 } ?? 0
    guard reader.accept(","), let start = reader.change(), reader.accept(","), let end = reader.change(),
      reader.isAtEnd
    else { return nil }
    daylight = (
      TimeZoneFile.Period(offset: offset, isDaylightSaving: true, abbreviation: summer), start, end
    )
  }

  func period(at seconds: Int) -> TimeZoneFile.Period {
    guard let daylight else { return standard }
    let local = seconds.saturatingAdd(standard.offset)
    let year = CivilDate(daysSinceEpoch: local.floorDivided(by: 86_400).quotient).year
    let start = daylight.start.moment(in: year) - standard.offset
    let end = daylight.end.moment(in: year) - daylight.period.offset
    let isSummer = start < end ? (start..<end).contains(seconds) : seconds < end || seconds >= start
    return isSummer ? daylight.period : standard
  }

  private struct Reader {
    let text: [UInt8]
    var index = 0

    var isAtEnd: Bool { index == text.count }
    var peek: UInt8? { index < text.count ? text[index] : nil }

    mutating func accept(_ character: Character) -> Bool {
      guard peek == character.asciiValue else { return false }
      index += 1
      return true
    }

    mutating func name() -> String? {
      let start = index
      if accept("<") {
        guard let end = text[index...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
        index = end + 1
        return String(decoding: text[start + 1..<end], as: UTF8.self)
      }
      while let byte = peek, (97...122).contains(byte | 0x20) { index += 1 }
      return index > start ? String(decoding: text[start..<index], as: UTF8.self) : nil
    }

    mutating func number() -> Int? {
      let start = index
      var value = 0
      while let byte = peek, (48...57).contains(byte), index - start < 4 {
        value = value * 10 + Int(byte - 48)
        index += 1
      }
      return index > start ? value : nil
    }

    mutating func time() -> Int? {
      let isNegative = accept("-")
      if !isNegative { _ = accept("+") }
      guard let hours = number() else { return nil }
      var total = hours * 3600
      if accept(":") {
        guard let minutes = number() else { return nil }
        total += minutes * 60
        if accept(":") {
          guard let seconds = number() else { return nil }
          total += seconds
        }
      }
      return isNegative ? -total : total
    }

    mutating func change() -> Change? {
      let day: Change.Day
      if accept("M") {
        guard let month = number(), accept("."), let week = number(), accept("."), let weekday = number(),
          (1...12).contains(month), (1...5).contains(week), (0...6).contains(weekday)
        else { return nil }
        day = .weekday(month: month, week: week, day: weekday)
      } else if accept("J") {
        guard let number = number() else { return nil }
        day = .julian(number)
      } else {
        guard let number = number() else { return nil }
        day = .zeroBased(number)
      }
      guard accept("/") else { return Change(day: day, time: 7200) }
      return time().map { Change(day: day, time: $0) }
    }
  }
}
