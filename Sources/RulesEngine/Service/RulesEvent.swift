/// An event that a rules service reports.
public enum RulesEvent: Sendable, Equatable, CustomStringConvertible {
  /// The broker has granted all subscriptions of these rules.
  case ready(rules: [String])
  /// The output of a log action.
  case output(rule: String, String)
  /// All actions of a rule, without its error action, have ended for a message.
  case processed(rule: String, topic: String, actions: Int, failed: Int)
  /// Something went wrong: a sentence that names the rule or the connection.
  case problem(String)

  /// The event as a line of a log.
  public var description: String {
    switch self {
    case .ready(let rules): "rules: ready: \(rules.joined(separator: ", "))"
    case .output(let rule, let text): "rule \(rule): \(text)"
    case .processed(let rule, let topic, let actions, let failed):
      "rule \(rule): message on '\(topic)': \(actions) \(actions == 1 ? "action" : "actions"), \(failed) failed"
    case .problem(let text): text
    }
  }
}
