import Time

/// A message on its way to the broker.
public struct OutgoingMessage {
  /// Topic, QoS, retain and properties.
  public let header: PublishHeader
  /// The content.
  public let payload: [UInt8]
  /// When the message was due, for the publisher's statistics.
  public let due: MonotonicTime
  /// When it was given to the client.
  public let queued: MonotonicTime
  /// The publisher's own number for the message.
  public let tag: Int

  /// A message for the backlog.
  public init(
    header: PublishHeader, payload: [UInt8], due: MonotonicTime, queued: MonotonicTime? = nil, tag: Int = 0
  ) {
    self.header = header
    self.payload = payload
    self.due = due
    self.queued = queued ?? due
    self.tag = tag
  }
}

/// A message that a subscription brought.
public struct IncomingMessage: Sendable {
  /// The topic it was published to.
  public let topic: String
  /// The content.
  public let payload: [UInt8]
  /// The guarantee of this delivery.
  public let qos: QoS
  /// Whether it was kept by the broker from before the subscription.
  public let retained: Bool
  /// What the sender said of it.
  public let properties: PublishProperties
}

/// Where a client stands.
public enum ConnectionState: Equatable {
  /// Not connected and not trying.
  case idle
  /// Looking up the name, opening TCP and TLS, waiting for CONNACK.
  case connecting
  /// Signed in; the broker speaks this version and says whether it kept our session.
  case connected(version: ProtocolVersion, sessionPresent: Bool)
  /// Without connection after this failure; the next attempt follows by itself.
  case waiting(after: MQTTError)
  /// Ended by the owner.
  case disconnected
  /// Ended permanently.
  case failed(MQTTError)
}
