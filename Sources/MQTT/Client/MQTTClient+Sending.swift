internal import COpenSSL

/// From the backlog into the socket, as `SendFlow` says.
extension MQTTClient: SendSituation {
  var sendPhase: SendFlow.Phase {
    guard socket >= 0 else { return .closed }
    if case .connected = state { return .open }
    return tcpIsConnected && peer?.handshakeDone ?? true ? .signing : .opening
  }
  var nextRoute: SendFlow.Route? { backlog.first.map { $0.header.qos == .atMostOnce ? .own : .library } }
  var windowIsOpen: Bool { inFlight.count < sendWindow }
  var bufferedBytes: Int { writer.pendingBytes }
  var bufferIsFull: Bool { writer.isFull }
  var libraryHasPackets: Bool { library.hasPackets }
  var handshakeWrites: Bool { library.ssl.map { SSL_want($0) == SSL_WRITING } ?? false }

  func schedulePump() {
    guard !pumpIsScheduled, case .connected = state else { return }
    pumpIsScheduled = true
    loop.atEndOfTurn { [weak self] in
      guard let self else { return }
      pumpIsScheduled = false
      pump()
    }
  }

  /// Does all that can be done at present; every event ends here.
  func pump() {
    flow.wake()
    if !holdsAcknowledgements { (held, heldBytes) = (0, 0) }
    steps: while true {
      switch flow.next(self) {
      case .encode: encodeNext()
      case .handOver: handOverNext()
      case .writeOwn:
        guard writeOwnPackets() else { return }
      case .writeLibrary:
        if case .lost(let loss) = library.write() {
          lost(loss)
          return
        }
        flow.wroteLibrary(finished: !library.hasPackets)
      case .sleep(let forReading, let forWriting):
        var wanted: EventLoop.Readiness = []
        if forReading { wanted.insert(.read) }
        if forWriting { wanted.insert(.write) }
        setInterest(wanted)
        break steps
      case .yield:
        schedulePump()
        break steps
      }
    }
    readOn()
    if isReady { delegate?.clientHasRoom(self) }
  }

  private func encodeNext() {
    guard let message = backlog.popFirst(), accepts(message) else { return }
    writer.encode(message, version5: speaks5)
    diagnosis.published(to: message.header.topic)
  }

  private func handOverNext() {
    guard let message = backlog.popFirst(), accepts(message) else { return }
    switch library.publish(message, version5: speaks5) {
    case .accepted(let identifier):
      inFlight[identifier] = message
      diagnosis.published(to: message.header.topic)
    case .refused(let reason):
      delegate?.client(
        self, refused: message,
        with: MQTTError(.refused, "can't publish to '\(message.header.topic)': \(reason)"))
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
          + "\(settings.address) allows (\(largestPacket) bytes)", reasonCode: ReasonCode.packetTooLarge))
    return false
  }

  /// Writes QoS 0 packets; false if that ended the connection.
  private func writeOwnPackets() -> Bool {
    let before = writer.pendingBytes
    let outcome = writer.write(ssl: library.ssl, socket: socket)
    flow.wroteOwn(bytes: before - writer.pendingBytes, finished: outcome == .finished)
    while let message = writer.popWritten() { delegate?.client(self, delivered: message) }
    guard outcome == .lost else { return true }
    lost(.closed)
    return false
  }

  private func setInterest(_ wanted: EventLoop.Readiness) {
    guard wanted != interest, socket >= 0 else { return }
    interest = wanted
    loop.setInterest(wanted, of: socket)
  }

  func acknowledged(_ identifier: Int32, reason: Int32) {
    guard let message = inFlight.removeValue(forKey: identifier) else { return }
    diagnosis.acknowledged()
    guard reason >= 0x80, let code = UInt8(exactly: reason) else {
      delegate?.client(self, delivered: message)
      return
    }
    delegate?.client(
      self, refused: message,
      with: MQTTError(
        .refused,
        "\(settings.address) refused the message to '\(message.header.topic)': "
          + ReasonCode.name(code)
          + (code == ReasonCode.notAuthorized
            ? "; the policy of this certificate must allow iot:Publish on it" : ""),
        reasonCode: code))
  }
}
