import Numbers

/// Resolves names to columns and finds the types of expressions; throws Presto's errors with their place.
///
/// This file has names, literals, operators and predicates; calls are in `ExpressionResolver+Calls`.
struct ExpressionResolver {
  let scope: Scope
  /// Plans subqueries.
  let planner: QueryPlanner
  /// The clause that the expression is in, such as "WHERE clause", if it may not contain aggregates.
  var clauseWithoutAggregates: String?
  var isInsideAggregate = false

  func resolve(_ expression: Expression) throws(QueryError) -> TypedExpression {
    let typed = try resolveHere(expression)
    return planner.folded(typed)
  }

  /// The expression as a value of `type`.
  func resolve(_ expression: Expression, as type: SQLType, what: String) throws(QueryError) -> TypedExpression
  {
    let typed = try resolve(expression)
    guard typed.type.coerces(to: type) else {
      throw QueryError(
        "\(what) must evaluate to a \(type.text): actual type \(typed.type.text)", at: expression.place)
    }
    return coerced(typed, to: type)
  }

  func coerced(_ expression: TypedExpression, to type: SQLType) -> TypedExpression {
    if expression.type == type { return expression }
    return planner.folded(TypedExpression(.convert(expression), type, expression.place))
  }

  private func constant(_ datum: Datum, _ type: SQLType, _ place: Place) -> TypedExpression {
    TypedExpression(.constant(datum), type, place)
  }

  private func boolean(_ kind: TypedExpression.Kind, _ place: Place) -> TypedExpression {
    TypedExpression(kind, .boolean, place)
  }

  private func resolveHere(_ expression: Expression) throws(QueryError) -> TypedExpression {
    let place = expression.place
    switch expression.kind {
    case .null: return constant(.null, .unknown, place)
    case .boolean(let value): return constant(.boolean(value), .boolean, place)
    case .integer(let value):
      return constant(.integer(value), Int32(exactly: value) == nil ? .bigint : .integer, place)
    case .double(let value): return constant(.double(value), .double, place)
    case .text(let value): return constant(.text(value), .varchar, place)
    case .duration(let value): return constant(.integer(value), .intervalDayToSecond, place)
    case .typedText(let type, let text): return try typedText(type, text, place)
    case .interval(let text, let isNegative, let unit, let end):
      let (value, type) = try IntervalLiteral.value(text, unit: unit, end: end, place: place)
      return constant(.integer(isNegative ? Int64(0).saturatingSubtract(value) : value), type, place)
    case .name(let parts): return try name(parts, place)
    case .call(let call): return try self.call(call, place)
    case .unary(let sign, let operand):
      let value = try resolve(operand)
      guard value.type.isNumeric || value.type == .intervalDayToSecond || value.type == .intervalYearToMonth
      else {
        throw QueryError("Cannot negate \(value.type.text)", at: place)
      }
      return sign == "+" ? value : try apply("negate", [value], place)
    case .binary(let sign, let left, let right): return try binary(sign, left, right, place)
    case .and(let operands): return boolean(.and(try conditions(operands, "AND")), place)
    case .or(let operands): return boolean(.or(try conditions(operands, "OR")), place)
    case .not(let operand): return boolean(.not(try conditions([operand], "NOT")[0]), place)
    case .between(let value, let low, let high):
      let value = try resolve(value)
      let (one, lower) = try comparable("BETWEEN", value, try resolve(low), place)
      let (other, upper) = try comparable("BETWEEN", value, try resolve(high), place)
      return boolean(
        .and([
          boolean(.compare(.greaterOrEqual, one, lower), place),
          boolean(.compare(.lessOrEqual, other, upper), place),
        ]),
        place)
    case .inList(let value, let choices): return try inList(value, choices, place)
    case .inQuery(let value, let query):
      let value = try resolve(value)
      let planned = try planner.plan(query, outer: scope)
      guard planned.columns.count == 1 else {
        throw QueryError(
          "Multiple columns returned by subquery are not yet supported. Found \(planned.columns.count)",
          at: place)
      }
      let reference = TypedExpression(.reference(sql: "c0"), planned.columns[0].type, query.place)
      guard let common = SQLType.common(value.type, planned.columns[0].type) else {
        throw QueryError(
          "value and result of subquery must be of the same type for IN expression: \(value.type.text) vs \(planned.columns[0].type.text)",
          at: place)
      }
      let element = coerced(reference, to: common)
      let sql =
        element === reference ? planned.sql : "SELECT \(try planner.sql(element)) FROM (\(planned.sql))"
      return boolean(.inQuery(coerced(value, to: common), sql: sql), place)
    case .exists(let query): return boolean(.exists(sql: try planner.plan(query, outer: scope).sql), place)
    case .like(let value, let pattern, let escape):
      var parts = [try resolve(value, as: .varchar, what: "Left side of LIKE expression")]
      parts.append(try resolve(pattern, as: .varchar, what: "Pattern for LIKE expression"))
      if let escape { parts.append(try resolve(escape, as: .varchar, what: "Escape for LIKE expression")) }
      return try apply("like", parts, place)
    case .isNull(let operand): return boolean(.isNull(try resolve(operand)), place)
    case .isDistinct(let left, let right):
      let (one, other) = try comparable("IS DISTINCT FROM", try resolve(left), try resolve(right), place)
      return boolean(.isDistinct(one, other), place)
    case .choice(let operand, let cases, let otherwise): return try choice(operand, cases, otherwise, place)
    case .cast(let operand, let typeName, let isTry):
      let value = try resolve(operand)
      let type = try SQLType(typeName)
      guard let convert = Casts.conversion(from: value.type, to: type) else {
        throw QueryError("Cannot cast \(value.type.text) to \(type.text)", at: place)
      }
      let function = ScalarFunction(name: "cast", parameters: [value.type], result: type) {
        (values, _) throws(QueryError) in
        try convert(values[0])
      }
      let cast = TypedExpression(.apply(function, [value]), type, place)
      return isTry ? TypedExpression(.attempt(cast), type, place) : cast
    case .extract(let field, let operand):
      guard TimeFunctions.isField(field) else {
        throw QueryError("Invalid EXTRACT field: \(field)", at: place)
      }
      let value = try resolve(operand)
      return try apply(field, [value.type == .date ? coerced(value, to: .timestamp) : value], place)
    case .subquery(let query):
      let planned = try planner.plan(query, outer: scope)
      guard planned.columns.count == 1 else {
        throw QueryError(
          "Multiple columns returned by subquery are not yet supported. Found \(planned.columns.count)",
          at: place)
      }
      // A second row is an error; SQLite would take the first.
      return TypedExpression(
        .reference(sql: planner.scalarSubquery(planned.sql)), planned.columns[0].type, place)
    case .array(let elements):
      var values: [TypedExpression] = []
      var type = SQLType.unknown
      for element in elements {
        let value = try resolve(element)
        guard let common = SQLType.common(type, value.type) else {
          throw QueryError(
            "All ARRAY elements must be the same type: \(type.text) vs \(value.type.text)", at: element.place)
        }
        type = common
        values.append(value)
      }
      return list("array", values.map { coerced($0, to: type) }, .array(type), place)
    case .row(let parts):
      var values: [TypedExpression] = []
      for part in parts { values.append(try resolve(part)) }
      return list("row", values, .row(values.map { .init(name: nil, type: $0.type) }), place)
    case .element(let operand, let index):
      return try apply("[]", [try resolve(operand), try resolve(index)], place)
    case .field(let operand, let name): return try field(name, of: try resolve(operand), place)
    case .lambda: throw QueryError("A lambda can only be an argument of a function", at: place)
    }
  }

