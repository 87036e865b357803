import Numbers

/// The values that an expression's evaluation uses.
final class Frame {
  /// The values that SQLite passes in.
  var inputs: [Datum]
  /// The parameters of the enclosing lambdas.
  var locals: [Datum] = []
  let now: Int64

  init(inputs: [Datum] = [], now: Int64) {
    self.inputs = inputs
    self.now = now
  }
}

typealias Evaluation = (Frame) throws(QueryError) -> Datum

/// Compiles typed expressions to closures. What SQLite provides (columns, aggregates, subqueries) becomes an input.
struct Compiler {
  /// The SQL of the inputs, in their order.
  private(set) var inputs: [String] = []
  private(set) var inputTypes: [SQLType] = []
  private var places: [String: Int] = [:]
  /// The SQL of an expression that SQLite evaluates.
  let sql: (TypedExpression) throws(QueryError) -> String

  init(sql: @escaping (TypedExpression) throws(QueryError) -> String) { self.sql = sql }

  private mutating func input(_ expression: TypedExpression) throws(QueryError) -> Evaluation {
    let text = try sql(expression)
    let place: Int
    if let known = places[text] {
      place = known
    } else {
      place = inputs.count
      inputs.append(text)
      inputTypes.append(expression.type)
      places[text] = place
    }
    return { (frame) throws(QueryError) in frame.inputs[place] }
  }

  mutating func compile(_ expression: TypedExpression) throws(QueryError) -> Evaluation {
    switch expression.kind {
    case .constant(let datum): return { (_) throws(QueryError) in datum }
    case .reference, .aggregate, .exists, .inQuery: return try input(expression)
    case .local(let index): return { (frame) throws(QueryError) in frame.locals[index] }
    case .lambda: throw QueryError("A lambda is not a value", at: expression.place)
    case .apply(let function, let arguments): return try call(function, arguments)
    case .convert(let operand):
      let inner = try compile(operand)
      let convert = Coercion.conversion(from: operand.type, to: expression.type)
      return { (frame) throws(QueryError) in convert(try inner(frame)) }
    case .and(let operands): return try junction(operands, decisive: false)
    case .or(let operands): return try junction(operands, decisive: true)
    case .not(let operand):
      let inner = try compile(operand)
      return { (frame) throws(QueryError) in
        let value = try inner(frame)
        return value.isNull ? .null : .boolean(!value.isTrue)
      }
    case .compare(let comparison, let left, let right):
      let (one, other) = (try compile(left), try compile(right))
      return { (frame) throws(QueryError) in
        let (left, right) = (try one(frame), try other(frame))
        guard !left.isNull, !right.isNull else { return .null }
        if left.double.isNaN || right.double.isNaN { return .boolean(comparison == .unequal) }
        let order = Datum.order(left, right)
        switch comparison {
        case .equal: return .boolean(order == 0)
        case .unequal: return .boolean(order != 0)
        case .less: return .boolean(order < 0)
        case .lessOrEqual: return .boolean(order <= 0)
        case .greater: return .boolean(order > 0)
        case .greaterOrEqual: return .boolean(order >= 0)
        }
      }
    case .isDistinct(let left, let right):
      let (one, other) = (try compile(left), try compile(right))
      return { (frame) throws(QueryError) in
        let (left, right) = (try one(frame), try other(frame))
        return .boolean(left.isNull != right.isNull || !left.isNull && Datum.order(left, right) != 0)
      }
    case .isNull(let operand):
      let inner = try compile(operand)
      return { (frame) throws(QueryError) in .boolean(try inner(frame).isNull) }
    case .inList(let operand, let choices):
      let inner = try compile(operand)
      var others: [Evaluation] = []
      for choice in choices { others.append(try compile(choice)) }
      return { [others] (frame) throws(QueryError) in
        let value = try inner(frame)
        guard !value.isNull else { return .null }
        var sawNull = false
        for other in others {
          let choice = try other(frame)
          if choice.isNull {
            sawNull = true
          } else if Datum.order(value, choice) == 0 {
            return .boolean(true)
          }
        }
        return sawNull ? .null : .boolean(false)
      }
    case .choice(let cases, let otherwise):
      var branches: [(when: Evaluation, then: Evaluation)] = []
      for branch in cases { branches.append((try compile(branch.when), try compile(branch.then))) }
      let last = try compile(otherwise)
      return { [branches] (frame) throws(QueryError) in
        for branch in branches where try branch.when(frame).isTrue { return try branch.then(frame) }
        return try last(frame)
      }
    case .attempt(let operand):
      let inner = try compile(operand)
      return { (frame) throws(QueryError) in
        do throws(QueryError) { return try inner(frame) } catch { return .null }
      }
    }
  }

