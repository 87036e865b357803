import CommandLine
import Files
import LocalCloud
import MQTT

/// `trucksensor record`: what a broker delivers, as a dataset.
enum RecordCommand: Command {
  static let description = CommandDescription(
    name: "record",
    summary: "Records messages as a dataset that 'simulate' can replay.",
    discussion:
      "Each message is a line, in the order of arrival: @time (epoch seconds), @topic, and a column for each field of a JSON "
      + "payload; any other payload is kept in Base64 in @payload. Messages are acknowledged once they are in the file. A "
      + "field that appears later becomes a column at the right; earlier lines get empty cells when the recording ends. "
      + "Connects as 'subscribe' does.",
    positionals: [
      .init(name: "FILTER", help: "topic filter; + matches one level, # all that follow", repeatable: true)
    ],
    options: [
      .value("output", "FILE", short: "o", "where to write", required: true, file: true),
      CommandDescription.Option.flag("force", "replace FILE if it exists").scoped(.never),
      .value("count", "N", "end after N messages"),
      .value("duration", "TIME", "end after this time"),
      .value("device", "NAME", "whose certificate to use", default: LocalCloud.testClient),
      .value("qos", "0|1|2", "MQTT quality of service", default: "1"),
      .flag(
        "persistent",
        "keep the session: the broker keeps messages while this client is disconnected (needs --client-id or --device)"
      ),
      .flag("json", "print the summary as one JSON object"),
    ] + ConnectionOptions.table,
    example: "trucksensor record truck/freezer --duration 10m -o trip.csv\n"
      + "trucksensor simulate --dataset trip.csv --speed 1",
    exitCodes: [
      (.success, "done"),
      (.failed, "messages are missing: too long, or the connection was lost without --persistent"),
      (.usage, "wrong usage"), (.unavailable, Commands.unreachableBroker),
      (.refused, Commands.refusedByBroker), Commands.hungUp,
      (.interrupted, "interrupted; the file is complete"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var filters: [TopicFilter] = []
    for text in arguments.positionals { filters.append(try TopicFilter(text)) }
    let qos =
      try arguments.integer("qos", in: 0...2).flatMap { QoS(rawValue: Int32(clamping: $0)) } ?? .atLeastOnce
    let path = arguments.string("output") ?? ""
    guard arguments.has("force") || !Files.exists(path) else {
      throw arguments.error("\(path) already exists; name another file, or replace it with --force")
    }
    return try Recording(arguments, filters, qos, path).run()
  }
}
