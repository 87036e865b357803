import Numbers
import Time

/// One line of a statement's `Condition`: an operator, a context key and the values to compare it with ("IAM JSON policy
/// elements: Condition operators").
struct PolicyCondition: Sendable, Equatable {
  private enum Set: String { case any = "ForAnyValue:", all = "ForAllValues:" }

  private enum Comparison: String, CaseIterable {
    case stringEquals = "StringEquals"
    case stringNotEquals = "StringNotEquals"
    case stringEqualsIgnoreCase = "StringEqualsIgnoreCase"
    case stringNotEqualsIgnoreCase = "StringNotEqualsIgnoreCase"
    case stringLike = "StringLike"
    case stringNotLike = "StringNotLike"
    case arnEquals = "ArnEquals"
    case arnNotEquals = "ArnNotEquals"
    case arnLike = "ArnLike"
    case arnNotLike = "ArnNotLike"
    case bool = "Bool"
    case null = "Null"
    case numericEquals = "NumericEquals"
    case numericNotEquals = "NumericNotEquals"
    case numericLessThan = "NumericLessThan"
    case numericLessThanEquals = "NumericLessThanEquals"
    case numericGreaterThan = "NumericGreaterThan"
    case numericGreaterThanEquals = "NumericGreaterThanEquals"
    case dateEquals = "DateEquals"
    case dateNotEquals = "DateNotEquals"
    case dateLessThan = "DateLessThan"
    case dateLessThanEquals = "DateLessThanEquals"
    case dateGreaterThan = "DateGreaterThan"
    case dateGreaterThanEquals = "DateGreaterThanEquals"
    case ipAddress = "IpAddress"
    case notIpAddress = "NotIpAddress"

    var isNegated: Bool { rawValue.contains("Not") }
  }

  /// Why this operator can't compare a value, as part of a sentence; nil if it can, or if the value has variables.
  func problem(with value: String) -> String? {
    guard !value.contains("${") else { return nil }
    if comparison == .ipAddress || comparison == .notIpAddress {
      return IPRange(value) == nil ? "is not an IP address or a range such as 203.0.113.0/24" : nil
    }
    if comparison.rawValue.hasPrefix("Date"), Moment.epochSeconds(value) == nil {
      return "is not a time such as 2026-04-01T00:00:00Z"
    }
    if comparison.rawValue.hasPrefix("Numeric"), NumberText.double(value) == nil { return "is not a number" }
    return nil
  }

  static let names = Comparison.allCases.map(\.rawValue)

  let key: String
  private let set: Set?
  private let comparison: Comparison
  private let ifExists: Bool
  /// The values to compare the key with, which may contain policy variables.
  let values: [String]

  /// nil for an unknown operator.
  init?(_ operation: String, key: String, values: [String]) {
    var name = operation
    var set: Set?
    for candidate in [Set.any, .all] where name.hasPrefix(candidate.rawValue) {
      set = candidate
      name.removeFirst(candidate.rawValue.count)
    }
    let ifExists = name.hasSuffix("IfExists")
    if ifExists { name.removeLast("IfExists".count) }
    guard let comparison = Comparison(rawValue: name) else { return nil }
    self.set = set
    self.comparison = comparison
    self.ifExists = ifExists
    self.key = key
    self.values = values
  }

  /// Whether the context meets the condition. A missing key meets negated operators, `IfExists` and `ForAllValues`.
  func isMet(by context: PolicyContext) -> Bool {
    let present = context.values(of: key)
    if comparison == .null { return values.contains(present.isEmpty ? "true" : "false") }
    if present.isEmpty { return ifExists || comparison.isNegated || set == .all }
    let wanted = values.compactMap { PolicyPattern($0, context.single) }
    func meets(_ value: String) -> Bool {
      let isEqual = wanted.contains { compare(value, $0) }
      return comparison.isNegated ? !isEqual : isEqual
    }
    // Without a set operator a key has one value; if it has several, each must meet the condition.
    return set == .any ? present.contains(where: meets) : present.allSatisfy(meets)
  }

  private func compare(_ value: String, _ wanted: PolicyPattern) -> Bool {
    let text = wanted.text
    switch comparison {
    case .stringEquals, .stringNotEquals: return value == text
    case .stringEqualsIgnoreCase, .stringNotEqualsIgnoreCase: return value.lowercased() == text.lowercased()
    case .bool: return value.lowercased() == text.lowercased()
    case .stringLike, .stringNotLike, .arnLike, .arnNotLike, .arnEquals, .arnNotEquals:
      return wanted.matches(value)
    case .ipAddress, .notIpAddress: return IPRange(text)?.contains(value) ?? false
    case .null: return false
    default: break
    }
    let isDate = comparison.rawValue.hasPrefix("Date")
    // A date is ISO 8601, or seconds since 1970.
    guard let left = isDate ? Moment.epochSeconds(value) : NumberText.double(value),
      let right = isDate ? Moment.epochSeconds(text) : NumberText.double(text)
    else { return false }
    switch comparison {
    case .numericLessThan, .dateLessThan: return left < right
    case .numericLessThanEquals, .dateLessThanEquals: return left <= right
    case .numericGreaterThan, .dateGreaterThan: return left > right
    case .numericGreaterThanEquals, .dateGreaterThanEquals: return left >= right
    default: return left == right
    }
  }
}

extension PolicyPattern {
  /// The text with its wildcards as they were written.
  fileprivate var text: String {
    var text = String.UnicodeScalarView()
    for token in tokens {
      switch token {
      case .scalar(let scalar): text.append(scalar)
      case .one: text.append("?")
      case .any: text.append("*")
      }
    }
    return String(text)
  }
}
