import MQTT
import Time

/// Marks are messages to itself by which the service knows what the broker has delivered.
extension RulesService {
  /// The topic of a session's marks; wildcards in rules don't match a topic that begins with `$`.
  public static func markTopic(of clientID: String) -> String { "$trucksensor/marks/\(clientID)" }

  /// Publishes the mark with this number, which must be higher than those before; the first is 1.
  public func sendMark(_ number: Int) {
    guard let markTopic, let header = try? PublishHeader(topic: markTopic, qos: .atLeastOnce) else { return }
    let payload = Array("\(markToken) \(number)".utf8)
    _ = publisher.publish(OutgoingMessage(header: header, payload: payload, due: .now()))
  }

  /// Whether everything published before a mark is done.
  public func hasDone(_ mark: Int) -> Bool { doneMark >= mark }

  /// The last mark that is acknowledged, together with everything before it.
  public var doneMark: Int { deliveries.mark }

  /// Whether the broker has accepted a mark: whatever is published from then on comes after it.
  public func hasPublished(_ mark: Int) -> Bool { publishedMark >= mark }

  /// Messages of `publishers` since the first mark that are done; each counts once.
  public var settled: Int { deliveries.settled }

  /// Messages that were waiting in the broker before the first mark and are done.
  public var earlier: Int { deliveries.earlier }

  /// Messages that arrived, including repeated ones.
  public var received: Int { deliveries.received }

  /// Counts the messages of these client identifiers; `number` reads the number that a publisher gave its message.
  public func count(publishers: Set<String>, number: @escaping ([UInt8]) -> Int?) {
    deliveries.count(publishers)
    messageNumber = number
  }

  /// Whether a received message is a mark, which no rule gets.
  func receivedMark(_ message: IncomingMessage) -> Bool {
    guard let markTopic, message.topic == markTopic.text else { return false }
    if let number = markNumber(message.payload) { deliveries.receive(mark: number) }
    return true
  }

  /// Whether a delivered message is a mark.
  func deliveredMark(_ message: OutgoingMessage) -> Bool {
    guard let markTopic, message.header.topic == markTopic else { return false }
    if let number = markNumber(message.payload) { publishedMark = max(publishedMark, number) }
    return true
  }

  /// The number of this engine's mark; nil for an earlier engine's mark.
  private func markNumber(_ payload: [UInt8]) -> Int? {
    let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
    guard words.count == 2, words[0] == markToken else { return nil }
    return Int(words[1])
  }
}