  /// AND and OR in three-valued logic; `decisive` is the value that decides the result.
  private mutating func junction(_ operands: [TypedExpression], decisive: Bool) throws(QueryError)
    -> Evaluation
  {
    var parts: [Evaluation] = []
    for operand in operands { parts.append(try compile(operand)) }
    return { [parts] (frame) throws(QueryError) in
      var sawNull = false
      for part in parts {
        let value = try part(frame)
        if value == .boolean(decisive) { return value }
        if value.isNull { sawNull = true }
      }
      return sawNull ? .null : .boolean(!decisive)
    }
  }

  private mutating func call(_ function: ScalarFunction, _ arguments: [TypedExpression]) throws(QueryError)
    -> Evaluation
  {
    var parts: [Evaluation?] = []
    var lambdas: [Int: (first: Int, count: Int, body: Evaluation)] = [:]
    for (index, argument) in arguments.enumerated() {
      if case .lambda(let first, let count, let body) = argument.kind {
        lambdas[index] = (first, count, try compile(body))
        parts.append(nil)
      } else {
        parts.append(try compile(argument))
      }
    }
    return { [parts, lambdas] (frame) throws(QueryError) in
      var values: [Datum] = []
      values.reserveCapacity(parts.count)
      for part in parts {
        let value = try part?(frame) ?? .boolean(false)
        if function.isStrict, value.isNull { return .null }
        values.append(value)
      }
      let context = ScalarFunction.Context(now: frame.now) { (index, values) throws(QueryError) in
        guard let lambda = lambdas[index] else { return .null }
        while frame.locals.count < lambda.first + lambda.count { frame.locals.append(.null) }
        for (offset, value) in values.enumerated() where offset < lambda.count {
          frame.locals[lambda.first + offset] = value
        }
        return try lambda.body(frame)
      }
      return try function.body(values, context)
    }
  }
}

/// Presto's implicit coercions of values.
enum Coercion {
  static func conversion(from: SQLType, to: SQLType) -> @Sendable (Datum) -> Datum {
    switch (from, to) {
    case (.integer, .double), (.bigint, .double):
      return { if case .integer(let value) = $0 { .double(Double(value)) } else { $0 } }
    case (.date, .timestamp):
      return {
        if case .integer(let days) = $0 { .integer(days.saturatingMultiply(86_400_000_000_000)) } else { $0 }
      }
    case (.array(let from), .array(let to)):
      let convert = conversion(from: from, to: to)
      return { if case .list(let values) = $0 { .list(values.map(convert)) } else { $0 } }
    case (.timeseries(let from), .timeseries(let to)):
      return conversion(from: .array(SQLType.point(from)), to: .array(SQLType.point(to)))
    case (.timeseries(let from), .array): return conversion(from: .array(SQLType.point(from)), to: to)
    case (.row(let from), .row(let to)):
      let converts = zip(from, to).map { conversion(from: $0.type, to: $1.type) }
      return {
        if case .list(let values) = $0 {
          .list(zip(values, converts).map { value, convert in convert(value) })
        } else {
          $0
        }
      }
    default: return { $0 }
    }
  }
}
