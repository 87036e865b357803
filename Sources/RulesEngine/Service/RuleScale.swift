import Time

/// Measures what one message costs an engine with many rules, without a broker: `trucksensor bench rules`.
package final class RuleScale {
  /// Which filters the rules have.
  package enum Filters: String, CaseIterable {
    /// All rules have the same filter, which each message matches; WHERE accepts the message in one rule.
    case one
    /// Each rule has its own filter; a message matches one of them.
    case each
  }

  private final class Rule {
    let document: RuleDocument
    init(_ document: RuleDocument) { self.document = document }
  }

  private let tree = TopicTree<Rule>()
  private let rules: Int
  private let filters: Filters
  private let evaluator = StatementEvaluator()

  /// An engine with `rules` rules.
  package init(rules: Int, filters: Filters) throws(RuleError) {
    self.rules = rules
    self.filters = filters
    for number in 0..<rules {
      let filter = filters == .one ? "truck/freezer" : "truck/\(number)/freezer"
      let condition = filters == .one ? " WHERE n = '\(number)'" : ""
      let text = """
        {"sql": "SELECT cast(temp AS Decimal) AS temp, cast(volts AS Decimal) AS volts, cast(door AS Int) AS door, \
        parse_time('yyyy-MM-dd HH:mm:ss', timestamp * 1000) AS timestamp FROM '\(filter)'\(condition)",
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{"republish": {"roleArn": "arn:aws:iam::123456789012:role/r", "topic": "out/${topic(2)}"}}]}
        """
      tree.insert(Rule(try RuleDocument(Array(text.utf8), file: "rule\(number).json")), at: filter)
    }
  }

  /// Evaluates the rules for `messages` messages. Returns how long one message took, in nanoseconds, and the number of
  /// results.
  package func run(messages: Int) -> (nanoseconds: Int64, results: Int) {
    let all = (0..<rules).map { number in
      let topic = filters == .one ? "truck/freezer" : "truck/\(number)/freezer"
      let payload =
        #"{"uptime":"1","volts":"12.10","temp":"-20.50","door":"0","i":"1","n":"\#(number)","timestamp":1729703643.979735}"#
      return Message(topic: topic, payload: Array(payload.utf8), receivedMilliseconds: 0)
    }
    var results = 0
    var matching: [Rule] = []
    let begin = MonotonicTime.now()
    for number in 0..<messages {
      let message = all[number % all.count]
      matching.removeAll(keepingCapacity: true)
      tree.forEach(matching: message.topic) { matching.append($0) }
      if matching.count > 1 { evaluator.share(message) }
      for rule in matching {
        if case .output = evaluator.evaluate(rule.document.statement, message) { results += 1 }
      }
    }
    let took = MonotonicTime.now().since(begin)
    return (took / Int64(max(1, messages)), results)
  }
}
