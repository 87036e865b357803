import Health
import MQTT
import Store
import Time

/// Passes messages to the rules that match them: evaluates the statements, starts the actions, counts how they end, and
/// runs error actions.
///
/// It doesn't know the connection; `window` tracks what isn't done yet. Used on one loop only.
final class RuleDispatcher: ActionOwner {
  /// The rules, in the order of their files.
  private(set) var rules: [LoadedRule] = []
  /// Tracks what isn't acknowledged yet.
  var window = DeliveryWindow()
  /// The problems and the losses that are final.
  var health = Health()
  /// Called when the window may have something to do.
  var onProgress: () -> Void = {}
  /// Whether nothing more arrives until actions end.
  var isHeldUp: () -> Bool = { false }

  private let evaluator: StatementEvaluator
  let runners: ActionRunners
  private let onEvent: (RulesEvent) -> Void
  private let reportsMessages: Bool
  private var tree = TopicTree<LoadedRule>()
  /// The rules of recent topics.
  private var rulesOfTopics: [String: [LoadedRule]] = [:]
  /// With more topics than this, each message probably has a new one.
  private static let topicLimit = 1000
  private var reports = FailureReports()
  /// The `failedAction` in an error action's message if the statement itself exceeded a limit; AWS has no name for it.
  private static let evaluationName = "RuleEvaluation"

  /// A dispatcher without rules; see `RulesService.init`.
  init(
    publisher: MQTTClient, hopLimit: Int?, storage: RuleStorage?, actions: ActionSettings,
    onEvent: @escaping (RulesEvent) -> Void
  ) {
    self.onEvent = onEvent
    reportsMessages = actions.reportsMessages
    evaluator = StatementEvaluator()
    let context = ActionContext(evaluator)
    let foreign = ForeignRunner(context, folder: actions.recordFolder)
    runners = ActionRunners(
      republish: RepublishRunner(context, publisher: publisher, hopLimit: hopLimit),
      store: StoreRunner(context, storage, makeTimer: publisher.makeTimer), log: LogRunner(context),
      influx: InfluxRunner(
        context, storage, makeTimer: publisher.makeTimer, destination: actions.destination),
      http: HTTPRunner(
        context, waker: storage?.waker, allowedHosts: actions.allowedHosts, foreign: foreign),
      metric: MetricRunner(context, actions.metrics), foreign: foreign)
    context.owner = self
  }

  /// Runs `documents` from now on; rules whose names are known keep their counters.
  func replaceRules(_ documents: [RuleDocument]) {
    let counters = Dictionary(rules.map { ($0.document.name, $0.counters) }) { first, _ in first }
    share(documents.map { LoadedRule($0, counters: counters[$0.name] ?? RuleCounters()) })
  }

  /// Runs rules that another dispatcher also runs; their counters count for both.
  func share(_ rules: [LoadedRule]) {
    self.rules = rules
    tree = TopicTree()
    rulesOfTopics.removeAll()
    for rule in rules where !rule.document.isDisabled {
      if let filter = rule.document.statement.filter { tree.insert(rule, at: filter.pattern) }
      if let filter = rule.document.basicIngestFilter { tree.insert(rule, at: filter.pattern) }
    }
  }

  // MARK: Messages

  /// Runs the rules whose filters match the message's topic. `isRetry` means that the message was delivered again only
  /// because a store failed; `isKept`, that the broker repeats it until it is acknowledged.
  func dispatch(_ message: Message, on topic: String, isRetry: Bool, isKept: Bool) {
    let matching = rules(matching: topic)
    // The payload is read once for all rules.
    if matching.count > 1 { evaluator.share(message) }
    for rule in matching { run(rule, message, isRetry: isRetry, isKept: isKept) }
  }

  private func rules(matching topic: String) -> [LoadedRule] {
    if let known = rulesOfTopics[topic] { return known }
    var found: [LoadedRule] = []
    // FROM may name topics of Basic Ingest, so a rule can match twice.
    tree.forEach(matching: topic) { rule in if !found.contains(where: { $0 === rule }) { found.append(rule) }
    }
    if rulesOfTopics.count >= Self.topicLimit { rulesOfTopics.removeAll() }
    rulesOfTopics[topic] = found
    return found
  }

