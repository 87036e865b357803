import CommandLine
import Glibc
import LocalCloud
import JSON
import MQTT
import Simulator
import Time

/// The client behind `subscribe` and `publish`.
final class TestClientSession: MQTTClientDelegate {
  let client: MQTTClient
  var wanted: Int?
  var timeout: Int64?
  var endsWhenDelivered = false
  /// How a message is printed; nil for topic and payload on lines of their own.
  var template: MessageTemplate?
  /// Topics whose messages aren't shown.
  var excluded: [TopicFilter] = []

  private let session: ClientSession
  private let isJSON: Bool
  private var received = 0
  /// Whether a message at QoS 0, which is never acknowledged, is written, and the broker hasn't answered what follows it.
  private var awaitsConfirmation = false

  init(_ arguments: ParsedArguments) throws {
    session = try ClientSession()
    isJSON = arguments.has("json")
    let device = arguments.string("device") ?? LocalCloud.testClient
    let plan = try ConnectionPlan(arguments, local: LocalCloud.runningBroker())
    // Many shells may watch with the test client's certificate: each needs a client identifier of its own. A device
    // may have its own name only.
    let identifier =
      arguments.string("client-id") ?? (device == LocalCloud.testClient ? "\(device)-\(getpid())" : device)
    client = try plan.client(device: device, clientID: identifier, loop: session.loop) { settings in
      guard arguments.has("persistent") else { return }
      settings.cleanStart = false
      settings.sessionExpirySeconds = 86_400
    }
    client.delegate = self
  }

  func run() throws -> ExitCode {
    let timer = session.loop.makeTimer { [unowned self] in
      // Without a number of messages, the time was how long to listen.
      guard endsWhenDelivered || wanted != nil else { return session.end(.success(.success)) }
      let what = endsWhenDelivered ? "no acknowledgement" : "\(received) of \(wanted ?? 0) messages"
      StandardError.error("\(what) within the --timeout")
      session.end(.success(.failed))
    }
    if let timeout { timer.set(MonotonicTime.now().advanced(by: timeout)) }
    try session.run(client)
    return try session.outcome?.get() ?? .success
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    guard awaitsConfirmation, case .waiting(let error) = state else { return session.changed(to: state) }
    let text = "\(error), when it had got the message: the policy of this certificate may not allow the topic"
    session.end(.failure(MQTTError(.refused, text)))
  }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .success: StandardError.print("subscribed to \(filter)")
    case .failure(let error): session.end(.failure(error))
    }
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) {
    if let wanted, received >= wanted { return }
    if !excluded.isEmpty, excluded.contains(where: { $0.matches(message.topic) }) { return }
    received += 1
    if let template {
      StandardOutput.shared.line(template.line(message))
    } else if isJSON {
      StandardOutput.shared.line(Self.json(message))
    } else {
      StandardOutput.shared.print(message.topic)
      StandardOutput.shared.line(message.payload)
    }
    if received == wanted { session.end(.success(.success)) }
  }

  func clientFinishedReading(_ client: MQTTClient) {
    StandardOutput.shared.flush()
    if StandardOutput.shared.isClosed { session.end(.success(.success)) }
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    guard endsWhenDelivered else { return }
    awaitsConfirmation =
      message.header.qos == .atMostOnce
      && client.confirm { [unowned self] in session.end(.success(.success)) }
    if !awaitsConfirmation { session.end(.success(.success)) }
  }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    session.end(.failure(error))
  }

  /// A payload that is not UTF-8 is given in hexadecimal.
  static func json(_ message: IncomingMessage) -> [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("topic", message.topic)
      if let text = String(validating: message.payload, as: UTF8.self) {
        $0.member("payload", text)
      } else {
        $0.member("payloadHex", MessageTemplate.hexadecimal(message.payload))
      }
      $0.member("qos", Int(message.qos.rawValue))
      $0.member("retained", message.retained)
    }
    return json.bytes
  }
}
