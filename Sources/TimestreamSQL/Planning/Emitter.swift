/// Writes typed expressions in SQLite's SQL: natively if SQLite gives Presto's result, otherwise as a call of a registered
/// function over values that SQLite has.
struct Emitter {
  let planner: QueryPlanner
  /// SQLite's default limit on the number of a function's arguments.
  private static let argumentLimit = 100

  static func quoted(_ name: String) -> String { "\"" + name.replacing("\"", with: "\"\"") + "\"" }

  func literal(_ datum: Datum, _ type: SQLType) -> String {
    switch datum {
    case .null: return "NULL"
    case .boolean(let value): return value ? "1" : "0"
    case .integer(let value):
      if type == .double { return literal(.double(Double(value)), .double) }
      // The least integer has no literal: SQLite reads its digits as a real.
      return value == .min ? "(-9223372036854775807 - 1)" : value < 0 ? "(\(value))" : String(value)
    case .double, .text, .list:
      planner.parameters.append(datum)
      return "?\(planner.parameters.count)"
    }
  }

  func sql(_ expression: TypedExpression) throws(QueryError) -> String {
    switch expression.kind {
    case .constant(let datum): return literal(datum, expression.type)
    case .reference(let text): return text
    case .and(let operands): return try joined(operands, " AND ")
    case .or(let operands): return try joined(operands, " OR ")
    case .not(let operand): return "(NOT \(try sql(operand)))"
    case .compare(let comparison, let left, let right) where left.type.isScalar:
      return "(\(try sql(left)) \(comparison.rawValue) \(try sql(right)))"
    case .isDistinct(let left, let right): return "(\(try sql(left)) IS NOT \(try sql(right)))"
    case .isNull(let operand): return "(\(try sql(operand)) IS NULL)"
    case .inList(let operand, let choices) where operand.type.isScalar:
      return "(\(try sql(operand)) IN \(try joined(choices, ", ")))"
    case .inQuery(let operand, let query): return "(\(try sql(operand)) IN (\(query)))"
    case .exists(let query): return "EXISTS (\(query))"
    case .choice(let cases, let otherwise):
      var text = "CASE"
      for branch in cases { text += " WHEN \(try sql(branch.when)) THEN \(try sql(branch.then))" }
      return text + " ELSE \(try sql(otherwise)) END"
    case .convert(let operand):
      switch (operand.type, expression.type) {
      case (.integer, .bigint), (.unknown, _): return try sql(operand)
      case (.integer, .double), (.bigint, .double): return "CAST(\(try sql(operand)) AS REAL)"
      default: return try program(expression)
      }
    case .apply(let function, let arguments):
      if let text = try native(function, arguments) { return text }
      return try program(expression)
    case .aggregate(let call): return try aggregate(call)
    case .local, .lambda: throw QueryError("A lambda's parameter is used outside of it", at: expression.place)
    default: return try program(expression)
    }
  }

  private func joined(_ operands: [TypedExpression], _ separator: String) throws(QueryError) -> String {
    var texts: [String] = []
    for operand in operands { texts.append(try sql(operand)) }
    return "(\(texts.joined(separator: separator)))"
  }

  /// The calls that charts use most, in native SQL: `bin` with a constant, and sums, differences and products of doubles; nil for
  /// any other call.
  private func native(_ function: ScalarFunction, _ arguments: [TypedExpression]) throws(QueryError)
    -> String?
  {
    switch function.name {
    case "bin":
      guard case .constant(.integer(let step)) = arguments[1].kind, step > 0,
        case .reference(let time) = arguments[0].kind
      else { return nil }
      // Rounds down before 1970, too; overflows 64 bits only near the ends of the range of times.
      return "(\(time) - (\(time) % \(step) + \(step)) % \(step))"
    case "+", "-", "*":
      guard function.result == .double, arguments.allSatisfy({ $0.type == .double }) else { return nil }
      return "(\(try sql(arguments[0])) \(function.name) \(try sql(arguments[1])))"
    default: return nil
    }
  }

