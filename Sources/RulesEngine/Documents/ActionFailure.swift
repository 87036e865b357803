/// Why an action of a rule wasn't done.
struct ActionFailure {
  /// AWS's name of the action's type.
  let action: String
  /// What it was to reach: a topic, a table.
  let resource: String
  let message: String
}

extension RuleDocument {
  /// AWS's message to an error action ("Error handling (error action)", message format).
  func errorMessage(for message: Message, _ failures: [ActionFailure]) -> [UInt8] {
    var result = ObjectValue()
    result.set("ruleName", .string(name))
    result.set("topic", .string(message.topic))
    result.set("cloudwatchTraceId", .string(message.traceID))
    result.set("clientId", .string(message.clientID ?? "N/A"))
    result.set("base64OriginalPayload", .string(Base64.encode(message.payload)))
    result.set(
      "failures",
      .array(
        failures.map { failure in
          var object = ObjectValue()
          object.set("failedAction", .string(failure.action))
          object.set("failedResource", .string(failure.resource))
          object.set("errorMessage", .string(failure.message))
          return .object(object)
        }))
    // The payload is in it as Base64, which is longer by a third.
    return Value.object(result).json ?? []
  }
}
