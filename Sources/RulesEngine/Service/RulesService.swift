import Health
import MQTT
import Store
import Text
import Time

/// Runs rules over what a broker delivers: one client subscribes, another publishes what the actions make.
///
/// A QoS 1 message is acknowledged only after its actions are done, an action that publishes being done when the broker
/// has acknowledged it. For that the subscriber keeps its acknowledgements back until all that came with them is done;
/// it then reads on. Used on the clients' loop only.
public final class RulesService: MQTTClientDelegate, ActionOwner {
  /// The rules, in the order of their files.
  public private(set) var rules: [LoadedRule] = []

  private let subscriber: MQTTClient
  let publisher: MQTTClient
  private let onEvent: (RulesEvent) -> Void
  private let onFailure: (MQTTError) -> Void
  private let evaluator = StatementEvaluator()
  private var tree = TopicTree<LoadedRule>()
  private var filters: Set<String> = []
  private let shareGroup: String?
  private let runners: ActionRunners
  /// The filters that the broker has granted in the present connection.
  private var granted: Set<String> = []
  private var wasReady = false
  /// How often the broker had forgotten the session when the engine came back.
  public private(set) var sessionsForgotten = 0
  /// Whether the broker has granted all subscriptions: what is published from then on reaches the rules.
  public var isReady: Bool { granted.count >= filters.count }

  /// What went wrong and is so at present; without what is still to be tried again.
  public private(set) var health = Health()
  /// Losses of messages that aren't acknowledged yet: they come again if the store fails meanwhile, and count then.
  private var unsettled = Health()
  /// What the session has dealt with.
  var deliveries = DeliveryCount()
  /// The number that a counted publisher gives a message.
  var messageNumber: ([UInt8]) -> Int? = { _ in nil }
  /// Where the marks of this session go; nil if it has none.
  let markTopic: TopicName?
  /// This engine's marks, of all that the session may still hold.
  let markToken = UniqueID.make()
  /// The last mark that the broker has taken.
  var publishedMark = 0
  /// What `get_registry_data` asks.
  private let registry: (any RegistrySource)?
  /// Whether the broker is ours and numbers its messages.
  private let isJournaled: Bool
  private var position = JournalPosition()
  /// Messages that the local broker had acknowledged to their publishers and that never arrived here.
  public var lostMessages: Int { position.lost }
  /// Whether the broker keeps what waits for the service in a journal, for a session that it forgets, too.
  public private(set) var hasJournal = false
  /// How the journal of the local broker is talked to (Sources/BrokerPlugin/queues.h).
  private static let journalCommands = "$CONTROL/trucksensor/queue/v1"
  private static let journalAnswers = "$trucksensor/queue"

  /// Whether it runs the rules that store; the others have a session of their own.
  public let stores: Bool
  /// Messages that came since acknowledgements were written: what a lost connection brings again.
  private var window: [MessageKey] = []
  /// Messages that come again only because a store failed, in the order in which they came: their other actions are done.
  private var retried: [MessageKey] = []
  private var reportSecond = 0
  private var reports = 0
  private static let reportLimit = 10
  /// Bytes of what is told at most.
  private static let reportBytes = 2048
  /// `failedAction` of an error action's message where the statement itself exceeded a limit; AWS has no name for it.
  private static let evaluationName = "RuleEvaluation"
  private var storeError: StoreError?
  /// The store's last failure, until a write succeeds.
  public var storeTrouble: StoreError? { runners.store.trouble ?? runners.influx.trouble }
  private var storePause = firstStorePause
  /// What was told of the pause before the next try, while the store fails.
  private var lastWaiting: String?
  private static let firstStorePause: Int64 = 500_000_000
  private static let longestStorePause: Int64 = 30_000_000_000

  private struct MessageKey: Hashable {
    let topic: String
    let payload: [UInt8]
  }

