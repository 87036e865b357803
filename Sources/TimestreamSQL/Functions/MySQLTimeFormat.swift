import Numbers
import Time

/// The format letters of MySQL, which `date_format` and `date_parse` take (Presto documentation, "MySQL Date Functions").
enum MySQLTimeFormat {
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November",
    "December",
  ]
  private static let weekdays = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  static func text(_ time: Int64, _ format: String) throws(QueryError) -> String {
    let (dayNumber, rest) = time.floorDivided(by: TimeFunctions.day)
    let days = Int(dayNumber)
    let date = CivilDate(daysSinceEpoch: days)
    let (hour, minute) = (Int(rest / 3_600_000_000_000), Int(rest / 60_000_000_000 % 60))
    let second = Int(rest / 1_000_000_000 % 60)
    func two(_ value: Int) -> String { Datum.padded(value, 2) }
    var result = ""
    var letters = format.makeIterator()
    while let letter = letters.next() {
      guard letter == "%", let code = letters.next() else {
        result.append(letter)
        continue
      }
      switch code {
      case "a": result += weekdays[CivilDate.weekday(days)].prefix(3)
      case "b": result += months[date.month - 1].prefix(3)
      case "c": result += String(date.month)
      case "d": result += two(date.day)
      case "e": result += String(date.day)
      case "f": result += Datum.padded(Int(rest % 1_000_000_000 / 1000), 6)
      case "H": result += two(hour)
      case "h", "I": result += two((hour + 11) % 12 + 1)
      case "i": result += two(minute)
      case "j": result += Datum.padded(days - CivilDate.days(date.year, 1, 1) + 1, 3)
      case "k": result += String(hour)
      case "l": result += String((hour + 11) % 12 + 1)
      case "M": result += months[date.month - 1]
      case "m": result += two(date.month)
      case "p": result += hour < 12 ? "AM" : "PM"
      case "r":
        result += "\(two((hour + 11) % 12 + 1)):\(two(minute)):\(two(second)) \(hour < 12 ? "AM" : "PM")"
      case "S", "s": result += two(second)
      case "T": result += "\(two(hour)):\(two(minute)):\(two(second))"
      case "v": result += two(CivilDate.isoWeek(days).week)
      case "W": result += weekdays[CivilDate.weekday(days)]
      case "x": result += Datum.padded(CivilDate.isoWeek(days).year, 4)
      case "Y": result += Datum.padded(date.year, 4)
      case "y": result += two(date.year % 100)
      case "%": result += "%"
      case "D", "U", "u", "V", "w", "X": throw QueryError("%\(code) not supported in date format string")
      default: result.append(code)
      }
      guard result.utf8.count <= TextFunctions.lengthLimit else { throw QueryError("The text is too long") }
    }
    return result
  }

  static func parse(_ text: String, _ format: String) throws(QueryError) -> Int64 {
    let failure = QueryError("Invalid format: '\(text)' does not match '\(format)'")
    var rest = Substring(text)
    var (year, month, day) = (1970, 1, 1)
    var (hour, minute, second, nanoseconds) = (0, 0, 0, 0)
    var isAfternoon: Bool?
    func number(_ limit: Int) throws(QueryError) -> Int {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }.prefix(limit)
      guard let value = Int(digits) else { throw failure }
      rest = rest.dropFirst(digits.count)
      return value
    }
    func word(_ names: [String], _ length: Int?) throws(QueryError) -> Int {
      for (index, name) in names.enumerated() {
        let name = length.map { String(name.prefix($0)) } ?? name
        if rest.lowercased().hasPrefix(name.lowercased()) {
          rest = rest.dropFirst(name.count)
          return index
        }
      }
      throw failure
    }
    var letters = Array(format)[...]
    while let letter = letters.popFirst() {
      guard letter == "%", let code = letters.popFirst() else {
        guard rest.first == letter else { throw failure }
        rest.removeFirst()
        continue
      }
      switch code {
      case "T": letters = Array("%H:%i:%s") + letters
      case "r": letters = Array("%h:%i:%s %p") + letters
      case "Y": year = try number(4)
      case "y":
        let short = try number(2)
        year = short + (short < 70 ? 2000 : 1900)
      case "m", "c": month = try number(2)
      case "d", "e": day = try number(2)
      case "H", "k", "h", "I", "l": hour = try number(2)
      case "i": minute = try number(2)
      case "s", "S": second = try number(2)
      case "f":
        let digits = rest.prefix { $0.isASCII && $0.isNumber }.prefix(9)
        guard let value = Int(digits) else { throw failure }
        rest = rest.dropFirst(digits.count)
        nanoseconds = value
        for _ in digits.count..<9 { nanoseconds *= 10 }
      case "p": isAfternoon = try word(["AM", "PM"], nil) == 1
      case "M": month = try word(months, nil) + 1
      case "b": month = try word(months, 3) + 1
      case "W": _ = try word(weekdays, nil)
      case "a": _ = try word(weekdays, 3)
      case "%":
        guard rest.first == "%" else { throw failure }
        rest.removeFirst()
      default: throw QueryError("%\(code) not supported in date format string")
      }
    }
    if let isAfternoon {
      guard (1...12).contains(hour) else { throw failure }
      hour = hour % 12 + (isAfternoon ? 12 : 0)
    }
    guard rest.isEmpty, (1...12).contains(month), day >= 1, day <= CivilDate.length(ofMonth: month, in: year),
      hour < 24,
      minute < 60, second < 60
    else { throw failure }
    let seconds = Int64(CivilDate.days(year, month, day)) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    return try TimeFunctions.time(seconds.checkedMultiply(1_000_000_000)?.checkedAdd(Int64(nanoseconds)))
      .integer
  }
}
