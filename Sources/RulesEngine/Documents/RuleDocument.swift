import MQTT

/// A rule as `aws iot create-topic-rule` takes it, read and checked.
public struct RuleDocument: Sendable {
  /// The rule's name: the file's, or `ruleName` of a document exported by `aws iot get-topic-rule`.
  public let name: String
  /// The file, for messages.
  public let file: String
  /// The statement.
  public let sql: String
  /// The statement, compiled.
  public let statement: CompiledStatement
  /// What the document says of itself.
  public let description: String?
  /// `ruleDisabled`: it is loaded and checked but matches nothing.
  public let isDisabled: Bool
  /// The actions, in order.
  public let actions: [Action]
  /// The action for what failed.
  public let errorAction: Action?

  /// Reads a document. A file without `awsIotSqlVersion` gets 2015-10-08, as on AWS.
  ///
  /// Throws `RuleError` where it is no JSON, lacks what a rule needs, has what this engine doesn't do, or its SQL is
  /// refused.
  public init(_ text: [UInt8], file: String) throws(RuleError) {
    let document = JSONDocument()
    do throws(JSONError) {
      try document.read(text)
    } catch {
      throw RuleError(file, "line \(error.line), column \(error.column)", error.message)
    }
    var reader = DocumentReader(file: file, path: "", value: document.value(of: 0, version: .v2015))
    var given: String?
    // `get-topic-rule` puts ruleArn beside "rule", `create-topic-rule --cli-input-json` ruleName beside its payload.
    for wrapper in ["topicRulePayload", "rule"] {
      guard let inner = try reader.object(wrapper) else { continue }
      given = try reader.string("ruleName")
      try reader.finish(ignoring: ["ruleArn", "tags"])
      reader = inner
      break
    }
    let base = file.split(separator: "/").last.map(String.init) ?? file
    if given == nil { given = try reader.string("ruleName") }
    name = given ?? (base.hasSuffix(".json") ? String(base.dropLast(5)) : base)
    self.file = file
    description = try reader.string("description")
    isDisabled = try reader.boolean("ruleDisabled") ?? false
    let version: SQLVersion
    switch try reader.string("awsIotSqlVersion") {
    case nil: version = .v2015
    case "beta": version = .v2016
    case let text?:
      guard let known = SQLVersion(rawValue: text) else {
        throw RuleError(
          file, "awsIotSqlVersion", "there is no version '\(text)'; there are 2015-10-08 and 2016-03-23")
      }
      version = known
    }
    guard let sql = try reader.string("sql") else { throw RuleError(file, "sql", "is missing") }
    self.sql = sql
    do throws(SQLError) {
      statement = try CompiledStatement(sql, version: version, allowsNoSource: true)
    } catch {
      throw RuleError(file, "sql", error.description, excerpt: error.excerpt)
    }
    let variables = statement.variables
    guard let documents = try reader.objects("actions") else {
      throw RuleError(file, "actions", "is missing")
    }
    var actions: [Action] = []
    for document in documents { actions.append(try document.action(variables: variables)) }
    self.actions = actions
    errorAction = try reader.object("errorAction")?.action(variables: variables)
    try reader.finish(ignoring: ["createdAt", "ruleArn"])
    for action in actions {
      guard case .republish(let republish) = action, republish.topic.isConstant,
        let filter = statement.filter,
        filter.matches(republish.topic.source)
      else { continue }
      throw RuleError(
        file, "actions",
        "republishes to '\(republish.topic.source)', which its own filter '\(filter)' matches: a loop")
    }
  }

  /// The topics that the rule's actions publish to: names, or templates that are known only with a message.
  public var publishes: [Template] {
    (actions + [errorAction].compactMap { $0 }).compactMap { action in
      if case .republish(let republish) = action { republish.topic } else { nil }
    }
  }

  /// What is allowed, but likely not what was meant.
  public var warnings: [String] {
    var warnings: [String] = []
    if case .list(let items) = statement.statement.select.items {
      var names: Set<[String]> = []
      for case .expression(let expression, let path) in items {
        let name = path.joined(separator: ".")
        if !names.insert(path).inserted {
          warnings.append("'\(name)' is selected twice; the last one counts")
        }
        if statement.version == .v2016, case .cast(_, .decimal) = expression {
          warnings.append(
            "'\(name)' is a whole number where its value is one (12.00 becomes 12 under 2016-03-23), and then changes "
              + "its type in a store that tells whole numbers from decimals")
        }
      }
    }
    if statement.version == .v2015, sql.lowercased().contains("parse_time") {
      warnings.append("parse_time() is Undefined under 2015-10-08; set awsIotSqlVersion to 2016-03-23")
    }
    for topic in publishes where !topic.isConstant {
      warnings.append("the topic '\(topic.source)' depends on the message and may not be a valid one")
    }
    return warnings
  }
}

/// Takes the members of an object by name and type; what nobody took is an error.
struct DocumentReader {
  let file: String
  let path: String
  private let object: ObjectValue?
  private var taken: Set<String> = []

