/// A running rule with its last result and its counters.
public final class LoadedRule {
  /// The rule.
  public let document: RuleDocument
  /// The last message that passed WHERE: its payload, and the statement's result.
  public internal(set) var lastMessage: (before: [UInt8], after: [UInt8])?
  /// Its counters since the engine's start; a new version of the rule continues them.
  public internal(set) var counters: RuleCounters

  init(_ document: RuleDocument, counters: RuleCounters) {
    self.document = document
    self.counters = counters
  }
}
