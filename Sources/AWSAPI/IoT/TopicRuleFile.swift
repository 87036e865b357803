import Files
import JSON
import RulesEngine
import Time

/// A rule document of the rules' folder in the form of AWS IoT's API.
struct TopicRuleFile {
  /// The rule's name.
  let name: String
  let path: String
  /// The members of the TopicRulePayload, as they were given.
  var payload: [String: JSONElement]
  /// When the rule was created, in seconds since 1970: as the API recorded it, otherwise when the file was last changed.
  let createdAt: Double

  /// The members that the API adds to the given payload.
  private static let added = ["createdAt", "ruleName", "ruleArn"]

  /// The rule of that name; nil if there is none.
  static func find(_ name: String, in folder: String) throws(AWSFault) -> TopicRuleFile? {
    try all(in: folder).first { $0.name == name }
  }

  /// All rules whose files are JSON, by the names of their files.
  static func all(in folder: String) throws(AWSFault) -> [TopicRuleFile] {
    guard Files.exists(folder) else { return [] }
    do throws(FileError) {
      // The alert rules are in the same folder.
      return try Files.list(folder, suffix: ".json").filter { $0 != "alerts.json" }.compactMap {
        TopicRuleFile(Files.join(folder, $0))
      }
    } catch {
      throw AWSFault(error)
    }
  }

  private init?(_ path: String) {
    guard let bytes = try? Files.read(path), let element = try? JSONElement(bytes),
      let stamp = Files.stamp(of: path)
    else { return nil }
    // Documents exported by AWS's command line have an enclosing object.
    let payload = element["topicRulePayload"] ?? element["rule"] ?? element
    guard case .object(let members) = payload else { return nil }
    self.path = path
    let base = Files.name(of: path)
    name = element["ruleName"]?.text ?? payload["ruleName"]?.text ?? String(base.dropLast(".json".count))
    createdAt =
      if case .number(let text)? = members["createdAt"], let seconds = Double(text) {
        seconds
      } else {
        Double(stamp.seconds)
      }
    self.payload = members.filter { !Self.added.contains($0.key) }
  }

  /// A new rule.
  init(name: String, payload: [String: JSONElement], folder: String, now: Int64) {
    self.name = name
    path = Files.join(folder, name + ".json")
    self.payload = payload
    createdAt = Double(now / 1_000_000_000)
  }

  /// The file's text, indented for people.
  private var text: [UInt8] {
    var members = payload
    members["createdAt"] = .number("\(Int64(exactly: createdAt) ?? 0)")
    let base = Files.name(of: path)
    if base != name + ".json" { members["ruleName"] = .string(name) }
    var json = JSONWriter(indented: true)
    json.value(
      .object(members),
      first: ["ruleName", "description", "sql", "awsIotSqlVersion", "ruleDisabled", "actions", "errorAction"])
    json.newline()
    return json.bytes
  }

  /// Checks and writes the document; a run reads it within a second.
  func write() throws(AWSFault) {
    let text = text
    do throws(RuleError) {
      // Reject a document that a run would reject.
      _ = try RuleDocument(text, file: name)
    } catch {
      let text = "\(error.place): \(error.message)" + (error.excerpt.map { "\n" + $0 } ?? "")
      throw error.place == "sql" ? AWSFault("SqlParseException", text) : .invalidRequest(text)
    }
    do throws(FileError) {
      try Files.makeFolder(Files.folder(of: path))
      try Files.write(text, to: path)
    } catch {
      throw AWSFault(error)
    }
  }

  /// The topic filter of the statement; nil if it has none.
  var topicPattern: String? {
    guard case .string(let sql)? = payload["sql"] else { return nil }
    return (try? CompiledStatement(sql, version: .v2016, allowsNoSource: true))?.filter?.pattern
  }

  var isDisabled: Bool { payload["ruleDisabled"]?.isTrue ?? false }
}
