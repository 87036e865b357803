/// Finds the rules of a CloudFormation or SAM template.
enum RuleTemplate {
  /// A rule, or why it can't be read, with the logical ID of its resource.
  typealias Found = (resource: String, payload: Result<RuleDocument.Payload, RuleError>)

  /// The rules in the order of the template; nil if the document isn't a template.
  ///
  /// Throws if the template has no rule.
  static func payloads(in source: DocumentSource) throws(RuleError) -> [Found]? {
    guard case .object(let root) = source.root else { return nil }
    // The Serverless Framework puts CloudFormation's resources below its own.
    var template = root
    var prefix = ""
    if root["Resources"] == nil, case .object(let inner)? = root["resources"], inner["Resources"] != nil {
      template = inner
      prefix = "resources."
    }
    guard case .object(let resources)? = template["Resources"] else { return nil }
    let intrinsics = Intrinsics(template)
    var payloads: [Found] = []
    for (name, resource) in zip(resources.keys, resources.values) {
      guard case .object(let resource) = resource, case .string(let type)? = resource["Type"] else {
        continue
      }
      let place = "\(prefix)Resources.\(name).Properties"
      guard case .object(let properties)? = resource["Properties"] else { continue }
      switch type {
      case "AWS::IoT::TopicRule":
        let payload = Result { () throws(RuleError) in
          try rule(name, properties, place, intrinsics, source)
        }
        payloads.append((name, payload))
      case "AWS::Serverless::Function":
        payloads += events(of: name, properties, place, intrinsics, source)
      default: break
      }
    }
    guard !payloads.isEmpty else {
      throw RuleError(source.file, "\(prefix)Resources", "has no resource of the type AWS::IoT::TopicRule")
    }
    return payloads
  }

  private static func rule(
    _ name: String, _ properties: ObjectValue, _ place: String, _ intrinsics: Intrinsics,
    _ source: DocumentSource
  ) throws(RuleError) -> RuleDocument.Payload {
    var intrinsics = intrinsics
    let resolved = intrinsics.resolved(.object(properties))
    var reader = DocumentReader(file: source.file, path: place, value: resolved, spelling: .template)
    let given = try reader.string("ruleName")
    guard let payload = try reader.object("topicRulePayload") else {
      throw reader.error("topicRulePayload", "is missing")
    }
    try reader.finish(ignoring: ["tags"])
    return RuleDocument.Payload(
      // If the template gives no name, CloudFormation makes one from the resource's.
      reader: payload, name: (given ?? name, reader.place("ruleName")), notes: intrinsics.warnings)
  }

  /// Events of a SAM function: `Type: IoTRule` makes a rule that calls the function.
  private static func events(
    of function: String, _ properties: ObjectValue, _ place: String, _ intrinsics: Intrinsics,
    _ source: DocumentSource
  ) -> [Found] {
    guard case .object(let events)? = properties["Events"] else { return [] }
    var payloads: [Found] = []
    for (name, event) in zip(events.keys, events.values) {
      guard case .object(let event) = event, case .string("IoTRule")? = event["Type"],
        case .object(let given)? = event["Properties"]
      else { continue }
      var intrinsics = intrinsics
      var payload = ObjectValue()
      if case .object(let resolved) = intrinsics.resolved(.object(given)) { payload = resolved }
      var call = ObjectValue()
      call.set("FunctionArn", .string("<\(function).Arn>"))
      var action = ObjectValue()
      action.set("Lambda", .object(call))
      payload.set("Actions", .array([.object(action)]))
      let reader = DocumentReader(
        file: source.file, path: "\(place).Events.\(name).Properties", value: .object(payload),
        spelling: .template)
      let found = RuleDocument.Payload(
        reader: reader, name: (function + name, reader.path), notes: intrinsics.warnings)
      payloads.append((name, .success(found)))
    }
    return payloads
  }
}
