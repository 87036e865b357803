import MQTT

/// What a rule does with what its statement yields.
public enum Action: Sendable {
  case republish(RepublishAction)
  /// A pseudo-action of this engine: `{"log": {}}` writes the output to standard error.
  case log

  /// The names of the actions that this engine has.
  static let supported = ["republish", "log"]
}

/// AWS's `republish` action.
public struct RepublishAction: Sendable {
  /// The topic, `$$` read as `$`.
  public let topic: Template
  /// QoS 0 unless the document says 1.
  public let qos: QoS
  /// MQTT 5 user properties of `headers`.
  public let userProperties: [(name: Template, value: Template)]
  /// `contentType` of `headers`.
  public let contentType: Template?

  func topic(_ evaluator: StatementEvaluator, _ statement: CompiledStatement, _ message: Message) -> String {
    evaluator.text(topic, statement, message)
  }
}
