/// The types of a measure, as Timestream names them.
public enum MeasureType: String, Sendable, CaseIterable {
  case bigint = "BIGINT"
  case double = "DOUBLE"
  case boolean = "BOOLEAN"
  case varchar = "VARCHAR"
}

/// One measured value.
public enum MeasureValue: Sendable, Hashable {
  case bigint(Int64)
  case double(Double)
  case boolean(Bool)
  case varchar(String)

  /// Its type.
  public var type: MeasureType {
    switch self {
    case .bigint: .bigint
    case .double: .double
    case .boolean: .boolean
    case .varchar: .varchar
    }
  }

  /// As a number: what charts and rollups take; a text has none.
  public var number: Double? {
    switch self {
    case .bigint(let value): Double(value)
    case .double(let value): value
    case .boolean(let value): value ? 1 : 0
    case .varchar: nil
    }
  }
}
