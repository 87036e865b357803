/// Writes an expression as SQL again, for explanations.
extension Expression {
  /// The text, with the names of SET's variables.
  func sql(_ variables: [String]) -> String {
    func text(_ expression: Expression) -> String { expression.sql(variables) }
    func list(_ expressions: [Expression]) -> String { expressions.map(text).joined(separator: ", ") }
    switch self {
    case .literal(let value): return Self.literal(value)
    case .path(let names): return names.joined(separator: ".")
    case .member(let object, let name): return "(\(text(object))).\(name)"
    case .variable(let number): return number < variables.count ? "@\(variables[number])" : "@?"
    case .row, .payload: return "*"
    case .call(let function, let arguments): return "\(function.name)(\(list(arguments)))"
    case .cast(let operand, let type):
      let name =
        switch type {
        case .string: "String"
        case .int: "Int"
        case .decimal: "Decimal"
        case .boolean: "Boolean"
        }
      return "cast(\(text(operand)) AS \(name))"
    case .negate(let operand): return "-\(inner(operand, variables))"
    case .not(let operand): return "NOT \(inner(operand, variables))"
    case .binary(let operation, let left, let right):
      return "\(inner(left, variables)) \(operation.rawValue) \(inner(right, variables))"
    case .choice(let subject, let cases, let otherwise):
      return "CASE \(text(subject)) " + cases.map { "WHEN \(text($0.when)) THEN \(text($0.then)) " }.joined()
        + (otherwise.map { "ELSE \(text($0)) " } ?? "") + "END"
    case .array(let elements): return "[\(list(elements))]"
    case .object(let members):
      return "{" + members.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", ") + "}"
    case .query(let select, let source):
      return "(\(select.sql(variables)) FROM \(text(source))" + (select.alias.map { " AS \($0)" } ?? "")
        + (select.condition.map { " WHERE \(text($0))" } ?? "") + ")"
    }
  }

  private func inner(_ expression: Expression, _ variables: [String]) -> String {
    if case .binary = expression { return "(\(expression.sql(variables)))" }
    return expression.sql(variables)
  }

  private static func literal(_ value: Value) -> String {
    switch value {
    case .string(let text): "'\(text.replacing("'", with: "''"))'"
    case .undefined: "Undefined"
    case .null: "NULL"
    default: value.asString ?? ""
    }
  }
}

extension Select {
  /// `SELECT …` without FROM and WHERE.
  fileprivate func sql(_ variables: [String]) -> String {
    switch items {
    case .value(let expression): return "SELECT VALUE \(expression.sql(variables))"
    case .list(let items):
      let texts = items.map { item in
        switch item {
        case .everything: "*"
        case .members(let expression): "\(expression.sql(variables)).*"
        case .expression(let expression, let path):
          "\(expression.sql(variables)) AS \(path.joined(separator: "."))"
        }
      }
      return "SELECT \(texts.joined(separator: ", "))"
    }
  }
}
