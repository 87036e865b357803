import CommandLine
import Glibc
import JSON
import LocalCloud
import MQTT
import Simulator
import Time

/// `trucksensor subscribe`: shows what arrives, like AWS's MQTT test client.
enum SubscribeCommand: Command {
  static let description = CommandDescription(
    name: "subscribe", summary: "Shows the messages that arrive on topics.",
    discussion:
      "Signs in to the local broker as its test client, or as --device. The topic stands before each payload "
      + "on a line of its own; with --json each message is one object.",
    positionals: [
      .init(name: "FILTER", help: "topic filter; + is one level, # all that follow", repeatable: true)
    ],
    options: [
      .value("device", "NAME", "whose certificate to use", default: LocalCloud.testClient),
      .value("count", "N", "end after N messages"),
      .value("timeout", "TIME", "give up if N messages haven't come after this time, exit 1"),
      .value("qos", "0|1|2", "MQTT quality of service", default: "1"),
      .flag("persistent", "the broker keeps what comes while we are away (with --client-id)"),
      .flag("json", "one JSON object a message: topic, payload, qos, retained"),
    ] + ConnectionOptions.table,
    example: "trucksensor subscribe 'truck/#' --count 5 --timeout 10s", exitCodes: Commands.standardExitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var filters: [TopicFilter] = []
    for text in arguments.positionals { filters.append(try TopicFilter(text)) }
    let session = try TestClientSession(arguments)
    session.wanted = try arguments.integer("count", in: 1...Int.max)
    session.timeout = try arguments.duration("timeout")
    let qos = try arguments.integer("qos", in: 0...2).flatMap { QoS(rawValue: Int32($0)) } ?? .atLeastOnce
    for filter in filters { session.client.subscribe(filter, qos: qos) }
    return try session.run()
  }
}

/// `trucksensor publish`: sends one message.
enum PublishCommand: Command {
  static let description = CommandDescription(
    name: "publish", summary: "Publishes one message, given as an argument or on standard input.",
    positionals: [
      .init(name: "TOPIC", help: "where to publish"),
      .init(name: "PAYLOAD", help: "the message; without it, all of standard input", required: false),
    ],
    options: [
      .value("device", "NAME", "whose certificate to use", default: LocalCloud.testClient),
      .value("qos", "0|1|2", "MQTT quality of service", default: "1"),
      .flag("retain", "the broker keeps the message"),
      .value("timeout", "TIME", "how long to wait for the acknowledgement", default: "10s"),
    ] + ConnectionOptions.table,
    example: "trucksensor publish truck/freezer '{\"temp\":\"-18.00\"}'",
    exitCodes: Commands.standardExitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let topic = try TopicName(arguments.positionals[0])
    let qos = try arguments.integer("qos", in: 0...2).flatMap { QoS(rawValue: Int32($0)) } ?? .atLeastOnce
    let session = try TestClientSession(arguments)
    session.timeout = try arguments.duration("timeout") ?? 10_000_000_000
    let payload =
      arguments.positionals.count > 1
      ? Array(arguments.positionals[1].utf8) : try StandardInput.bytes(limit: 268_435_455)
    let header = try PublishHeader(topic: topic, qos: qos, retain: arguments.has("retain"))
    session.endsWhenDelivered = true
    _ = session.client.publish(OutgoingMessage(header: header, payload: payload, due: .now()))
    return try session.run()
  }
}

/// The client behind `subscribe` and `publish`.
final class TestClientSession: MQTTClientDelegate {
  let client: MQTTClient
  var wanted: Int?
  var timeout: Int64?
  var endsWhenDelivered = false

  private let loop: EventLoop
  private let isJSON: Bool
  private var received = 0
  private var lastNotice: MQTTError?
  private var outcome: Result<ExitCode, any Error>?

  init(_ arguments: ParsedArguments) throws {
    Signals.block(Signals.ending)
    loop = try EventLoop()
    isJSON = arguments.has("json")
    let device = arguments.string("device") ?? LocalCloud.testClient
    let plan = try ConnectionPlan(arguments, local: LocalCloud.runningBroker())
    // Many shells may watch with the test client's certificate: each needs a client identifier of its own. A device
    // may have its own name only.
    let identifier =
      arguments.string("client-id") ?? (device == LocalCloud.testClient ? "\(device)-\(getpid())" : device)
    client = try plan.client(device: device, clientID: identifier, loop: loop) { settings in
      guard arguments.has("persistent") else { return }
      settings.cleanStart = false
      settings.sessionExpirySeconds = 86_400
    }
    client.delegate = self
  }

  func run() throws -> ExitCode {
    try loop.onSignal(Signals.ending) { [unowned self] _ in end(.success(.interrupted)) }
    let timer = loop.makeTimer { [unowned self] in
      let what = endsWhenDelivered ? "no acknowledgement" : "\(received) of \(wanted ?? 0) messages"
      StandardError.print("trucksensor: \(what) within the --timeout")
      end(.success(.failed))
    }
    if let timeout { timer.set(MonotonicTime.now().advanced(by: timeout)) }
    client.connect()
    loop.run()
    client.disconnect()
    return try outcome?.get() ?? .success
  }

  private func end(_ outcome: Result<ExitCode, any Error>) {
    if self.outcome == nil { self.outcome = outcome }
    loop.stop()
  }

  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    switch state {
    case .failed(let error): end(.failure(error))
    case .waiting(let error):
      if error != lastNotice { StandardError.print("\(error); trying again") }
      lastNotice = error
    default: break
    }
  }

  func client(_ client: MQTTClient, subscribed filter: TopicFilter, _ result: Result<QoS, MQTTError>) {
    switch result {
    case .success: StandardError.print("subscribed to \(filter)")
    case .failure(let error): end(.failure(error))
    }
  }

  func client(_ client: MQTTClient, received message: IncomingMessage) {
    if let wanted, received >= wanted { return }
    received += 1
    if isJSON {
      StandardOutput.shared.line(Self.json(message))
    } else {
      StandardOutput.shared.print(message.topic)
      StandardOutput.shared.line(message.payload)
    }
    if received == wanted { end(.success(.success)) }
  }

  func clientFinishedReading(_ client: MQTTClient) {
    StandardOutput.shared.flush()
    if StandardOutput.shared.isClosed { end(.success(.success)) }
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) {
    if endsWhenDelivered { end(.success(.success)) }
  }

  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) {
    end(.failure(error))
  }

  /// A payload that is not UTF-8 is given in hexadecimal.
  static func json(_ message: IncomingMessage) -> [UInt8] {
    var json = JSONWriter()
    json.object {
      $0.member("topic", message.topic)
      if let text = String(validating: message.payload, as: UTF8.self) {
        $0.member("payload", text)
      } else {
        let digits = Array("0123456789abcdef".utf8)
        let text = message.payload.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        $0.member("payloadHex", String(decoding: text, as: UTF8.self))
      }
      $0.member("qos", Int(message.qos.rawValue))
      $0.member("retained", message.retained)
    }
    return json.bytes
  }
}
