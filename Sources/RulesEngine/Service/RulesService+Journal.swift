import MQTT

/// The journal of the local broker (Sources/BrokerPlugin/queues.h).
extension RulesService {
  private static let commands = "$CONTROL/trucksensor/queue/v1"
  private static let answers = "$trucksensor/queue"

  /// Messages that the local broker had acknowledged to their publishers and that never arrived here.
  public var lostMessages: Int { position.lost }

  /// Asks the broker to keep the messages for the rules in its journal, and to send the ones that wait there.
  func openJournal(hasSession: Bool) {
    guard isJournaled else { return }
    let lines =
      ["open \(hasSession ? "present" : "new") \(subscriber.settings.sessionExpirySeconds)"]
      + filters.sorted()
    command(lines.joined(separator: "\n"))
  }

  /// Reads a message's stamp, or an answer from the broker. Returns when the message first arrived, in milliseconds since
  /// 1970, so that a repeated message becomes the same point in the store; nil if the message isn't for the rules.
  func journaled(_ message: IncomingMessage, at now: Int) -> Int? {
    guard isJournaled else { return now }
    if message.topic == Self.answers {
      answered(message.payload)
      return nil
    }
    guard let stamp = message.properties.userProperty(JournalStamp.property).flatMap(JournalStamp.init)
    else { return now }
    let lost = lostMessages
    guard position.receive(stamp) else { return nil }
    if lostMessages > lost {
      report("rules: lost \(lostMessages - lost) of the messages that the broker had acknowledged")
    }
    return Int(stamp.arrivalMilliseconds)
  }

  /// Reports to the broker that everything that has arrived is done.
  func reportProgress() {
    guard isJournaled, let done = position.finish() else { return }
    command("done \(done.epoch) \(done.number)")
  }

  private func command(_ text: String) {
    // The topic is a valid constant, and the backlog is empty: this client publishes nothing else.
    guard let topic = try? TopicName(Self.commands), let header = try? PublishHeader(topic: topic)
    else { return }
    _ = subscriber.publish(OutgoingMessage(header: header, payload: Array(text.utf8), due: .now()))
  }

  private func answered(_ payload: [UInt8]) {
    hasJournal = true
    let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
    if words.count == 2, words[0] == "done", let number = UInt64(words[1]) { position.broker(knows: number) }
  }
}
