import Time

/// One MQTT client on an event loop: libmosquitto does the protocol, this class the connection's life. It
/// connects without blocking, comes back after a loss, keeps the backlog while the broker is away, and acknowledges
/// what it received only after `clientFinishedReading`.
///
/// What it does next is decided by values without I/O: `ConnectionAttempts`, `ReconnectPolicy` and `LossDiagnosis` for the
/// connection, `SendFlow` for the socket. Used on its loop's thread only.
public final class MQTTClient {
  /// What the client was made with.
  public let settings: ConnectionSettings
  /// Receives all events.
  public weak var delegate: MQTTClientDelegate?
  /// Receives a sentence about each connection and each granted subscription, for whoever looks for a cause.
  public var onDetail: ((String) -> Void)?
  /// Where the client stands.
  public private(set) var state = ConnectionState.idle
  /// How often a lost connection was replaced.
  public internal(set) var reconnects = 0
  /// How many messages were sent again because their connection was lost before the acknowledgement.
  public internal(set) var resent = 0

  /// Keeps back the acknowledgements of all that was received until the work on it is done elsewhere; reading goes on
  /// until `pausesReading`. Set it in `clientFinishedReading`; a lost connection ends it, and the broker sends
  /// the messages again.
  public var holdsAcknowledgements = false {
    didSet {
      if oldValue != holdsAcknowledgements { schedulePump() }
    }
  }

  /// Writes the acknowledgements that were kept back: all that was received is done. At once, because what is read next would
  /// keep them back again.
  public func writeAcknowledgements() {
    holdsAcknowledgements = false
    if case .connected = state { pump() }
  }

  // The extensions in the files beside this one have a part of the work each: Connecting, Losing, Sending, Receiving.

  let loop: EventLoop
  let peer: TLSPeer?
  let library: LibraryClient

  // Sending
  var backlog = Backlog()
  var inFlight: [Int32: OutgoingMessage] = [:]
  var writer = SocketWriter()
  var flow = SendFlow()
  var sendWindow: Int
  var largestPacket = WireFormat.largestRemainingLength
  var pumpIsScheduled = false

  // Receiving
  var subscriptions: [(filter: TopicFilter, qos: QoS)] = []
  var pendingSubscriptions: [Int32: TopicFilter] = [:]
  /// Who waits for the answer to an UNSUBSCRIBE.
  var confirmations: [Int32: () -> Void] = [:]
  /// Messages received at QoS 1 or 2 since acknowledgements were last written, and the bytes of their payloads.
  var held = 0
  var heldBytes = 0
  var hasMoreToRead = false

  // Connecting
  var resolve: NameResolver.Resolve = NameResolver.resolve
  var attempts = ConnectionAttempts()
  var policy: ReconnectPolicy
  var diagnosis = LossDiagnosis()
  var retryTimer: LoopTimer?
  var attemptTimer: LoopTimer?
  var maintenanceTimer: LoopTimer?
  var speaks5: Bool
  var everConnected = false
  var closedBeforeConnack = 0
  var lastLibraryError: String?
  var disconnectReason: MQTTError?

  // The socket; negative without one.
  var socket: Int32 = -1
  var tcpIsConnected = false
  var interest = EventLoop.Readiness.read

  /// Makes a client that signs in as `credentials`, with the TLS of `tls` (plain TCP without). Throws
  /// `MQTTError` if the settings can't work.
  public init(
    settings: ConnectionSettings, tls: TLSContext? = nil, serverName: String? = nil,
    credentials: DeviceCredentials? = nil, loop: EventLoop
  ) throws(MQTTError) {
    try settings.validate()
    peer = tls.map { _ in TLSPeer(serverName: serverName ?? settings.host, credentials: credentials) }
    library = try LibraryClient(settings, tls: tls, peer: peer)
    self.settings = settings
    self.loop = loop
    sendWindow = settings.sendWindow
    policy = ReconnectPolicy(timeout: settings.connectTimeout)
    speaks5 = settings.version != .version311
    library.owner = self
    retryTimer = loop.makeTimer { [unowned self] in attempt() }
    attemptTimer = loop.makeTimer { [unowned self] in attemptTimedOut() }
    maintenanceTimer = loop.makeTimer { [unowned self] in maintain() }
  }