  private func run(_ rule: LoadedRule, _ message: Message, isRetry: Bool, isKept: Bool) {
    if !isRetry { rule.counters.topicMatch += 1 }
    let document = rule.document
    switch evaluator.evaluate(document.statement, message) {
    case .noMatch: break
    case .payloadError(let error):
      rule.counters.parseError += 1
      lose(.unreadable, message.topic, reason: "\(error)", isKept: isKept)
      report("rule \(document.name): a payload on '\(message.topic)' can't be read as JSON: \(error)")
    case .limitExceeded(let limit):
      rule.counters.parseError += 1
      report("rule \(document.name): no result for a message on '\(message.topic)': \(limit)")
      lose(.unreadable, message.topic, reason: limit.description, isKept: isKept)
      guard !isRetry else { break }
      performErrorAction(
        of: rule, message,
        [ActionFailure(action: Self.evaluationName, resource: document.name, message: limit.description)])
    case .output(let output):
      if !isRetry { rule.counters.rulesExecuted += 1 }
      rule.lastMessage = (message.payload, output)
      let actions = isRetry ? document.actions.filter(\.stores) : document.actions
      let execution = RuleExecution(
        rule, message, output: output, actions: actions.count, isRetry: isRetry, isKept: isKept)
      window.start(actions.count)
      for action in actions { runners.start(action, execution) }
    }
  }

  private func performErrorAction(of rule: LoadedRule, _ message: Message, _ failures: [ActionFailure]) {
    guard let action = rule.document.errorAction else { return }
    let output = rule.document.errorMessage(for: message, failures)
    window.start(1)
    runners.start(action, RuleExecution(rule, message, output: output, actions: 1, isErrorAction: true))
  }

  // MARK: How actions end

  func ended(_ execution: RuleExecution, _ end: ActionEnd) {
    let rule = execution.rule
    switch end {
    case .done:
      if execution.isErrorAction { rule.counters.errorActionSuccess += 1 } else { rule.counters.success += 1 }
    case .notRunHere: rule.counters.notRunHere += 1
    case .failed(let failure, let effect, var isNews):
      if case .lost(let kind, let reason, let isRepeated) = effect {
        let isFirst = lose(
          kind, failure.resource, reason: reason ?? failure.message, isKept: execution.isKept && isRepeated)
        // Every reading of a truck whose clock is wrong has the same problem.
        if kind == .outsideAcceptance { isNews = isFirst }
      }
      if isNews { report("rule \(rule.document.name): \(failure.task) failed: \(failure.message)") }
      if execution.isErrorAction {
        rule.counters.errorActionFailure += 1
      } else {
        rule.counters.failure += 1
        execution.failures.append(failure)
      }
    }
    execution.unfinished -= 1
    if reportsMessages, !execution.isErrorAction, execution.unfinished == 0 {
      onEvent(
        .processed(
          rule: rule.document.name, topic: execution.message.topic, actions: execution.actions,
          failed: execution.failures.count))
    }
    // The error action already received a message after the first try.
    if execution.unfinished == 0, !execution.failures.isEmpty, !execution.isRetry {
      performErrorAction(of: rule, execution.message, execution.failures)
    }
    window.end()
  }

  var nothingArrives: Bool { isHeldUp() }

  func storeEnded(_ error: StoreError?) {
    if let error { window.storeFailed(error.message) } else { window.storeAnswered() }
    onProgress()
  }

  func progressed() { onProgress() }

  func output(of rule: LoadedRule, _ bytes: [UInt8]) {
    onEvent(.output(rule: rule.document.name, String(decoding: bytes, as: UTF8.self)))
  }

  func report(_ text: String) {
    for line in reports.lines(for: text, at: WallClock.milliseconds / 1000) { onEvent(.problem(line)) }
  }

  /// Counts a message that is lost for good; returns whether it is the first of its kind.
  @discardableResult
  private func lose(_ kind: Health.Kind, _ subject: String, reason: String, isKept: Bool) -> Bool {
    let isNew = !health.has(kind, subject)
    return isKept
      ? window.lose(kind, subject, reason: reason) && isNew : health.add(kind, subject, reason: reason)
  }
}
