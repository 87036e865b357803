import Numbers

/// Patterns of letters for dates: Joda-Time's for writing (`parse_time`), java.time's for reading (`time_to_epoch`).
package enum TimePattern {
  /// About the year 292 million, Joda-Time's own limit, is cut to what the calendar here does exactly.
  package static let largestMilliseconds = 8_000_000_000_000_000
  /// The greatest year that is read: its milliseconds fit in 64 bits with room to spare.
  private static let largestYear = 99_999_999

  /// Letters of a pattern, which come from statements and payloads.
  private static let lengthLimit = 1024

  /// Letters of one kind, or a text.
  package enum Part: Sendable { case letters(Unicode.Scalar, Int), literal(String) }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November",
    "December",
  ]
  private static let days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

  /// Nil if a quote isn't closed, or the pattern is too long.
  package static func parts(_ pattern: String) -> [Part]? {
    guard pattern.utf8.count <= lengthLimit else { return nil }
    var parts: [Part] = []
    var literal = ""
    let characters = Array(pattern.unicodeScalars)
    var index = 0
    func isLetter(_ character: Unicode.Scalar) -> Bool {
      character.isASCII && character.properties.isAlphabetic
    }
    while index < characters.count {
      let character = characters[index]
      if isLetter(character) {
        if !literal.isEmpty { parts.append(.literal(literal)) }
        literal = ""
        var count = 0
        while index < characters.count, characters[index] == character {
          count += 1
          index += 1
        }
        parts.append(.letters(character, count))
      } else if character == "'" {
        index += 1
        if index < characters.count, characters[index] == "'" {
          literal.unicodeScalars.append("'")
          index += 1
          continue
        }
        while true {
          guard index < characters.count else { return nil }
          if characters[index] == "'" {
            index += 1
            guard index < characters.count, characters[index] == "'" else { break }
          }
          literal.unicodeScalars.append(characters[index])
          index += 1
        }
      } else {
        literal.unicodeScalars.append(character)
        index += 1
      }
    }
    if !literal.isEmpty { parts.append(.literal(literal)) }
    return parts
  }

  // MARK: Writing

  /// The moment by Joda-Time's `DateTimeFormat`; nil for a letter that it doesn't have.
  package static func text(_ parts: [Part], milliseconds: Int, zone: TimeZoneFile) -> String? {
    let seconds = milliseconds.floorDivided(by: 1000).quotient
    let period = zone.period(at: seconds)
    let local = seconds + period.offset
    let day = local.floorDivided(by: 86_400).quotient
    let clock = local - day * 86_400
    let date = CivilDate(daysSinceEpoch: day)
    let weekday = CivilDate.weekday(day)
    let eraYear = date.year > 0 ? date.year : 1 - date.year
    let hour = clock / 3600
    var text: [UInt8] = []
    text.reserveCapacity(32)
    for part in parts {
      switch part {
      case .literal(let literal): text += literal.utf8
      case .letters(let letter, let count):
        switch letter {
        case "G": text += (date.year > 0 ? "AD" : "BC").utf8
        case "C": append(eraYear / 100, count, to: &text)
        case "Y": append(count == 2 ? eraYear % 100 : eraYear, count, to: &text)
        case "x":
          let year = CivilDate.isoWeek(day).year
          append(count == 2 ? year % 100 : year, count, to: &text)
        case "w": append(CivilDate.isoWeek(day).week, count, to: &text)
        case "e": append(weekday == 0 ? 7 : weekday, count, to: &text)
        case "E": text += (count >= 4 ? days[weekday] : String(days[weekday].prefix(3))).utf8
        case "y": append(count == 2 ? Int(date.year.magnitude % 100) : date.year, count, to: &text)
        case "D": append(day - CivilDate.days(date.year, 1, 1) + 1, count, to: &text)
        case "M" where count < 3: append(date.month, count, to: &text)
        case "M":
          text += (count >= 4 ? months[date.month - 1] : String(months[date.month - 1].prefix(3))).utf8
        case "d": append(date.day, count, to: &text)
        case "a": text += (hour < 12 ? "AM" : "PM").utf8
        case "K": append(hour % 12, count, to: &text)
        case "h": append((hour + 11) % 12 + 1, count, to: &text)
        case "H": append(hour, count, to: &text)
        case "k": append(hour == 0 ? 24 : hour, count, to: &text)
        case "m": append(clock / 60 % 60, count, to: &text)
        case "s": append(clock % 60, count, to: &text)
        case "S":
          var fraction: [UInt8] = []
          append(milliseconds - seconds * 1000, 3, to: &fraction)
          text += fraction.prefix(count)
          if count > 3 { text += [UInt8](repeating: UInt8(ascii: "0"), count: count - 3) }
        case "z": text += (count >= 4 ? longName(of: period) : shortName(of: period)).utf8
        case "Z": text += (count >= 3 ? zone.name : offset(period.offset, withColon: count == 2)).utf8
        default: return nil
        }
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func append(_ value: Int, _ width: Int, to text: inout [UInt8]) {
    if value < 0 { text.append(UInt8(ascii: "-")) }
    if width == 2, 0..<100 ~= value {
      text.append(UInt8(48 + value / 10))
      text.append(UInt8(48 + value % 10))
      return
    }
    let start = text.count
    var rest = value.magnitude
    repeat {
      text.append(UInt8(48 + rest % 10))
      rest /= 10
    } while rest > 0
    while text.count - start < width { text.append(UInt8(ascii: "0")) }
    text[start...].reverse()
  }

  private static func offset(_ seconds: Int, withColon: Bool) -> String {
    var text: [UInt8] = [UInt8(ascii: seconds < 0 ? "-" : "+")]
    append(seconds.saturatingMagnitude / 3600, 2, to: &text)
    if withColon { text.append(UInt8(ascii: ":")) }
    append(seconds.saturatingMagnitude / 60 % 60, 2, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Zones without letters of their own are written as offsets, as Joda-Time does.
  private static func shortName(of period: TimeZoneFile.Period) -> String {
    period.abbreviation.first.map { $0 == "-" || $0 == "+" } ?? true
      ? offset(period.offset, withColon: true) : period.abbreviation
  }

  private static let longNames = [
    "UTC": "Coordinated Universal Time", "GMT": "Greenwich Mean Time", "CST": "Central Standard Time",
    "CDT": "Central Daylight Time", "EST": "Eastern Standard Time", "EDT": "Eastern Daylight Time",
    "PST": "Pacific Standard Time", "PDT": "Pacific Daylight Time", "MST": "Mountain Standard Time",
    "MDT": "Mountain Daylight Time", "CET": "Central European Time", "CEST": "Central European Summer Time",
    "IST": "India Standard Time", "JST": "Japan Standard Time",
  ]

  /// The tz database has no long names; the commonest are here, others are written as offsets.
  private static func longName(of period: TimeZoneFile.Period) -> String {
    longNames[period.abbreviation] ?? offset(period.offset, withColon: true)
  }

  // MARK: Reading

  /// The epoch milliseconds of `text` by java.time's `DateTimeFormatter`; UTC unless the text says otherwise. Nil where
  /// the text doesn't follow the pattern, or the pattern has a letter that isn't known.
  ///
  /// A day that its month doesn't have becomes the month's last, as java.time has it, unless the date `mustExist`.
  package static func epochMilliseconds(_ text: String, _ pattern: String, mustExist: Bool = false) -> Int? {
    guard let parts = parts(pattern) else { return nil }
    var reader = Reader(text: Array(text.unicodeScalars), mustExist: mustExist)
    for (index, part) in parts.enumerated() {
      switch part {
      case .literal(let literal): guard reader.skip(literal) else { return nil }
      case .letters(let letter, let count):
        // Digits directly behind digits: each field has just its width.
        var isFollowedByDigits = false
        if index + 1 < parts.count, case .letters = parts[index + 1] { isFollowedByDigits = true }
        guard reader.read(letter, count, fixed: isFollowedByDigits) else { return nil }
      }
    }
    return reader.isAtEnd ? reader.milliseconds : nil
  }

  private struct Reader {
    let text: [UnicodeScalar]
    let mustExist: Bool
    var index = 0
    var year: Int?
    var month = 1
    var day = 1
    var dayOfYear: Int?
    var hour = 0
    var halfDayHour: Int?
    var isAfternoon: Bool?
    var minute = 0
    var second = 0
    var nanosecond = 0
    var zone: TimeZoneFile?
    var isBeforeChrist = false

    init(text: [UnicodeScalar], mustExist: Bool) {
      self.text = text
      self.mustExist = mustExist
    }

    var isAtEnd: Bool { index == text.count }

    mutating func skip(_ literal: String) -> Bool {
      for scalar in literal.unicodeScalars {
        guard index < text.count, text[index] == scalar else { return false }
        index += 1
      }
      return true
    }

    mutating func number(_ minimum: Int, _ maximum: Int) -> Int? {
      let start = index
      var value = 0
      while index < text.count, index - start < maximum, ("0"..."9").contains(text[index]) {
        value = value.saturatingMultiply(10).saturatingAdd(Int(text[index].value - 48))
        index += 1
      }
      return index - start >= minimum && value < Int.max ? value : nil
    }

    mutating func word(_ words: [String]) -> Int? {
      for (place, word) in words.enumerated().sorted(by: { $0.element.count > $1.element.count }) {
        let scalars = Array(word.unicodeScalars)
        if index + scalars.count <= text.count, Array(text[index..<index + scalars.count]) == scalars {
          index += scalars.count
          return place
        }
      }
      return nil
    }

    mutating func read(_ letter: Unicode.Scalar, _ count: Int, fixed: Bool) -> Bool {
      /// One letter stands for as many digits as there are, more letters for just so many.
      let maximum = count == 1 && !fixed ? 19 : count
      func stored(_ value: Int?, _ range: ClosedRange<Int>, _ store: (Int) -> Void) -> Bool {
        guard let value, range.contains(value) else { return false }
        store(value)
        return true
      }
      switch letter {
      case "y", "u", "Y":
        guard let value = count == 2 ? number(2, 2) : number(count, fixed ? count : 9) else { return false }
        year = count == 2 ? 2000 + value : value
        return true
      case "M", "L":
        let value: Int?
        if count >= 4 {
          value = word(TimePattern.months).map { $0 + 1 }
        } else if count == 3 {
          value = word(TimePattern.months.map { String($0.prefix(3)) }).map { $0 + 1 }
        } else {
          value = number(count, count == 1 ? 2 : maximum)
        }
        return stored(value, 1...12) { month = $0 }
      case "d": return stored(number(count, count == 1 ? 2 : maximum), 1...31) { day = $0 }
      case "D": return stored(number(count, count == 1 ? 3 : maximum), 1...366) { dayOfYear = $0 }
      case "E":
        return (count >= 4 ? word(TimePattern.days) : word(TimePattern.days.map { String($0.prefix(3)) }))
          != nil
      case "a": return stored(word(["AM", "PM"]), 0...1) { isAfternoon = $0 == 1 }
      case "G": return stored(word(["AD", "BC"]), 0...1) { isBeforeChrist = $0 == 1 }
      case "H": return stored(number(count, count == 1 ? 2 : maximum), 0...23) { hour = $0 }
      case "k": return stored(number(count, count == 1 ? 2 : maximum), 1...24) { hour = $0 % 24 }
      case "h": return stored(number(count, count == 1 ? 2 : maximum), 1...12) { halfDayHour = $0 % 12 }
      case "K": return stored(number(count, count == 1 ? 2 : maximum), 0...11) { halfDayHour = $0 }
      case "m": return stored(number(count, count == 1 ? 2 : maximum), 0...59) { minute = $0 }
      case "s": return stored(number(count, count == 1 ? 2 : maximum), 0...59) { second = $0 }
      case "S":
        guard count <= 9, let value = number(count, count) else { return false }
        nanosecond = value
        for _ in count..<9 { nanosecond = nanosecond.saturatingMultiply(10) }
        return true
      case "n": return stored(number(1, 9), 0...999_999_999) { nanosecond = $0 }
      case "X", "x", "Z", "z", "V", "v", "O": return readZone()
      default: return false
      }
    }

    private mutating func readZone() -> Bool {
      let start = index
      while index < text.count, index - start < TimeZoneFile.nameLimit, text[index] != " ",
        text[index] != "]",
        text[index] != ")"
      {
        index += 1
      }
      // The longest beginning that is a zone.
      while index > start {
        var name = String.UnicodeScalarView()
        name.append(contentsOf: text[start..<index])
        if let found = TimeZoneFile.named(String(name))
          ?? TimePattern.abbreviations[String(name)].flatMap(TimeZoneFile.named)
        {
          zone = found
          return true
        }
        index -= 1
      }
      return false
    }

    var milliseconds: Int? {
      guard var year, year <= TimePattern.largestYear else { return nil }
      if isBeforeChrist { year = 1 - year }
      let days: Int
      if let dayOfYear {
        guard dayOfYear <= (CivilDate.isLeap(year) ? 366 : 365) else { return nil }
        days = CivilDate.days(year, 1, 1) + dayOfYear - 1
      } else {
        let last = CivilDate.length(ofMonth: month, in: year)
        guard day <= last || !mustExist else { return nil }
        // java.time's smart resolver brings the 30th of February to the month's last day.
        days = CivilDate.days(year, month, min(day, last))
      }
      var hour = hour
      if let halfDayHour {
        guard let isAfternoon else { return nil }
        hour = halfDayHour + (isAfternoon ? 12 : 0)
      }
      let local = days * 86_400 + hour * 3600 + minute * 60 + second
      let seconds = zone?.epoch(ofLocal: local) ?? local
      return seconds * 1000 + nanosecond / 1_000_000
    }
  }

  /// What Java takes the commonest abbreviations for.
  private static let abbreviations = [
    "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles", "MST": "America/Denver",
    "MDT": "America/Denver",
    "CST": "America/Chicago", "CDT": "America/Chicago", "EST": "America/New_York", "EDT": "America/New_York",
    "CET": "Europe/Paris", "CEST": "Europe/Paris", "BST": "Europe/London", "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
  ]
}
