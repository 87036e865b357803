import MQTT
import Time

/// Keeps an engine of a share group informed about the other engines. It has its own connection, whose will message says
/// that the engine has ended, even after a normal end. Used on the client's loop only.
public final class ShareGroupMember: MQTTClientDelegate {
  private let client: MQTTClient
  private let identifier: String
  private let topic: TopicName
  private var takeovers: ShareTakeovers
  private let takeOver: (String) -> Void
  private let onFailure: (MQTTError) -> Void
  private var timer: LoopTimer?

  /// How long the others wait for an ended engine to come back, and the largest random addition, in nanoseconds.
  /// Meanwhile its share waits in the broker, which discards messages once 4 000 wait for a client
  /// (`BrokerConfiguration.QueueLimits`).
  private static let delay: Int64 = 100_000_000
  private static let jitter: Int64 = 200_000_000

  /// The topic on which the engines of a group inform each other.
  public static func topic(of group: String) throws(MQTTError) -> TopicName {
    try TopicName("trucksensor/engines/\(group)")
  }

  /// The will message for the client of a member whose engine has this client identifier.
  public static func will(of identifier: String, group: String) throws(MQTTError) -> Will {
    Will(topic: try topic(of: group), payload: ShareTakeovers.News.ended(identifier).payload)
  }

  /// A member over a client that isn't connected yet. `takeOver` is called with the client identifier of an engine whose
  /// session is to be taken over; call `lost` when the connection of that session is lost.
  public init(
    _ client: MQTTClient, identifier: String, group: String, takeOver: @escaping (String) -> Void,
    onFailure: @escaping (MQTTError) -> Void
  ) throws(MQTTError) {
    self.client = client
    self.identifier = identifier
    self.takeOver = takeOver
    self.onFailure = onFailure
    topic = try Self.topic(of: group)
    takeovers = ShareTakeovers(own: identifier)
    timer = client.makeTimer { [unowned self] in proceed() }
    client.delegate = self
    client.subscribe(try TopicFilter(topic.text), qos: .atLeastOnce)
  }

  /// Connects.
  public func start() { client.connect() }

  /// The connection of a session that was taken over was lost.
  public func lost(_ identifier: String) {
    takeovers.lost(identifier, at: .now(), delay: Self.randomDelay)
    wait()
  }

  private static var randomDelay: Int64 { delay + Int64.random(in: 0...jitter) }

  private func wait() { if let due = takeovers.nextDue { timer?.set(due) } }

  private func tell(_ news: ShareTakeovers.News) {
    guard let header = try? PublishHeader(topic: topic, qos: .atLeastOnce) else { return }
    _ = client.publish(OutgoingMessage(header: header, payload: news.payload, due: .now()))
  }

  /// Handles another engine's message.
  public func client(_ client: MQTTClient, received message: IncomingMessage) {
    guard let news = ShareTakeovers.News(message.payload) else { return }
    takeovers.heard(news, at: .now(), delay: Self.randomDelay)
    wait()
  }

  private func proceed() {
    while let identifier = takeovers.next(at: .now()) {
      takeOver(identifier)
      tell(.takenOver(identifier))
    }
    wait()
  }

  /// Announces this engine to the others, and tells the caller if the connection has failed permanently.
  public func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .connected: tell(.started(identifier))
    case .failed(let error): onFailure(error)
    default: break
    }
  }
}