  /// A service over two clients that aren't connected yet. `onEvent` hears what went wrong and what log actions write,
  /// `onFailure` what ended a client for good. Actions that store need a `storage`. `hopLimit` limits how
  /// often a message may be republished, counted in its user property `hops`; the next republishing fails. With
  /// `isJournaled` the broker is ours, and its journal keeps what waits for the service; a share group has no journal. With
  /// `usesMarks` it can tell when all that was published so far is done; the broker must allow `markTopic(of:)`.
  ///
  /// Throws `MQTTError` if the share group's name is invalid.
  public init(
    rules: [RuleDocument], subscriber: MQTTClient, publisher: MQTTClient, shareGroup: String? = nil,
    hopLimit: Int? = nil, storage: RuleStorage? = nil, stores: Bool = false, isJournaled: Bool = false,
    usesMarks: Bool = false, registry: (any RegistrySource)? = nil,
    actions: ActionSettings = ActionSettings(), onEvent: @escaping (RulesEvent) -> Void,
    onFailure: @escaping (MQTTError) -> Void
  ) throws(MQTTError) {
    self.subscriber = subscriber
    self.publisher = publisher
    self.shareGroup = shareGroup
    self.stores = stores
    self.registry = registry
    markTopic = usesMarks ? try TopicName(Self.markTopic(of: subscriber.settings.clientID)) : nil
    self.isJournaled = isJournaled && shareGroup == nil
    self.onEvent = onEvent
    self.onFailure = onFailure
    let context = ActionContext(evaluator)
    let foreign = ForeignRunner(context, folder: actions.recordFolder)
    runners = ActionRunners(
      republish: RepublishRunner(context, publisher: publisher, hopLimit: hopLimit),
      store: StoreRunner(context, storage), log: LogRunner(context),
      influx: InfluxRunner(context, storage, destination: actions.destination),
      http: HTTPRunner(
        context, waker: storage?.waker, allowedHosts: actions.allowedHosts, foreign: foreign),
      metric: MetricRunner(context, actions.metrics), foreign: foreign)
    context.owner = self
    try replaceRules(rules)
    if let markTopic, filters.insert(markTopic.text).inserted {
      subscriber.subscribe(try TopicFilter(markTopic.text), qos: .atLeastOnce)
    }
    subscriber.delegate = self
    publisher.delegate = self
  }

