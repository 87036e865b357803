/// The version of AWS IoT SQL that a rule is written for.
public enum SQLVersion: String, Sendable, CaseIterable {
  /// The default for a rule document without `awsIotSqlVersion`.
  case v2015 = "2015-10-08"
  case v2016 = "2016-03-23"
}

/// A number and whether the dialect treats it as an Int.
struct Number: Sendable {
  let decimal: Decimal34
  let isInt: Bool

  /// The dialect's text of the number.
  var text: String { decimal.text(withPoint: !isInt) }

  func append(to bytes: inout [UInt8]) { decimal.append(to: &bytes, withPoint: !isInt) }

  /// The result of `+`, `-`, `*`, `/` or `%`; nil if there is none. The quotient of two Ints has no fraction.
  func arithmetic(_ operation: Expression.BinaryOperator, _ other: Number) -> Decimal34? {
    switch operation {
    case .add: return decimal + other.decimal
    case .subtract: return decimal - other.decimal
    case .multiply: return decimal * other.decimal
    case .divide:
      let quotient = decimal / other.decimal
      return isInt && other.isInt ? quotient?.rounded(.towardZero) : quotient
    default: return decimal % other.decimal
    }
  }
}

/// A value of the language. Undefined and null are different values.
enum Value: Sendable {
  case undefined
  case null
  case boolean(Bool)
  case number(Number)
  case string(String)
  case array([Value])
  case object(ObjectValue)
  /// A payload that isn't JSON; only `SELECT *` and `encode` accept it.
  case bytes([UInt8])

  static func int(_ value: Int) -> Value { .number(Number(decimal: Decimal34(value), isInt: true)) }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }
}

/// An object's keys and values, in the order in which the keys first appeared.
struct ObjectValue: Sendable {
  private(set) var keys: [String] = []
  private(set) var values: [Value] = []
  /// The index of each key, once there are too many for a linear search.
  private var places: [String: Int]?
  private static let searchLimit = 16

  var count: Int { keys.count }

  subscript(key: String) -> Value? { place(of: key).map { values[$0] } }

  /// Sets a key's value in place; a new key comes last.
  mutating func set(_ key: String, _ value: Value) {
    if let place = place(of: key) {
      values[place] = value
      return
    }
    places?[key] = keys.count
    keys.append(key)
    values.append(value)
    if places == nil, keys.count > Self.searchLimit {
      places = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, $0) })
    }
  }

  private func place(of key: String) -> Int? {
    if let places { return places[key] }
    return keys.firstIndex(of: key)
  }
}

/// The conversions of the dialect's tables (DIGEST of `iot-sql-data-types`: "Conversions").
extension Value {
  /// The value as a Decimal, if it is a number or a string that is one.
  var asDecimal: Decimal34? {
    switch self {
    case .number(let number): number.decimal
    case .string(let text): Self.decimal(text)
    default: nil
    }
  }

  /// A string that matches `^-?\d+(\.\d+)?((?i)E-?\d+)?$` as a number.
  static func decimal(_ text: String) -> Decimal34? {
    var text = text
    return text.withUTF8 { bytes in
      // "E+5" is valid in a JSON number, but not in a string that converts to a number.
      bytes.contains(UInt8(ascii: "+")) ? nil : Decimal34(bytes)
    }
  }

  /// The value as an integer argument, rounded down.
  var asIntegerArgument: Int? { asDecimal?.floorInt }

  var asBoolean: Bool? {
    switch self {
    case .boolean(let value): value
    // A longer text is neither of these, and lowercasing a long text takes long.
    case .string(let text) where text.utf8.count <= 5:
      switch text.lowercased() {
      case "true": true
      case "false": false
      default: nil
      }
    default: nil
    }
  }

  /// The value as a String; nil for null and Undefined.
  var asString: String? {
    switch self {
    case .undefined, .null: nil
    case .boolean(let value): value ? "true" : "false"
    case .number(let number): number.isInt ? number.text : number.decimal.text()
    case .string(let text): text
    case .array, .object: json.map { String(decoding: $0, as: UTF8.self) }
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    }
  }

  /// The dialect's `=`; nil if a side is Undefined, or if too little of the budget is left to compare them.
  static func equal(_ left: Value, _ right: Value, _ budget: Budget = Budget()) -> Bool? {
    switch (left, right) {
    case (.undefined, _), (_, .undefined): return nil
    default:
      let result = isSame(left, right, budget)
      return budget.excess == nil ? result : nil
    }
  }

  /// Takes every step from the budget: values that share parts can be far larger than their memory.
  private static func isSame(_ left: Value, _ right: Value, _ budget: Budget) -> Bool {
    guard budget.take(Budget.step) else { return false }
    switch (left, right) {
    case (.null, .null), (.undefined, .undefined): return true
    case (.boolean(let a), .boolean(let b)): return a == b
    case (.number(let a), .number(let b)): return a.decimal == b.decimal
    // Strings are compared by their code points, not by canonical equivalence.
    case (.string(let a), .string(let b)):
      return a.utf8.count == b.utf8.count && budget.take(a.utf8.count) && a.utf8.elementsEqual(b.utf8)
    case (.array(let a), .array(let b)):
      return a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1, budget) }
    case (.object(let a), .object(let b)):
      return a.count == b.count
        && zip(a.keys, a.values).allSatisfy { key, value in
          budget.take(key.utf8.count) && b[key].map { isSame(value, $0, budget) } ?? false
        }
    default: return false
    }
  }
}
