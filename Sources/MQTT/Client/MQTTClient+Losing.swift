import Glibc
import Time

/// What follows the loss of a connection.
extension MQTTClient {
  /// Loses the connection on purpose and signs in again after `delay` nanoseconds, so that the broker delivers again what
  /// isn't acknowledged yet: MQTT has no other way to ask for that.
  public func redeliver(after delay: Int64, because error: MQTTError) {
    guard case .connected = state else { return }
    dropSocket()
    change(to: .waiting(after: error))
    retryTimer?.set(MonotonicTime.now().advanced(by: delay))
  }

  func dropSocket() {
    holdsAcknowledgements = false
    (held, heldBytes) = (0, 0)
    hasMoreToRead = false
    pendingSubscriptions = [:]
    confirmations = [:]
    guard socket >= 0 else { return }
    loop.unwatch(socket)
    // The library closes the descriptor at its next connect, or when it is destroyed.
    if library.socket == socket { Glibc.shutdown(socket, Int32(SHUT_RDWR)) }
    socket = -1
    flow.closed()
    maintenanceTimer?.cancel()
    writer.takeUnwritten { backlog.prepend($0) }
  }

  func lost(_ reason: LibraryClient.Loss) {
    guard socket >= 0 else { return }
    let wasConnected =
      if case .connected = state { true } else { false }
    let loss = explain(reason)
    dropSocket()
    switch state {
    case .disconnected, .failed: return
    default: break
    }
    guard wasConnected else {
      signInFailed(loss)
      return
    }
    if disconnectReason?.kind == .unreachable { diagnosis.explained() }
    if let refusal = diagnosis.lost(at: .now(), settings: settings) {
      fail(refusal)
    } else if isFinalRefusal(loss) || loss.kind == .credentials {
      fail(loss)
    } else {
      retry(after: loss)
    }
  }

  private func signInFailed(_ loss: MQTTError) {
    let speechless = loss.kind == .unreachable && tcpIsConnected && (peer?.handshakeDone ?? true)
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

  private func explain(_ loss: LibraryClient.Loss) -> MQTTError {
    if let disconnectReason { return disconnectReason }
    if let failure = peer?.failure(host: settings.address) { return failure }
    if let peer, !peer.handshakeDone {
      return MQTTError(
        .unreachable,
        "the TLS handshake with \(settings.address) failed: "
          + (lastLibraryError ?? "the connection was closed") + "; check that this port uses TLS")
    }
    let reason =
      switch loss {
      case .keepAlive: "it didn't answer within the keep-alive of \(settings.keepAliveSeconds) s"
      case .protocolViolation: "it sent data that MQTT doesn't allow"
      case .closed: "it was closed by the other side"
      }
    return MQTTError(.unreachable, "the connection to \(settings.address) was lost: \(reason)")
  }

  /// The sentence for a CONNACK that refuses.
  func refusal(_ code: UInt8) -> MQTTError {
    let advice =
      code == ReasonCode.clientIdentifierNotValid || code == ReasonCode.notAuthorized
      ? "; the broker must know the certificate as active, and its policy must allow the client identifier "
        + "'\(settings.clientID)'" : ""
    return MQTTError(
      .refused, "\(settings.address) refused the connection: \(ReasonCode.name(code))\(advice)",
      reasonCode: code)
  }

  /// The sentence for a DISCONNECT of the broker's.
  func goodbye(_ code: UInt8) -> MQTTError {
    let advice =
      switch code {
      case ReasonCode.sessionTakenOver: "; another client connected with the same client identifier"
      case ReasonCode.notAuthorized: "; its policy doesn't allow what we sent"
      default: ""
      }
    return MQTTError(
      ReasonCode.isTemporary(code) ? .unreachable : .refused,
      "\(settings.address) ended the connection: \(ReasonCode.name(code))\(advice)", reasonCode: code)
  }
}