  /// Runs `documents` from now on; rules of a known name keep their counters. Filters that no rule has any more stay
  /// subscribed until the next session, and match nothing.
  ///
  /// Throws `MQTTError` if the share group's name is invalid.
  public func replaceRules(_ documents: [RuleDocument]) throws(MQTTError) {
    let counters = Dictionary(rules.map { ($0.document.name, $0.counters) }) { first, _ in first }
    rules = documents.map { LoadedRule($0, counters: counters[$0.name] ?? RuleCounters()) }
    tree = TopicTree()
    let known = filters
    defer {
      if filters != known, case .connected(.version5, _) = subscriber.state { openJournal(hasSession: true) }
    }
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

  /// The filters of the rules that are enabled.
  public var activeFilters: [TopicFilter] {
    rules.filter { !$0.document.isDisabled }.compactMap(\.document.statement.filter)
  }

  /// The databases that the rules name, as far as they are known without a message.
  public var databases: [String] {
    rules.flatMap(\.document.actions).compactMap { action in
      guard case .timestream(let action) = action, action.database.isConstant else { return nil }
      return action.database.source
    }
  }

  /// Takes what a check of the store has found before anything was stored.
  public func noteStore(_ error: StoreError) { runners.store.note(error) }

  /// Messages that wait for the store, and come again when it can be written.
  public var waiting: Int { storeTrouble == nil ? 0 : max(retried.count, window.count) }

  /// Actions that aren't done yet.
  public var unfinished: Int { runners.unfinished }

  // MARK: Messages

  /// Runs the rules whose filters match the message's topic.
  public func client(_ client: MQTTClient, received incoming: IncomingMessage) {
    var arrival = WallClock.milliseconds
    if isJournaled {
      if incoming.topic == Self.journalAnswers {
        journalAnswered(incoming.payload)
        return
      }
      if let stamp = incoming.properties.userProperty(JournalStamp.property).flatMap(JournalStamp.init) {
        let lost = lostMessages
        guard position.receive(stamp) else { return }
        if lostMessages > lost {
          report("rules: lost \(lostMessages - lost) of the messages that the broker had acknowledged")
        }
        // A message that comes again has the time of its first arrival, so that it is the same point in the store.
        arrival = Int(stamp.arrivalMilliseconds)
      }
    }
    if receivedMark(incoming) { return }
    let message = Message(topic: incoming.topic, payload: incoming.payload, receivedMilliseconds: arrival)
    message.properties = incoming.properties
    // MQTT doesn't tell who published. The local broker's plugin says it in these user properties, in place of what the
    // publisher may have claimed; of another broker's messages, it is only a claim.
    message.clientID = incoming.properties.userProperty("clientId")
    message.principal = incoming.properties.userProperty("principal")
    message.registry = registry
    let isKept = incoming.qos != .atMostOnce
    deliveries.receive(from: message.clientID, isKept: isKept) { messageNumber(incoming.payload) }
    var isRetry = false
    if stores, isKept {
      let key = MessageKey(topic: incoming.topic, payload: incoming.payload)
      window.append(key)
      if let next = retried.first {
        // The broker delivers again in the old order. Whatever else comes is new, and so is all that follows.
        isRetry = next == key
        if isRetry { retried.removeFirst() } else { retried.removeAll() }
      }
    }
    tree.forEach(matching: incoming.topic) { run($0, message, isRetry: isRetry, isKept: isKept) }
  }

  // MARK: The broker's journal

  /// Asks the broker to keep what the rules are about in its journal, and for what waits there.
  private func openJournal(hasSession: Bool) {
    guard isJournaled else { return }
    let lines =
      ["open \(hasSession ? "present" : "new") \(subscriber.settings.sessionExpirySeconds)"]
      + filters.sorted()
    command(lines.joined(separator: "\n"))
  }

  private func command(_ text: String) {
    // The topic is a constant that is valid, and the backlog is empty: nothing else is published by this client.
    guard let topic = try? TopicName(Self.journalCommands), let header = try? PublishHeader(topic: topic)
    else { return }
    _ = subscriber.publish(OutgoingMessage(header: header, payload: Array(text.utf8), due: .now()))
  }

  private func journalAnswered(_ payload: [UInt8]) {
    hasJournal = true
    let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
    if words.count == 2, words[0] == "done", let number = UInt64(words[1]) { position.broker(knows: number) }
  }

  private func reportProgress() {
    guard isJournaled, let done = position.finish() else { return }
    command("done \(done.epoch) \(done.number)")
  }

  private func run(_ loaded: LoadedRule, _ message: Message, isRetry: Bool, isKept: Bool) {
    if !isRetry { loaded.counters.topicMatch += 1 }
    let rule = loaded.document
    switch evaluator.evaluate(rule.statement, message) {
    case .noMatch: break
    case .payloadError(let error):
      loaded.counters.parseError += 1
      lose(.unreadable, message.topic, reason: "\(error)", isKept: isKept)
      report("rule \(rule.name): a payload on '\(message.topic)' can't be read as JSON: \(error)")
    case .limitExceeded(let limit):
      loaded.counters.parseError += 1
      report("rule \(rule.name): no result for a message on '\(message.topic)': \(limit)")
      lose(.unreadable, message.topic, reason: limit.description, isKept: isKept)
      if !isRetry {
        let failure = ActionFailure(
          action: Self.evaluationName, resource: rule.name, message: limit.description, task: "evaluation")
        performErrorAction(of: loaded, message, [failure])
      }
    case .output(let output):
      if !isRetry { loaded.counters.rulesExecuted += 1 }
      loaded.lastMessage = (message.payload, output)
      let actions = isRetry ? rule.actions.filter(\.stores) : rule.actions
      let execution = RuleExecution(
        loaded, message, output: output, actions: actions.count, isRetry: isRetry, isKept: isKept)
      for action in actions { runners.start(action, execution) }
    }
  }

  /// Acknowledges once all that was read is done, and reads on; or has it delivered again, if a store failed.
  private func releaseIfDone() {
    guard unfinished == 0 else { return }
    guard let error = storeError else {
      window.removeAll(keepingCapacity: true)
      deliveries.release()
      if !unsettled.isGood {
        health.merge(unsettled)
        unsettled = Health()
      }
      reportProgress()
      subscriber.holdsAcknowledgements = false
      return
    }
    storeError = nil
    // No more than what the broker sends without an acknowledgement.
    retried = window
    forgetWindow()
    let pause = storePause
    storePause = min(2 * pause, Self.longestStorePause)
    subscriber.redeliver(
      after: pause, because: MQTTError(.unreachable, "the store failed: \(error.message)"))
  }

  // MARK: Their ends

  /// Tells what went wrong, ten times a second at most: what fails for every message must not fill the disk too.
  func report(_ text: String) {
    let second = WallClock.milliseconds / 1000
    if second != reportSecond {
      if reports > Self.reportLimit {
        onEvent(.problem("rules: \(reports - Self.reportLimit) more failures in that second"))
      }
      (reportSecond, reports) = (second, 0)
    }
    reports += 1
    guard reports <= Self.reportLimit else { return }
    // Topics and templates' texts come from messages.
    let isLong = text.utf8.count > Self.reportBytes
    onEvent(
      .problem(isLong ? String(decoding: text.utf8.prefix(Self.reportBytes), as: UTF8.self) + "…" : text))
  }

  /// What isn't acknowledged comes again, and what it lost counts then.
  private func forgetWindow() {
    window.removeAll()
    deliveries.loseWindow()
    unsettled = Health()
  }

  /// Counts a message that is lost for good; returns whether it is the first of its kind.
  @discardableResult
  private func lose(_ kind: Health.Kind, _ subject: String, reason: String, isKept: Bool) -> Bool {
    let isNew = !health.has(kind, subject)
    return isKept
      ? unsettled.add(kind, subject, reason: reason) && isNew : health.add(kind, subject, reason: reason)
  }

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
        // Each reading of a truck whose clock is wrong has the same problem.
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
    // Whoever reads the error action's messages was told at the first try.
    if execution.unfinished == 0, !execution.failures.isEmpty, !execution.isRetry {
      performErrorAction(of: rule, execution.message, execution.failures)
    }
  }

