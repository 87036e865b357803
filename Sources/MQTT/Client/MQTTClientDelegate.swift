/// What a client tells its owner, always on the loop's thread.
public protocol MQTTClientDelegate: AnyObject {
  /// The client's state is now `state`.
  func client(_ client: MQTTClient, changedTo state: ConnectionState)
  /// The broker acknowledged `message`, or at QoS 0 its last byte was written to the socket.
  func client(_ client: MQTTClient, delivered message: OutgoingMessage)
  /// The broker answered that it doesn't take `message`.
  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError)
  /// The backlog is short enough for more messages.
  func clientHasRoom(_ client: MQTTClient)
  /// A subscription brought `message`.
  func client(_ client: MQTTClient, received message: IncomingMessage)
  /// All that had arrived was delivered; the acknowledgements are written when this returns. Finish the
  /// messages' work here (commit), so that a crash before loses nothing.
  func clientFinishedReading(_ client: MQTTClient)
  /// The broker granted or refused a subscription.
  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>)
}

extension MQTTClientDelegate {
  /// Ignored by default.
  public func client(_ client: MQTTClient, changedTo state: ConnectionState) {}
  /// Ignored by default.
  public func client(_ client: MQTTClient, delivered message: OutgoingMessage) {}
  /// Ignored by default.
  public func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {}
  /// Ignored by default.
  public func clientHasRoom(_ client: MQTTClient) {}
  /// Ignored by default.
  public func client(_ client: MQTTClient, received message: IncomingMessage) {}
  /// Ignored by default.
  public func clientFinishedReading(_ client: MQTTClient) {}
  /// Ignored by default.
  public func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
  }
}
