import CommandLine
import MQTT
import Simulator

/// A connection of its own that takes a replay's rate from a topic.
final class ControlTopic: MQTTClientDelegate {
  private let client: MQTTClient
  private unowned let replay: Replay

  init(_ client: MQTTClient, _ topic: TopicFilter, _ replay: Replay) {
    self.client = client
    self.replay = replay
    client.delegate = self
    client.subscribe(topic, qos: .atLeastOnce)
    client.connect()
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) { replay.control(message.payload) }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    if case .failed(let error) = state { StandardError.print("control topic: \(error)") }
  }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .success: StandardError.print("taking rates from \(filter)")
    case .failure(let error): StandardError.print("control topic: \(error)")
    }
  }
}
