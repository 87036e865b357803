/// Evaluates a statement's expressions, with the message, its payload, the row and the variables.
struct Evaluator {
  /// The row that names are looked up in.
  enum Row {
    /// The payload, indexed; nil if it isn't JSON.
    case payload(JSONDocument?)
    /// An element of a nested query's source.
    case value(Value)
  }

  let message: Message
  let version: SQLVersion
  var row: Row
  /// The rows named by `FROM … AS name`, outermost first.
  var aliases: [(name: String, row: Row)] = []
  var variables: [Value] = []
  /// The message's budget.
  let budget: Budget

  // MARK: SELECT

  /// The value that `select` yields for the row; nil if its WHERE rejects the row.
  func result(of select: Select) -> Value? {
    if let alias = select.alias {
      var named = self
      named.aliases.append((alias, row))
      var unnamed = select
      unnamed.alias = nil
      return named.result(of: unnamed)
    }
    if let condition = select.condition, value(of: condition).asBoolean != true { return nil }
    switch select.items {
    case .value(let expression): return value(of: expression)
    case .list(let items):
      if items.count == 1, case .everything = items[0] { return wholeRow }
      var object = ObjectValue()
      for item in items {
        switch item {
        case .everything: addMembers(of: wholeRow, to: &object)
        case .members(let expression): addMembers(of: value(of: expression), to: &object)
        case .expression(let expression, let path):
          guard path.allSatisfy(paysForMember) else { return .undefined }
          Self.set(path[...], value(of: expression), in: &object)
        }
      }
      return .object(object)
    }
  }

  private func addMembers(of value: Value, to object: inout ObjectValue) {
    guard case .object(let row) = value else { return }
    for (key, value) in zip(row.keys, row.values) where paysForMember(key) { object.set(key, value) }
  }

  /// Takes from the budget what it costs to make or find a member of an object; its key is compared and hashed.
  private func paysForMember(_ key: String) -> Bool { budget.take(Budget.member &+ key.utf8.count) }

  /// Sets the value at an alias's path; an alias with dots makes nested objects.
  private static func set(_ path: ArraySlice<String>, _ value: Value, in object: inout ObjectValue) {
    guard let name = path.first else { return }
    if path.count == 1 {
      object.set(name, value)
      return
    }
    var inner = ObjectValue()
    if case .object(let present) = object[name] {
      inner = present
      // If two references held it, each new member would copy it.
      object.set(name, .null)
    }
    set(path.dropFirst(), value, in: &inner)
    object.set(name, .object(inner))
  }

  private var wholeRow: Value {
    switch row {
    case .payload(let document?): document.value(of: 0, version: version)
    case .payload(nil): .bytes(message.payload)
    case .value(let value): value
    }
  }

  // MARK: Expressions

  /// The expression's value; Undefined once the budget is exceeded.
  func value(of expression: Expression) -> Value {
    guard budget.take(Budget.step) else { return .undefined }
    switch expression {
    case .literal(.number(let number)): return self.number(number.decimal, isInt: number.isInt)
    case .literal(let value): return value
    case .path(let names): return lookUp(names)
    case .member(let object, let name):
      guard case .object(let object) = value(of: object), budget.take(name.utf8.count) else {
        return .undefined
      }
      return object[name] ?? .undefined
    case .variable(let number): return number < variables.count ? variables[number] : .undefined
    case .row: return wholeRow
    case .payload: return .bytes(message.payload)
    case .call(let function, let arguments): return call(function, arguments)
    case .cast(let operand, let type): return cast(value(of: operand), type)
    case .negate(let operand):
      let value = value(of: operand)
      guard budget.take(length(of: value), times: Budget.digit), let number = number(from: value) else {
        return .undefined
      }
      return self.number(-number.decimal, isInt: number.isInt)
    case .not(let operand): return value(of: operand).asBoolean.map { .boolean(!$0) } ?? .undefined
    case .binary(let operation, let left, let right): return binary(operation, left, right)
    case .choice(let subject, let cases, let otherwise):
      let subject = value(of: subject)
      guard !subject.isUndefined else { return .undefined }
      for (when, then) in cases where Value.equal(subject, value(of: when), budget) == true {
        return value(of: then)
      }
      return otherwise.map { value(of: $0) } ?? .undefined
    case .array(let elements):
      guard budget.take(elements.count, times: Budget.element) else { return .undefined }
      return .array(elements.map { value(of: $0) }.filter { !$0.isUndefined })
    case .object(let members):
      var object = ObjectValue()
      for (key, member) in members {
        guard let name = text(of: value(of: key)), paysForMember(name) else { continue }
        object.set(name, value(of: member))
      }
      return .object(object)
    case .query(let select, let source): return rows(select, value(of: source))
    }
  }

  private func lookUp(_ names: [String]) -> Value {
    if let alias = aliases.last(where: { $0.name == names.first }) {
      return lookUp(names.dropFirst(), in: alias.row)
    }
    return lookUp(names, in: row)
  }

  private func lookUp(_ names: some Sequence<String>, in row: Row) -> Value {
    switch row {
    case .payload(let document):
      guard let document, let node = document.find(names) else { return .undefined }
      return document.value(of: node, version: version)
    case .value(var value):
      for name in names {
        guard case .object(let object) = value, budget.take(name.utf8.count), let member = object[name] else {
          return .undefined
        }
        value = member
      }
      return value
    }
  }

  /// Calls a function. The call costs what it reads of its arguments, and the length of the text that it makes.
  private func call(_ function: Function, _ arguments: [Expression]) -> Value {
    guard function.arity.contains(arguments.count) else { return .undefined }
    return apply(function, arguments.map { value(of: $0) })
  }