  init(file: String, path: String, value: Value) {
    self.file = file
    self.path = path
    object = if case .object(let object) = value { object } else { nil }
  }

  func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  func error(_ name: String, _ message: String) -> RuleError { RuleError(file, place(name), message) }

  private mutating func take(_ name: String) throws(RuleError) -> Value? {
    guard let object else { throw RuleError(file, path.isEmpty ? "the document" : path, "is no JSON object") }
    taken.insert(name)
    return object[name]
  }

  mutating func string(_ name: String) throws(RuleError) -> String? {
    switch try take(name) {
    case nil: return nil
    case .string(let text): return text
    default: throw error(name, "must be a string")
    }
  }

  mutating func boolean(_ name: String) throws(RuleError) -> Bool? {
    switch try take(name) {
    case nil: return nil
    case .boolean(let flag): return flag
    default: throw error(name, "must be true or false")
    }
  }

  mutating func integer(_ name: String) throws(RuleError) -> Int? {
    switch try take(name) {
    case nil: return nil
    case .number(let number) where number.isInt: return number.decimal.floorInt
    default: throw error(name, "must be a whole number")
    }
  }

  mutating func object(_ name: String) throws(RuleError) -> DocumentReader? {
    guard let value = try take(name) else { return nil }
    let reader = DocumentReader(file: file, path: place(name), value: value)
    guard reader.object != nil else { throw error(name, "must be an object") }
    return reader
  }

  mutating func objects(_ name: String) throws(RuleError) -> [DocumentReader]? {
    guard let value = try take(name) else { return nil }
    guard case .array(let elements) = value else { throw error(name, "must be an array") }
    var readers: [DocumentReader] = []
    for (index, element) in elements.enumerated() {
      let reader = DocumentReader(file: file, path: place("\(name)[\(index)]"), value: element)
      guard reader.object != nil else { throw error("\(name)[\(index)]", "must be an object") }
      readers.append(reader)
    }
    return readers
  }

  mutating func template(_ name: String, variables: [String]) throws(RuleError) -> Template? {
    guard let text = try string(name) else { return nil }
    do throws(SQLError) {
      return try Template(text, variables: variables)
    } catch {
      throw RuleError(file, place(name), error.description, excerpt: error.excerpt)
    }
  }

  func finish(ignoring ignored: Set<String> = []) throws(RuleError) {
    if let unknown = object?.keys.first(where: { !taken.contains($0) && !ignored.contains($0) }) {
      throw error(unknown, "is not known here")
    }
  }

  /// The one action that an element of `actions` holds.
  func action(variables: [String]) throws(RuleError) -> Action {
    var reader = self
    guard let object, object.count == 1, let type = object.keys.first else {
      throw RuleError(file, path, "must hold one action")
    }
    guard Action.supported.contains(type) else {
      throw RuleError(
        file, path,
        "the action '\(type)' is not supported; these are: \(Action.supported.joined(separator: ", "))")
    }
    guard var body = try reader.object(type) else { throw RuleError(file, path, "must hold one action") }
    guard type == "republish" else { return .log }
    return .republish(try body.republish(variables: variables))
  }

  private mutating func republish(variables: [String]) throws(RuleError) -> RepublishAction {
    guard let text = try string("topic") else { throw error("topic", "is missing") }
    let topic: Template
    do throws(SQLError) {
      // `$$aws/…` republishes to a reserved topic.
      topic = try Template(text.hasPrefix("$$") ? String(text.dropFirst()) : text, variables: variables)
    } catch {
      throw RuleError(file, place("topic"), error.description, excerpt: error.excerpt)
    }
    if topic.isConstant {
      do throws(MQTTError) {
        _ = try TopicName(topic.source)
      } catch {
        throw self.error("topic", error.message)
      }
    }
    let qos = try integer("qos") ?? 0
    guard qos == 0 || qos == 1 else { throw error("qos", "must be 0 or 1, not \(qos)") }
    _ = try string("roleArn")
    var properties: [(name: Template, value: Template)] = []
    var contentType: Template?
    if var headers = try object("headers") {
      contentType = try headers.template("contentType", variables: variables)
      for var property in try headers.objects("userProperties") ?? [] {
        guard let key = try property.template("key", variables: variables),
          let value = try property.template("value", variables: variables)
        else { throw headers.error("userProperties", "each needs a key and a value") }
        try property.finish()
        properties.append((key, value))
      }
      for unsupported in ["payloadFormatIndicator", "responseTopic", "correlationData", "messageExpiry"] {
        if try headers.string(unsupported) != nil {
          throw headers.error(unsupported, "is not supported yet; contentType and userProperties are")
        }
      }
      try headers.finish()
    }
    try finish()
    return RepublishAction(
      topic: topic, qos: qos == 1 ? .atLeastOnce : .atMostOnce, userProperties: properties,
      contentType: contentType)
  }
}
