import JSON
import MQTT

/// A rule as `aws iot create-topic-rule` accepts it, read and checked.
public struct RuleDocument: Sendable {
  /// The rule's name: the file's, or `ruleName` of a document exported by `aws iot get-topic-rule`.
  public let name: String
  /// The file, for messages.
  public let file: String
  /// The statement.
  public let sql: String
  /// The statement, compiled.
  public let statement: CompiledStatement
  /// The document's description.
  public let description: String?
  /// `ruleDisabled`: the rule is loaded and checked but matches nothing.
  public let isDisabled: Bool
  /// The actions, in order.
  public let actions: [Action]
  /// The error action.
  public let errorAction: Action?
  /// Roles that are missing or invalid: AWS requires them, but this engine doesn't.
  public let omissions: [RuleError]
  /// Calls of other AWS services, which aren't available here: the rule can be checked, but not run.
  public let unsupported: [RuleError]
  /// Warnings from reading, for example about names that are known only at deployment.
  let notes: [String]

  /// The names of AWS IoT's actions; a document may also have those that aren't run here.
  public static var actionsOfAWS: [String] { ActionShape.all.map(\.name) }
  /// AWS's limit on a rule's actions.
  static let actionLimit = 10

  /// Reads a document. A file without `awsIotSqlVersion` gets 2015-10-08, as on AWS.
  ///
  /// If `mayLoop`, a rule may republish to its own filter: something else must end the loop.
  ///
  /// Throws `RuleError` if it isn't JSON, lacks a required member, has an unknown one, or its SQL is invalid.
  public init(_ text: [UInt8], file: String, mayLoop: Bool = false) throws(RuleError) {
    let source = try DocumentSource(text, file: file)
    do throws(RuleError) {
      try self.init(Self.payload(in: source), source, mayLoop: mayLoop)
    } catch {
      throw source.located(error)
    }
  }

  /// The rules of a file: the one in a document of AWS IoT's API, or all in a CloudFormation or SAM template in JSON or
  /// YAML. Throws as `init` does, for the first rule that has an error.
  public static func rules(
    in text: [UInt8], file: String, mayLoop: Bool = false
  ) throws(RuleError) -> [RuleDocument] {
    var rules: [RuleDocument] = []
    for entry in try entries(in: text, file: file, mayLoop: mayLoop) { rules.append(try entry.rule.get()) }
    return rules
  }

  /// The rules of a file, read so that an error in one rule of a template doesn't hide the others.
  ///
  /// Throws `RuleError` if the file can't be read at all, or has no rule.
  public static func entries(
    in text: [UInt8], file: String, mayLoop: Bool = false
  ) throws(RuleError) -> [Entry] {
    let source = try DocumentSource(text, file: file)
    do throws(RuleError) {
      guard let found = try RuleTemplate.payloads(in: source) else {
        let rule = try RuleDocument(payload(in: source), source, mayLoop: mayLoop)
        return [Entry(names: [rule.name], rule: .success(rule))]
      }
      return found.map { resource, payload in
        do throws(RuleError) {
          let rule = try RuleDocument(payload.get(), source, mayLoop: mayLoop)
          return Entry(names: [rule.name, resource], rule: .success(rule))
        } catch {
          let name = (try? payload.get())?.name?.text
          return Entry(names: [name, resource].compactMap { $0 }, rule: .failure(source.located(error)))
        }
      }
    } catch {
      throw source.located(error)
    }
  }

  /// A rule of a file, or why it can't be read.
  public struct Entry: Sendable {
    /// The names by which it can be selected: the rule's name first, then the logical ID of a template's resource.
    public let names: [String]
    /// The rule.
    public let rule: Result<RuleDocument, RuleError>
  }

  /// A rule within a document: its TopicRulePayload and what is given beside it.
  struct Payload {
    var reader: DocumentReader
    /// The name given beside the payload, and its place.
    var name: (text: String, place: String)?
    var notes: [String] = []
  }

  /// The payload of a document as `aws iot` accepts and returns it.
  private static func payload(in source: DocumentSource) throws(RuleError) -> Payload {
    var reader = DocumentReader(file: source.file, path: "", value: source.root)
    // `get-topic-rule` puts ruleArn beside "rule"; `create-topic-rule --cli-input-json` has ruleName beside its payload.
    for wrapper in ["topicRulePayload", "rule"] {
      guard let inner = try reader.object(wrapper) else { continue }
      let name = try reader.string("ruleName")
      try reader.finish(ignoring: ["ruleArn", "tags"])
      return Payload(reader: inner, name: name.map { ($0, "ruleName") })
    }
    return Payload(reader: reader)
  }

