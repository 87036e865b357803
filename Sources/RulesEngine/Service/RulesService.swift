import MQTT

/// Runs rules over what a broker delivers: one client subscribes, another publishes what the actions make.
///
/// A QoS 1 message is acknowledged only after its actions are done, an action that publishes being done when the broker
/// has acknowledged it. For that the subscriber keeps its acknowledgements back until all that came with them is done;
/// it then reads on. Used on the clients' loop only.
public final class RulesService: MQTTClientDelegate {
  /// A rule that runs, and what it did.
  public final class LoadedRule {
    /// The rule.
    public let document: RuleDocument
    /// Its counters since the start; a new version of the rule goes on counting.
    public fileprivate(set) var counters: RuleCounters

    fileprivate init(_ document: RuleDocument, counters: RuleCounters) {
      self.document = document
      self.counters = counters
    }
  }

  /// The rules, in the order of their files.
  public private(set) var rules: [LoadedRule] = []

  private let subscriber: MQTTClient
  private let publisher: MQTTClient
  private let log: (String) -> Void
  private let onFailure: (MQTTError) -> Void
  private let evaluator = StatementEvaluator()
  private var tree = TopicTree<LoadedRule>()
  private var filters: Set<String> = []
  private let shareGroup: String?
  private let hopLimit: Int?
  /// The user property that counts how often a message was republished.
  private static let hopsName = "hops"
  private var headers: [HeaderKey: PublishHeader] = [:]
  private var executions: [Int: Execution] = [:]
  private var lastTag = 0
  private var granted = 0
  /// More topics than this are rather a new one for each message.
  private static let headerLimit = 1000

  private struct HeaderKey: Hashable {
    let topic: String
    let qos: QoS
  }

  /// One rule's actions for one message.
  private final class Execution {
    let rule: LoadedRule
    let message: Message
    let isErrorAction: Bool
    var unfinished = 0
    var failures: [ActionFailure] = []

    init(rule: LoadedRule, message: Message, isErrorAction: Bool) {
      self.rule = rule
      self.message = message
      self.isErrorAction = isErrorAction
    }
  }

  /// A service over two clients that aren't connected yet. `log` gets a line for each thing that went wrong and for
  /// each log action, `onFailure` what ended a client for good. With a `hopLimit` a message is republished so often at
  /// most, which is counted in its user property `hops`; the next republishing fails.
  ///
  /// Throws `MQTTError` for a share group that is none.
  public init(
    rules: [RuleDocument], subscriber: MQTTClient, publisher: MQTTClient, shareGroup: String? = nil,
    hopLimit: Int? = nil,
    log: @escaping (String) -> Void, onFailure: @escaping (MQTTError) -> Void
  ) throws(MQTTError) {
    self.subscriber = subscriber
    self.publisher = publisher
    self.shareGroup = shareGroup
    self.hopLimit = hopLimit
    self.log = log
    self.onFailure = onFailure
    try replaceRules(rules)
    subscriber.delegate = self
    publisher.delegate = self
  }

  /// Runs `documents` from now on; rules of a known name keep their counters. Filters that no rule has any more stay
  /// subscribed until the next session, and match nothing.
  ///
  /// Throws `MQTTError` for a share group that is none.
  public func replaceRules(_ documents: [RuleDocument]) throws(MQTTError) {
    let known = Dictionary(rules.map { ($0.document.name, $0.counters) }) { first, _ in first }
    rules = documents.map { LoadedRule($0, counters: known[$0.name] ?? RuleCounters()) }
    tree = TopicTree()
    headers.removeAll()
    for rule in rules where !rule.document.isDisabled {
      guard let filter = rule.document.statement.filter else { continue }
      tree.insert(rule, at: filter.pattern)
      guard filters.insert(filter.pattern).inserted else { continue }
      subscriber.subscribe(
        try shareGroup.map { group throws(MQTTError) in try TopicFilter("$share/\(group)/\(filter.pattern)") }
          ?? filter,
        qos: .atLeastOnce)
    }
  }

  /// Connects both clients.
  public func start() {
    publisher.connect()
    subscriber.connect()
  }

  /// Says goodbye. What isn't acknowledged comes again in the next session.
  public func stop() {
    subscriber.disconnect()
    publisher.disconnect()
  }

  /// Actions that aren't done yet.
  public var unfinished: Int { executions.count }

  // MARK: Messages

  /// Runs the rules whose filters match the message's topic.
  public func client(_ client: MQTTClient, received incoming: IncomingMessage) {
    let message = Message(
      topic: incoming.topic, payload: incoming.payload, receivedMilliseconds: Clock.milliseconds)
    message.properties = incoming.properties
    // MQTT doesn't tell who published; our simulator says it in a user property.
    message.clientID = incoming.properties.userProperty("clientId")
    message.principal = incoming.properties.userProperty("principal")
    tree.forEach(matching: incoming.topic) { run($0, message) }
  }