  private func program(_ expression: TypedExpression) throws(QueryError) -> String {
    var compiler = Compiler { (expression) throws(QueryError) in try self.sql(expression) }
    let body = try compiler.compile(expression)
    guard compiler.inputs.count <= Self.argumentLimit else {
      throw QueryError("The expression uses more than \(Self.argumentLimit) columns", at: expression.place)
    }
    let name = "ts_x\(planner.programs.count)"
    planner.programs.append(
      QueryPlan.Program(
        name: name, inputs: compiler.inputTypes, result: expression.type,
        isDeterministic: isDeterministic(expression),
        now: planner.now, body))
    return "\(name)(\(compiler.inputs.joined(separator: ", ")))"
  }

  private func isDeterministic(_ expression: TypedExpression) -> Bool {
    if case .apply(let function, _) = expression.kind, !function.isDeterministic { return false }
    return expression.children.allSatisfy(isDeterministic)
  }

  private func aggregate(_ call: AggregateCall) throws(QueryError) -> String {
    if let partial = planner.partialAggregates[call.key] { return partial }
    var arguments: [String] = []
    for argument in call.arguments { arguments.append(try sql(argument)) }
    let name: String
    switch call.function.kind {
    case .native(let native), .windowOnly(let native): name = native
    case .own(let make):
      for item in call.order { arguments.append(try sql(item.expression)) }
      guard !call.isDistinct || arguments.count == 1 else {
        throw QueryError("DISTINCT takes one argument and no ORDER BY here: \(call.function.name)")
      }
      name = "ts_a\(planner.aggregates.count)"
      planner.aggregates.append(
        QueryPlan.Aggregate(
          name: name, inputs: call.arguments.map(\.type) + call.order.map(\.expression.type),
          result: call.function.result,
          isWindowed: call.window != nil, order: call.order.map { ($0.isDescending, $0.nullsFirst) },
          memory: planner.memory, make))
    }
    var text =
      "\(name)(\(call.isDistinct ? "DISTINCT " : "")\(call.isStar ? "*" : arguments.joined(separator: ", ")))"
    if let filter = call.filter { text += " FILTER (WHERE \(try sql(filter)))" }
    if let window = call.window {
      var parts: [String] = []
      if !window.partition.isEmpty {
        var texts: [String] = []
        for item in window.partition { texts.append(try sql(item)) }
        parts.append("PARTITION BY \(texts.joined(separator: ", "))")
      }
      if !window.order.isEmpty {
        var texts: [String] = []
        for item in window.order { texts.append(try planner.term(item)) }
        parts.append("ORDER BY \(texts.joined(separator: ", "))")
      }
      if let frame = window.frame { parts.append(frame) }
      text += " OVER (\(parts.joined(separator: " ")))"
    }
    return text
  }
}

extension QueryPlanner {
  /// The SQL of an expression.
  func sql(_ expression: TypedExpression) throws(QueryError) -> String {
    try Emitter(planner: self).sql(expression)
  }

  /// Replaces an expression whose value is known by a constant. An expression that would fail stays, to fail when it is needed.
  func folded(_ expression: TypedExpression) -> TypedExpression {
    if case .constant = expression.kind { return expression }
    guard expression.isConstant else { return expression }
    var compiler = Compiler { (expression) throws(QueryError) in try self.sql(expression) }
    guard let evaluation = try? compiler.compile(expression), let datum = try? evaluation(Frame(now: now))
    else {
      return expression
    }
    return TypedExpression(.constant(datum), expression.type, expression.place)
  }

  /// A query as a value: NULL without rows, an error with more than one row.
  func scalarSubquery(_ sql: String) -> String {
    let name = "ts_a\(aggregates.count)"
    aggregates.append(
      QueryPlan.Aggregate(
        name: name, inputs: [.unknown], result: .unknown, isWindowed: false, order: [], memory: memory
      ) {
        Only()
      })
    return "(SELECT \(name)(c0) FROM (\(sql)))"
  }
}

/// The value of a query that may have at most one row.
private final class Only: Accumulator {
  private var value: Datum?

  func add(_ values: [Datum]) throws(QueryError) {
    guard value == nil else { throw QueryError("Scalar sub-query has returned multiple rows") }
    value = values[0]
  }

  func result() -> Datum { value ?? .null }
}
