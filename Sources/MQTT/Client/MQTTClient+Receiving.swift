/// From the socket to the owner.
extension MQTTClient {
  /// The library can't write some of its acknowledgements and keep others: at this number of messages, or bytes of payloads,
  /// all must be done before anything else is read. Each time the work on the last of them leaves nothing to do: 512 cost 15 %
  /// of the rate of rules that store. The journal of the local broker sends twice as many without a report.
  private static let heldLimit = 2048
  private static let heldBytesLimit = 16 << 20
  /// Packets read before the loop has its turn again.
  private static let packetsPerTurn = 256

  /// Whether so much is kept back that nothing is read until `writeAcknowledgements`.
  public var pausesReading: Bool {
    holdsAcknowledgements && (held >= Self.heldLimit || heldBytes >= Self.heldBytesLimit)
  }

  func ready(_ readiness: EventLoop.Readiness) {
    guard noteTCPConnected(readiness) else { return }
    let handshaking = peer.map { !$0.handshakeDone } ?? false
    if handshaking || !readiness.intersection([.read, .failed]).isEmpty {
      guard readUntilDry() else { return }
      if handshaking, !readiness.intersection(.failed).isEmpty {
        // The library mistakes an aborted handshake for one in progress.
        lost(.closed)
        return
      }
    }
    if case .connected = state { delegate?.clientFinishedReading(self) }
    pump()
  }

  /// Reads and dispatches all that has arrived; false if that ended the connection.
  private func readUntilDry() -> Bool {
    for _ in 0..<Self.packetsPerTurn {
      switch library.read() {
      case .lost(let loss):
        lost(loss)
        return false
      case .dry: return true
      case .fine: if let peer, !peer.handshakeDone { return true }
      }
    }
    // TLS may hold data although the socket isn't readable.
    hasMoreToRead = true
    return true
  }

  func readOn() {
    guard hasMoreToRead, !pausesReading else { return }
    hasMoreToRead = false
    loop.atEndOfTurn { [weak self] in
      guard let self, socket >= 0, case .connected = state else { return }
      ready(.read)
    }
  }

  func send(subscription filter: TopicFilter, qos: QoS) {
    if let identifier = library.subscribe(filter, qos: qos) { pendingSubscriptions[identifier] = filter }
  }
}

extension MQTTClient: LibraryClientOwner {
  func libraryConnected(_ reason: Int32, sessionPresent: Bool, limits: LibraryClient.Limits) {
    let reason = UInt8(truncatingIfNeeded: reason)
    let code = speaks5 ? reason : ReasonCode.fromVersion311(reason)
    if code == 0 {
      signedIn(sessionPresent: sessionPresent, limits: limits)
    } else {
      disconnectReason = refusal(code)
    }
  }

  func libraryDisconnected(_ reason: Int32) {
    guard reason >= 0x80, let code = UInt8(exactly: reason) else { return }
    disconnectReason = goodbye(code)
  }

  func libraryPublished(_ identifier: Int32, reason: Int32) { acknowledged(identifier, reason: reason) }

  func librarySubscribed(_ identifier: Int32, answer: Int32) {
    guard let filter = pendingSubscriptions.removeValue(forKey: identifier) else { return }
    if let qos = QoS(rawValue: answer) {
      onDetail?("\(settings.clientID): subscribed to '\(filter)' at QoS \(qos.rawValue)")
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

  func libraryUnsubscribed(_ identifier: Int32) { confirmations.removeValue(forKey: identifier)?() }

  func libraryReceived(_ message: IncomingMessage) {
    if message.qos != .atMostOnce {
      held += 1
      heldBytes += message.payload.count
    }
    delegate?.client(self, received: message)
  }

  func libraryLogged(error line: String) { lastLibraryError = line }
}