  private func run(_ loaded: LoadedRule, _ message: Message) {
    loaded.counters.topicMatch += 1
    let rule = loaded.document
    switch evaluator.evaluate(rule.statement, message) {
    case .noMatch: break
    case .payloadError(let error):
      loaded.counters.parseError += 1
      log("rule \(rule.name): a payload on '\(message.topic)' is no JSON: \(error)")
    case .output(let output):
      loaded.counters.rulesExecuted += 1
      let execution = Execution(rule: loaded, message: message, isErrorAction: false)
      execution.unfinished = rule.actions.count
      for action in rule.actions { perform(action, output, execution) }
    }
  }

  private func perform(_ action: Action, _ output: [UInt8], _ execution: Execution) {
    switch action {
    case .log:
      log("rule \(execution.rule.document.name): \(String(decoding: output, as: UTF8.self))")
      finished(execution)
    case .republish(let republish):
      let topic = republish.topic(evaluator, execution.rule.document.statement, execution.message)
      do throws(MQTTError) {
        let header = try header(of: republish, topic: topic, execution)
        lastTag += 1
        executions[lastTag] = execution
        let outgoing = OutgoingMessage(header: header, payload: output, due: .now(), tag: lastTag)
        guard publisher.publish(outgoing) else {
          executions[lastTag] = nil
          throw MQTTError(.unreachable, "the broker is away and the backlog is full")
        }
      } catch {
        failed(execution, topic: topic, error)
      }
    }
  }

  private func header(
    of republish: RepublishAction, topic: String, _ execution: Execution
  ) throws(MQTTError) -> PublishHeader {
    let isPlain = republish.headers.isEmpty && hopLimit == nil
    let key = HeaderKey(topic: topic, qos: republish.qos)
    if isPlain, let known = headers[key] { return known }
    let statement = execution.rule.document.statement
    var properties = try republish.headers.properties {
      evaluator.text($0, statement, execution.message)
    }
    if let hopLimit {
      let hops = execution.message.properties.userProperty(Self.hopsName).flatMap { Int($0) } ?? 0
      guard hops < hopLimit else {
        throw MQTTError(.invalidSettings, "the message was republished \(hops) times, the limit")
      }
      properties.userProperties.append((Self.hopsName, String(hops + 1)))
    }
    let header = try PublishHeader(topic: TopicName(topic), qos: republish.qos, properties: properties)
    if isPlain {
      if headers.count >= Self.headerLimit { headers.removeAll() }
      headers[key] = header
    }
    return header
  }

  // MARK: Their ends

  private func finished(_ execution: Execution) {
    if execution.isErrorAction {
      execution.rule.counters.errorActionSuccess += 1
    } else {
      execution.rule.counters.success += 1
    }
    actionEnded(execution)
  }

  private func failed(_ execution: Execution, topic: String, _ error: MQTTError) {
    let rule = execution.rule.document
    log("rule \(rule.name): republish to '\(topic)' failed: \(error.message)")
    if execution.isErrorAction {
      execution.rule.counters.errorActionFailure += 1
    } else {
      execution.rule.counters.failure += 1
      execution.failures.append(
        ActionFailure(action: "RepublishAction", resource: topic, message: error.message))
    }
    actionEnded(execution)
  }

  private func actionEnded(_ execution: Execution) {
    execution.unfinished -= 1
    guard execution.unfinished == 0 else { return }
    if !execution.failures.isEmpty, let action = execution.rule.document.errorAction {
      let errorExecution = Execution(rule: execution.rule, message: execution.message, isErrorAction: true)
      errorExecution.unfinished = 1
      perform(
        action, execution.rule.document.errorMessage(for: execution.message, execution.failures),
        errorExecution)
    }
  }

  private func published(_ tag: Int, _ error: MQTTError?, topic: String) {
    guard let execution = executions.removeValue(forKey: tag) else { return }
    if let error { failed(execution, topic: topic, error) } else { finished(execution) }
    // All that was read is done: acknowledge it, and read on.
    if executions.isEmpty { subscriber.holdsAcknowledgements = false }
  }

  // MARK: What the clients tell

  /// An action's message has reached the broker.
  public func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    published(message.tag, nil, topic: message.header.topic.text)
  }

  /// The broker didn't take an action's message.
  public func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    published(message.tag, error, topic: message.header.topic.text)
  }

  /// Keeps the acknowledgements back while actions aren't done.
  public func clientFinishedReading(_ client: MQTTClient) {
    if client === subscriber, !executions.isEmpty { client.holdsAcknowledgements = true }
  }

  /// Tells of lost and failed connections.
  public func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error): onFailure(error)
    case .waiting(let error): log("rules: \(error.message); trying again")
    default: break
    }
  }

  /// A refused subscription ends the service.
  public func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .success:
      granted += 1
      if granted == filters.count {
        log(
          "rules: ready: \(rules.map(\.document).filter { !$0.isDisabled }.map(\.name).joined(separator: ", "))"
        )
      }
    case .failure(let error): onFailure(error)
    }
  }
}
