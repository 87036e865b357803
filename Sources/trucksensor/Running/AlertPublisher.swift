import ColdChain
import CommandLine
import Dashboard
import Delivery
import MQTT
import Time

/// Publishes changes of alerts and verdicts to `truck/alerts`.
final class AlertPublisher: MQTTClientDelegate {
  static let topic = "truck/alerts"
  private let client: MQTTClient
  private var header: PublishHeader?
  private let receiving = Receiving()
  private let delivery: AlertDelivery?

  /// Where events go that come from another thread.
  /// @unchecked Sendable: only the loop's thread reads and writes it.
  private final class Receiving: @unchecked Sendable { weak var publisher: AlertPublisher? }

  /// Publishes through `client`, and delivers to people, too, if there is a `delivery`.
  init(_ client: MQTTClient, _ delivery: AlertDelivery?) {
    self.client = client
    self.delivery = delivery
    header = try? PublishHeader(topic: TopicName(Self.topic), qos: .atLeastOnce)
    client.delegate = self
    receiving.publisher = self
  }

  func start() { client.connect() }

  /// Says goodbye, after what the last look at the store has found was sent.
  func stop(_ loop: EventLoop) {
    let end = loop.makeTimer { loop.stop() }
    end.set(MonotonicTime.now().advanced(by: 50_000_000))
    loop.run()
    client.disconnect()
    delivery?.finish(within: 10)
  }

  /// Takes a payload, and what a person reads of it, on any thread.
  var receiver: @Sendable (Waker, _ payload: [UInt8], _ sentence: String) -> Void {
    { [receiving] waker, payload, sentence in
      waker.submit { _ in receiving.publisher?.publish(payload, sentence) }
    }
  }

  private func publish(_ payload: [UInt8], _ sentence: String) {
    StandardError.print(sentence)
    delivery?.deliver(payload, sentence)
    guard let header else { return }
    _ = client.publish(OutgoingMessage(header: header, payload: payload, due: .now()))
  }
}
