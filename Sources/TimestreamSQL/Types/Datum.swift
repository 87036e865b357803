import Numbers
import Time

/// A value of the query language. It doesn't hold its type, which the plan knows.
public enum Datum: Sendable, Hashable {
  case null
  case boolean(Bool)
  /// INTEGER, BIGINT; TIMESTAMP in nanoseconds since 1970; DATE in days; TIME in nanoseconds of the day; intervals in
  /// nanoseconds or months.
  case integer(Int64)
  case double(Double)
  case text(String)
  /// The elements of an array, the fields of a row, or the points of a time series, each a list of time and value.
  case list([Datum])

  /// Whether it is NULL.
  public var isNull: Bool { self == .null }

  var integer: Int64 {
    switch self {
    case .integer(let value): value
    case .boolean(let value): value ? 1 : 0
    default: 0
    }
  }

  var double: Double {
    switch self {
    case .double(let value): value
    case .integer(let value): Double(value)
    default: 0
    }
  }

  var text: String { if case .text(let value) = self { value } else { "" } }
  var list: [Datum] { if case .list(let values) = self { values } else { [] } }
  var isTrue: Bool { self == .boolean(true) }

  /// The order of two values of one type, neither of them NULL: -1, 0 or 1.
  static func order(_ left: Datum, _ right: Datum) -> Int {
    switch (left, right) {
    case (.integer(let left), .integer(let right)): left < right ? -1 : left > right ? 1 : 0
    case (.double, .double), (.double, .integer), (.integer, .double):
      left.double < right.double ? -1 : left.double > right.double ? 1 : 0
    case (.boolean(let left), .boolean(let right)): left == right ? 0 : left ? 1 : -1
    case (.text(let left), .text(let right)):
      left == right ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    case (.list(let left), .list(let right)):
      zip(left, right).lazy.map { order($0, $1) }.first { $0 != 0 }
        ?? (left.count < right.count ? -1 : left.count > right.count ? 1 : 0)
    default: 0
    }
  }

  /// The value as Timestream's API and the terminal write it.
  public func text(as type: SQLType) -> String {
    switch (self, type) {
    case (.null, _): return "NULL"
    case (.boolean(let value), _): return value ? "true" : "false"
    case (.integer(let value), .timestamp): return Timestamp.text(value)
    case (.integer(let value), .date): return Self.dateText(value)
    case (.integer(let value), .time): return Self.timeText(value)
    case (.integer(let value), .intervalDayToSecond):
      let (days, rest) = value.magnitude.quotientAndRemainder(dividingBy: 86_400_000_000_000)
      return "\(value < 0 ? "-" : "")\(days) \(Self.timeText(Int64(rest)))"
    case (.integer(let value), .intervalYearToMonth):
      return "\(value < 0 ? "-" : "")\(value.magnitude / 12)-\(value.magnitude % 12)"
    case (.integer(let value), .double): return Self.doubleText(Double(value))
    case (.integer(let value), _): return String(value)
    case (.double(let value), _): return Self.doubleText(value)
    case (.text(let value), _): return value
    case (.list(let values), .array(let element)):
      return "[\(values.map { $0.text(as: element) }.joined(separator: ", "))]"
    case (.list(let values), .row(let fields)):
      return "(\(zip(values, fields).map { $0.text(as: $1.type) }.joined(separator: ", ")))"
    case (.list(let points), .timeseries(let value)):
      let texts = points.map { point in
        "{time: \((point.list[ifPresent: 0] ?? .null).text(as: .timestamp)), value: \((point.list[ifPresent: 1] ?? .null).text(as: value))}"
      }
      return "[\(texts.joined(separator: ", "))]"
    case (.list(let values), _): return "[\(values.map { $0.text(as: .unknown) }.joined(separator: ", "))]"
    }
  }

  /// `2020-08-08`.
  static func dateText(_ days: Int64) -> String {
    let date = CivilDate(daysSinceEpoch: Int(days))
    return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
  }

  /// `01:00:00.000000000`.
  static func timeText(_ nanoseconds: Int64) -> String {
    let seconds = nanoseconds / 1_000_000_000
    return
      "\(padded(Int(seconds / 3600), 2)):\(padded(Int(seconds / 60 % 60), 2)):\(padded(Int(seconds % 60), 2))."
      + padded(Int(nanoseconds % 1_000_000_000), 9)
  }

  static func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  /// A double as Java's `Double.toString` writes it: `12.11`, `1.0E10`, `1.0E-5`.
  static func doubleText(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    let sign = value < 0 ? "-" : ""
    // The shortest digits that read back, and the power of ten of the first of them.
    var digits: [Character] = []
    var exponent = 0
    var point: Int?
    var text = Substring(value.magnitude.description)
    if let mark = text.firstIndex(of: "e") {
      exponent = Int(text[text.index(after: mark)...]) ?? 0
      text = text[..<mark]
    }
    for character in text {
      if character == "." { point = digits.count } else { digits.append(character) }
    }
    exponent += (point ?? digits.count) - 1
    while digits.first == "0", digits.count > 1 {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.last == "0", digits.count > 1 { digits.removeLast() }
    guard value.magnitude >= 1e-3, value.magnitude < 1e7 else {
      let rest = String(digits.dropFirst())
      return "\(sign)\(digits[0]).\(rest.isEmpty ? "0" : rest)E\(exponent)"
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + String(digits) }
    let whole = String(digits.prefix(exponent + 1)).padding(to: exponent + 1)
    let rest = String(digits.dropFirst(exponent + 1))
    return sign + whole + "." + (rest.isEmpty ? "0" : rest)
  }
}

extension String {
  fileprivate func padding(to length: Int) -> String {
    self + String(repeating: "0", count: max(0, length - count))
  }
}
