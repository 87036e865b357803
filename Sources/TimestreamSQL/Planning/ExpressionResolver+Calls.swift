import Numbers
import Text

/// Calls of functions, aggregates and window functions.
extension ExpressionResolver {
  func call(_ call: Expression.Call, _ place: Place) throws(QueryError) -> TypedExpression {
    if AggregateCatalog.families[call.name] != nil || call.isStar || call.window != nil {
      return try aggregate(call, place)
    }
    guard !call.isDistinct, call.order.isEmpty, call.filter == nil else {
      throw QueryError(
        "DISTINCT, ORDER BY and FILTER are for aggregates, and \(call.name) is not one", at: place)
    }
    if ConditionalFunctions.special.contains(call.name) { return try special(call, place) }
    guard let family = FunctionCatalog.families[call.name] else {
      if let reason = UnsupportedFunctions.reason(call.name) {
        throw QueryError("Function \(call.name) is not supported: \(reason)", at: place)
      }
      let names =
        Array(FunctionCatalog.families.keys) + AggregateCatalog.families.keys + ConditionalFunctions.special
      let nearest = NearestName.of(call.name, among: names.filter { $0.first?.isLetter == true })
      throw QueryError(
        "Function \(call.name) not registered", at: place, suggestion: nearest.map { "Did you mean '\($0)'?" }
      )
    }
    // Values first: they determine the types of lambdas' parameters.
    var arguments: [TypedExpression?] = []
    for argument in call.arguments {
      if case .lambda = argument.kind {
        arguments.append(nil)
      } else {
        arguments.append(try resolve(argument))
      }
    }
    for (index, argument) in call.arguments.enumerated() {
      guard case .lambda(let names, let body) = argument.kind else { continue }
      var types = arguments.map { $0?.type ?? .unknown }
      // Only the arguments before a lambda determine the types of its parameters.
      if index < types.count { types.removeSubrange(index...) }
      guard let parameters = family.lambdaParameters?(index, types), parameters.count == names.count else {
        throw QueryError(
          "Unexpected lambda as argument \(index + 1) of function \(call.name)", at: argument.place)
      }
      arguments[index] = try lambda(names, parameters, body, argument.place)
      // If the step widens the state, for example from integer to double, its start is widened, too.
      if call.name == "reduce", index == 2, let step = arguments[2], let start = arguments[1],
        step.type != start.type
      {
        guard let wider = SQLType.common(start.type, step.type) else {
          throw QueryError(
            "reduce: the step returns \(step.type.text), the state is \(start.type.text)", at: argument.place)
        }
        arguments[1] = coerced(start, to: wider)
        arguments[2] = try lambda(names, [wider, parameters[1]], body, argument.place)
      }
    }
    var values = arguments.compactMap { $0 }
    let resolved: ScalarFunction?
    (resolved, values) = overload(of: family, values)
    guard let function = resolved else {
      throw QueryError(
        "Unexpected parameters (\(values.map(\.type.text).joined(separator: ", "))) for function \(call.name). Expected: "
          + family.signatures.joined(separator: ", "), at: place)
    }
    // A lambda stays a lambda: only the result of its body is coerced.
    let coercedValues = zip(values, function.parameters).map { value, type in
      if case .lambda(let first, let count, let body) = value.kind {
        return TypedExpression(
          .lambda(firstLocal: first, count: count, body: coerced(body, to: type)), type, value.place)
      }
      return coerced(value, to: type)
    }
    return TypedExpression(.apply(function, coercedValues), function.result, place)
  }

  /// The function for these arguments. If there is none, constant texts are taken for times.
  private func overload(of family: FunctionFamily, _ arguments: [TypedExpression]) -> (
    ScalarFunction?, [TypedExpression]
  ) {
    if let function = family.resolve(arguments.map(\.type)) { return (function, arguments) }
    let times = arguments.map { argument in
      guard argument.type == .varchar, case .constant(.text(let text)) = argument.kind,
        let time = try? Casts.timestamp(text)
      else { return argument }
      return TypedExpression(.constant(time), .timestamp, argument.place)
    }
    return (family.resolve(times.map(\.type)), times)
  }

  private func lambda(
    _ names: [String], _ types: [SQLType], _ body: Expression, _ place: Place
  ) throws(QueryError) -> TypedExpression {
    let first = scope.locals.count
    scope.locals += zip(names, types).map { ($0, $1) }
    defer { scope.locals.removeLast(names.count) }
    let value = try resolve(body)
    return TypedExpression(.lambda(firstLocal: first, count: names.count, body: value), value.type, place)
  }

