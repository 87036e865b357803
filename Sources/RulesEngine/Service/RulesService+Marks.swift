import MQTT
import Time

/// Marks: messages to itself by which the service knows what the broker has delivered.
extension RulesService {
  /// The topic of the marks of a session; wildcards of rules don't match what begins with `$`.
  public static func markTopic(of clientID: String) -> String { "$trucksensor/marks/\(clientID)" }

  /// Publishes the mark of this number: higher than those before, from 1.
  public func sendMark(_ number: Int) {
    guard let markTopic, let header = try? PublishHeader(topic: markTopic, qos: .atLeastOnce) else { return }
    let payload = Array("\(markToken) \(number)".utf8)
    _ = publisher.publish(OutgoingMessage(header: header, payload: payload, due: .now()))
  }

  /// Whether all that was published before a mark is done.
  public func hasDone(_ mark: Int) -> Bool { doneMark >= mark }

  /// The last mark that is acknowledged, with all that came before it.
  public var doneMark: Int { deliveries.mark }

  /// Whether the broker has taken a mark: what is published from then on comes after it.
  public func hasPublished(_ mark: Int) -> Bool { publishedMark >= mark }

  /// Messages of `publishers` since the first mark that are done; each counts once.
  public var settled: Int { deliveries.settled }

  /// Messages that had waited in the broker before the first mark, and are done.
  public var earlier: Int { deliveries.earlier }

  /// Messages that came, perhaps again.
  public var received: Int { deliveries.received }

  /// Counts the messages of these client identifiers, by the number that each of them gives its messages.
  public func count(publishers: Set<String>, number: @escaping ([UInt8]) -> Int?) {
    deliveries.count(publishers)
    messageNumber = number
  }

  /// Whether a message is a mark, which no rule takes.
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

  /// The number of a mark of this engine; nil for those of an earlier one.
  private func markNumber(_ payload: [UInt8]) -> Int? {
    let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
    guard words.count == 2, words[0] == markToken else { return nil }
    return Int(words[1])
  }
}
