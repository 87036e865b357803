import Time

/// Recognises two ways in which reconnecting can't help, from connections that end soon after they began.
///
/// A broker that closes the connection instead of answering each time we publish (AWS IoT Core and RabbitMQ, when the
/// policy doesn't allow the topic), and a second client with our client identifier: each sign-in ends the other's
/// connection (mosquitto 2.0.11 doesn't say so). A client that only reconnects would do so forever.
struct LossDiagnosis {
  /// A connection that lives longer than this, in nanoseconds, is above suspicion.
  static let shortLife: Int64 = 5_000_000_000
  static let unansweredLimit = 3
  /// More than a broker that crashes again and again is likely to survive: its end looks the same.
  static let shortLimit = 25

  private var connectedAt = MonotonicTime(nanoseconds: 0)
  private var topic: TopicName?
  private var answered = false
  private var unanswered = 0
  private var short = 0
  /// Whether the broker gave a temporary reason; not every connection gets the reason before it ends.
  private var isExplained = false

  mutating func connected(at now: MonotonicTime) {
    connectedAt = now
    topic = nil
    answered = false
  }

  mutating func published(to topic: TopicName) {
    // A command to the broker has no answer, and is sent after each sign-in.
    if topic.text.hasPrefix("$CONTROL/") { return }
    if self.topic == nil { self.topic = topic }
  }

  mutating func acknowledged() {
    answered = true
    isExplained = false
  }

  /// The broker said why it ends the connection, and that it may be otherwise later.
  mutating func explained() { isExplained = true }

  /// Nobody listened: the broker itself had ended, so that no other client was the cause.
  mutating func unreachable() { short = 0 }

  /// The reason to give up, if this loss makes one likely.
  mutating func lost(at now: MonotonicTime, settings: ConnectionSettings) -> MQTTError? {
    guard now.since(connectedAt) < Self.shortLife, !isExplained else {
      unanswered = 0
      short = 0
      return nil
    }
    short += 1
    unanswered = topic != nil && !answered ? unanswered + 1 : 0
    if let topic, unanswered >= Self.unansweredLimit {
      return MQTTError(
        .refused,
        "\(settings.address) closes the connection each time we publish to '\(topic)'; this usually means that the "
          + "policy of this certificate doesn't allow iot:Publish on that topic",
        reasonCode: ReasonCode.notAuthorized)
    }
    if short >= Self.shortLimit {
      return MQTTError(
        .refused,
        "\(settings.address) ends the connection soon after each sign-in; this usually means that another client "
          + "signs in with the same client identifier '\(settings.clientID)': stop it, or give this client another identifier",
        reasonCode: ReasonCode.sessionTakenOver)
    }
    return nil
  }
}
