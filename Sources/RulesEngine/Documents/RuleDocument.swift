import JSON
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

  /// The names of the actions that AWS IoT has; of those that aren't run here a document may have any, too.
  public static var actionsOfAWS: [String] { Action.ofAWS }
  /// AWS's limit on a rule's actions.
  static let actionLimit = 10

  /// Reads a document. A file without `awsIotSqlVersion` gets 2015-10-08, as on AWS.
  ///
  /// With `mayLoop` a rule may republish to its own filter: something else must end the loop.
  ///
  /// Throws `RuleError` where it is no JSON, lacks what a rule needs, has what this engine doesn't do, or its SQL is
  /// refused.
  public init(_ text: [UInt8], file: String, mayLoop: Bool = false) throws(RuleError) {
    let document = JSONDocument()
    do throws(JSONError) {
      try document.readChecked(text)
    } catch {
      var failure = RuleError(file, "", error.message)
      failure.position = (error.line, error.column)
      throw failure
    }
    do throws(RuleError) {
      try self.init(document, file: file, mayLoop: mayLoop)
    } catch {
      var failure = error
      let position = document.error("", at: document.node(at: error.place))
      failure.position = (position.line, position.column)
      throw failure
    }
  }

  private init(_ document: JSONDocument, file: String, mayLoop: Bool) throws(RuleError) {
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
    let statement: CompiledStatement
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
    guard documents.count <= Self.actionLimit else {
      throw RuleError(file, "actions", "has \(documents.count) actions; AWS allows \(Self.actionLimit)")
    }
    for document in documents { actions.append(try document.action(variables: variables)) }
    self.actions = actions
    errorAction = try reader.object("errorAction")?.action(variables: variables)
    try reader.finish(ignoring: ["createdAt", "ruleArn"])
    self.statement = statement.with((actions + [errorAction].compactMap { $0 }).flatMap(\.templates))
    for action in actions where !mayLoop {
      guard case .republish(let republish) = action, republish.topic.isConstant,
        let filter = statement.filter,
        filter.matches(republish.topic.source)
      else { continue }
      throw RuleError(
        file, "actions",
        "republishes to '\(republish.topic.source)', which its own filter '\(filter)' matches: a loop; --hop-limit allows it"
      )
    }
  }

  /// The topics that the rule's actions publish to: names, or templates that are known only with a message.
  public var publishes: [Template] {
    (actions + [errorAction].compactMap { $0 }).compactMap { action in
      if case .republish(let republish) = action { republish.topic } else { nil }
    }
  }

  /// Whether an action writes to a store.
  public var stores: Bool {
    (actions + [errorAction].compactMap { $0 }).contains(where: \.stores)
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
    for case .notRun(let name) in actions + [errorAction].compactMap({ $0 }) {
      warnings.append("the action '\(name)' is kept, but not run here")
    }
    for case .timestream(let action) in actions where action.timestamp == nil {
      warnings.append(
        "the timestream action has no timestamp: a message that is delivered again is stored again, at another time"
      )
    }
    for topic in publishes where !topic.isConstant {
      warnings.append("the topic '\(topic.source)' depends on the message and may not be a valid one")
    }
    return warnings
  }
}
