import Health
import MQTT
import Store
import Text
import Time

/// Runs rules over the messages that a broker delivers: one client subscribes, another publishes the actions' messages.
///
/// A QoS 1 message is acknowledged only after its actions are done; an action that publishes is done when the broker has
/// acknowledged its message. The subscriber therefore keeps its acknowledgements back until the actions of all messages
/// that arrived together are done, and then reads on. Used on the clients' loop only.
public final class RulesService: MQTTClientDelegate {
  let subscriber: MQTTClient
  let publisher: MQTTClient
  private let onEvent: (RulesEvent) -> Void
  private let onFailure: (MQTTError) -> Void
  private let dispatcher: RuleDispatcher
  private let shareGroup: String?
  /// The registry that `get_registry_data` reads.
  private let registry: (any RegistrySource)?
  /// Whether it runs the rules that write to a store; other rules have their own session.
  public let stores: Bool

  /// The filters that the session subscribes to, and those that the broker has granted on the current connection.
  private(set) var filters: Set<String> = []
  private var granted: Set<String> = []
  private var wasReady = false
  /// Whether the broker has granted all subscriptions: whatever is published from then on reaches the rules.
  public var isReady: Bool { granted.count >= filters.count }
  /// How often the broker had forgotten the session when the engine reconnected.
  public private(set) var sessionsForgotten = 0

  /// The reported reason for waiting before the next attempt; nil once all goes well again.
  private var lastWaiting: String?
  /// Whether the session belongs to another engine.
  private var isTakenOver = false

  // In RulesService+Marks.swift
  /// Counts the messages that are done.
  var deliveries = DeliveryCount()
  /// The number that a counted publisher gives a message.
  var messageNumber: ([UInt8]) -> Int? = { _ in nil }
  /// The topic of this session's marks; nil if it uses none.
  let markTopic: TopicName?
  /// Tells this engine's marks from others that the session may still hold.
  let markToken = UniqueID.make()
  /// The last mark that the broker has accepted.
  var publishedMark = 0

  // In RulesService+Journal.swift
  /// Whether the broker is the local broker, which has our plugin.
  private let isLocal: Bool
  /// Whether it numbers its messages for this service.
  let isJournaled: Bool
  var position = JournalPosition()
  /// Whether the broker keeps messages for the service in a journal, even if it forgets the session.
  public internal(set) var hasJournal = false

  /// A service over two clients that aren't connected yet. `onEvent` is called with problems and the output of log
  /// actions, `onFailure` with an error that ended a client permanently. Actions that write to a store need a `storage`.
  /// `hopLimit` limits how often a message may be republished, counted in its user property `hops`; republishing it once
  /// more fails. With `isLocal`, the broker is ours and its journal keeps messages for the service; a share group has no
  /// journal. With `usesMarks`, the service can tell when everything published so far is done; the broker must allow
  /// `markTopic(of:)`.
  ///
  /// Throws `MQTTError` if the share group's name is invalid.
  public init(
    rules: [RuleDocument], subscriber: MQTTClient, publisher: MQTTClient, shareGroup: String? = nil,
    hopLimit: Int? = nil, storage: RuleStorage? = nil, stores: Bool = false, isLocal: Bool = false,
    usesMarks: Bool = false, registry: (any RegistrySource)? = nil,
    actions: ActionSettings = ActionSettings(),
    onEvent: @escaping (RulesEvent) -> Void,
    onFailure: @escaping (MQTTError) -> Void
  ) throws(MQTTError) {
    self.subscriber = subscriber
    self.publisher = publisher
    self.shareGroup = shareGroup
    self.stores = stores
    self.registry = registry
    markTopic = usesMarks ? try TopicName(Self.markTopic(of: subscriber.settings.clientID)) : nil
    self.isLocal = isLocal
    isJournaled = isLocal && shareGroup == nil
    self.onEvent = onEvent
    self.onFailure = onFailure
    dispatcher = RuleDispatcher(
      publisher: publisher, hopLimit: hopLimit, storage: storage, actions: actions, onEvent: onEvent)
    dispatcher.onProgress = { [unowned self] in proceed() }
    dispatcher.isHeldUp = { [unowned subscriber] in subscriber.pausesReading }
    try replaceRules(rules)
    if let markTopic, filters.insert(markTopic.text).inserted {
      subscriber.subscribe(try TopicFilter(markTopic.text), qos: .atLeastOnce)
    }
    subscriber.delegate = self
    publisher.delegate = self
  }

  /// Runs `documents` from now on; rules whose names are known keep their counters. Filters that no rule has any more
  /// stay subscribed until the next session, and match nothing.
  ///
  /// Throws `MQTTError` if the share group's name is invalid.
  public func replaceRules(_ documents: [RuleDocument]) throws(MQTTError) {
    dispatcher.replaceRules(documents)
    let known = filters
    defer {
      if filters != known, case .connected(.version5, _) = subscriber.state { openJournal(hasSession: true) }
    }
    for filter in activeFilters where filters.insert(filter.pattern).inserted {
      subscriber.subscribe(
        try shareGroup.map { group throws(MQTTError) in try TopicFilter("$share/\(group)/\(filter.pattern)") }
          ?? filter,
        qos: .atLeastOnce)
    }
  }

  /// Runs the rules of `owner` for the session of an ended engine, which has that engine's subscriptions. A lost
  /// connection ends this, because that engine may be back.
  public func takeRules(of owner: RulesService) {
    isTakenOver = true
    dispatcher.share(owner.rules)
  }

  /// Connects both clients.
  public func start() {
    publisher.connect()
    subscriber.connect()
  }

