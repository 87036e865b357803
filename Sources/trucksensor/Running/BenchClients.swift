import CommandLine
import Glibc
import LocalCloud
import MQTT

/// The publisher and the subscriber of a measurement, on one loop. A failure of either ends it.
final class BenchClients {
  let publisher: MQTTClient
  let subscriber: MQTTClient
  /// The process of the broker, if it is the local one.
  let broker: Int32?
  private(set) var failure: MQTTError?
  private(set) var wasInterrupted = false

  private let loop: EventLoop
  private var onReady: () -> Void = {}
  private var missing = 2

  /// Clients that aren't connected yet; `adjust` changes the publisher's settings.
  init(
    _ arguments: ParsedArguments, loop: EventLoop, adjust: (inout ConnectionSettings) -> Void = { _ in }
  ) throws {
    self.loop = loop
    let device = arguments.string("device") ?? LocalCloud.testClient
    let plan = try ConnectionPlan(arguments, local: LocalCloud.runningBroker())
    broker = plan.isLocal ? LocalCloud.brokerProcess() : nil
    publisher = try plan.client(device: device, clientID: "\(device)-out-\(getpid())", loop: loop) {
      $0.gathersPackets = true
      adjust(&$0)
    }
    subscriber = try plan.client(device: device, clientID: "\(device)-in-\(getpid())", loop: loop) {
      $0.gathersPackets = true
    }
  }

  /// Connects both; calls `onReady` when the publisher is connected and the subscriber has subscribed.
  func start(
    _ delegate: any MQTTClientDelegate, _ filter: TopicFilter, _ qos: QoS, onReady: @escaping () -> Void
  ) {
    self.onReady = onReady
    publisher.delegate = delegate
    subscriber.delegate = delegate
    subscriber.subscribe(filter, qos: qos)
    subscriber.connect()
    publisher.connect()
  }

  func interrupt() {
    wasInterrupted = true
    loop.stop()
  }

  func fail(_ error: MQTTError) {
    if failure == nil { failure = error }
    loop.stop()
  }

  /// What the delegate hears of a client.
  func changed(_ client: MQTTClient, to state: ConnectionState) {
    switch state {
    case .connected: if client === publisher { oneMoreReady() }
    case .failed(let error), .waiting(let error): fail(error)
    default: break
    }
  }

  /// What the delegate hears of the subscription.
  func subscribed(_ result: Result<QoS, MQTTError>) {
    switch result {
    case .success: oneMoreReady()
    case .failure(let error): fail(error)
    }
  }

  private func oneMoreReady() {
    missing -= 1
    if missing == 0 { onReady() }
  }
}
