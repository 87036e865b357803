import Glibc
import Time

internal import CMosquitto
internal import COpenSSL

/// One MQTT client on an event loop: libmosquitto does the protocol, this class the connection's life. It
/// connects without blocking, comes back after a loss, keeps the backlog while the broker is away, and acknowledges
/// what it received only after `clientFinishedReading`.
///
/// Used on its loop's thread only.
public final class MQTTClient {
  /// What the client was made with.
  public let settings: ConnectionSettings
  /// Hears of everything.
  public weak var delegate: MQTTClientDelegate?
  /// Where the client stands.
  public private(set) var state = ConnectionState.idle
  /// How often a lost connection was replaced.
  public private(set) var reconnects = 0
  /// How many messages were sent again because their connection was lost before the acknowledgement.
  public private(set) var resent = 0

  /// Keeps back the acknowledgements of all that was received until the work on it is done elsewhere; reading goes on
  /// until `heldLimit` of them wait. Set it in `clientFinishedReading`; a lost connection ends it, and the broker sends
  /// the messages again.
  public var holdsAcknowledgements = false {
    didSet {
      guard oldValue, !holdsAcknowledgements, case .connected = state else { return }
      schedulePump()
    }
  }

  /// The library can't write some of its acknowledgements and keep others: at this number all must be done.
  private static let heldLimit = 512
  /// Received at QoS 1 or 2 since acknowledgements were last written.
  private var held = 0
  private var pausesReading: Bool { holdsAcknowledgements && held >= Self.heldLimit }

  private let loop: EventLoop
  private let tls: TLSContext?
  private let peer: TLSPeer?
  private let handle: OpaquePointer

  private var backlog = RingBuffer<OutgoingMessage>()
  private var inFlight: [Int32: OutgoingMessage] = [:]
  private var writer = SocketWriter()
  private var sendWindow: Int
  private var largestPacket = WireFormat.largestRemainingLength
  private var subscriptions: [(filter: TopicFilter, qos: QoS)] = []
  private var pendingSubscriptions: [Int32: TopicFilter] = [:]

  private var policy: ReconnectPolicy
  private var retryTimer: LoopTimer?
  private var attemptTimer: LoopTimer?
  private var maintenanceTimer: LoopTimer?
  private var addresses: [String] = []
  private var addressIndex = 0
  private var speaks5: Bool
  private var everConnected = false
  private var closedBeforeConnack = 0
  private var diagnosis = LossDiagnosis()
  private var lastLibraryError: String?
  private var disconnectReason: MQTTError?

  private var socket: Int32 = -1
  private var tcpConnected = false
  private var interest = EventLoop.Readiness.read
  private var pumpScheduled = false
  private var hasMoreToRead = false

  /// The clients of one process share the library's set-up.
  private static let libraryReady: Bool = mosquitto_lib_init() == 0

