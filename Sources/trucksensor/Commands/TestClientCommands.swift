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
      "Connects to the local broker as the broker's own test client, mqttTestClient, or as --device. Each payload is printed "
      + "on a line of its own, after its topic; with --json, each message is one object.",
    positionals: [
      .init(name: "FILTER", help: "topic filter; + matches one level, # all that follow", repeatable: true)
    ],
    options: [
      .value("device", "NAME", "the device whose certificate is used", default: LocalCloud.testClient),
      .value("count", "N", "end after N messages"),
      .value(
        "timeout", "TIME",
        "how long to listen; with --count, exit with 1 if N messages haven't arrived within this time"),
      CommandDescription.Option.value("format", "TEMPLATE", short: "F", MessageTemplate.help, group: "form")
        .scoped(.command),
      .value(
        "exclude", "FILTER", short: "T", "don't show messages on topics that match this filter",
        repeatable: true),
      .value("qos", "0|1|2", "MQTT quality of service", default: "1"),
      .flag(
        "persistent",
        "keep the session: the broker keeps messages while this client is disconnected (needs --client-id or --device)"
      ),
      .flag("json", "print each message as a JSON object: topic, payload, qos, retained", group: "form"),
    ] + ConnectionOptions.table,
    example: "trucksensor subscribe 'truck/#' --count 5 --timeout 10s\n"
      + "trucksensor subscribe 'truck/#' -T truck/alerts -F '%I %t %p' --timeout 1m",
    exitCodes: Commands.exitCodes(failed: "fewer than N messages (--count) arrived within --timeout"))

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var filters: [TopicFilter] = []
    for text in arguments.positionals { filters.append(try TopicFilter(text)) }
    let session = try TestClientSession(arguments)
    session.template = try arguments.string("format").map { text throws(UsageError) in
      try MessageTemplate(text, arguments)
    }
    session.excluded = try arguments.strings("exclude").map { try TopicFilter($0) }
    session.wanted = try arguments.integer("count", in: 1...Int.max)
    session.timeout = try arguments.duration("timeout")
    let qos =
      try arguments.integer("qos", in: 0...2).flatMap { QoS(rawValue: Int32(clamping: $0)) } ?? .atLeastOnce
    for filter in filters { session.client.subscribe(filter, qos: qos) }
    return try session.run()
  }
}

/// `trucksensor publish`: sends one message.
enum PublishCommand: Command {
  static let description = CommandDescription(
    name: "publish", summary: "Publishes one message from an argument or standard input.",
    positionals: [
      .init(name: "TOPIC", help: "where to publish"),
      .init(name: "PAYLOAD", help: "the message; if it is missing, all of standard input", required: false),
    ],
    options: [
      .value("device", "NAME", "the device whose certificate is used", default: LocalCloud.testClient),
      .value("qos", "0|1|2", "MQTT quality of service", default: "1"),
      .flag("retain", "ask the broker to retain the message"),
      .value("timeout", "TIME", "how long to wait for the acknowledgement", default: "10s"),
    ] + ConnectionOptions.table,
    example: "trucksensor publish truck/freezer "
      + "'{\"temp\":\"-18.00\",\"volts\":\"12.00\",\"door\":\"0\",\"timestamp\":1729703643}'",
    exitCodes: Commands.exitCodes(failed: "no acknowledgement within --timeout"))

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let topic = try TopicName(arguments.positionals[0])
    let qos =
      try arguments.integer("qos", in: 0...2).flatMap { QoS(rawValue: Int32(clamping: $0)) } ?? .atLeastOnce
    let payload = try payload(arguments)
    let session = try TestClientSession(arguments)
    session.timeout = try arguments.duration("timeout") ?? 10_000_000_000
    let header = try PublishHeader(topic: topic, qos: qos, retain: arguments.has("retain"))
    session.endsWhenDelivered = true
    _ = session.client.publish(OutgoingMessage(header: header, payload: payload, due: .now()))
    return try session.run()
  }

  private static func payload(_ arguments: ParsedArguments) throws -> [UInt8] {
    if arguments.positionals.count > 1 { return Array(arguments.positionals[1].utf8) }
    if isatty(0) == 1 { StandardError.print("Type the message, and end it with Ctrl-D.") }
    let payload = try StandardInput.bytes(limit: 268_435_455)
    guard !payload.isEmpty else {
      throw arguments.error("standard input is empty; for a message without content, give '' as PAYLOAD")
    }
    return payload
  }
}
