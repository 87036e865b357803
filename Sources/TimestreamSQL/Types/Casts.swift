import Numbers
import Time

/// `CAST(value AS type)` (Presto documentation, "Conversion Functions").
enum Casts {
  /// The conversion, or nil if there is none between these types.
  static func conversion(from: SQLType, to: SQLType) -> (@Sendable (Datum) throws(QueryError) -> Datum)? {
    if from.coerces(to: to) {
      let convert = Coercion.conversion(from: from, to: to)
      return { (value) throws(QueryError) in convert(value) }
    }
    switch (from, to) {
    case (.array(let from), .array(let to)):
      guard let element = conversion(from: from, to: to) else { return nil }
      return { (value) throws(QueryError) in
        var values: [Datum] = []
        for item in value.list { values.append(item.isNull ? .null : try element(item)) }
        return .list(values)
      }
    case (.row(let from), .row(let to)) where from.count == to.count:
      var fields: [@Sendable (Datum) throws(QueryError) -> Datum] = []
      for (one, other) in zip(from, to) {
        guard let field = conversion(from: one.type, to: other.type) else { return nil }
        fields.append(field)
      }
      return { [fields] (value) throws(QueryError) in
        var values: [Datum] = []
        for (item, field) in zip(value.list, fields) { values.append(item.isNull ? .null : try field(item)) }
        return .list(values)
      }
    case (_, .varchar) where from.isScalar:
      return { (value) throws(QueryError) in .text(text(value, from)) }
    case (.varchar, .boolean):
      return { (value) throws(QueryError) in
        switch value.text.lowercased() {
        case "true", "t", "1": return .boolean(true)
        case "false", "f", "0": return .boolean(false)
        default: throw failure(value, to)
        }
      }
    case (.varchar, .integer), (.varchar, .bigint):
      return { (value) throws(QueryError) in
        guard let number = Int64(value.text.blanksTrimmed), to == .bigint || Int32(exactly: number) != nil
        else {
          throw failure(value, to)
        }
        return .integer(number)
      }
    case (.varchar, .double):
      return { (value) throws(QueryError) in
        let text = value.text.blanksTrimmed
        guard !text.lowercased().hasPrefix("0x"), let number = Double(text) else { throw failure(value, to) }
        return .double(number)
      }
    case (.varchar, .timestamp): return { (value) throws(QueryError) in try timestamp(value.text) }
    case (.varchar, .date): return { (value) throws(QueryError) in try date(value.text) }
    case (.varchar, .time): return { (value) throws(QueryError) in try time(value.text) }
    case (.double, .integer), (.double, .bigint):
      return { (value) throws(QueryError) in
        // Rounds half away from zero.
        guard let number = Int64(truncated: value.double.rounded()),
          to == .bigint || Int32(exactly: number) != nil
        else {
          throw QueryError("Unable to cast \(Datum.doubleText(value.double)) to \(to.text)")
        }
        return .integer(number)
      }
    case (.bigint, .integer):
      return { (value) throws(QueryError) in
        guard Int32(exactly: value.integer) != nil else {
          throw QueryError("Out of range for integer: \(value.integer)")
        }
        return value
      }
    case (.boolean, .integer), (.boolean, .bigint):
      return { (value) throws(QueryError) in .integer(value.integer) }
    case (.boolean, .double): return { (value) throws(QueryError) in .double(Double(value.integer)) }
    case (.integer, .boolean), (.bigint, .boolean):
      return { (value) throws(QueryError) in .boolean(value.integer != 0) }
    case (.double, .boolean): return { (value) throws(QueryError) in .boolean(value.double != 0) }
    case (.timestamp, .date):
      return { (value) throws(QueryError) in
        .integer(value.integer.floorDivided(by: TimeFunctions.day).quotient)
      }
    case (.timestamp, .time):
      return { (value) throws(QueryError) in
        .integer(value.integer.floorDivided(by: TimeFunctions.day).remainder)
      }
    default: return nil
    }
  }

  private static func failure(_ value: Datum, _ type: SQLType) -> QueryError {
    QueryError("Cannot cast '\(value.text)' to \(type.text.uppercased())")
  }

  private static func text(_ value: Datum, _ type: SQLType) -> String { value.text(as: type) }

  static func timestamp(_ text: String) throws(QueryError) -> Datum {
    guard let time = Timestamp.parse(text) else {
      throw QueryError("Value cannot be cast to timestamp: \(text)")
    }
    return .integer(time)
  }

  static func date(_ text: String) throws(QueryError) -> Datum {
    let text = text.blanksTrimmed
    guard text.utf8.count == 10, let moment = Moment(iso8601: text) else {
      throw QueryError("Value cannot be cast to date: \(text)")
    }
    return .integer(Int64(moment.seconds).floorDivided(by: 86_400).quotient)
  }

  static func time(_ text: String) throws(QueryError) -> Datum {
    let text = text.blanksTrimmed
    guard let moment = Moment(iso8601: "1970-01-01 " + text), text.utf8.first != UInt8(ascii: " ") else {
      throw QueryError("Value cannot be cast to time: \(text)")
    }
    return .integer(Int64(moment.seconds) * 1_000_000_000 + Int64(moment.nanoseconds))
  }
}

extension String {
  var blanksTrimmed: String {
    var rest = self[...]
    while rest.first?.isWhitespace == true { rest.removeFirst() }
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return String(rest)
  }
}