  private func special(_ call: Expression.Call, _ place: Place) throws(QueryError) -> TypedExpression {
    var arguments: [TypedExpression] = []
    for argument in call.arguments { arguments.append(try resolve(argument)) }
    let null = TypedExpression(.constant(.null), .unknown, place)
    func isPresent(_ value: TypedExpression) -> TypedExpression {
      TypedExpression(.not(TypedExpression(.isNull(value), .boolean, place)), .boolean, place)
    }
    func expect(_ range: ClosedRange<Int>) throws(QueryError) {
      guard range.contains(arguments.count) else {
        throw QueryError("Invalid number of arguments for '\(call.name)' function", at: place)
      }
    }
    switch call.name {
    case "if":
      try expect(2...3)
      let condition = try resolve(call.arguments[0], as: .boolean, what: "IF condition")
      return try choice(
        [(condition, arguments[1])], arguments[ifPresent: 2] ?? null, place, what: "Result types for IF")
    case "coalesce":
      try expect(2...1000)
      let branches = arguments.dropLast().map { (when: isPresent($0), then: $0) }
      return try choice(branches, arguments[arguments.count - 1], place, what: "All COALESCE operands")
    case "nullif":
      try expect(2...2)
      let equality = try resolve(
        Expression(kind: .binary("=", call.arguments[0], call.arguments[1]), place: place, depth: 1))
      return try choice([(equality, null)], arguments[0], place, what: "NULLIF operands")
    default:
      try expect(1...1)
      return TypedExpression(.attempt(arguments[0]), arguments[0].type, place)
    }
  }

  // MARK: Aggregates

  private func aggregate(_ call: Expression.Call, _ place: Place) throws(QueryError) -> TypedExpression {
    if let clause = clauseWithoutAggregates {
      throw QueryError(
        "\(clause) cannot contain aggregations, window functions or grouping operations: [\"\(call.name)\"(...)]",
        at: place)
    }
    guard !isInsideAggregate else {
      throw QueryError("Cannot nest aggregations inside aggregation '\(call.name)'", at: place)
    }
    guard let family = AggregateCatalog.families[call.name] else {
      throw QueryError("Function \(call.name) not registered", at: place)
    }
    // With OVER, the arguments may be aggregates of the groups.
    var inner = self
    inner.isInsideAggregate = call.window == nil
    var arguments: [TypedExpression] = []
    for argument in call.arguments { arguments.append(try inner.resolve(argument)) }
    var function: AggregateFunction
    if call.isStar {
      guard call.name == "count" else { throw QueryError("* is only for count(*)", at: place) }
      function = AggregateFunction(name: "count", parameters: [], result: .bigint, kind: .native("count"))
    } else {
      guard let found = family.resolve(arguments.map(\.type)) else {
        if call.name == "count", arguments.isEmpty { return try aggregate(starred(call), place) }
        throw QueryError(
          "Unexpected parameters (\(arguments.map(\.type.text).joined(separator: ", "))) for function \(call.name). Expected: "
            + family.signatures.joined(separator: ", "), at: place)
      }
      function = found
    }
    if case .windowOnly = function.kind, call.window == nil {
      throw QueryError("Window function '\(call.name)' must have an OVER clause", at: place)
    }
    if call.ignoresNulls {
      switch call.name {
      case "first_value": function.kind = .own { First() }
      case "last_value": function.kind = .own { Last() }
      default: throw QueryError("IGNORE NULLS is not supported for \(call.name)", at: place)
      }
    }
    let filter = try call.filter.map { (filter) throws(QueryError) in
      try inner.resolve(filter, as: .boolean, what: "FILTER expression")
    }
    var window: AggregateCall.TypedWindow?
    if let over = call.window {
      guard !call.isDistinct else {
        throw QueryError("DISTINCT in window function parameters not yet supported", at: place)
      }
      var partition: [TypedExpression] = []
      for item in over.partition { partition.append(try inner.resolve(item)) }
      window = AggregateCall.TypedWindow(
        partition: partition, order: try inner.order(over.order), frame: over.frame)
    }
    let aggregate = AggregateCall(
      function, zip(arguments, function.parameters).map { coerced($0, to: $1) }, isStar: call.isStar,
      isDistinct: call.isDistinct, filter: filter, order: try inner.order(call.order), window: window,
      ignoresNulls: call.ignoresNulls)
    return TypedExpression(.aggregate(aggregate), function.result, place)
  }

  private func starred(_ call: Expression.Call) -> Expression.Call {
    var call = call
    call.isStar = true
    return call
  }

  func order(_ items: [SortItem]) throws(QueryError) -> [AggregateCall.Order] {
    var order: [AggregateCall.Order] = []
    for item in items {
      let value = try resolve(item.expression)
      guard value.type.isOrdered else {
        throw QueryError(
          "Type \(value.type.text) is not orderable, and therefore cannot be used in ORDER BY",
          at: item.expression.place)
      }
      order.append(
        .init(expression: value, isDescending: item.isDescending, nullsFirst: item.nullsFirst ?? false))
    }
    return order
  }
}
