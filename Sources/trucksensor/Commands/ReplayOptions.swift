import CommandLine
import MQTT
import Simulator
import Time

/// The options of a replay, shared by `run` and `simulate`.
enum ReplayOptions {
  static let table =
    output + dataset.inSection("dataset") + fleet.inSection("fleet") + pace.inSection("pace")
    + message.inSection("message")

  private static let output: [CommandDescription.Option] = [
    .flag("quiet", short: "q", "don't print the messages"),
    .flag("json", "print the summary at the end as one JSON object"),
  ]

  private static let dataset: [CommandDescription.Option] = [
    .value(
      "dataset", "FILE",
      "CSV file with a header; {device} stands for the device's name, so that each truck can have its own file",
      default: "TruckSensorFiles/trucksensordata.csv", group: "data", file: true),
    .value(
      "scenarios", "NAME:SHARE,...",
      "simulate a trip for each truck instead; SHARE of the fleet has the scenario NAME (see dataset generate --list)",
      group: "data"),
    .value("map", "NEW=COLUMN", "rename a column; only mapped columns are sent", repeatable: true),
    .value("fields", "A,B,...", "the fields to send, in this order"),
    .flag("lenient", "repair or skip invalid rows of the dataset, and count them"),
    .value(
      "timestamps", "now|uptime|START",
      "the current time, the start of the run plus the row's uptime, or START (ISO 8601) plus the uptime",
      default: "now"),
    .value(
      "inject", "FAULT@TIME[+TIME],...",
      "simulate faults: door-open, sag, unit-off, sensor-stuck, sensor-zero or sensor-dropout, from TIME, for +TIME"
    ),
    .value("seed", "N", "seed for the size of simulated faults", default: "1"),
  ]

  private static let fleet: [CommandDescription.Option] = [
    .value("devices", "N", "how many trucks: NAME-1 to NAME-N, each with its own certificate", default: "1"),
    .value(
      "names-from", "registry|FILE",
      "the names of the trucks: things of the registry that have a certificate in certs/, or the lines of a file"
    ),
    .value(
      "offset", "spread|ROWS",
      "where each further truck starts in the dataset: spread over all rows, or this many rows later",
      default: "spread"),
    .value(
      "stagger", "even|none|TIME",
      "when each further truck publishes: spread over the interval, at the same moment, or this much later",
      default: "even"),
    .value("connect-rate", "R", "the most connections that a fleet starts per second"),
  ]

  private static let pace: [CommandDescription.Option] = [
    .value("rate", "R", "messages per second and truck: 2, 120/m, or max", default: "2", group: "pace"),
    .value("interval", "TIME", "time between messages: 2s, 500ms", group: "pace"),
    .value("speed", "X", "the dataset's own timing (column uptime), X times as fast", group: "pace"),
    .value("ramp", "A..B/TIME", "rate from A to B messages per second over TIME: 1..100/60s", group: "pace"),
    CommandDescription.Option.value(
      "profile", "FILE", "CSV file with lines TIME,RATE: each rate applies from its time on, 0 is a pause",
      group: "pace", file: true
    ).scoped(.command),
    .value(
      "control-topic", "TOPIC", "change the rate by messages on this topic: 5, 120/m, 0 or {\"rate\": 5}"),
    .value("jitter", "P", "shift each message by a random part of the interval: 0.1 or 10%", default: "0"),
    .value("count", "N", "messages per truck"),
    .value("duration", "TIME", "stop after this time: 90s, 10m, 1h"),
    .optionalValue("loop", "N", "replay the dataset N times, or forever if N is omitted"),
  ]

  private static let message: [CommandDescription.Option] = [
    .value(
      "topic", "TOPIC", "where to publish; {device} stands for the device's name", default: "truck/freezer"),
    .value("qos", "0|1|2", "MQTT quality of service", default: "0"),
    .flag("retain", "ask the broker to retain the last message"),
    .value("buffer", "N", "how many messages may wait while the broker is unavailable", default: "100000"),
    .value("on-full", "block|drop-oldest", "what to do if the buffer is full", default: "block"),
    .value(
      "drain-timeout", "TIME", "how long to wait at the end for acknowledgements, and then for the rules",
      default: "30s"),
  ]

