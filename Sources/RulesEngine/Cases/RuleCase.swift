import JSON
import MQTT
import Store
import Text
import Time

/// A test case for a statement, a template or a topic filter, which `trucksensor rules test` runs.
///
/// The format is documented in `docs/rules.md`.
public struct RuleCase: Sendable {
  /// The case's name, or its position in the file.
  public let name: String
  private let fields: ObjectValue

  /// A case's result.
  public enum Result: Sendable, Equatable {
    case passed
    /// What was expected, and the actual result.
    case failed(expected: String, actual: String)
  }

  /// Reads a file's cases; throws `JSONError` if it isn't JSON, or isn't an array of objects.
  public static func cases(in text: [UInt8]) throws(JSONError) -> [RuleCase] {
    let document = JSONDocument()
    try document.readChecked(text)
    guard case .array(let elements) = document.value(of: 0, version: .v2015) else {
      throw document.error("a file of cases is a JSON array", at: 0)
    }
    var cases: [RuleCase] = []
    for (index, element) in elements.enumerated() {
      let node = document.node(at: "[\(index)]")
      guard case .object(let fields) = element else {
        throw document.error("case \(index + 1) is not an object", at: node)
      }
      if let (member, problem) = CaseFormat.problem(with: fields) {
        throw document.error(
          "case \(index + 1): \(problem)", at: document.node(at: "[\(index)].\(member)"))
      }
      cases.append(RuleCase(name: fields["id"]?.asString ?? "case \(index + 1)", fields: fields))
    }
    return cases
  }

  /// Runs the case. `rule` returns the rule document that a case names; a case that names neither a rule nor a statement,
  /// template or filter tests `fallback`, if there is one.
  public func run(fallback: RuleDocument? = nil, rule: (String) throws -> RuleDocument) -> Result {
    let expected = fields["expect"] ?? .undefined
    guard case .object(let expectation) = expected else {
      return .failed(expected: "a case with \"expect\"", actual: "none")
    }
    let actual: Value
    do {
      actual = try outcome(expectation, fallback, rule)
    } catch let error as SQLError {
      let kind = error.kind == .unsupported ? "unsupported" : "parse"
      return compare(expectation, object(("error", .string(kind))), note: error.description)
    } catch {
      return .failed(expected: text(expected), actual: "\(error)")
    }
    return compare(expectation, actual, note: nil)
  }

  // MARK: The outcome

  private func outcome(
    _ expectation: ObjectValue, _ fallback: RuleDocument?, _ rule: (String) throws -> RuleDocument
  ) throws -> Value {
    if let filter = fields["filter"]?.asString {
      let matches = try TopicFilter(filter).matches(fields["topic"]?.asString ?? "")
      return object(("match", .boolean(matches)))
    }
    let evaluator = StatementEvaluator()
    if let template = fields["template"]?.asString {
      let statement = try CompiledStatement("SELECT * FROM '#'", version: version(nil))
      let template = try Template(template)
      do throws(LimitError) {
        return object(("string", .string(try evaluator.templates(statement, message).text(template))))
      } catch {
        return object(("error", .string("payload")))
      }
    }
    let document = try fields["rule"]?.asString.map(rule) ?? (fields["sql"] == nil ? fallback : nil)
    let message = message
    // Without FROM, only Basic Ingest reaches a rule. A case that expects an error tests whether a rule for topics would
    // have it.
    let mayLackSource = message.basicIngestRule != nil || expectation["error"] == nil
    let statement =
      if let document { document.statement } else {
        try CompiledStatement(
          fields["sql"]?.asString ?? "", version: version(nil), allowsNoSource: mayLackSource)
      }
    if let unsupported = statement.unsupported.first { throw unsupported }
    guard isReached(statement, document?.name, by: message) else { return object(("match", .boolean(false))) }
    switch evaluator.evaluate(statement, message) {
    case .noMatch: return object(("match", .boolean(false)))
    case .payloadError, .limitExceeded: return object(("error", .string("payload")))
    case .output(let bytes):
      var result = object(("match", .boolean(true)), ("output", .bytes(bytes)))
      if let document, case .object(var fields) = result {
        fields.set(
          "actions", .array(document.actions.map { described($0, document, evaluator, message) }))
        fields.set(
          "errorAction",
          document.errorAction.map { described($0, document, evaluator, message) } ?? .undefined)
        result = .object(fields)
      }
      return result
    }
  }

  /// Whether the message reaches the rule: by its topic, or by Basic Ingest, which names the rule and needs no filter.
  private func isReached(_ statement: CompiledStatement, _ rule: String?, by message: Message) -> Bool {
    if let addressed = message.basicIngestRule { return rule == nil || rule == addressed }
    guard let filter = statement.filter else { return fields["topic"] == nil }
    return message.topic.isEmpty || filter.matches(message.topic)
  }

