/// An expression whose names are resolved and whose types are known.
final class TypedExpression {
  indirect enum Kind {
    case constant(Datum)
    /// A value that SQLite has: a column, or a scalar subquery.
    case reference(sql: String)
    /// The parameter of a lambda, by its index among those of the enclosing lambdas.
    case local(Int)
    case lambda(firstLocal: Int, count: Int, body: TypedExpression)
    case apply(ScalarFunction, [TypedExpression])
    /// A value converted from another type by Presto's implicit coercions.
    case convert(TypedExpression)
    case and([TypedExpression])
    case or([TypedExpression])
    case not(TypedExpression)
    case compare(Comparison, TypedExpression, TypedExpression)
    case isDistinct(TypedExpression, TypedExpression)
    case isNull(TypedExpression)
    case inList(TypedExpression, [TypedExpression])
    case inQuery(TypedExpression, sql: String)
    case exists(sql: String)
    case choice([(when: TypedExpression, then: TypedExpression)], otherwise: TypedExpression)
    /// NULL if the operand fails.
    case attempt(TypedExpression)
    case aggregate(AggregateCall)
  }

  enum Comparison: String {
    case equal = "=", unequal = "<>", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
  }

  let kind: Kind
  let type: SQLType
  let place: Place
  /// Equal for expressions that mean the same, so that a select item is found among the groups.
  private(set) lazy var key: String = makeKey()

  init(_ kind: Kind, _ type: SQLType, _ place: Place) {
    self.kind = kind
    self.type = type
    self.place = place
  }

  /// The operands.
  var children: [TypedExpression] {
    switch kind {
    case .constant, .reference, .local, .exists: []
    case .lambda(_, _, let body): [body]
    case .apply(_, let arguments): arguments
    case .convert(let operand), .not(let operand), .isNull(let operand), .attempt(let operand),
      .inQuery(let operand, _):
      [operand]
    case .and(let operands), .or(let operands): operands
    case .compare(_, let left, let right), .isDistinct(let left, let right): [left, right]
    case .inList(let operand, let choices): [operand] + choices
    case .choice(let cases, let otherwise): cases.flatMap { [$0.when, $0.then] } + [otherwise]
    case .aggregate(let call): call.operands
    }
  }

  /// Whether the value is known when the statement is planned.
  var isConstant: Bool {
    switch kind {
    case .constant: true
    case .reference, .local, .exists, .inQuery, .aggregate: false
    case .apply(let function, let arguments):
      function.isDeterministic && arguments.allSatisfy(\.isConstantOrLambda)
    default: children.allSatisfy(\.isConstant)
    }
  }

  private var isConstantOrLambda: Bool {
    if case .lambda(let first, _, let body) = kind { return body.isClosed(from: first) }
    return isConstant
  }

  /// Whether it uses nothing but constants and the parameters of lambdas from `first` on.
  private func isClosed(from first: Int) -> Bool {
    switch kind {
    case .local(let index): index >= first
    case .reference, .exists, .inQuery, .aggregate: false
    case .apply(let function, let arguments):
      function.isDeterministic && arguments.allSatisfy { $0.isClosed(from: first) }
    default: children.allSatisfy { $0.isClosed(from: first) }
    }
  }

  /// Whether it contains an aggregate, with OVER if `windowed`, otherwise without.
  func containsAggregate(windowed: Bool) -> Bool {
    if case .aggregate(let call) = kind {
      if (call.window != nil) == windowed { return true }
      if call.window == nil { return false }
    }
    return children.contains { $0.containsAggregate(windowed: windowed) }
  }

  private func makeKey() -> String {
    func list(_ operands: [TypedExpression]) -> String { operands.map(\.key).joined(separator: ",") }
    switch kind {
    case .constant(let datum): return "\(type.text):\(datum)"
    case .reference(let sql): return sql
    case .local(let index): return "local \(index)"
    case .lambda(let first, let count, let body): return "lambda \(first) \(count) \(body.key)"
    case .apply(let function, let arguments): return "\(function.name)->\(type.text)(\(list(arguments)))"
    case .convert(let operand): return "convert(\(operand.key),\(type.text))"
    case .and(let operands): return "and(\(list(operands)))"
    case .or(let operands): return "or(\(list(operands)))"
    case .not(let operand): return "not(\(operand.key))"
    case .compare(let comparison, let left, let right):
      return "(\(left.key)\(comparison.rawValue)\(right.key))"
    case .isDistinct(let left, let right): return "distinct(\(left.key),\(right.key))"
    case .isNull(let operand): return "null(\(operand.key))"
    case .inList(let operand, let choices): return "in(\(operand.key);\(list(choices)))"
    case .inQuery(let operand, let sql): return "in(\(operand.key);\(sql))"
    case .exists(let sql): return "exists(\(sql))"
    case .choice(let cases, let otherwise):
      return "case(\(cases.map { "\($0.when.key)?\($0.then.key)" }.joined(separator: ";")):\(otherwise.key))"
    case .attempt(let operand): return "try(\(operand.key))"
    case .aggregate(let call): return call.key
    }
  }
}

/// A call of an aggregate or a window function.
final class AggregateCall {
  let function: AggregateFunction
  let arguments: [TypedExpression]
  let isStar: Bool
  let isDistinct: Bool
  let filter: TypedExpression?
  let order: [Order]
  let window: TypedWindow?
  let ignoresNulls: Bool

  struct Order {
    let expression: TypedExpression
    let isDescending: Bool
    let nullsFirst: Bool
  }

  struct TypedWindow {
    let partition: [TypedExpression]
    let order: [Order]
    let frame: String?
  }

  init(
    _ function: AggregateFunction, _ arguments: [TypedExpression], isStar: Bool, isDistinct: Bool,
    filter: TypedExpression?,
    order: [Order], window: TypedWindow?, ignoresNulls: Bool
  ) {
    self.function = function
    self.arguments = arguments
    self.isStar = isStar
    self.isDistinct = isDistinct
    self.filter = filter
    self.order = order
    self.window = window
    self.ignoresNulls = ignoresNulls
  }

  var operands: [TypedExpression] {
    var all = arguments + order.map(\.expression)
    if let filter { all.append(filter) }
    if let window { all += window.partition + window.order.map(\.expression) }
    return all
  }

  var key: String {
    func list(_ order: [Order]) -> String {
      order.map { "\($0.expression.key) \($0.isDescending) \($0.nullsFirst)" }.joined(separator: ",")
    }
    var key =
      "\(function.name)\(isStar ? "*" : "")\(isDistinct ? "!" : "")(\(arguments.map(\.key).joined(separator: ",")))"
    key += "[\(filter?.key ?? "")][\(list(order))]"
    if let window {
      key +=
        "over(\(window.partition.map(\.key).joined(separator: ","));\(list(window.order));\(window.frame ?? ""))"
    }
    return key
  }
}