  static func pace(_ arguments: ParsedArguments) throws -> Pacer.Mode {
    if let interval = try arguments.pacing("interval", Pacer.Mode.interval(text:)) { return interval }
    if let speed = try arguments.pacing("speed", Pacer.Mode.speed(text:)) { return speed }
    if let ramp = try arguments.pacing("ramp", Pacer.Mode.ramp(text:)) { return ramp }
    if let profile = arguments.string("profile") { return .profile(try RateProfile(file: profile)) }
    return try arguments.pacing("rate", Pacer.Mode.rate(text:)) ?? .rate(2)
  }

  static func settings(_ arguments: ParsedArguments, repetitionsByDefault: Repetitions) throws
    -> ReplaySettings
  {
    var settings = ReplaySettings(pace: try pace(arguments))
    settings.jitter = try arguments.pacing("jitter", Pacer.jitter(text:)) ?? 0
    settings.repetitions = repetitionsByDefault
    if arguments.has("loop") {
      settings.repetitions = try arguments.integer("loop", in: 1...Int.max).map(Repetitions.times) ?? .endless
    }
    settings.count = try arguments.integer("count", in: 1...Int.max)
    settings.duration = try arguments.duration("duration")
    settings.drainTimeout = try arguments.duration("drain-timeout") ?? 30_000_000_000
    settings.injections =
      try arguments.parsed("inject") { text throws(Injection.ParseError) in try Injection.list(text) } ?? []
    settings.connectRate = try arguments.number("connect-rate", in: 0.001...1_000_000)
    // A profile that ends with a pause ends the run.
    if case .profile(let profile) = settings.pace, let last = profile.steps.last, last.rate == 0,
      !arguments.has("control-topic")
    {
      settings.duration = min(settings.duration ?? .max, last.start)
    }
    settings.seed = UInt64(clamping: try arguments.integer("seed", in: 0...Int.max) ?? 1)
    if let policy = arguments.string("on-full") {
      guard let known = FullBacklogPolicy(rawValue: policy) else {
        throw arguments.error("--on-full takes block or drop-oldest, not '\(policy)'")
      }
      settings.whenFull = known
    }
    switch arguments.string("timestamps") {
    case nil, "now": settings.timestamps = .now
    case "uptime": settings.timestamps = .uptime
    case .some(let text):
      guard let start = Moment.epochSeconds(text) else {
        throw arguments.error(
          "--timestamps takes now, uptime or a time such as 2024-10-23T17:14:03Z, not '\(text)'")
      }
      settings.timestamps = .start(start)
    }
    return settings
  }

  static func datasetOptions(_ arguments: ParsedArguments) throws -> Dataset.Options {
    var options = Dataset.Options()
    options.isLenient = arguments.has("lenient")
    for text in arguments.strings("map") {
      guard let pair = Dataset.Options.mapping(text) else {
        throw arguments.error("--map takes NEW=COLUMN, not '\(text)'")
      }
      options.map.append(pair)
    }
    options.fields = arguments.string("fields")?.split(separator: ",").map(String.init)
    return options
  }

  static func qos(_ arguments: ParsedArguments) throws -> QoS {
    QoS(rawValue: Int32(clamping: try arguments.integer("qos", in: 0...2) ?? 0)) ?? .atMostOnce
  }
}

extension ParsedArguments {
  /// An option's value as the simulator reads it; its errors name the option themselves.
  func pacing<Value>(_ name: String, _ parse: (String) throws(PacingError) -> Value) throws(UsageError)
    -> Value?
  {
    guard let text = string(name) else { return nil }
    do {
      return try parse(text)
    } catch {
      throw self.error(error.message)
    }
  }
}