  private func list(_ name: String, _ values: [TypedExpression], _ type: SQLType, _ place: Place)
    -> TypedExpression
  {
    let function = ScalarFunction(
      name: name, parameters: values.map(\.type), result: type, isStrict: false
    ) { (values, _) throws(QueryError) in .list(values) }
    return TypedExpression(.apply(function, values), type, place)
  }

  private func conditions(_ operands: [Expression], _ word: String) throws(QueryError) -> [TypedExpression] {
    var values: [TypedExpression] = []
    for operand in operands {
      values.append(try resolve(operand, as: .boolean, what: "Logical expression term of \(word)"))
    }
    return values
  }

  private func typedText(_ type: String, _ text: String, _ place: Place) throws(QueryError) -> TypedExpression
  {
    do throws(QueryError) {
      switch type {
      case "date": return constant(try Casts.date(text), .date, place)
      case "time": return constant(try Casts.time(text), .time, place)
      default: return constant(try Casts.timestamp(text), .timestamp, place)
      }
    } catch {
      throw QueryError("'\(text)' is not a valid \(type) literal", at: place)
    }
  }

  // MARK: Names

  private func name(_ parts: [String], _ place: Place) throws(QueryError) -> TypedExpression {
    // The parameters of lambdas hide columns.
    if let index = scope.locals.lastIndex(where: { Scope.matches($0.name, parts[0], exactly: false) }) {
      var value = TypedExpression(.local(index), scope.locals[index].type, place)
      for name in parts.dropFirst() { value = try field(name, of: value, place) }
      return value
    }
    var level: Scope? = scope
    while let current = level {
      // The longest name first; the remaining parts are fields of a row.
      for length in stride(from: parts.count, to: 0, by: -1) {
        let found = current.find(Array(parts[..<length]))
        guard !found.isEmpty else { continue }
        guard found.count == 1 else {
          throw QueryError("Column '\(parts.joined(separator: "."))' is ambiguous", at: place)
        }
        var value = TypedExpression(found[0].expression.kind, found[0].expression.type, place)
        for name in parts[length...] { value = try field(name, of: value, place) }
        return value
      }
      level = current.outer
    }
    let nearest = parts.last.flatMap { scope.nearest($0) }
    var suggestion = nearest.map { "Did you mean '\($0)'?" }
    if nearest == nil, let name = parts.last, !scope.find(["measure_value::double"]).isEmpty {
      suggestion =
        "In this table, each measure of a reading is a row of its own: select measure_value::double, and filter with "
        + "WHERE measure_name = '\(name)'."
    }
    throw QueryError(
      "Column '\(parts.joined(separator: "."))' does not exist", at: place, suggestion: suggestion)
  }

