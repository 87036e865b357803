/// Counters of a rule, with the names of AWS IoT's CloudWatch metrics ("AWS IoT rule metrics", "rule action metrics").
public struct RuleCounters: Sendable, Equatable {
  /// Messages whose topic matched the rule's filter.
  public internal(set) var topicMatch = 0
  /// Payloads that can't be read as JSON although the rule reads their attributes, and messages that exceeded a limit.
  public internal(set) var parseError = 0
  /// Messages that passed WHERE.
  public internal(set) var rulesExecuted = 0
  /// Actions that succeeded.
  public internal(set) var success = 0
  /// Actions that failed.
  public internal(set) var failure = 0
  /// Error actions that succeeded.
  public internal(set) var errorActionSuccess = 0
  /// Error actions that failed.
  public internal(set) var errorActionFailure = 0

  /// Actions that need another service and weren't run.
  public internal(set) var notRunHere = 0

  /// The metrics' names and values, in a fixed order.
  public var metrics: [(name: String, value: Int)] {
    [
      ("TopicMatch", topicMatch), ("ParseError", parseError), ("RulesExecuted", rulesExecuted),
      ("Success", success),
      ("Failure", failure), ("ErrorActionSuccess", errorActionSuccess),
      ("ErrorActionFailure", errorActionFailure), ("NotRunHere", notRunHere),
    ]
  }
}
