/// The types of a measure, as Timestream names them.
public enum MeasureType: String, Sendable, CaseIterable {
  case bigint = "BIGINT"
  case double = "DOUBLE"
  case boolean = "BOOLEAN"
  case varchar = "VARCHAR"
  /// Only in MULTI records.
  case timestamp = "TIMESTAMP"

  /// Whether charts and rollups take its values.
  var isNumeric: Bool { self != .varchar && self != .timestamp }
}

/// One measured value.
public enum MeasureValue: Sendable, Hashable {
  case bigint(Int64)
  case double(Double)
  case boolean(Bool)
  case varchar(String)
  /// Nanoseconds since 1970.
  case timestamp(Int64)

  /// Its type.
  public var type: MeasureType {
    switch self {
    case .bigint: .bigint
    case .double: .double
    case .boolean: .boolean
    case .varchar: .varchar
    case .timestamp: .timestamp
    }
  }

  /// As a number: what charts and rollups take; texts and times have none.
  public var number: Double? {
    switch self {
    case .bigint(let value): Double(value)
    case .double(let value): value
    case .boolean(let value): value ? 1 : 0
    case .varchar, .timestamp: nil
    }
  }
}
