import Numbers

/// One line of a statement's `Condition`: an operator, a context key and the values that it is compared with
/// ("IAM JSON policy elements: Condition operators").
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

    var isNegated: Bool { rawValue.contains("Not") }
  }

  static let names = Comparison.allCases.map(\.rawValue)

  let key: String
  private let set: Set?
  private let comparison: Comparison
  private let ifExists: Bool
  private let values: [String]

  /// Nil for an operator that isn't known.
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

  /// Whether the context meets it. A key that isn't there meets negated operators, `IfExists` and `ForAllValues`.
  func isMet(by context: PolicyContext) -> Bool {
    let present = context.values(of: key)
    if comparison == .null { return values.contains(present.isEmpty ? "true" : "false") }
    if present.isEmpty { return ifExists || comparison.isNegated || set == .all }
    let wanted = values.compactMap { PolicyPattern($0, context.single) }
    func meets(_ value: String) -> Bool {
      let isEqual = wanted.contains { compare(value, $0) }
      return comparison.isNegated ? !isEqual : isEqual
    }
    // Without a set operator a key has one value; of several, each must do.
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
    case .null: return false
    default: break
    }
    guard let left = NumberText.double(value), let right = NumberText.double(text) else { return false }
    switch comparison {
    case .numericLessThan: return left < right
    case .numericLessThanEquals: return left <= right
    case .numericGreaterThan: return left > right
    case .numericGreaterThanEquals: return left >= right
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
