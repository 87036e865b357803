import JSON
import MQTT

/// A first document for a rule, and a test case for it that passes: the files that `trucksensor rules new` writes.
public struct NewRule {
  /// The rule document.
  public let document: [UInt8]
  /// The file with its test case.
  public let cases: [UInt8]
  /// The topic and payload of the case's message, for a person.
  public let example: (topic: String, payload: String)
  /// Whether the statement has a result for that message; if not, no message was found for which it has one.
  public let matches: Bool

  /// The statement of a new rule that is requested without one.
  public static func statement(for name: String) -> String {
    "SELECT *, topic(2) AS device, timestamp() AS received FROM '\(name)/+' WHERE value > 20"
  }

  private static let role = "arn:aws:iam::123456789012:role/"
  private static let now = 1_729_703_643_979
  /// Values to try for the attributes of the case's message until it satisfies WHERE.
  private static let samples: [Value] = [
    .number(
      Number(decimal: Decimal34(isNegative: false, coefficient: 215, exponent: -1) ?? .zero, isInt: false)),
    .int(1), .int(0), .int(1000), .string("text"), .boolean(true), .boolean(false), .null,
  ]

  /// A rule called `name`; throws if `sql` isn't a statement, or needs a service that isn't available here.
  public init(name: String, sql: String) throws(SQLError) {
    let statement = try CompiledStatement(sql, version: .v2016, allowsNoSource: true)
    if let unsupported = statement.unsupported.first { throw unsupported }
    document = Self.document(name, sql, statement.filter)
    let topic = Self.topic(for: statement.filter, name)
    var payload = Value.object(ObjectValue())
    var outcome = Outcome.noMatch
    for sample in Self.samples {
      payload = statement.statement.sample(sample)
      outcome = Self.evaluate(statement, topic, payload)
      if case .output = outcome { break }
    }
    let text = String(decoding: payload.json ?? [], as: UTF8.self)
    example = (topic, text)
    // A UUID, for example, differs each time.
    var output: [UInt8]?
    if case .output(let first) = outcome, case .output(let second) = Self.evaluate(statement, topic, payload)
    {
      output = first == second && (try? JSONDocument().read(first)) != nil ? first : []
    }
    var json = JSONWriter(indented: true)
    matches = output != nil
    json.array { [matches] in
      $0.object {
        $0.member("id", "\(name)-1")
        $0.member(
          "note",
          matches
            ? "written by 'trucksensor rules new' from the statement's result: check it, then add your own"
            : "WHERE rejects this message: write one that satisfies it, and the result you expect")
        $0.member("rule", "rules/\(name).json")
        $0.member("topic", topic)
        $0.member("clientId", "client1")
        $0.member("now", Self.now)
        $0.member("payload", json: text.utf8)
        $0.object("expect") {
          $0.member("match", matches)
          if let output, !output.isEmpty { $0.member("result", json: output) }
        }
      }
    }
    cases = json.bytes
  }

  private static func evaluate(_ statement: CompiledStatement, _ topic: String, _ payload: Value) -> Outcome {
    let message = Message(topic: topic, payload: payload.json ?? [], receivedMilliseconds: now)
    message.clientID = "client1"
    return StatementEvaluator().evaluate(statement, message)
  }

  /// A topic that the filter matches.
  private static func topic(for filter: TopicFilter?, _ name: String) -> String {
    guard let filter else { return "$aws/rules/\(name)/device1" }
    return filter.pattern.split(separator: "/", omittingEmptySubsequences: false).map {
      $0 == "+" || $0 == "#" ? "device1" : String($0)
    }.joined(separator: "/")
  }

  private static func document(_ name: String, _ sql: String, _ filter: TopicFilter?) -> [UInt8] {
    var json = JSONWriter(indented: true)
    json.object {
      $0.member("sql", sql)
      $0.member("awsIotSqlVersion", SQLVersion.v2016.rawValue)
      $0.member("description", "The rule's purpose")
      $0.member("ruleDisabled", false)
      $0.array("actions") { $0.object { action("rules/\(name)", name, filter, &$0) } }
      $0.object("errorAction") { action("rules/\(name)/errors", name, filter, &$0) }
    }
    return json.bytes
  }

  /// Republishes to `topic`, or logs if republishing would make a loop.
  private static func action(
    _ topic: String, _ name: String, _ filter: TopicFilter?, _ json: inout JSONWriter
  ) {
    guard filter?.matches(topic) != true else {
      json.object("log") { _ in }
      return
    }
    json.object("republish") {
      $0.member("roleArn", role + name)
      $0.member("topic", topic)
      $0.member("qos", 1)
    }
  }
}