  /// What an action would do, in the form that cases expect.
  private func described(
    _ action: Action, _ document: RuleDocument, _ evaluator: StatementEvaluator, _ message: Message
  ) -> Value {
    switch action {
    case .republish(let republish):
      let topic: Value
      do throws(LimitError) {
        topic = .string(try evaluator.templates(document.statement, message).text(republish.topic))
      } catch {
        return object(("republish", object(("error", .string(error.description)))))
      }
      return object(("republish", object(("topic", topic), ("qos", .int(Int(republish.qos.rawValue))))))
    case .timestream(let action):
      do throws(TimestreamAction.Failure) {
        let output: [UInt8] =
          if case .output(let bytes) = evaluator.evaluate(document.statement, message) { bytes } else { [] }
        return object(
          (
            "timestream",
            described(try action.request(output, evaluator, document.statement, message, strict: false))
          ))
      } catch {
        return object(("timestream", object(("error", .string(error.message)))))
      }
    case .log: return object(("log", .object(ObjectValue())))
    case .influxDB, .http, .cloudwatchMetric, .foreign:
      guard let action = action.foreign else { return .undefined }
      var json = JSONWriter()
      do throws(LimitError) {
        try action.write(evaluator.templates(document.statement, message), to: &json)
        return object((action.type, (try? JSONDocument.value(of: json.bytes)) ?? .null))
      } catch {
        return object((action.type, object(("error", .string(error.description)))))
      }
    }
  }

  private func described(_ write: (database: String, request: WriteRequest)) -> Value {
    var dimensions = ObjectValue()
    for dimension in write.request.record.dimensions {
      dimensions.set(dimension.name, .string(dimension.value))
    }
    var measures = ObjectValue()
    for (name, value) in write.request.record.measures {
      let written: Value =
        switch value {
        case .bigint(let number), .timestamp(let number): .int(Int(number))
        case .double(let number):
          Value.decimal("\(number)").map { .number(Number(decimal: $0, isInt: false)) } ?? .null
        case .boolean(let flag): .boolean(flag)
        case .varchar(let text): .string(text)
        }
      measures.set(name, object(("type", .string(value.type.rawValue)), ("value", written)))
    }
    return object(
      ("databaseName", .string(write.database)), ("tableName", .string(write.request.table)),
      ("dimensions", .object(dimensions)),
      ("timestamp", .string(Timestamp.iso8601(write.request.record.time))),
      ("measures", .object(measures)))
  }

  private func version(_ fallback: SQLVersion?) -> SQLVersion {
    fields["version"]?.asString.flatMap(SQLVersion.init(rawValue:)) ?? fallback ?? .v2016
  }

  private var message: Message {
    var payload: [UInt8] = []
    if let text = fields["payloadText"]?.asString {
      payload = Array(text.utf8)
    } else if let text = fields["payloadBase64"]?.asString {
      payload = Base64.decode(text) ?? []
    } else if let value = fields["payload"] {
      payload = value.json ?? []
    }
    let message = Message(
      topic: fields["topic"]?.asString ?? "t", payload: payload,
      receivedMilliseconds: fields["now"]?.asIntegerArgument ?? WallClock.milliseconds)
    message.clientID = fields["clientId"]?.asString
    message.accountID = fields["accountId"]?.asString
    return message
  }

  private func object(_ members: (String, Value)...) -> Value {
    var object = ObjectValue()
    for (key, value) in members { object.set(key, value) }
    return .object(object)
  }

  // MARK: The comparison

  private func compare(_ expected: ObjectValue, _ actual: Value, note: String?) -> Result {
    guard case .object(let actual) = actual else { return .passed }
    var differs = false
    for key in ["match", "error", "string"] {
      switch (expected[key], actual[key]) {
      case (let wanted?, let got?): differs = differs || Value.equal(wanted, got) != true
      case (nil, nil): break
      default: differs = true
      }
    }
    if case .bytes(let output)? = actual["output"] {
      if let raw = expected["rawBase64"]?.asString { differs = differs || Base64.encode(output) != raw }
      if let result = expected["result"] {
        differs = differs || !isMet(result, by: output, expected["type"]?.asString)
      }
    }
    for key in ["actions", "errorAction"] {
      guard let wanted = expected[key] else { continue }
      differs = differs || Value.equal(wanted, actual[key] ?? .undefined) != true
    }
    guard differs else { return .passed }
    return .failed(
      expected: text(.object(expected)), actual: text(.object(actual)) + (note.map { " (\($0))" } ?? ""))
  }

  private func text(_ value: Value) -> String {
    guard case .object(var object) = value, case .bytes(let output)? = object["output"] else {
      return value.asString ?? "nothing"
    }
    // The output is JSON, which reads better unencoded, or binary.
    object.set("output", (try? JSONDocument.value(of: output)) ?? .string(Base64.encode(output)))
    return Value.object(object).asString ?? "nothing"
  }

  private func isMet(_ expected: Value, by output: [UInt8], _ type: String?) -> Bool {
    let document = JSONDocument()
    do throws(JSONError) {
      try document.read(output)
    } catch {
      return false
    }
    if let type, !document.nodes.allSatisfy({ $0.kind != .number || $0.isSpecial == (type == "decimal") }) {
      return false
    }
    return isSame(expected, document.value(of: 0, version: .v2015))
  }

  private func isSame(_ expected: Value, _ actual: Value) -> Bool {
    switch (expected, actual) {
    case (.number(let a), .number(let b)):
      if a.decimal == b.decimal { return true }
      if a.isInt || Value.equal(fields["exact"] ?? .undefined, .boolean(true)) == true { return false }
      return (a.decimal.double - b.decimal.double).magnitude <= 1e-12 * a.decimal.double.magnitude
    case (.array(let a), .array(let b)): return a.count == b.count && zip(a, b).allSatisfy { isSame($0, $1) }
    case (.object(let a), .object(let b)):
      return a.count == b.count
        && zip(a.keys, a.values).allSatisfy { key, value in b[key].map { isSame(value, $0) } ?? false }
    default: return Value.equal(expected, actual) == true
    }
  }
}