  func output(of rule: LoadedRule, _ bytes: [UInt8]) {
    onEvent(.output(rule: rule.document.name, String(decoding: bytes, as: UTF8.self)))
  }

  func storeEnded(_ error: StoreError?) {
    if let error { storeError = error } else { storePause = Self.firstStorePause }
    releaseIfDone()
  }

  private func performErrorAction(of rule: LoadedRule, _ message: Message, _ failures: [ActionFailure]) {
    guard let action = rule.document.errorAction else { return }
    runners.start(
      action,
      RuleExecution(
        rule, message, output: rule.document.errorMessage(for: message, failures), actions: 1,
        isErrorAction: true))
  }

  // MARK: What the clients tell

  /// An action's message has reached the broker.
  public func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    if !deliveredMark(message), runners.republish.published(message, nil) { releaseIfDone() }
  }

  /// The broker didn't take an action's message.
  public func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    if runners.republish.published(message, error) { releaseIfDone() }
  }

  /// Keeps the acknowledgements back while actions aren't done.
  public func clientFinishedReading(_ client: MQTTClient) {
    guard client === subscriber else { return }
    runners.flush()
    if unfinished > 0 { client.holdsAcknowledgements = true } else { releaseIfDone() }
  }

  /// Tells of lost and failed connections.
  public func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error):
      health.set(.engineLost, reason: error.message)
      onFailure(error)
    case .connected(let version, let sessionPresent) where client === subscriber:
      if wasReady, !sessionPresent { sessionsForgotten += 1 }
      if version == .version5 { openJournal(hasSession: sessionPresent) }
    case .waiting(let error):
      // What was read and isn't acknowledged comes again by itself.
      if client === subscriber {
        forgetWindow()
        granted.removeAll()
        position.disconnected()
      }
      if error.message != lastWaiting { report("rules: \(error.message); trying again") }
      lastWaiting = storeTrouble == nil ? nil : error.message
    default: break
    }
  }

  /// A refused subscription ends the service.
  public func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .success:
      let isNew = granted.insert(filter.description).inserted
      if isNew, isReady, !wasReady {
        wasReady = true
        onEvent(.ready(rules: rules.map(\.document).filter { !$0.isDisabled }.map(\.name)))
      }
    case .failure(let error):
      health.set(.engineLost, reason: error.message)
      onFailure(error)
    }
  }
}
