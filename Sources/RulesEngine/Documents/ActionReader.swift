import MQTT
import Text

/// Reads actions. What AWS requires, but nothing here needs, is collected in `omissions`.
struct ActionReader {
  /// SET's variables, which templates may use.
  let variables: [String]
  /// Roles that are missing or invalid.
  var omissions: [RuleError] = []

  init(variables: [String]) { self.variables = variables }

  /// The one action that an element of `actions` holds.
  mutating func action(_ document: DocumentReader) throws(RuleError) -> Action {
    var reader = document
    let names = reader.memberNames
    guard names.count == 1, let type = names.first else {
      throw RuleError(
        document.file, document.path,
        names.isEmpty ? "must hold an action" : "must hold one action, not \(names.count)")
    }
    guard type == "log" || ActionShape.named[type] != nil else {
      let meant = NearestName.of(type, among: ActionShape.all.map(\.name))
      throw reader.error(
        type, "there is no action '\(type)'" + (meant.map { "; did you mean '\($0)'?" } ?? ""))
    }
    guard var body = try reader.object(type) else { throw reader.error(type, "must be an object") }
    switch type {
    case "republish": return .republish(try republish(&body))
    case "timestream": return .timestream(try body.timestream(variables: variables, role: &self))
    case "log":
      try body.finish()
      return .log
    default:
      guard let shape = ActionShape.named[type] else { throw reader.error(type, "is not a known action") }
      let fields = try members(shape.members, of: &body)
      let action = ForeignAction(type: type, service: shape.service, fields: fields)
      if let (name, problem) = action.problem { throw body.error(name, problem) }
      return action.runnable ?? .foreign(action)
    }
  }

  // MARK: Members by their shapes

  private mutating func members(
    _ shapes: [ActionShape.Member], of reader: inout DocumentReader
  ) throws(RuleError) -> [(name: String, value: ForeignAction.Field)] {
    var fields: [(name: String, value: ForeignAction.Field)] = []
    for shape in shapes {
      if case .role = shape.kind {
        if let role = try role(of: &reader, isRequired: shape.isRequired) {
          fields.append((shape.name, .text(role)))
        }
      } else if let field = try field(shape, of: &reader) {
        fields.append((shape.name, field))
      } else if shape.isRequired {
        throw reader.error(shape.name, "is missing")
      }
    }
    try reader.finish()
    return fields
  }

  /// The ARN of the role, which AWS's engine needs and this one doesn't.
  mutating func role(of reader: inout DocumentReader, isRequired: Bool = true) throws(RuleError) -> String? {
    guard let role = try reader.string("roleArn") else {
      if isRequired { omissions.append(reader.error("roleArn", "is missing; AWS requires it")) }
      return nil
    }
    if let problem = Self.problem(withARN: role) { omissions.append(reader.error("roleArn", problem)) }
    return role
  }