  /// Calls `done` when the broker has read all acknowledgements written so far, as `MQTTClient.confirm` does.
  public func confirmAcknowledgements(_ done: @escaping () -> Void) -> Bool { subscriber.confirm(done) }

  /// Disconnects. Unacknowledged messages are repeated in the next session.
  public func stop() {
    subscriber.disconnect()
    publisher.disconnect()
  }

  /// The rules, in the order of their files.
  public var rules: [LoadedRule] { dispatcher.rules }

  /// The current problems, without actions that will be tried again.
  public var health: Health { dispatcher.health }

  /// The filters of the enabled rules. AWS IoT Core and other brokers may reject those of Basic Ingest, so there only
  /// rules without FROM have them.
  public var activeFilters: [TopicFilter] {
    let documents = rules.map(\.document).filter { !$0.isDisabled }
    return documents.compactMap(\.filter)
      + (isLocal ? documents.filter { $0.statement.filter != nil }.compactMap(\.basicIngestFilter) : [])
  }

  /// The databases that the rules name, if the name doesn't depend on a message.
  public var databases: [String] {
    rules.flatMap(\.document.actions).compactMap { action in
      guard case .timestream(let action) = action, action.database.isConstant else { return nil }
      return action.database.source
    }
  }

  /// The store's last failure, until a write succeeds.
  public var storeTrouble: StoreError? {
    dispatcher.runners.store.trouble ?? dispatcher.runners.influx.trouble
  }

  /// Notes an error that a check of the store found before anything was stored.
  public func noteStore(_ error: StoreError) { dispatcher.runners.store.note(error) }

  /// How many records the stores have accepted.
  public var stored: Int { dispatcher.runners.store.stored + dispatcher.runners.influx.stored }

  /// Messages that wait for the store, and are delivered again when it can be written.
  public var waiting: Int { storeTrouble == nil ? 0 : dispatcher.window.waiting }

  /// Actions that aren't done yet.
  public var unfinished: Int { dispatcher.window.unfinished }

  // MARK: Messages

  /// Runs the rules whose filters match the message's topic.
  public func client(_ client: MQTTClient, received incoming: IncomingMessage) {
    guard let arrival = journaled(incoming, at: WallClock.milliseconds) else { return }
    if receivedMark(incoming) { return }
    let message = Message(topic: incoming.topic, payload: incoming.payload, receivedMilliseconds: arrival)
    message.properties = incoming.properties
    // MQTT doesn't say who published. The local broker's plugin does in these user properties, which replace the
    // publisher's own; with another broker, they are only the publisher's claim.
    message.clientID = incoming.properties.userProperty("clientId")
    message.principal = incoming.properties.userProperty("principal")
    message.registry = registry
    let isKept = incoming.qos != .atMostOnce
    deliveries.receive(from: message.clientID, isKept: isKept) { messageNumber(incoming.payload) }
    let isRetry = stores && isKept && dispatcher.window.receive(incoming.topic, incoming.payload)
    dispatcher.dispatch(message, on: incoming.topic, isRetry: isRetry, isKept: isKept)
  }

  /// Takes the step that the window decides on after an event.
  private func proceed() {
    switch dispatcher.window.next() {
    case .wait: break
    case .acknowledge(let losses):
      deliveries.release()
      dispatcher.health.merge(losses)
      reportProgress()
      if storeTrouble == nil { lastWaiting = nil }
      subscriber.writeAcknowledgements()
    case .redeliver(let pause, let reason):
      deliveries.loseWindow()
      subscriber.redeliver(
        after: pause, because: MQTTError(.unreachable, "the store failed: \(reason)"))
    }
  }

  /// Reports a failure.
  func report(_ text: String) { dispatcher.report(text) }

  // MARK: What the clients tell

  /// An action's message has reached the broker.
  public func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    if !deliveredMark(message), dispatcher.runners.republish.published(message, nil) { proceed() }
  }

  /// The broker refused an action's message.
  public func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    if dispatcher.runners.republish.published(message, error) { proceed() }
  }

  /// Keeps the acknowledgements back while actions aren't done.
  public func clientFinishedReading(_ client: MQTTClient) {
    guard client === subscriber else { return }
    dispatcher.runners.flush()
    if unfinished > 0 { client.holdsAcknowledgements = true }
    proceed()
  }

  /// Reports lost and failed connections.
  public func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error):
      dispatcher.health.set(.engineLost, reason: error.message)
      onFailure(error)
    case .connected(let version, let sessionPresent) where client === subscriber:
      if wasReady, !sessionPresent { sessionsForgotten += 1 }
      if version == .version5 {
        openJournal(hasSession: sessionPresent)
      } else if shareGroup != nil {
        report(
          "rules: the broker speaks MQTT 3.1.1, which has no shared subscriptions; if it doesn't know them either, "
            + "no message arrives with --shared")
      }
    case .waiting(let error) where isTakenOver: onFailure(error)
    case .waiting(let error):
      // The broker repeats messages that were read but not acknowledged.
      if client === subscriber {
        dispatcher.window.disconnected()
        deliveries.loseWindow()
        granted.removeAll()
        position.disconnected()
      }
      if error.message != lastWaiting { report("rules: \(error.message); trying again") }
      lastWaiting = error.message
    default: break
    }
    // While the store fails, the connection is given up and made again for each attempt.
    if case .connected = state, storeTrouble == nil { lastWaiting = nil }
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
      dispatcher.health.set(.engineLost, reason: error.message)
      onFailure(error)
    }
  }
}