  /// Makes a client that signs in as `credentials`, with the TLS of `tls` (plain TCP without). Throws
  /// `MQTTError` if the settings can't work.
  public init(
    settings: ConnectionSettings, tls: TLSContext? = nil, serverName: String? = nil,
    credentials: DeviceCredentials? = nil, loop: EventLoop
  ) throws(MQTTError) {
    try settings.validate()
    guard Self.libraryReady, let handle = mosquitto_new(settings.clientID, settings.cleanStart, nil) else {
      throw MQTTError(
        .system,
        "can't make an MQTT client: \(systemError(errno)); if it is 'Too many open files', raise 'ulimit -n'")
    }
    self.settings = settings
    self.loop = loop
    self.tls = tls
    self.handle = handle
    peer = tls.map { _ in TLSPeer(serverName: serverName ?? settings.host, credentials: credentials) }
    sendWindow = settings.sendWindow
    policy = ReconnectPolicy(timeout: settings.connectTimeout)
    speaks5 = settings.version != .version311
    mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
    // Acknowledgements wait for our own write, after the work is done.
    mosquitto_threaded_set(handle, true)
    mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1)
    mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, 65_535)
    mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, 65_535)
    if let tls {
      mosquitto_void_option(handle, MOSQ_OPT_SSL_CTX, UnsafeMutableRawPointer(tls.handle))
      mosquitto_int_option(handle, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0)
    }
    if let will = settings.will {
      let set = mosquitto_will_set(
        handle, will.topic.text, Int32(will.payload.count), will.payload, will.qos.rawValue, will.retain)
      guard set == MOSQ_ERR_SUCCESS.rawValue else {
        mosquitto_destroy(handle)
        throw MQTTError(.invalidSettings, "the will message for '\(will.topic)' can't be set")
      }
    }
    installCallbacks(on: handle)
    retryTimer = loop.makeTimer { [unowned self] in attempt() }
    attemptTimer = loop.makeTimer { [unowned self] in attemptTimedOut() }
    maintenanceTimer = loop.makeTimer { [unowned self] in maintain() }
  }

  deinit {
    for timer in [retryTimer, attemptTimer, maintenanceTimer] { timer?.cancel() }
    if socket >= 0 { loop.unwatch(socket) }
    mosquitto_destroy(handle)
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
  public var hasRoom: Bool { backlog.count < settings.backlogLimit }

  /// Whether another message would go out at once instead of waiting for earlier ones.
  public var isReady: Bool {
    guard case .connected = state else { return false }
    return backlog.count + inFlight.count < sendWindow && !writer.isFull
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
    if case .connected = state {
      send(subscription: filter, qos: qos)
      flush()
    }
  }

  /// Says goodbye (MQTT 5 section 3.14) and closes; what is undelivered stays undelivered.
  public func disconnect() {
    retryTimer?.cancel()
    attemptTimer?.cancel()
    maintenanceTimer?.cancel()
    guard case .connected = state else {
      dropSocket()
      change(to: .disconnected)
      return
    }
    mosquitto_disconnect(handle)
    disconnectReason = nil
    change(to: .disconnected)
    flush()
    dropSocket()
  }

  // MARK: Connecting

  private func attempt() {
    change(to: .connecting)
    let deadline = policy.deadline ?? MonotonicTime.now().advanced(by: settings.connectTimeout)
    // The last attempt gets a second, so that it ends with a reason and not with the clock.
    let now = MonotonicTime.now()
    attemptTimer?.set(
      max(now.advanced(by: 1_000_000_000), min(deadline, now.advanced(by: 10_000_000_000))))
    if addressIndex < addresses.count {
      open(addresses[addressIndex])
      return
    }
    NameResolver.resolve(settings.host, waker: loop.waker) { [weak self] result in
      guard let self, state == .connecting else { return }
      switch result {
      case .success(let found):
        addresses = found
        addressIndex = 0
        open(found[0])
      case .failure(let failure):
        let error = MQTTError(
          .unreachable,
          "the name '\(settings.host)' can't be resolved: \(failure.message); check the endpoint")
        if failure.isUnknownName, !everConnected { fail(error) } else { retry(after: error) }
      }
    }
  }

  private func open(_ address: String) {
    tcpConnected = false
    disconnectReason = nil
    lastLibraryError = nil
    mosquitto_int_option(
      handle, MOSQ_OPT_PROTOCOL_VERSION, speaks5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311)
    setConnectProperties()
    tls?.connecting = peer
    let code = mosquitto_connect_async(
      handle, address, Int32(settings.port), Int32(settings.keepAliveSeconds))
    let failure = errno
    tls?.connecting = nil
    guard code <= 0, mosquitto_socket(handle) >= 0 else {
      let reason =
        code == MOSQ_ERR_ERRNO.rawValue ? systemError(failure) : String(cString: mosquitto_strerror(code))
      attemptFailed(
        peer?.failure(host: settings.address)
          ?? MQTTError(.unreachable, "can't reach \(settings.address): \(reason)"))
      return
    }
    socket = mosquitto_socket(handle)
    interest = [.read, .write]
    do {
      try loop.watch(socket, for: interest) { [unowned self] in ready($0) }
    } catch {
      fail(error)
    }
  }

  private func setConnectProperties() {
    var list: OpaquePointer?
    defer { mosquitto_property_free_all(&list) }
    if speaks5, settings.sessionExpirySeconds > 0 {
      mosquitto_property_add_int32(
        &list, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), settings.sessionExpirySeconds)
    }
    _ = ts_mosquitto_set_connect_properties(handle, list)
  }

  private func attemptTimedOut() {
    guard state == .connecting else { return }
    let what =
      !tcpConnected
      ? "doesn't answer"
      : peer.map { $0.handshakeDone ? "doesn't answer the MQTT CONNECT" : "doesn't answer the TLS handshake" }
        ?? "doesn't answer the MQTT CONNECT"
    dropSocket()
    attemptFailed(MQTTError(.unreachable, "\(settings.address) \(what)"))
  }

  private func attemptFailed(_ error: MQTTError) {
    addressIndex += 1
    if error.kind == .credentials || isFinalRefusal(error) {
      fail(error)
    } else if addressIndex < addresses.count {
      attempt()
    } else {
      retry(after: error)
    }
  }

  private func isFinalRefusal(_ error: MQTTError) -> Bool {
    guard error.kind == .refused || error.kind == .protocolViolation else { return false }
    return error.reasonCode.map { !ReasonCode.isTemporary($0) } ?? true
  }

  private func retry(after error: MQTTError) {
    attemptTimer?.cancel()
    switch policy.failed(at: .now(), random: Double.random(in: 0..<1)) {
    case .retry(let time):
      change(to: .waiting(after: error))
      retryTimer?.set(time)
    case .giveUp:
      let seconds = settings.connectTimeout / 1_000_000_000
      fail(
        MQTTError(
          error.kind, "\(error.message) (tried for \(seconds) s, see --connect-timeout)",
          reasonCode: error.reasonCode))
    }
  }

  /// Loses the connection on purpose and signs in again after `delay` nanoseconds, so that the broker delivers again what
  /// isn't acknowledged yet: MQTT has no other way to ask for that.
  public func redeliver(after delay: Int64, because error: MQTTError) {
    guard case .connected = state else { return }
    dropSocket()
    change(to: .waiting(after: error))
    retryTimer?.set(MonotonicTime.now().advanced(by: delay))
  }

  private func fail(_ error: MQTTError) {
    for timer in [retryTimer, attemptTimer, maintenanceTimer] { timer?.cancel() }
    dropSocket()
    change(to: .failed(error))
  }

  private func change(to new: ConnectionState) {
    guard new != state else { return }
    state = new
    delegate?.client(self, changedTo: new)
  }

  // MARK: Socket events

  private func ready(_ readiness: EventLoop.Readiness) {
    if !tcpConnected {
      var error: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size)
      // The library's first write may have taken the error off the socket.
      if error == 0, !readiness.intersection(.failed).isEmpty { error = ECONNREFUSED }
      guard error == 0 else {
        dropSocket()
        attemptFailed(MQTTError(.unreachable, "can't reach \(settings.address): \(systemError(error))"))
        return
      }
      tcpConnected = true
    }
    let handshaking = peer.map { !$0.handshakeDone } ?? false
    if handshaking || !readiness.intersection([.read, .failed]).isEmpty {
      guard readUntilDry() else { return }
      if handshaking, !readiness.intersection(.failed).isEmpty {
        // The library takes an aborted handshake for one that goes on.
        lost(code: MOSQ_ERR_CONN_LOST.rawValue)
        return
      }
    }
    if case .connected = state { delegate?.clientFinishedReading(self) }
    pump()
  }

  /// Reads and dispatches all that has arrived; false if that ended the connection.
  private func readUntilDry() -> Bool {
    for _ in 0..<256 {
      errno = 0
      let code = mosquitto_loop_read(handle, 1)
      let dry = errno == EAGAIN || errno == EWOULDBLOCK
      guard code == MOSQ_ERR_SUCCESS.rawValue, mosquitto_socket(handle) >= 0 else {
        lost(code: code)
        return false
      }
      if dry { return true }
      if let peer, !peer.handshakeDone { return true }
    }
    // TLS may hold what the socket's readiness doesn't tell of.
    hasMoreToRead = true
    return true
  }

  private func readOn() {
    guard hasMoreToRead, !pausesReading else { return }
    hasMoreToRead = false
    loop.atEndOfTurn { [weak self] in
      guard let self, socket >= 0, case .connected = state else { return }
      ready(.read)
    }
  }

  private func schedulePump() {
    guard !pumpScheduled, case .connected = state else { return }
    pumpScheduled = true
    loop.atEndOfTurn { [weak self] in
      guard let self else { return }
      pumpScheduled = false
      pump()
    }
  }

  /// Moves messages from the backlog into the socket as far as window and socket allow.
  private func pump() {
    repeat {
      if case .connected = state { fillFromBacklog() }
      flush()
      // What the socket took in the meantime makes room that no event would tell of.
    } while mayContinue
    readOn()
    if isReady { delegate?.clientHasRoom(self) }
  }

  private var mayContinue: Bool {
    guard case .connected = state, writer.pendingBytes == 0, let next = backlog.first else { return false }
    return next.header.qos == .atMostOnce || inFlight.count < sendWindow
  }

  private func fillFromBacklog() {
    while let next = backlog.first {
      if next.header.qos == .atMostOnce {
        if writer.isFull {
          guard writeOwnPackets(), !writer.isFull else { return }
        }
        _ = backlog.popFirst()
        guard accepts(next) else { continue }
        writer.encode(next, version5: speaks5)
        diagnosis.published(to: next.header.topic)
      } else {
        guard inFlight.count < sendWindow else { return }
        _ = backlog.popFirst()
        guard accepts(next) else { continue }
        hand(next)
      }
    }
  }

  /// The broker may allow smaller packets than MQTT does (MQTT 5 section 3.2.2.3.6).
  private func accepts(_ message: OutgoingMessage) -> Bool {
    let size = message.payload.count + message.header.variableHeader5.count + 7
    guard size > largestPacket else { return true }
    delegate?.client(
      self, refused: message,
      with: MQTTError(
        .refused,
        "a message of \(message.payload.count) bytes to '\(message.header.topic)' is larger than "
          + "\(settings.address) allows (\(largestPacket) bytes)", reasonCode: 0x95))
    return false
  }

  private func hand(_ message: OutgoingMessage) {
    var identifier: Int32 = 0
    let code = mosquitto_publish_v5(
      handle, &identifier, message.header.topic.text, Int32(message.payload.count), message.payload,
      message.header.qos.rawValue, message.header.retain, speaks5 ? message.header.properties : nil)
    // Without a connection the library keeps the message and sends it on the next one.
    if code == MOSQ_ERR_SUCCESS.rawValue || code == MOSQ_ERR_NO_CONN.rawValue {
      inFlight[identifier] = message
      diagnosis.published(to: message.header.topic)
    } else {
      let reason = String(cString: mosquitto_strerror(code))
      delegate?.client(
        self, refused: message,
        with: MQTTError(.refused, "can't publish to '\(message.header.topic)': \(reason)"))
    }
  }

  /// Writes the library's packets and ours, never one inside the other.
  private func flush() {
    guard mosquitto_socket(handle) >= 0 else { return }
    if holdsAcknowledgements {
      setInterest(pausesReading ? [] : .read)
      return
    }
    held = 0
    if let peer, !peer.handshakeDone {
      setInterest(SSL_want(handleSSL) == SSL_WRITING ? [.read, .write] : .read)
      return
    }
    while true {
      guard writeOwnPackets() else { return }
      if writer.pendingBytes > 0 { break }
      guard mosquitto_want_write(handle) else { break }
      let code = mosquitto_loop_write(handle, 1)
      guard code == MOSQ_ERR_SUCCESS.rawValue, mosquitto_socket(handle) >= 0 else {
        lost(code: code)
        return
      }
      if mosquitto_want_write(handle) { break }
    }
    setInterest(writer.pendingBytes > 0 || mosquitto_want_write(handle) ? [.read, .write] : .read)
  }

  private var handleSSL: OpaquePointer? { mosquitto_ssl_get(handle).map { OpaquePointer($0) } }

  /// Writes QoS 0 packets; false if that ended the connection.
  private func writeOwnPackets() -> Bool {
    guard writer.pendingBytes > 0 else { return true }
    let outcome = writer.write(ssl: handleSSL, socket: socket)
    while let message = writer.popWritten() { delegate?.client(self, delivered: message) }
    guard outcome == .lost else { return true }
    lost(code: MOSQ_ERR_CONN_LOST.rawValue)
    return false
  }

  private func setInterest(_ wanted: EventLoop.Readiness) {
    guard wanted != interest, socket >= 0 else { return }
    interest = wanted
    loop.setInterest(wanted, of: socket)
  }

  /// Keep-alive, once a second.
  private func maintain() {
    let code = mosquitto_loop_misc(handle)
    guard code == MOSQ_ERR_SUCCESS.rawValue else {
      lost(code: code)
      return
    }
    flush()
    maintenanceTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
  }

  // MARK: Losing the connection

  private func dropSocket() {
    holdsAcknowledgements = false
    held = 0
    hasMoreToRead = false
    guard socket >= 0 else { return }
    loop.unwatch(socket)
    // The library closes the descriptor at its next connect, or when it is destroyed.
    if mosquitto_socket(handle) == socket { Glibc.shutdown(socket, Int32(SHUT_RDWR)) }
    socket = -1
    maintenanceTimer?.cancel()
    writer.takeUnwritten { backlog.prepend($0) }
  }

  private func lost(code: Int32) {
    guard socket >= 0 else { return }
    let wasConnected =
      if case .connected = state { true } else { false }
    let loss = explain(code)
    dropSocket()
    switch state {
    case .disconnected, .failed: return
    default: break
    }
    guard wasConnected else {
      handshakeFailed(loss)
      return
    }
    if let refusal = diagnosis.lost(at: .now(), settings: settings) {
      fail(refusal)
    } else if isFinalRefusal(loss) || loss.kind == .credentials {
      fail(loss)
    } else {
      retry(after: loss)
    }
  }

  private func handshakeFailed(_ loss: MQTTError) {
    let speechless = loss.kind == .unreachable && tcpConnected && (peer?.handshakeDone ?? true)
    let wrongVersion = loss.reasonCode == ReasonCode.unsupportedProtocolVersion
    if speaks5, settings.version == .automatic, !everConnected,
      wrongVersion || (speechless && closedBeforeConnack == 0)
    {
      // A broker that knows only 3.1.1 says so, or closes without a word.
      closedBeforeConnack += 1
      speaks5 = false
      attempt()
      return
    }
    closedBeforeConnack = speechless ? closedBeforeConnack + 1 : 0
    if speechless, settings.version == .automatic, !everConnected { speaks5 = true }
    if speechless, closedBeforeConnack >= 3 {
      fail(
        MQTTError(
          .credentials,
          "\(settings.address) closed the connection before it answered the MQTT CONNECT; this usually means that it "
            + "refused our certificate, or that it doesn't allow the client identifier '\(settings.clientID)'"
        ))
      return
    }
    attemptFailed(loss)
  }

  private func explain(_ code: Int32) -> MQTTError {
    if let disconnectReason { return disconnectReason }
    if let failure = peer?.failure(host: settings.address) { return failure }
    if let peer, !peer.handshakeDone {
      return MQTTError(
        .unreachable,
        "the TLS handshake with \(settings.address) failed: "
          + (lastLibraryError ?? "the connection was closed") + "; is this port one that speaks TLS?")
    }
    let reason =
      switch mosq_err_t(rawValue: code) {
      case MOSQ_ERR_KEEPALIVE: "it didn't answer within the keep-alive of \(settings.keepAliveSeconds) s"
      case MOSQ_ERR_PROTOCOL, MOSQ_ERR_MALFORMED_PACKET: "it sent what MQTT doesn't allow"
      default: "it was closed by the other side"
      }
    return MQTTError(.unreachable, "the connection to \(settings.address) was lost: \(reason)")
  }

  // MARK: What the library reports

  fileprivate func libraryConnected(_ reason: Int32, flags: Int32, properties: OpaquePointer?) {
    let code =
      speaks5
      ? UInt8(truncatingIfNeeded: reason) : ReasonCode.fromVersion311(UInt8(truncatingIfNeeded: reason))
    guard code == 0 else {
      let advice =
        code == 0x85 || code == ReasonCode.notAuthorized
        ? "; the broker's policy must allow the client identifier '\(settings.clientID)'" : ""
      disconnectReason = MQTTError(
        .refused, "\(settings.address) refused the connection: \(ReasonCode.name(code))\(advice)",
        reasonCode: code)
      return
    }
    var receiveMaximum: UInt16 = 65_535
    mosquitto_property_read_int16(
      properties, Int32(MQTT_PROP_RECEIVE_MAXIMUM.rawValue), &receiveMaximum, false)
    var maximumPacket: UInt32 = 0
    mosquitto_property_read_int32(
      properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), &maximumPacket, false)
    sendWindow = max(1, min(settings.sendWindow, Int(receiveMaximum)))
    largestPacket = maximumPacket == 0 ? WireFormat.largestRemainingLength : Int(maximumPacket)
    if everConnected {
      reconnects += 1
      resent += inFlight.count
    }
    everConnected = true
    closedBeforeConnack = 0
    addressIndex = 0
    policy.connected()
    diagnosis.connected(at: .now())
    attemptTimer?.cancel()
    maintenanceTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    change(to: .connected(version: speaks5 ? .version5 : .version311, sessionPresent: flags & 1 != 0))
    for (filter, qos) in subscriptions { send(subscription: filter, qos: qos) }
    schedulePump()
  }

  fileprivate func libraryDisconnected(_ reason: Int32) {
    // Values from 128 are the broker's DISCONNECT, smaller ones the library's own.
    guard reason >= 0x80, let code = UInt8(exactly: reason) else { return }
    let advice =
      switch code {
      case ReasonCode.sessionTakenOver: "; another client signed in with our client identifier"
      case ReasonCode.notAuthorized: "; its policy doesn't allow what we sent"
      default: ""
      }
    disconnectReason = MQTTError(
      ReasonCode.isTemporary(code) ? .unreachable : .refused,
      "\(settings.address) ended the connection: \(ReasonCode.name(code))\(advice)", reasonCode: code)
  }

  fileprivate func libraryPublished(_ identifier: Int32, reason: Int32) {
    guard let message = inFlight.removeValue(forKey: identifier) else { return }
    diagnosis.acknowledged()
    if reason >= 0x80, let code = UInt8(exactly: reason) {
      delegate?.client(
        self, refused: message,
        with: MQTTError(
          .refused,
          "\(settings.address) refused the message to '\(message.header.topic)': "
            + ReasonCode.name(code)
            + (code == ReasonCode.notAuthorized
              ? "; the policy of this certificate must allow iot:Publish on it" : ""),
          reasonCode: code))
    } else {
      delegate?.client(self, delivered: message)
    }
  }

  fileprivate func librarySubscribed(_ identifier: Int32, granted: [Int32]) {
    guard let filter = pendingSubscriptions.removeValue(forKey: identifier) else { return }
    let answer = granted.first ?? 0x80
    if let qos = QoS(rawValue: answer) {
      delegate?.client(self, subscribed: filter, .success(qos))
    } else {
      let code = UInt8(truncatingIfNeeded: answer)
      delegate?.client(
        self, subscribed: filter,
        .failure(
          MQTTError(
            .refused, "\(settings.address) refused the subscription to '\(filter)': \(ReasonCode.name(code))",
            reasonCode: code)))
    }
  }

  fileprivate func libraryReceived(_ message: IncomingMessage) {
    if message.qos != .atMostOnce { held += 1 }
    delegate?.client(self, received: message)
  }

  fileprivate func libraryLogged(_ line: String) { lastLibraryError = line }

  private func send(subscription filter: TopicFilter, qos: QoS) {
    var identifier: Int32 = 0
    if mosquitto_subscribe(handle, &identifier, filter.text, qos.rawValue) == MOSQ_ERR_SUCCESS.rawValue {
      pendingSubscriptions[identifier] = filter
    }
  }
}