  private mutating func field(
    _ shape: ActionShape.Member, of reader: inout DocumentReader
  ) throws(RuleError) -> ForeignAction.Field? {
    let name = shape.name
    switch shape.kind {
    case .role: return nil
    case .template(let lengths):
      guard let template = try reader.template(name, variables: variables) else { return nil }
      if template.isConstant { try check(template.source, lengths, reader, name) }
      return .template(template)
    case .text(let lengths):
      guard let text = try reader.string(name) else { return nil }
      try check(text, lengths, reader, name)
      return .text(text)
    case .arn:
      guard let template = try reader.template(name, variables: variables) else { return nil }
      if template.isConstant, let problem = Self.problem(withARN: template.source) {
        throw reader.error(name, problem)
      }
      return .template(template)
    case .address(let schemes):
      guard let template = try reader.template(name, variables: variables) else { return nil }
      let text = template.source
      guard !template.isConstant || Self.isPlaceholder(text) || schemes.contains(where: text.hasPrefix) else {
        throw reader.error(name, "must begin with \(schemes.joined(separator: " or ")), not '\(text)'")
      }
      return .template(template)
    case .choice(let choices):
      guard let text = try reader.string(name) else { return nil }
      guard choices.contains(text) || Self.isPlaceholder(text) else {
        let known = choices.map { $0.debugDescription }.joined(separator: ", ")
        throw reader.error(name, "must be one of \(known), not \(text.debugDescription)")
      }
      return .text(text)
    case .boolean: return try reader.boolean(name).map { .boolean($0) }
    case .integer(let range):
      guard let number = try reader.integer(name) else { return nil }
      guard range.contains(number) else {
        throw reader.error(name, "must be \(range.lowerBound) to \(range.upperBound), not \(number)")
      }
      return .integer(number)
    case .object(let shapes):
      guard var inner = try reader.object(name) else { return nil }
      return .object(try members(shapes, of: &inner))
    case .objects(let shapes, let counts):
      guard let elements = try reader.objects(name) else { return nil }
      guard counts.contains(elements.count) else {
        throw reader.error(name, "has \(elements.count) elements; AWS allows \(text(counts))")
      }
      var fields: [ForeignAction.Field] = []
      for element in elements {
        var element = element
        fields.append(.object(try members(shapes, of: &element)))
      }
      return .array(fields)
    case .map(let counts):
      guard var inner = try reader.object(name) else { return nil }
      let texts = try inner.texts()
      guard counts.contains(texts.count) else {
        throw reader.error(name, "has \(texts.count) members; AWS allows \(text(counts))")
      }
      var fields: [(name: String, value: ForeignAction.Field)] = []
      for (key, text) in texts {
        fields.append((key, .template(try reader.template(text, at: name, variables: variables))))
      }
      return .object(fields)
    }
  }

  private func text(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound) to \(range.upperBound)" }

  private func check(
    _ text: String, _ lengths: ClosedRange<Int>, _ reader: DocumentReader, _ name: String
  ) throws(RuleError) {
    guard !lengths.contains(text.utf8.count) else { return }
    throw reader.error(
      name, "has \(text.utf8.count) characters; AWS allows \(self.text(lengths))")
  }

  /// Whether a text is a placeholder for a value that is known only at deployment: `<Role.Arn>`.
  static func isPlaceholder(_ text: String) -> Bool { text.contains("<") && text.contains(">") }

  /// What is wrong with an ARN ("Amazon Resource Names" in the AWS General Reference); nil if it has the shape of one.
  static func problem(withARN text: String) -> String? {
    if isPlaceholder(text) { return nil }
    let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    guard parts.count == 6, parts[0] == "arn", !parts[1].isEmpty, !parts[2].isEmpty, !parts[5].isEmpty else {
      return "must be an ARN such as arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE, not '\(text)'"
    }
    return nil
  }

  // MARK: republish

  private mutating func republish(_ body: inout DocumentReader) throws(RuleError) -> RepublishAction {
    _ = try role(of: &body)
    guard let text = try body.string("topic") else { throw body.error("topic", "is missing") }
    // `$$aws/…` republishes to a reserved topic.
    let topic = try body.template(
      text.hasPrefix("$$") ? String(text.dropFirst()) : text, at: "topic", variables: variables)
    if topic.isConstant {
      do throws(MQTTError) {
        _ = try TopicName(topic.source)
      } catch {
        throw body.error("topic", error.message)
      }
    }
    let qos = try body.integer("qos") ?? 0
    guard qos == 0 || qos == 1 else { throw body.error("qos", "must be 0 or 1, not \(qos)") }
    var result = MQTTHeaders()
    if var headers = try body.object("headers") {
      result.payloadFormatIndicator = try headers.template("payloadFormatIndicator", variables: variables)
      result.contentType = try headers.template("contentType", variables: variables)
      result.responseTopic = try headers.template("responseTopic", variables: variables)
      result.correlationData = try headers.template("correlationData", variables: variables)
      result.messageExpiry = try headers.template("messageExpiry", variables: variables)
      for var property in try headers.objects("userProperties") ?? [] {
        guard let key = try property.template("key", variables: variables),
          let value = try property.template("value", variables: variables)
        else { throw headers.error("userProperties", "each needs a key and a value") }
        try property.finish()
        result.userProperties.append((key, value))
      }
      try headers.finish()
    }
    try body.finish()
    return RepublishAction(topic: topic, qos: qos == 1 ? .atLeastOnce : .atMostOnce, headers: result)
  }
}