  private init(_ payload: Payload, _ source: DocumentSource, mayLoop: Bool) throws(RuleError) {
    var reader = payload.reader
    file = source.file
    var notes = payload.notes
    let inner = try reader.string("ruleName")
    name = try Self.name(
      payload.name ?? inner.map { ($0, reader.place("ruleName")) }, file: source.file, notes: &notes)
    self.notes = notes
    description = try reader.string("description")
    isDisabled = try reader.boolean("ruleDisabled") ?? false
    let version: SQLVersion
    switch try reader.string("awsIotSqlVersion") {
    case nil: version = .v2015
    case "beta": version = .v2016
    case let text?:
      guard let known = SQLVersion(rawValue: text) else {
        throw reader.error(
          "awsIotSqlVersion", "unknown version '\(text)'; the versions are 2015-10-08 and 2016-03-23")
      }
      version = known
    }
    guard let sql = try reader.string("sql") else { throw reader.error("sql", "is missing") }
    self.sql = sql
    let statement: CompiledStatement
    do throws(SQLError) {
      statement = try CompiledStatement(sql, version: version, allowsNoSource: true)
    } catch {
      throw RuleError(file, reader.place("sql"), error.description, excerpt: error.excerpt)
    }
    guard let documents = try reader.objects("actions") else { throw reader.error("actions", "is missing") }
    guard documents.count <= Self.actionLimit else {
      throw reader.error("actions", "has \(documents.count) actions; AWS allows \(Self.actionLimit)")
    }
    var actionReader = ActionReader(variables: statement.variables)
    var unsupported = statement.unsupported.map { (reader.place("sql"), $0) }
    var actions: [Action] = []
    for document in documents {
      let action = try actionReader.action(document)
      unsupported += action.unsupported.map { (document.path, $0) }
      actions.append(action)
    }
    self.actions = actions
    let errorDocument = try reader.object("errorAction")
    errorAction = try errorDocument.map { document throws(RuleError) in try actionReader.action(document) }
    unsupported += errorAction?.unsupported.map { (reader.place("errorAction"), $0) } ?? []
    omissions = actionReader.omissions.map(source.located)
    self.unsupported = unsupported.map { place, error in
      source.located(RuleError(source.file, place, error.message, excerpt: error.excerpt))
    }
    try reader.finish(ignoring: ["createdAt", "ruleArn"])
    self.statement = statement.with((actions + [errorAction].compactMap { $0 }).flatMap(\.templates))
    if !mayLoop, let loop = loops.first {
      throw reader.error("actions", "\(loop); --hop-limit allows it")
    }
  }

  /// The rule's name, which on AWS has only letters, digits and underscores; a file may be named differently.
  private static func name(
    _ given: (text: String, place: String)?, file: String, notes: inout [String]
  ) throws(RuleError) -> String {
    let base = file.split(separator: "/").last.map(String.init) ?? file
    let suffix = [".json", ".yaml", ".yml"].first(where: base.hasSuffix) ?? ""
    let name = given?.text ?? String(base.dropLast(suffix.count))
    let problem = "has letters, digits and underscores, at most 128"
    guard !ActionReader.isPlaceholder(name) else { return name }
    let isValid =
      (1...128).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    guard !isValid else { return name }
    if given != nil || name.contains(where: \.isWhitespace) {
      throw RuleError(file, given?.place ?? "", "a rule's name \(problem); '\(name)' doesn't fit")
    }
    notes.append("the file's name is the rule's name, and a rule's name on AWS \(problem)")
    return name
  }

  /// A sentence for each topic that the rule republishes to and that its own filter matches.
  var loops: [String] {
    let filters = [statement.filter, basicIngestFilter].compactMap { $0 }
    return actions.compactMap { action in
      guard case .republish(let republish) = action, republish.topic.isConstant,
        let filter = filters.first(where: { $0.matches(republish.topic.source) })
      else { return nil }
      return "republishes to '\(republish.topic.source)', which its own filter '\(filter)' matches: a loop"
    }
  }

  /// The filter of FROM or, if there is none, the filter of Basic Ingest.
  public var filter: TopicFilter? { statement.filter ?? basicIngestFilter }

  /// The topics of Basic Ingest, which reach the rule whatever FROM says.
  public var basicIngestFilter: TopicFilter? { try? TopicFilter("$aws/rules/\(name)/#") }

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

  /// Throws if the rule needs an AWS service that isn't available here.
  public func requireRunnable() throws(RuleError) {
    if let error = unsupported.first { throw error }
  }
}