  private func field(_ name: String, of value: TypedExpression, _ place: Place) throws(QueryError)
    -> TypedExpression
  {
    guard case .row(let fields) = value.type,
      let index = fields.firstIndex(where: { Scope.matches($0.name, name, exactly: true) })
        ?? fields.firstIndex(where: { Scope.matches($0.name, name, exactly: false) })
    else { throw QueryError("Expression of type \(value.type.text) has no field '\(name)'", at: place) }
    return RowFields.field(index, of: value, fields[index].type)
  }

  // MARK: Operators

  private func binary(_ sign: String, _ left: Expression, _ right: Expression, _ place: Place)
    throws(QueryError) -> TypedExpression
  {
    let (one, other) = (try resolve(left), try resolve(right))
    if let comparison = TypedExpression.Comparison(rawValue: sign) {
      let (left, right) = try comparable(sign, one, other, place)
      guard left.type.isOrdered || comparison == .equal || comparison == .unequal else {
        throw QueryError("'\(sign)' cannot be applied to \(one.type.text), \(other.type.text)", at: place)
      }
      return boolean(.compare(comparison, left, right), place)
    }
    guard let family = FunctionCatalog.families[sign],
      let function = family.resolve([one.type, other.type])
    else {
      throw QueryError("'\(sign)' cannot be applied to \(one.type.text), \(other.type.text)", at: place)
    }
    return call(function, [one, other], place)
  }

  /// Both operands in their common type. Beside a timestamp or date, a constant text becomes a timestamp, as in Timestream's own
  /// samples (`time > '2024-10-23 17:00:00'`).
  private func comparable(
    _ sign: String, _ left: TypedExpression, _ right: TypedExpression, _ place: Place
  ) throws(QueryError) -> (TypedExpression, TypedExpression) {
    func moment(_ value: TypedExpression, beside other: TypedExpression) -> TypedExpression {
      guard value.type == .varchar, other.type == .timestamp || other.type == .date,
        case .constant(let datum) = value.kind,
        let time = try? Casts.timestamp(datum.text)
      else { return value }
      return constant(time, .timestamp, value.place)
    }
    let (one, other) = (moment(left, beside: right), moment(right, beside: left))
    guard let type = SQLType.common(one.type, other.type) else {
      throw QueryError("'\(sign)' cannot be applied to \(left.type.text), \(right.type.text)", at: place)
    }
    return (coerced(one, to: type), coerced(other, to: type))
  }

  private func inList(_ value: Expression, _ choices: [Expression], _ place: Place) throws(QueryError)
    -> TypedExpression
  {
    let value = try resolve(value)
    var type = value.type
    var others: [TypedExpression] = []
    for choice in choices {
      let (one, other) = try comparable("IN", value, try resolve(choice), place)
      guard let common = SQLType.common(type, one.type) else {
        throw QueryError("IN value and list items must be the same type: \(type.text)", at: choice.place)
      }
      type = common
      others.append(other)
    }
    return boolean(.inList(coerced(value, to: type), others.map { coerced($0, to: type) }), place)
  }

  private func choice(
    _ operand: Expression?, _ cases: [(when: Expression, then: Expression)], _ otherwise: Expression?,
    _ place: Place
  ) throws(QueryError) -> TypedExpression {
    let value = try operand.map { (operand) throws(QueryError) in try resolve(operand) }
    var branches: [(when: TypedExpression, then: TypedExpression)] = []
    for branch in cases {
      let when: TypedExpression
      if let value {
        let (one, other) = try comparable("CASE", value, try resolve(branch.when), branch.when.place)
        when = boolean(.compare(.equal, one, other), branch.when.place)
      } else {
        when = try resolve(branch.when, as: .boolean, what: "CASE WHEN clause")
      }
      branches.append((when, try resolve(branch.then)))
    }
    let last =
      try otherwise.map { (otherwise) throws(QueryError) in try resolve(otherwise) }
      ?? constant(.null, .unknown, place)
    return try choice(branches, last, place, what: "All CASE results")
  }