extension Statement {
  /// A payload that has each attribute that the statement names.
  fileprivate func sample(_ value: Value) -> Value {
    var sample = Sample(value: value)
    if let condition = select.condition { sample.satisfy(condition, true) }
    for assignment in assignments { sample.add(assignment.expression) }
    sample.add(select)
    return .object(sample.object)
  }
}

/// Collects the attributes that expressions name into an object.
private struct Sample {
  let value: Value
  private(set) var object = ObjectValue()

  init(value: Value) { self.value = value }

  /// Chooses values for the attributes that `condition` compares with literals, so that it is `wanted`, as far as it can
  /// tell.
  mutating func satisfy(_ condition: Expression, _ wanted: Bool) {
    switch condition {
    case .not(let operand): satisfy(operand, !wanted)
    case .path(let names): set(names[...], .boolean(wanted), in: &object)
    case .binary(.and, let left, let right), .binary(.or, let left, let right):
      satisfy(left, wanted)
      satisfy(right, wanted)
    case .binary(let comparison, let attribute, let value):
      if let names = attribute.attribute, let literal = value.literalValue {
        give(names, comparison, literal, wanted)
      } else if let names = value.attribute, let literal = attribute.literalValue {
        give(names, comparison.mirrored, literal, wanted)
      }
    default: break
    }
  }

  private mutating func give(
    _ names: [String], _ comparison: Expression.BinaryOperator, _ literal: Value, _ wanted: Bool
  ) {
    let offset: Int
    switch (comparison, wanted) {
    case (.equal, true), (.unequal, false), (.lessOrEqual, true), (.less, false), (.greaterOrEqual, true),
      (.greater, false):
      offset = 0
    case (.less, true), (.greaterOrEqual, false): offset = -1
    case (.greater, true), (.lessOrEqual, false), (.unequal, true), (.equal, false): offset = 1
    case (.isIn, true):
      if case .array(let values) = literal, let first = values.first { set(names[...], first, in: &object) }
      return
    default: return
    }
    var value = literal
    if offset != 0 {
      guard case .number(let number) = literal, let sum = number.decimal + Decimal34(offset) else { return }
      value = .number(Number(decimal: sum, isInt: number.isInt))
    }
    set(names[...], value, in: &object)
  }

  mutating func add(_ select: Select) {
    switch select.items {
    case .value(let expression): add(expression)
    case .list(let items):
      for item in items {
        switch item {
        case .everything: break
        case .members(let expression), .expression(let expression, _): add(expression)
        }
      }
    }
    if let condition = select.condition { add(condition) }
  }

  mutating func add(_ expression: Expression) {
    switch expression {
    case .path(let names): set(names[...], value, in: &object)
    case .literal, .variable, .row, .payload: break
    case .member(let operand, _), .cast(let operand, _), .negate(let operand), .not(let operand): add(operand)
    case .call(_, let arguments), .array(let arguments): for argument in arguments { add(argument) }
    case .binary(_, let left, let right):
      add(left)
      add(right)
    case .choice(let subject, let cases, let otherwise):
      add(subject)
      for branch in cases {
        add(branch.when)
        add(branch.then)
      }
      if let otherwise { add(otherwise) }
    case .object(let members):
      for member in members {
        add(member.key)
        add(member.value)
      }
    case .query(let select, let source):
      guard case .path(let names) = source else { return add(source) }
      var rows = Sample(value: value)
      rows.add(select)
      set(names[...], .array([.object(rows.object)]), in: &object)
    }
  }

  private func set(_ names: ArraySlice<String>, _ value: Value, in object: inout ObjectValue) {
    guard let name = names.first else { return }
    guard names.count > 1 else {
      if object[name] == nil { object.set(name, value) }
      return
    }
    var inner = ObjectValue()
    if case .object(let present)? = object[name] { inner = present }
    set(names.dropFirst(), value, in: &inner)
    object.set(name, .object(inner))
  }
}

extension Expression {
  /// The attribute that this expression is, with or without a conversion; nil if it is none.
  fileprivate var attribute: [String]? {
    switch self {
    case .path(let names): names
    case .cast(let operand, _): operand.attribute
    default: nil
    }
  }

  /// The value, if it is a constant in the statement.
  fileprivate var literalValue: Value? {
    switch self {
    case .literal(let value): return value
    case .negate(let operand):
      guard case .number(let number)? = operand.literalValue else { return nil }
      return .number(Number(decimal: -number.decimal, isInt: number.isInt))
    case .array(let elements):
      let values = elements.compactMap(\.literalValue)
      return values.count == elements.count ? .array(values) : nil
    default: return nil
    }
  }
}

extension Expression.BinaryOperator {
  /// The operator for exchanged operands.
  fileprivate var mirrored: Self {
    switch self {
    case .less: .greater
    case .lessOrEqual: .greaterOrEqual
    case .greater: .less
    case .greaterOrEqual: .lessOrEqual
    default: self
    }
  }
}
