import Files
import JSON
import MQTT
import RulesEngine
import Text
import Time

/// Topic rules are the files of the rules' folder; a run reads changed files within a second.
extension IoTService {
  private static let action = Shape.union(
    RuleDocument.actionsOfAWS.map { Shape.Field($0, .structure([])) })

  private static let payload = Shape.structure([
    .init("sql", .text(), required: true), .init("description", .text()),
    .init("actions", .list(action, count: 0...10), required: true), .init("ruleDisabled", .flag),
    .init("awsIotSqlVersion", .text()), .init("errorAction", action),
  ])

  var topicRuleOperations: [RESTOperation] {
    let name = RESTOperation.Member.path("ruleName", .ruleName)
    let payload = RESTOperation.Member.payload("topicRulePayload", Self.payload)
    return [
      RESTOperation(
        "CreateTopicRule", "POST /rules/{ruleName}",
        [name, payload, .header("tags", .text(), as: "x-amz-tagging")], action: createRule),
      RESTOperation("ReplaceTopicRule", "PATCH /rules/{ruleName}", [name, payload], action: replaceRule),
      RESTOperation("GetTopicRule", "GET /rules/{ruleName}", [name], action: getRule),
      RESTOperation(
        "ListTopicRules", "GET /rules",
        [
          .query("topic", .text()), .query("maxResults", .integer(1...10_000)), .query("nextToken", .text()),
          .query("ruleDisabled", .flag),
        ], action: listRules),
      RESTOperation("EnableTopicRule", "POST /rules/{ruleName}/enable", [name], action: enableRule),
      RESTOperation("DisableTopicRule", "POST /rules/{ruleName}/disable", [name], action: disableRule),
      RESTOperation("DeleteTopicRule", "DELETE /rules/{ruleName}", [name], action: deleteRule),
    ]
  }

  private func rule(_ request: RESTRequest) throws(AWSFault) -> TopicRuleFile {
    let name = request.required("ruleName")
    guard let rule = try TopicRuleFile.find(name, in: cloud.rulesFolder) else {
      throw .resourceNotFound("Rule \(name) does not exist")
    }
    return rule
  }

  private func createRule(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("ruleName")
    // The registry's lock also keeps out a second request for the same name.
    try change { registry throws(AWSFault) in
      guard try TopicRuleFile.find(name, in: cloud.rulesFolder) == nil else {
        throw AWSFault(
          "ResourceAlreadyExistsException", status: 409, "Rule with given name already exists: \(name)",
          members: [("resourceId", name), ("resourceArn", request.arn("rule", name))])
      }
      // The file may hold another rule, or a broken one.
      guard !Files.exists(Files.join(cloud.rulesFolder, name + ".json")) else {
        throw .invalidRequest("There is a file of another rule, or of no rule, of that name: \(name).json")
      }
      let rule = TopicRuleFile(
        name: name, payload: request["topicRulePayload"]?.members ?? [:], folder: cloud.rulesFolder,
        now: Timestamp.now)
      if let tags = request.text("tags") {
        try Self.setTags(Self.tags(inQuery: tags), of: "rule/\(name)", in: &registry)
      }
      try rule.write()
    }
    return .nothing
  }

  /// Tags in a header's form: `key1=value1&key2=value2`.
  private static func tags(inQuery text: String) throws(AWSFault) -> JSONElement {
    let list = JSONElement.array(
      text.split(separator: "&").map { pair in
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return .object([
          "Key": .string(PercentEncoding.decoded(parts[0])),
          "Value": .string(parts.count > 1 ? PercentEncoding.decoded(parts[1]) : ""),
        ])
      })
    if let problem = Shape.tags.violation(of: list, at: "tags") { throw .invalidRequest(problem) }
    return list
  }

  private func replaceRule(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    var rule = try rule(request)
    rule.payload = request["topicRulePayload"]?.members ?? [:]
    try rule.write()
    return .nothing
  }

  private func getRule(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let rule = try rule(request)
    return .json {
      $0.member("ruleArn", request.arn("rule", rule.name))
      $0.object("rule") {
        $0.member("ruleName", rule.name)
        $0.member("createdAt", rule.createdAt)
        for (name, value) in rule.payload.sorted(by: { $0.key < $1.key }) {
          $0.key(name)
          $0.value(value)
        }
        if rule.payload["ruleDisabled"] == nil { $0.member("ruleDisabled", false) }
      }
    }
  }

  private func listRules(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    var rules = try TopicRuleFile.all(in: cloud.rulesFolder)
    if request["ruleDisabled"] != nil {
      let isDisabled = request.flag("ruleDisabled")
      rules.removeAll { $0.isDisabled != isDisabled }
    }
    if let topic = request.text("topic") {
      rules.removeAll { rule in
        guard let pattern = rule.topicPattern else { return true }
        return pattern != topic && !((try? TopicFilter(pattern))?.matches(topic) ?? false)
      }
    }
    return try .page(rules, request, "rules", key: \.name) { rule, json in
      json.object {
        $0.member("ruleArn", request.arn("rule", rule.name))
        $0.member("ruleName", rule.name)
        $0.member("topicPattern", rule.topicPattern ?? "")
        $0.member("createdAt", rule.createdAt)
        $0.member("ruleDisabled", rule.isDisabled)
      }
    }
  }

  private func enableRule(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setDisabled(request, false)
  }

  private func disableRule(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setDisabled(request, true)
  }

  private func setDisabled(_ request: RESTRequest, _ isDisabled: Bool) throws(AWSFault) -> RESTAnswer {
    var rule = try rule(request)
    guard rule.isDisabled != isDisabled else { return .nothing }
    rule.payload["ruleDisabled"] = .boolean(isDisabled)
    try rule.write()
    return .nothing
  }

  private func deleteRule(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let rule = try rule(request)
    try change { registry throws(AWSFault) in
      registry.setTags([:], of: "rule/\(rule.name)")
      do throws(FileError) {
        try Files.remove(rule.path)
      } catch {
        throw AWSFault(error)
      }
    }
    return .nothing
  }
}