  /// A choice whose results are coerced to a common type.
  func choice(
    _ branches: [(when: TypedExpression, then: TypedExpression)], _ otherwise: TypedExpression,
    _ place: Place, what: String
  ) throws(QueryError) -> TypedExpression {
    var type = otherwise.type
    for branch in branches {
      guard let common = SQLType.common(type, branch.then.type) else {
        throw QueryError(
          "\(what) must be the same type: \(branch.then.type.text) vs \(type.text)", at: branch.then.place)
      }
      type = common
    }
    return TypedExpression(
      .choice(
        branches.map { ($0.when, coerced($0.then, to: type)) }, otherwise: coerced(otherwise, to: type)),
      type, place)
  }

  // MARK: Functions by name

  func apply(_ name: String, _ arguments: [TypedExpression], _ place: Place) throws(QueryError)
    -> TypedExpression
  {
    guard let family = FunctionCatalog.families[name], let function = family.resolve(arguments.map(\.type))
    else {
      throw QueryError(
        "Unexpected parameters (\(arguments.map(\.type.text).joined(separator: ", "))) for function \(name). Expected: "
          + (FunctionCatalog.families[name]?.signatures.joined(separator: ", ") ?? ""), at: place)
    }
    return call(function, arguments, place)
  }

  func call(_ function: ScalarFunction, _ arguments: [TypedExpression], _ place: Place) -> TypedExpression {
    let values = zip(arguments, function.parameters).map { coerced($0, to: $1) }
    return TypedExpression(.apply(function, values), function.result, place)
  }
}

/// Access to the fields of rows.
enum RowFields {
  static func field(_ index: Int, of value: TypedExpression, _ type: SQLType) -> TypedExpression {
    let function = ScalarFunction(name: "field \(index)", parameters: [value.type], result: type) {
      (values, _) throws(QueryError) in
      values[0].list[ifPresent: index] ?? .null
    }
    return TypedExpression(.apply(function, [value]), type, value.place)
  }
}

/// `INTERVAL '2' DAY`, `INTERVAL '1 12:30' DAY TO MINUTE`, `INTERVAL '1-2' YEAR TO MONTH`.
enum IntervalLiteral {
  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("DAY", 86_400_000_000_000), ("HOUR", 3_600_000_000_000), ("MINUTE", 60_000_000_000),
    ("SECOND", 1_000_000_000),
  ]

  static func value(_ text: String, unit: String, end: String?, place: Place) throws(QueryError) -> (
    Int64, SQLType
  ) {
    let failure = QueryError("Invalid INTERVAL literal: '\(text)' \(unit)", at: place)
    let isNegative = text.hasPrefix("-")
    let body = isNegative ? String(text.dropFirst()) : text
    var total: Int64 = 0
    let type: SQLType
    if ["YEAR", "MONTH"].contains(unit) {
      type = .intervalYearToMonth
      let parts = body.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
      guard parts.allSatisfy({ ($0 ?? -1) >= 0 }), parts.count == (end == nil ? 1 : 2),
        let first = parts[0]
      else {
        throw failure
      }
      guard
        let months = first.checkedMultiply(unit == "YEAR" ? 12 : 1)?.checkedAdd(
          (parts[ifPresent: 1] ?? 0) ?? 0)
      else {
        throw failure
      }
      total = months
    } else if unit == "WEEK" {
      type = .intervalDayToSecond
      guard end == nil, let count = Int64(body), let length = count.checkedMultiply(7 * 86_400_000_000_000)
      else { throw failure }
      total = length
    } else {
      type = .intervalDayToSecond
      guard let start = units.firstIndex(where: { $0.name == unit }) else {
        throw QueryError("Invalid INTERVAL unit: \(unit)", at: place)
      }
      let stop = end.flatMap { end in units.firstIndex { $0.name == end } } ?? start
      let parts = body.split(omittingEmptySubsequences: false) { $0 == " " || $0 == ":" }
      guard stop >= start, parts.count == stop - start + 1 else { throw failure }
      for (part, unit) in zip(parts, units[start...stop]) {
        let pieces = part.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = Int64(pieces[0]), whole >= 0, let length = whole.checkedMultiply(unit.nanoseconds),
          let sum = total.checkedAdd(length)
        else { throw failure }
        total = sum
        if pieces.count == 2 {
          guard unit.name == "SECOND", pieces[1].count <= 9,
            let fraction = Int64(pieces[1] + String(repeating: "0", count: 9 - pieces[1].count)),
            fraction >= 0,
            let more = total.checkedAdd(fraction)
          else { throw failure }
          total = more
        } else if pieces.count > 2 {
          throw failure
        }
      }
    }
    return (isNegative ? -total : total, type)
  }
}
