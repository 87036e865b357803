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
public final class RulesService: MQTTClientDelegate {
  /// A rule that runs, and what it did.
  public final class LoadedRule {
    /// The rule.
    public let document: RuleDocument
    /// The last message that passed WHERE, and what the statement made of it.
    public fileprivate(set) var lastMessage: (before: [UInt8], after: [UInt8])?
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
  let publisher: MQTTClient
  private let onEvent: (RulesEvent) -> Void
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
  /// The filters that the broker has granted in the present connection.
  private var granted: Set<String> = []
  private var wasReady = false
  /// How often the broker had forgotten the session when the engine came back.
  public private(set) var sessionsForgotten = 0
  /// Whether the broker has granted all subscriptions: what is published from then on reaches the rules.
  public var isReady: Bool { granted.count >= filters.count }
  /// More topics than this are rather a new one for each message.
  private static let headerLimit = 1000

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

  private let storage: RuleStorage?
  /// Whether it runs the rules that store; the others have a session of their own.
  public let stores: Bool
  /// What waits for its database's queue, and whether the queue writes.
  private var batches: [String: StoreBatch] = [:]
  /// Actions that store and aren't done.
  private var storing = 0
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
  private var storeNews = TroubleNews()
  /// The store's last failure, until a write succeeds.
  public private(set) var storeTrouble: StoreError?
  private var storePause = firstStorePause
  /// What was told of the pause before the next try, while the store fails.
  private var lastWaiting: String?
  private static let firstStorePause: Int64 = 500_000_000
  private static let longestStorePause: Int64 = 30_000_000_000

  private struct StoreBatch {
    var waiting: [(request: WriteRequest, execution: Execution)] = []
    var isWriting = false
  }

  private struct MessageKey: Hashable {
    let topic: String
    let payload: [UInt8]
  }

  private struct HeaderKey: Hashable {
    let topic: String
    let qos: QoS
  }

  /// One rule's actions for one message.
  private final class Execution {
    let rule: LoadedRule
    let message: Message
    let isErrorAction: Bool
    /// Whether only a store's failure brought the message again.
    var isRetry = false
    /// Whether the broker keeps the message until it is acknowledged, and delivers it again.
    var isKept = true
    var unfinished = 0
    var failures: [ActionFailure] = []

    init(rule: LoadedRule, message: Message, isErrorAction: Bool) {
      self.rule = rule
      self.message = message
      self.isErrorAction = isErrorAction
    }
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
    usesMarks: Bool = false, registry: (any RegistrySource)? = nil, onEvent: @escaping (RulesEvent) -> Void,
    onFailure: @escaping (MQTTError) -> Void
  ) throws(MQTTError) {
    self.subscriber = subscriber
    self.publisher = publisher
    self.shareGroup = shareGroup
    self.hopLimit = hopLimit
    self.storage = storage
    self.stores = stores
    self.registry = registry
    markTopic = usesMarks ? try TopicName(Self.markTopic(of: subscriber.settings.clientID)) : nil
    self.isJournaled = isJournaled && shareGroup == nil
    self.onEvent = onEvent
    self.onFailure = onFailure
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
    headers.removeAll()
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
  public func noteStore(_ error: StoreError) { if storeTrouble == nil { storeTrouble = error } }

  /// Messages that wait for the store, and come again when it can be written.
  public var waiting: Int { storeTrouble == nil ? 0 : max(retried.count, window.count) }

  /// Actions that aren't done yet.
  public var unfinished: Int { executions.count + storing }

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
      let failure = ActionFailure(
        action: Self.evaluationName, resource: rule.name, message: limit.description)
      if !isRetry { performErrorAction(of: loaded, message, [failure]) }
    case .output(let output):
      if !isRetry { loaded.counters.rulesExecuted += 1 }
      loaded.lastMessage = (message.payload, output)
      let execution = Execution(rule: loaded, message: message, isErrorAction: false)
      execution.isRetry = isRetry
      execution.isKept = isKept
      let actions = isRetry ? rule.actions.filter(\.stores) : rule.actions
      execution.unfinished = actions.count
      for action in actions { perform(action, output, execution) }
    }
  }

