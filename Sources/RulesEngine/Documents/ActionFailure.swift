import JSON
import Text

/// Why a rule's action failed.
struct ActionFailure {
  /// AWS's name for the action's type.
  let action: String
  /// The action's target: a topic, a table.
  let resource: String
  let message: String
  /// What the action was doing, for a person: "storing in sensorDB.trucks".
  var task = ""

  /// The most bytes of each of these texts in an error action's message: they may contain what a payload contains.
  static let textLimit = 1024
}

extension RuleDocument {
  /// AWS's message to an error action ("Error handling (error action)", message format).
  ///
  /// The payload is included as Base64, which is a third longer. If the message would be longer than a payload may be,
  /// `originalPayloadOmitted`, a sentence, replaces `base64OriginalPayload`: a part of it could be taken for the whole.
  func errorMessage(for message: Message, _ failures: [ActionFailure]) -> [UInt8] {
    let payload = Base64.encode(message.payload)
    let whole = errorMessage(for: message, failures) { $0.member("base64OriginalPayload", payload) }
    if whole.count <= EvaluationLimits.bytes { return whole }
    return errorMessage(for: message, failures) {
      $0.member(
        "originalPayloadOmitted",
        "the payload has \(message.payload.count) bytes; with it, this message would have more than "
          + "\(EvaluationLimits.bytes)")
    }
  }

  private func errorMessage(
    for message: Message, _ failures: [ActionFailure], _ payload: (inout JSONWriter) -> Void
  ) -> [UInt8] {
    func shortened(_ text: String) -> String {
      guard text.utf8.count > ActionFailure.textLimit else { return text }
      return String(decoding: text.utf8.prefix(ActionFailure.textLimit), as: UTF8.self) + "…"
    }
    var json = JSONWriter()
    json.object {
      $0.member("ruleName", name)
      $0.member("topic", message.topic)
      $0.member("cloudwatchTraceId", message.traceID)
      $0.member("clientId", message.clientID ?? "N/A")
      payload(&$0)
      $0.array("failures") {
        for failure in failures {
          $0.object {
            $0.member("failedAction", failure.action)
            $0.member("failedResource", shortened(failure.resource))
            $0.member("errorMessage", shortened(failure.message))
          }
        }
      }
    }
    return json.bytes
  }
}
