import Text

extension Functions {
  /// Functions that return what is known about the message besides its payload.
  static let context: [Function] = [
    Function("topic", 0...1) { arguments, evaluator in
      guard let argument = arguments.first else { return .string(evaluator.message.topic) }
      guard evaluator.budget.take(evaluator.message.topic.utf8.count, times: topicCost) else {
        return .undefined
      }
      let levels = evaluator.message.topic.split(separator: "/", omittingEmptySubsequences: false)
      guard let level = argument.asIntegerArgument, (1...levels.count).contains(level) else {
        return .undefined
      }
      return .string(String(levels[level - 1]))
    },
    known("clientid") { $0.clientID }, known("accountid") { $0.accountID },
    known("principal") { $0.principal },
    known("sourceip") { $0.sourceIP }, known("traceid") { $0.traceID },
    Function("sql_version", 0...0) { _, evaluator in .string(evaluator.version.rawValue) },
    Function("newuuid", 0...0) { _, _ in .string(UniqueID.make()) },
    Function("get_mqtt_property") { value, evaluator in
      let properties = evaluator.message.properties
      let text: String? =
        switch value.asString {
        case "format_indicator": properties.isText.map { $0 ? "UTF8_DATA" : "UNSPECIFIED_BYTES" }
        case "content_type": properties.contentType
        case "response_topic": properties.responseTopic
        case "correlation_data": properties.correlationData.map(Base64.encode)
        default: nil
        }
      return text.map { .string($0) } ?? .undefined
    },
    Function("get_user_properties", 0...1) { arguments, evaluator in
      let properties = evaluator.message.properties.userProperties
      let size = properties.reduce(0) { $0 + Budget.member + $1.name.utf8.count + $1.value.utf8.count }
      guard evaluator.budget.take(size) else { return .undefined }
      guard let argument = arguments.first else {
        return .array(
          properties.map { property in
            var object = ObjectValue()
            object.set(property.name, .string(property.value))
            return .object(object)
          })
      }
      guard let name = argument.asString else { return .undefined }
      let values = properties.filter { $0.name == name }.map { Value.string($0.value) }
      return values.isEmpty ? .undefined : .array(values)
    },
  ]

  /// What it costs to split the topic into levels, for each byte.
  private static let topicCost = 8

  private static func known(_ name: String, _ body: @escaping @Sendable (Message) -> String?) -> Function {
    Function(name, 0...0) { _, evaluator in body(evaluator.message).map { .string($0) } ?? .undefined }
  }
}