  deinit {
    cancelTimers()
    if socket >= 0 { loop.unwatch(socket) }
  }

  // MARK: What the owner asks for

  /// Begins to connect; the outcome arrives as a change of state.
  public func connect() {
    guard state == .idle || state == .disconnected else { return }
    policy.started(at: .now())
    change(to: .connecting)
    // A handshake on this machine can be over before the library's connect call returns; the owner, who may not run
    // the loop yet, hears of it from the loop.
    loop.atEndOfTurn { [weak self] in
      if let self, state == .connecting { attempt() }
    }
  }

  /// How many messages were accepted and are not delivered yet.
  public var undelivered: Int { backlog.count + inFlight.count + writer.messageCount }

  /// Whether the backlog has room for another message.
  public var hasRoom: Bool { backlog.count < settings.backlogLimit && backlog.bytes < settings.backlogBytes }

  /// Whether another message would go out at once instead of waiting for earlier ones.
  public var isReady: Bool {
    guard case .connected = state else { return false }
    return backlog.count + inFlight.count < sendWindow && !writer.isFull && hasRoom
  }

  /// A timer on the client's loop.
  public func makeTimer(_ fire: @escaping () -> Void) -> LoopTimer { loop.makeTimer(fire) }

  /// Puts `message` at the end of the backlog; false, and nothing done, if that is full.
  public func publish(_ message: OutgoingMessage) -> Bool {
    guard hasRoom else { return false }
    backlog.append(message)
    schedulePump()
    return true
  }

  /// Takes the oldest waiting message out of the backlog.
  public func dropOldest() -> OutgoingMessage? { backlog.popFirst() }

  /// Subscribes now and after every reconnect.
  public func subscribe(_ filter: TopicFilter, qos: QoS) {
    subscriptions.append((filter, qos))
    guard case .connected = state else { return }
    send(subscription: filter, qos: qos)
    schedulePump()
  }

  /// Calls `done` when the broker has read everything that this client has sent so far, including acknowledgements that aren't
  /// kept back. `done` is never called if the connection is lost first. Returns false without a connection.
  ///
  /// MQTT has no request for that. A broker reads the packets of a connection in their order, and answers an UNSUBSCRIBE for a
  /// filter that wasn't subscribed, too (MQTT 5 section 3.11.3).
  public func confirm(_ done: @escaping () -> Void) -> Bool {
    guard case .connected = state, let unused = try? TopicFilter("trucksensor/confirm"),
      let identifier = library.unsubscribe(unused)
    else { return false }
    confirmations[identifier] = done
    schedulePump()
    return true
  }

  /// Sends the DISCONNECT (MQTT 5 section 3.14) and closes; what is undelivered stays undelivered.
  public func disconnect() {
    cancelTimers()
    attempts.abandoned()
    guard case .connected = state else {
      dropSocket()
      change(to: .disconnected)
      return
    }
    library.disconnect()
    disconnectReason = nil
    change(to: .disconnected)
    pump()
    dropSocket()
  }

  func cancelTimers() {
    for timer in [retryTimer, attemptTimer, maintenanceTimer] { timer?.cancel() }
  }

  func change(to new: ConnectionState) {
    guard new != state else { return }
    state = new
    if let onDetail, let detail = detail(of: new) { onDetail("\(settings.clientID): \(detail)") }
    delegate?.client(self, changedTo: new)
  }

  private func detail(of state: ConnectionState) -> String? {
    switch state {
    case .idle, .failed: nil
    case .connecting: "connecting to \(settings.address)"
    case .connected(let version, let sessionPresent):
      "connected to \(settings.address) with MQTT \(version == .version5 ? "5" : "3.1.1"), "
        + (peer.map { "\($0.negotiated)\($0.hasResumed ? " (resumed session)" : "")" } ?? "no TLS")
        + (sessionPresent ? "; the broker has kept the session" : "")
    case .waiting(let error): "waiting before the next attempt: \(error)"
    case .disconnected: "disconnected"
    }
  }
}
