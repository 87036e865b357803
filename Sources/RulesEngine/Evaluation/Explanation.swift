/// Explains a statement's result for one message: its expressions with their values.
public struct Explanation: Sendable {
  /// One expression.
  public struct Row: Sendable, Equatable {
    /// `SET @name`, `WHERE` or `SELECT name`; empty for a part of the expression above.
    public let clause: String
    /// The expression as SQL, two blanks before it for each level inside another.
    public let expression: String
    /// The value as JSON, cut if it is long; empty for Undefined.
    public let value: String
    /// The value's type in the dialect's words.
    public let type: String
    /// Why it is Undefined, or why there is no match.
    public let note: String
  }

  /// The most bytes shown of a value: each expression of a statement shows one.
  static let valueLimit = 1024

  /// The expressions, in the order in which the clauses are evaluated.
  public private(set) var rows: [Row] = []
  fileprivate let variables: [String]

  fileprivate init(variables: [String]) { self.variables = variables }

  fileprivate mutating func add(
    _ clause: String, _ expression: Expression, _ evaluator: Evaluator, depth: Int = 0
  ) {
    // Parts are evaluated again after the whole, so each evaluation gets its own budget.
    evaluator.budget.reset()
    let value = evaluator.value(of: expression)
    var note = ""
    if let excess = evaluator.budget.excess {
      note = "no result: \(excess)"
    } else if value.isUndefined {
      note = evaluator.reason(expression)
    }
    if clause == "WHERE", value.asBoolean != true {
      note =
        "no match: WHERE is \(value.isUndefined ? "Undefined" : "not true")"
        + (note.isEmpty ? "" : "; \(note)")
    }
    rows.append(
      Row(
        clause: clause, expression: String(repeating: "  ", count: depth) + expression.sql(variables),
        value: value.isUndefined ? "" : value.shown, type: value.typeName,
        note: note))
    for part in expression.parts { add("", part, evaluator, depth: depth + 1) }
  }
}

extension StatementEvaluator {
  /// Explains what `evaluate` does with the message.
  public func explain(_ statement: CompiledStatement, _ message: Message) -> Explanation {
    var explanation = Explanation(variables: statement.variables)
    var (evaluator, failure) = prepare(statement, message)
    if failure != nil { return explanation }
    let variables = evaluator.variables
    evaluator.variables = []
    for (number, assignment) in statement.statement.assignments.enumerated() {
      explanation.add("SET @\(assignment.name)", assignment.expression, evaluator)
      evaluator.variables.append(variables[number])
    }
    let select = statement.statement.select
    if let alias = select.alias { evaluator.aliases.append((alias, evaluator.row)) }
    if let condition = select.condition {
      explanation.add("WHERE", condition, evaluator)
      guard evaluator.value(of: condition).asBoolean == true else { return explanation }
    }
    switch select.items {
    case .value(let expression): explanation.add("SELECT VALUE", expression, evaluator)
    case .list(let items):
      for item in items {
        switch item {
        case .everything: explanation.add("SELECT", .row, evaluator)
        case .members(let expression): explanation.add("SELECT .*", expression, evaluator)
        case .expression(let expression, let path):
          explanation.add("SELECT \(path.joined(separator: "."))", expression, evaluator)
        }
      }
    }
    return explanation
  }
}

extension Expression {
  /// The expression's operands, without constants. A nested query reads other rows and has no parts here.
  fileprivate var parts: [Expression] {
    let all: [Expression]
    switch self {
    case .literal, .path, .variable, .row, .payload, .query: all = []
    case .member(let object, _): all = [object]
    case .call(_, let arguments): all = arguments
    case .cast(let operand, _), .negate(let operand), .not(let operand): all = [operand]
    case .binary(_, let left, let right): all = [left, right]
    case .choice(let subject, let cases, let otherwise):
      all = [subject] + cases.flatMap { [$0.when, $0.then] } + (otherwise.map { [$0] } ?? [])
    case .array(let elements): all = elements
    case .object(let members): all = members.flatMap { [$0.key, $0.value] }
    }
    return all.filter {
      switch $0 {
      case .literal, .row, .payload: false
      default: true
      }
    }
  }
}

extension Evaluator {
  /// Why `expression` is Undefined.
  fileprivate func reason(_ expression: Expression) -> String {
    func isUndefined(_ part: Expression) -> Bool { value(of: part).isUndefined }
    func described(_ part: Expression) -> String {
      let value = value(of: part)
      return "\(value.shown) (\(value.typeName))"
    }
    switch expression {
    case .literal: return "the number is beyond 34 digits or an exponent of 999"
    case .path(let names): return missing(names)
    case .member(let object, let name):
      return isUndefined(object) ? "its object is Undefined" : "\(described(object)) has no '\(name)'"
    case .variable: return "the variable is Undefined"
    case .row, .payload: return "the payload is not a JSON value"
    case .call(let function, let arguments):
      if !function.arity.contains(arguments.count) {
        let (least, most) = (function.arity.lowerBound, function.arity.upperBound)
        return "\(function.name) takes \(least == most ? "\(least)" : "\(least) to \(most)") arguments"
      }
      if let place = arguments.firstIndex(where: isUndefined) { return "argument \(place + 1) is Undefined" }
      if arguments.isEmpty { return "it is not known for this message" }
      return "\(function.name) has no value for \(arguments.map(described).joined(separator: ", "))"
    case .cast(let operand, _), .negate(let operand), .not(let operand):
      return isUndefined(operand) ? "its operand is Undefined" : "\(described(operand)) can't be converted"
    case .binary(let operation, let left, let right):
      if isUndefined(left) { return "the left side is Undefined" }
      if isUndefined(right) { return "the right side is Undefined" }
      return "\(operation.rawValue) has no value for \(described(left)) and \(described(right))"
    case .choice(let subject, let cases, _):
      if isUndefined(subject) { return "CASE's operand is Undefined" }
      let isMet = cases.contains { Value.equal(value(of: subject), value(of: $0.when)) == true }
      return isMet ? "the THEN that was taken is Undefined" : "no WHEN is equal, and there is no ELSE"
    case .array, .object: return ""
    case .query(_, let source):
      return isUndefined(source) ? "its source is Undefined" : "\(described(source)) has no rows"
    }
  }

  private func missing(_ names: [String]) -> String {
    var known: [String] = []
    for name in names {
      let present = known.isEmpty ? value(of: .row) : value(of: .path(known))
      guard case .object(let object) = present else {
        return known.isEmpty
          ? "the payload is \(present.typeName), not an object"
          : "'\(known.joined(separator: "."))' is \(present.typeName), not an object"
      }
      if object[name] == nil {
        return "there is no '\(name)' in "
          + (known.isEmpty ? "the payload" : "'\(known.joined(separator: "."))'")
      }
      known.append(name)
    }
    return "its number is beyond 34 digits or an exponent of 999"
  }
}

extension Value {
  /// The dialect's word for the value's type.
  fileprivate var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .null: "Null"
    case .boolean: "Boolean"
    case .number(let number): number.isInt ? "Int" : "Decimal"
    case .string: "String"
    case .array: "Array"
    case .object: "Object"
    case .bytes: "binary"
    }
  }
}

extension Value {
  /// The value as JSON, for a person; a long one is cut.
  fileprivate var shown: String {
    guard let json else { return "a value too long to show" }
    guard json.count > Explanation.valueLimit else { return String(decoding: json, as: UTF8.self) }
    return String(decoding: json.prefix(Explanation.valueLimit), as: UTF8.self) + "…"
  }
}
