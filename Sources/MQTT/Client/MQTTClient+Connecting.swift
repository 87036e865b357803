import Files
import Glibc
import Time

/// From the host's name to CONNACK.
extension MQTTClient {
  func attempt() {
    change(to: .connecting)
    let deadline = policy.deadline ?? MonotonicTime.now().advanced(by: settings.connectTimeout)
    // The last attempt gets a second, so that it ends with a reason and not with the clock.
    let now = MonotonicTime.now()
    attemptTimer?.set(
      max(now.advanced(by: 1_000_000_000), min(deadline, now.advanced(by: 10_000_000_000))))
    switch attempts.begin() {
    case .open(let address): open(address)
    case .wait: break
    case .lookUp: resolve(settings.host, loop.waker) { [weak self] in self?.resolved($0) }
    }
  }

  private func resolved(_ result: Result<[String], NameResolver.Failure>) {
    switch result {
    case .success(let addresses):
      if let address = attempts.found(addresses) { open(address) }
    case .failure(let failure):
      guard attempts.foundNothing() else { return }
      let error = MQTTError(
        .unreachable,
        "the name '\(settings.host)' can't be resolved: \(failure.message); check the endpoint")
      if failure.isUnknownName, !everConnected { fail(error) } else { retry(after: error) }
    }
  }

  private func open(_ address: String) {
    tcpIsConnected = false
    disconnectReason = nil
    lastLibraryError = nil
    if let failure = library.connect(address, settings, version5: speaks5) {
      diagnosis.unreachable()
      attemptFailed(
        peer?.failure(host: settings.address)
          ?? MQTTError(.unreachable, "can't reach \(settings.address): \(failure)"))
      return
    }
    socket = library.socket
    interest = [.read, .write]
    do {
      try loop.watch(socket, for: interest) { [unowned self] in ready($0) }
    } catch {
      fail(error)
    }
  }

  func attemptTimedOut() {
    guard state == .connecting else { return }
    let what =
      !tcpIsConnected
      ? "doesn't answer"
      : peer.map { $0.handshakeDone ? "doesn't answer the MQTT CONNECT" : "doesn't answer the TLS handshake" }
        ?? "doesn't answer the MQTT CONNECT"
    dropSocket()
    attemptFailed(MQTTError(.unreachable, "\(settings.address) \(what)"))
  }

  func attemptFailed(_ error: MQTTError) {
    let hasAnother = attempts.failed()
    if error.kind == .credentials || isFinalRefusal(error) {
      fail(error)
    } else if hasAnother {
      attempt()
    } else {
      retry(after: error)
    }
  }

  func isFinalRefusal(_ error: MQTTError) -> Bool {
    guard error.kind == .refused || error.kind == .protocolViolation else { return false }
    return error.reasonCode.map { !ReasonCode.isTemporary($0) } ?? true
  }

  func retry(after error: MQTTError) {
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

  func fail(_ error: MQTTError) {
    cancelTimers()
    attempts.abandoned()
    dropSocket()
    change(to: .failed(error))
  }

  /// Notes how the connecting socket fared; false if there is no connection, and the attempt has ended.
  func noteTCPConnected(_ readiness: EventLoop.Readiness) -> Bool {
    guard !tcpIsConnected else { return true }
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size)
    // The library's first write may have taken the error off the socket.
    if error == 0, !readiness.intersection(.failed).isEmpty { error = ECONNREFUSED }
    guard error == 0 else {
      diagnosis.unreachable()
      dropSocket()
      attemptFailed(MQTTError(.unreachable, "can't reach \(settings.address): \(systemError(error))"))
      return false
    }
    tcpIsConnected = true
    return true
  }

  func signedIn(sessionPresent: Bool, limits: LibraryClient.Limits) {
    sendWindow = max(1, min(settings.sendWindow, limits.receiveMaximum))
    largestPacket = limits.largestPacket
    if everConnected {
      reconnects += 1
      resent += inFlight.count
    }
    everConnected = true
    library.stopLogging()
    if settings.gathersPackets { library.gatherPackets() }
    closedBeforeConnack = 0
    attempts.connected()
    policy.connected()
    diagnosis.connected(at: .now())
    // The library sends again what has no answer, and that may be what the broker closes the connection for.
    if let first = inFlight.min(by: { $0.key < $1.key }) { diagnosis.published(to: first.value.header.topic) }
    attemptTimer?.cancel()
    maintenanceTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    // Before the owner hears of it: what it subscribes then must not be sent twice.
    for (filter, qos) in subscriptions { send(subscription: filter, qos: qos) }
    change(to: .connected(version: speaks5 ? .version5 : .version311, sessionPresent: sessionPresent))
    schedulePump()
  }

  /// Keep-alive, once a second.
  func maintain() {
    maintenanceTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    if case .lost(let loss) = library.maintain() {
      lost(loss)
    } else {
      pump()
    }
  }
}