  /// A function's result for its arguments' values.
  func apply(_ function: Function, _ arguments: [Value]) -> Value {
    var values = arguments
    var cost = function.overhead
    for (place, value) in arguments.enumerated() {
      switch value {
      case .array, .object:
        // A function that doesn't support containers gets their JSON, as a conversion to String gives it.
        if !function.takesContainers { values[place] = text(of: value).map { .string($0) } ?? .undefined }
      default: break
      }
      if case .string(let text) = values[place] { cost += text.utf8.count &* function.weight }
    }
    guard budget.take(cost) else { return .undefined }
    let result = function.body(values, self)
    if case .string(let text) = result { return string(text) }
    return result
  }

  /// A text that was made; if it is longer than the limit, the evaluation ends.
  func string(_ text: String) -> Value {
    guard text.utf8.count <= EvaluationLimits.bytes else {
      budget.exceed(.length)
      return .undefined
    }
    return budget.take(text.utf8.count) ? .string(text) : .undefined
  }

  /// `value` as a String, at the cost of making its JSON; nil for null and Undefined.
  func text(of value: Value) -> String? {
    switch value {
    case .array, .object:
      var bytes: [UInt8] = []
      do throws(LimitError) {
        try value.appendJSON(to: &bytes)
      } catch {
        budget.exceed(error)
        return nil
      }
      guard budget.take(bytes.count, times: Self.jsonCost) else { return nil }
      return String(decoding: bytes, as: UTF8.self)
    case .bytes(let bytes): return budget.take(bytes.count) ? value.asString : nil
    default: return value.asString
    }
  }

  /// What it costs to make a byte of JSON.
  private static let jsonCost = 8

  private func rows(_ select: Select, _ source: Value) -> Value {
    let elements: [Value]
    switch source {
    case .array(let array): elements = array
    case .object: elements = [source]
    default: return .undefined
    }
    var inner = self
    var results: [Value] = []
    for element in elements {
      guard budget.take(Budget.element) else { return .undefined }
      inner.row = .value(element)
      if let result = inner.result(of: select), !result.isUndefined { results.append(result) }
    }
    return .array(results)
  }

  // MARK: Numbers

  /// Under 2016-03-23, every whole number is an Int, whatever made it.
  func number(_ decimal: Decimal34?, isInt: Bool) -> Value {
    guard let decimal else { return .undefined }
    let isWhole = version == .v2016 ? decimal.isWhole : isInt && decimal.isWhole
    return .number(Number(decimal: decimal, isInt: isWhole))
  }

  /// A number as it is; a string that is a number as a Decimal.
  private func number(from value: Value) -> Number? {
    if case .number(let number) = value { return number }
    return value.asDecimal.map { Number(decimal: $0, isInt: false) }
  }

  // MARK: Operators

  private func binary(_ operation: Expression.BinaryOperator, _ left: Expression, _ right: Expression)
    -> Value
  {
    let left = value(of: left)
    let right = value(of: right)
    guard budget.take(length(of: left) + length(of: right), times: Budget.digit) else { return .undefined }
    switch operation {
    case .isIn:
      guard !left.isUndefined, case .array(let elements) = right else { return .undefined }
      return .boolean(elements.contains { Value.equal(left, $0, budget) == true })
    case .or, .and:
      guard let a = left.asBoolean, let b = right.asBoolean else { return .undefined }
      return .boolean(operation == .or ? a || b : a && b)
    case .equal: return Value.equal(left, right, budget).map { .boolean($0) } ?? .undefined
    case .unequal: return Value.equal(left, right, budget).map { .boolean(!$0) } ?? .undefined
    case .less, .lessOrEqual, .greater, .greaterOrEqual:
      guard let a = left.asDecimal, let b = right.asDecimal else { return .undefined }
      switch operation {
      case .less: return .boolean(a < b)
      case .lessOrEqual: return .boolean(a <= b)
      case .greater: return .boolean(a > b)
      default: return .boolean(a >= b)
      }
    case .add:
      if isString(left) || isString(right) {
        guard let a = text(of: left), let b = text(of: right) else { return .undefined }
        return string(a + b)
      }
      return arithmetic(operation, left, right)
    case .subtract, .multiply, .divide, .remainder: return arithmetic(operation, left, right)
    }
  }

  private func isString(_ value: Value) -> Bool { if case .string = value { true } else { false } }

  /// The bytes that a conversion of the value reads: those of a text.
  private func length(of value: Value) -> Int {
    if case .string(let text) = value { text.utf8.count } else { 0 }
  }

  private func arithmetic(_ operation: Expression.BinaryOperator, _ left: Value, _ right: Value) -> Value {
    guard let a = number(from: left), let b = number(from: right) else { return .undefined }
    return number(a.arithmetic(operation, b), isInt: a.isInt && b.isInt)
  }

  // MARK: cast

  func cast(_ value: Value, _ type: Expression.CastType) -> Value {
    guard budget.take(length(of: value), times: Budget.digit) else { return .undefined }
    switch type {
    case .string: return text(of: value).map { string($0) } ?? .undefined
    case .boolean:
      if case .number(let number) = value { return .boolean(!number.decimal.isZero) }
      return value.asBoolean.map { .boolean($0) } ?? .undefined
    case .int:
      if case .boolean(let flag) = value { return .int(flag ? 1 : 0) }
      return number(value.asDecimal?.rounded(.down), isInt: true)
    case .decimal:
      if case .boolean(let flag) = value { return number(Decimal34(flag ? 1 : 0), isInt: false) }
      return number(value.asDecimal, isInt: false)
    }
  }
}