  private func perform(_ action: Action, _ output: [UInt8], _ execution: Execution) {
    switch action {
    case .log:
      onEvent(.output(rule: execution.rule.document.name, String(decoding: output, as: UTF8.self)))
      finished(execution)
    case .notRun: finished(execution)
    case .timestream(let action): store(action, output, execution)
    case .republish(let republish):
      var topic = republish.topic.source
      do throws(MQTTError) {
        let header = try header(of: republish, execution, &topic)
        lastTag += 1
        executions[lastTag] = execution
        let outgoing = OutgoingMessage(header: header, payload: output, due: .now(), tag: lastTag)
        guard publisher.publish(outgoing) else {
          executions[lastTag] = nil
          throw MQTTError(.unreachable, "the broker is away and the backlog is full")
        }
      } catch {
        failed(execution, action: "RepublishAction", resource: topic, error.message, loss: .notRepublished)
      }
    }
  }

  // MARK: Stores

  private func store(_ action: TimestreamAction, _ output: [UInt8], _ execution: Execution) {
    do throws(TimestreamAction.Failure) {
      guard let storage else { throw TimestreamAction.Failure(message: "this engine has no store") }
      let (database, request) = try action.request(
        output, evaluator, execution.rule.document.statement, execution.message, strict: storage.isStrict)
      batches[database, default: StoreBatch()].waiting.append((request, execution))
      storing += 1
    } catch {
      let resource = "\(action.database.source).\(action.table.source)"
      failed(
        execution, action: "TimestreamAction", resource: resource, error.message, loss: .notStored)
    }
  }

  /// Hands what has gathered to the queues that are idle: the longer a commit takes, the more points the next one has.
  private func writeStores() {
    guard let storage else { return }
    for (database, batch) in batches where !batch.isWriting && !batch.waiting.isEmpty {
      let waiting = batch.waiting
      batches[database] = StoreBatch(isWriting: true)
      let back = LoopBound { [weak self] result in
        self?.stored(waiting.map(\.execution), database, waiting, result)
      }
      storage.queue(database).write(waiting.map(\.request)) { [waker = storage.waker] result in
        waker.submit { _ in back.body(result) }
      }
    }
  }

  /// A closure for the loop's thread that another thread hands on.
  /// @unchecked Sendable: only the loop's thread, which made it, calls it.
  private final class LoopBound: @unchecked Sendable {
    let body: (Result<[Rejection], StoreError>) -> Void
    init(_ body: @escaping (Result<[Rejection], StoreError>) -> Void) { self.body = body }
  }