// MARK: Callbacks

private func client(_ data: UnsafeMutableRawPointer?) -> MQTTClient? {
  data.map { Unmanaged<MQTTClient>.fromOpaque($0).takeUnretainedValue() }
}

/// The callbacks only hand over; what they lead to happens in the loop, because the library's locks are held.
private func installCallbacks(on handle: OpaquePointer) {
  mosquitto_connect_v5_callback_set(handle) { _, data, reason, flags, properties in
    client(data)?.libraryConnected(reason, flags: flags, properties: properties)
  }
  mosquitto_disconnect_v5_callback_set(handle) { _, data, reason, _ in
    client(data)?.libraryDisconnected(reason)
  }
  mosquitto_publish_v5_callback_set(handle) { _, data, identifier, reason, _ in
    client(data)?.libraryPublished(identifier, reason: reason)
  }
  mosquitto_subscribe_v5_callback_set(handle) { _, data, identifier, count, granted, _ in
    let answers = UnsafeBufferPointer(start: granted, count: Int(count))
    client(data)?.librarySubscribed(identifier, granted: Array(answers))
  }
  mosquitto_message_v5_callback_set(handle) { _, data, message, properties in
    guard let message else { return }
    client(data)?.libraryReceived(IncomingMessage(message.pointee, properties: properties))
  }
  mosquitto_log_callback_set(handle) { _, data, level, text in
    guard level == MOSQ_LOG_ERR, let text else { return }
    client(data)?.libraryLogged(String(cString: text))
  }
}

extension IncomingMessage {
  fileprivate init(_ message: mosquitto_message, properties: OpaquePointer?) {
    topic = message.topic.map { String(cString: $0) } ?? ""
    payload = Array(UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen)))
    qos = QoS(rawValue: message.qos) ?? .atMostOnce
    retained = message.retain
    self.properties = PublishProperties(libraryList: properties)
  }
}