extension ForeignAction {
  /// The action as this engine runs it; nil if it doesn't.
  fileprivate var runnable: Action? {
    switch type {
    case "cloudwatchMetric":
      guard let namespace = template("metricNamespace"), let name = template("metricName"),
        let value = template("metricValue"), let unit = template("metricUnit")
      else { return nil }
      return .cloudwatchMetric(
        MetricAction(
          members: self, namespace: namespace, name: name, value: value, unit: unit,
          timestamp: template("metricTimestamp")))
    case "http":
      guard let url = template("url") else { return nil }
      var headers: [(name: String, value: Template)] = []
      if case .array(let elements)? = self["headers"] {
        for case .object(let members) in elements {
          guard case .text(let key)? = members.first(where: { $0.name == "key" })?.value,
            case .template(let value)? = members.first(where: { $0.name == "value" })?.value
          else { continue }
          headers.append((key, value))
        }
      }
      return .http(HTTPAction(members: self, url: url, headers: headers, isSigned: self["auth"] != nil))
    case "influxDB":
      guard let destination = template("destinationArn"), let database = template("databaseName"),
        let table = template("tableName")
      else { return nil }
      var tags: [(name: String, value: Template)] = []
      if case .object(let members)? = self["tags"] {
        for case (let name, .template(let value)) in members { tags.append((name, value)) }
      }
      var unit = InfluxAction.Unit.milliseconds
      if case .text(let text)? = self["timestampUnit"] { unit = InfluxAction.Unit(rawValue: text) ?? unit }
      return .influxDB(
        InfluxAction(
          members: self, destination: destination.source, database: database, table: table,
          organization: template("organization"), tags: tags, unit: unit))
    default: return nil
    }
  }

  /// What breaks AWS's rules for its members, beyond their shapes; nil if nothing is wrong.
  fileprivate var problem: (name: String, problem: String)? {
    func has(_ names: String, in fields: [(name: String, value: Field)]) -> Bool {
      fields.contains { $0.name == names }
    }
    switch type {
    case "iotAnalytics" where !has("channelName", in: fields) && !has("channelArn", in: fields):
      return ("channelName", "is missing")
    case "iotSiteWise":
      for case ("putAssetPropertyValueEntries", .array(let entries)) in fields {
        for (index, entry) in entries.enumerated() {
          guard case .object(let entry) = entry else { continue }
          if has("propertyAlias", in: entry) || has("assetId", in: entry) && has("propertyId", in: entry) {
            continue
          }
          return (
            "putAssetPropertyValueEntries[\(index)]", "needs propertyAlias, or both assetId and propertyId"
          )
        }
      }
      return nil
    case "dynamoDB":
      guard let operation = template("operation"), operation.isConstant else { return nil }
      let known = ["INSERT", "UPDATE", "DELETE"]
      return known.contains(operation.source.uppercased())
        ? nil : ("operation", "must be one of \(known.joined(separator: ", ")), not '\(operation.source)'")
    case "cloudwatchAlarm":
      guard let state = template("stateValue"), state.isConstant else { return nil }
      let known = ["OK", "ALARM", "INSUFFICIENT_DATA"]
      return known.contains(state.source)
        ? nil : ("stateValue", "must be one of \(known.joined(separator: ", ")), not '\(state.source)'")
    default: return nil
    }
  }
}
