/// A type of Timestream's query language.
public indirect enum SQLType: Sendable, Hashable {
  /// The type of NULL.
  case unknown
  case boolean
  case integer
  case bigint
  case double
  case varchar
  case timestamp
  case date
  case time
  case intervalDayToSecond
  case intervalYearToMonth
  case array(SQLType)
  case row([RowField])
  case timeseries(SQLType)

  /// A field of a row.
  public struct RowField: Sendable, Hashable {
    /// Its name, if it has one.
    public let name: String?
    /// Its type.
    public let type: SQLType
  }

  /// The type as error messages and DESCRIBE write it: `array(double)`.
  public var text: String {
    switch self {
    case .unknown: "unknown"
    case .boolean: "boolean"
    case .integer: "integer"
    case .bigint: "bigint"
    case .double: "double"
    case .varchar: "varchar"
    case .timestamp: "timestamp"
    case .date: "date"
    case .time: "time"
    case .intervalDayToSecond: "interval day to second"
    case .intervalYearToMonth: "interval year to month"
    case .array(let element): "array(\(element.text))"
    case .row(let fields):
      "row(\(fields.map { ($0.name.map { $0 + " " } ?? "") + $0.type.text }.joined(separator: ", ")))"
    case .timeseries(let value): "timeseries(\(value.text))"
    }
  }

  var isNumeric: Bool { self == .integer || self == .bigint || self == .double }
  var isInteger: Bool { self == .integer || self == .bigint }

  /// Whether a value is kept in SQLite as it is; arrays, rows and series are kept as blobs (`DatumCoding`).
  var isScalar: Bool {
    switch self {
    case .array, .row, .timeseries: false
    default: true
    }
  }

  /// Whether values of this type become `target` implicitly (Presto's implicit coercions).
  func coerces(to target: SQLType) -> Bool {
    if self == target || self == .unknown { return true }
    switch (self, target) {
    case (.integer, .bigint), (.integer, .double), (.bigint, .double), (.date, .timestamp): return true
    case (.array(let from), .array(let to)), (.timeseries(let from), .timeseries(let to)):
      return from.coerces(to: to)
    // For functions over arrays, a time series is an array of rows (time, value).
    case (.timeseries(let value), .array(let element)): return SQLType.point(value).coerces(to: element)
    case (.row(let from), .row(let to)):
      return from.count == to.count && zip(from, to).allSatisfy { $0.type.coerces(to: $1.type) }
    default: return false
    }
  }

  /// The row type of a time series' point.
  static func point(_ value: SQLType) -> SQLType {
    .row([RowField(name: "time", type: .timestamp), RowField(name: "value", type: value)])
  }

  /// The type to which both coerce; nil if there is none.
  static func common(_ left: SQLType, _ right: SQLType) -> SQLType? {
    if left.coerces(to: right) { return right }
    if right.coerces(to: left) { return left }
    switch (left, right) {
    case (.array(let left), .array(let right)): return common(left, right).map { .array($0) }
    case (.row(let left), .row(let right)) where left.count == right.count:
      var fields: [RowField] = []
      for (one, other) in zip(left, right) {
        guard let type = common(one.type, other.type) else { return nil }
        fields.append(RowField(name: one.name == other.name ? one.name : nil, type: type))
      }
      return .row(fields)
    default: return nil
    }
  }

  /// The type to which all coerce; nil if there is none, or if `types` is empty.
  static func common(of types: [SQLType]) -> SQLType? {
    guard var type = types.first else { return nil }
    for next in types.dropFirst() {
      guard let wider = common(type, next) else { return nil }
      type = wider
    }
    return type
  }

  /// Whether values of this type have an order.
  var isOrdered: Bool {
    switch self {
    case .timeseries: false
    case .array(let element): element.isOrdered
    case .row(let fields): fields.allSatisfy { $0.type.isOrdered }
    default: true
    }
  }

  init(_ name: TypeName) throws(QueryError) {
    func parameters(_ count: Int) throws(QueryError) -> [SQLType] {
      guard name.parameters.count == count else {
        throw QueryError("Unknown type: \(name.name)", at: name.place)
      }
      var types: [SQLType] = []
      for parameter in name.parameters { types.append(try SQLType(parameter.type)) }
      return types
    }
    switch name.name {
    case "boolean": self = .boolean
    case "integer", "int": self = .integer
    case "bigint": self = .bigint
    case "double": self = .double
    case "varchar": self = .varchar
    case "timestamp": self = .timestamp
    case "date": self = .date
    case "time": self = .time
    case "unknown": self = .unknown
    case "interval day to second": self = .intervalDayToSecond
    case "interval year to month": self = .intervalYearToMonth
    case "array": self = .array(try parameters(1)[0])
    case "timeseries": self = .timeseries(try parameters(1)[0])
    case "row":
      guard !name.parameters.isEmpty else { throw QueryError("Unknown type: row", at: name.place) }
      var fields: [RowField] = []
      for parameter in name.parameters {
        fields.append(RowField(name: parameter.field, type: try SQLType(parameter.type)))
      }
      self = .row(fields)
    default: throw QueryError("Unknown type: \(name.name)", at: name.place)
    }
  }
}