  private func stored(
    _ executions: [Execution], _ database: String, _ written: [(request: WriteRequest, execution: Execution)],
    _ result: Result<[Rejection], StoreError>
  ) {
    batches[database]?.isWriting = false
    storing -= executions.count
    switch result {
    case .success(let rejections):
      storePause = Self.firstStorePause
      storeTrouble = nil
      if storeNews.passed(at: .now()) { report("rules: the store can be written again") }
      var found: [Int: Rejection] = [:]
      for rejection in rejections { found[rejection.index] = rejection }
      for (index, execution) in executions.enumerated() {
        if let rejection = found[index] {
          failed(
            execution, action: "TimestreamAction", resource: "\(database).\(written[index].request.table)",
            "the record was rejected: \(rejection.reason)",
            loss: rejection.isAboutTime ? .outsideAcceptance : .notStored, cause: rejection.reason)
        } else {
          finished(execution)
        }
      }
    case .failure(let error):
      let isNews = !error.isRetryable || storeNews.came(error.message, at: .now())
      if error.isRetryable { (storeError, storeTrouble) = (error, error) }
      for (index, execution) in executions.enumerated() {
        failed(
          execution, action: "TimestreamAction", resource: "\(database).\(written[index].request.table)",
          error.message, loss: !error.isRetryable ? .notStored : execution.isKept ? nil : .notKept,
          isNews: isNews && (index == 0 || !error.isRetryable))
      }
    }
    writeStores()
    releaseIfDone()
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

  /// The packet's header for a message; `topic` becomes what the template yields.
  private func header(
    of republish: RepublishAction, _ execution: Execution, _ topic: inout String
  ) throws(MQTTError) -> PublishHeader {
    let needsNone = republish.topic.isConstant && republish.headers.isEmpty
    let templates =
      needsNone ? nil : evaluator.templates(execution.rule.document.statement, execution.message)
    if let templates {
      do throws(LimitError) {
        topic = try templates.text(republish.topic)
      } catch {
        throw MQTTError(.invalidSettings, "the topic: \(error)")
      }
    }
    let isPlain = republish.headers.isEmpty && hopLimit == nil
    let key = HeaderKey(topic: topic, qos: republish.qos)
    if isPlain, let known = headers[key] { return known }
    var properties =
      try templates.map { templates throws(MQTTError) in
        try republish.headers.properties(templates)
      } ?? PublishProperties()
    if let hopLimit {
      let hops = execution.message.properties.userProperty(Self.hopsName).flatMap { Int($0) } ?? 0
      guard hops < hopLimit else {
        throw MQTTError(.invalidSettings, "the message was republished \(hops) times, the limit")
      }
      properties.userProperties.append((Self.hopsName, String(max(0, hops) + 1)))
    }
    let header = try PublishHeader(topic: TopicName(topic), qos: republish.qos, properties: properties)
    if isPlain {
      if headers.count >= Self.headerLimit { headers.removeAll() }
      headers[key] = header
    }
    return header
  }

  // MARK: Their ends

  /// Tells what went wrong, ten times a second at most: what fails for every message must not fill the disk too.
  private func report(_ text: String) {
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

  private func finished(_ execution: Execution) {
    if execution.isErrorAction {
      execution.rule.counters.errorActionSuccess += 1
    } else {
      execution.rule.counters.success += 1
    }
    actionEnded(execution)
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

  /// An action failed. With a `loss` the message is lost for it, with the `cause`; without, it is tried again.
  private func failed(
    _ execution: Execution, action: String, resource: String, _ message: String, loss: Health.Kind?,
    cause: String? = nil, isNews: Bool = true
  ) {
    let rule = execution.rule.document
    let words = action == "RepublishAction" ? "republish to '\(resource)'" : "storing in \(resource)"
    var isNews = isNews
    if let loss {
      // What is republished isn't tried again.
      let comesAgain = execution.isKept && action != "RepublishAction"
      let isFirst = lose(loss, resource, reason: cause ?? message, isKept: comesAgain)
      // Each reading of a truck whose clock is wrong has the same problem.
      if loss == .outsideAcceptance { isNews = isFirst }
    }
    if isNews { report("rule \(rule.name): \(words) failed: \(message)") }
    if execution.isErrorAction {
      execution.rule.counters.errorActionFailure += 1
    } else {
      execution.rule.counters.failure += 1
      execution.failures.append(ActionFailure(action: action, resource: resource, message: message))
    }
    actionEnded(execution)
  }

  private func actionEnded(_ execution: Execution) {
    execution.unfinished -= 1
    guard execution.unfinished == 0 else { return }
    // Whoever reads the error action's messages was told at the first try.
    if !execution.failures.isEmpty, !execution.isRetry {
      performErrorAction(of: execution.rule, execution.message, execution.failures)
    }
  }

  private func performErrorAction(of rule: LoadedRule, _ message: Message, _ failures: [ActionFailure]) {
    guard let action = rule.document.errorAction else { return }
    let execution = Execution(rule: rule, message: message, isErrorAction: true)
    execution.unfinished = 1
    perform(action, rule.document.errorMessage(for: message, failures), execution)
  }

  private func published(_ tag: Int, _ error: MQTTError?, topic: String) {
    guard let execution = executions.removeValue(forKey: tag) else { return }
    if let error {
      failed(execution, action: "RepublishAction", resource: topic, error.message, loss: .notRepublished)
    } else {
      finished(execution)
    }
    releaseIfDone()
  }

  // MARK: What the clients tell

  /// An action's message has reached the broker.
  public func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    if deliveredMark(message) { return }
    published(message.tag, nil, topic: message.header.topic.text)
  }

  /// The broker didn't take an action's message.
  public func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    published(message.tag, error, topic: message.header.topic.text)
  }

  /// Keeps the acknowledgements back while actions aren't done.
  public func clientFinishedReading(_ client: MQTTClient) {
    guard client === subscriber else { return }
    writeStores()
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

/// Where rules store: a queue for each database.
public struct RuleStorage {
  /// The queue of a database's name.
  public let queue: (String) -> StoreQueue
  /// Hands results back to the loop of the service's clients.
  public let waker: Waker
  /// Whether values of another type than their measure's are refused, as on AWS, whatever the rules say.
  public let isStrict: Bool

  /// Storage for a service on the loop of `waker`.
  public init(waker: Waker, isStrict: Bool = false, queue: @escaping (String) -> StoreQueue) {
    self.queue = queue
    self.waker = waker
    self.isStrict = isStrict
  }
}
