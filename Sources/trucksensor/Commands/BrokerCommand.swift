import CommandLine
import JSON
import LocalCloud
import MQTT
import RulesEngine
import Simulator

/// `trucksensor broker`: the local broker alone.
enum BrokerCommand: Command {
  static let description = CommandDescription(
    name: "broker", summary: "Runs the local broker alone.",
    discussion:
      "Creates the CA and the devices' certificates if they are missing. Enforces the registry and the policies, and gives "
      + "'rules run' the permissions that the rules in rules/ need. 'simulate', 'subscribe', 'publish' and 'rules run' in the same "
      + "folder connect to it. It prints its port on standard output as soon as it accepts connections.",
    positionals: [
      .init(
        name: "NAME", help: "the devices that get certificates (default: truckSensor01)", required: false,
        repeatable: true)
    ],
    options: [
      .value(
        "topic", "TOPIC", "where the devices may publish; {device} is the name", default: "truck/freezer"),
      .value("port", "PORT", "the port; the next free one if it is in use", default: "8883"),
      .flag("retain", "let the devices publish retained messages"), BrokerOptions.port443,
      BrokerOptions.journal,
      .flag("json", "print port and CA as a JSON object when it accepts connections"),
    ],
    example: "trucksensor broker truckSensor01 truckSensor02",
    exitCodes: [
      (.success, "ended by SIGTERM or Ctrl-C"), (.usage, "wrong usage"),
      (.unavailable, "the broker can't be started"), (.refused, "a device's certificate is invalid"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let names = arguments.positionals.isEmpty ? ["truckSensor01"] : arguments.positionals
    let template = arguments.string("topic") ?? "truck/freezer"
    let devices = try names.map { (name: $0, topic: try TopicName(template.replacing("{device}", with: $0))) }
    Signals.block(Signals.ending)
    let loop = try EventLoop()
    let cloud = try BrokerOptions.start(
      arguments, devices: devices, preferredPort: try arguments.integer("port", in: 1...65_535))
    try BrokerOptions.supervise(cloud, loop)
    let rules = RulesWatch(loop) { cloud.replaceRules($0, loop) }
    if arguments.has("json") {
      var json = JSONWriter()
      json.object {
        $0.member("port", Int(cloud.broker.port))
        $0.member("ca", cloud.caFile)
      }
      StandardOutput.shared.line(json.bytes)
    } else {
      StandardOutput.shared.print("\(cloud.broker.port)")
    }
    StandardOutput.shared.flush()
    try loop.onSignal(Signals.ending) { _ in loop.stop() }
    loop.run()
    withExtendedLifetime(rules) {}
    let waiting = cloud.stop()
    if waiting > 0 {
      StandardError.print("\(waiting) message\(waiting == 1 ? "" : "s") still wait for the rules engine.")
    }
    return .success
  }
}

/// What the commands that start a local broker share.
enum BrokerOptions {
  static let port443 = CommandDescription.Option.value(
    "port-443", "PORT",
    "an additional port of the local broker; AWS's device SDKs use 443 by default")

  static let journal = CommandDescription.Option.value(
    "journal", "off|on|sync",
    "keep acknowledged readings on disk: 'on' survives a killed broker, 'sync' a power failure, too",
    default: "on")

  /// Checks the options.
  static func settings(_ arguments: ParsedArguments) throws(UsageError) -> (
    secondPort: UInt16?, journal: BrokerConfiguration.Journal
  ) {
    let secondPort = try arguments.integer("port-443", in: 1...65_535).map { UInt16(clamping: $0) }
    let name = arguments.string("journal") ?? "on"
    guard let journal = BrokerConfiguration.Journal(rawValue: name) else {
      throw arguments.error("--journal takes off, on or sync, not '\(name)'")
    }
    return (secondPort, journal)
  }

  /// Starts the local broker for `devices` and the rules in `rules/`.
  static func start(
    _ arguments: ParsedArguments, devices: [(name: String, topic: TopicName)], preferredPort: Int? = nil
  ) throws -> LocalCloud {
    let (secondPort, journal) = try settings(arguments)
    let copied = try RuleFiles.provide()
    if !copied.isEmpty {
      StandardError.print("Made \(RuleFiles.folder)/ with \(copied.joined(separator: ", ")).")
    }
    return try LocalCloud.start(
      devices: devices, rules: try RuleFiles.all(in: RuleFiles.folder), alertTopic: AlertPublisher.topic,
      retains: arguments.has("retain"), preferredPort: preferredPort.map { UInt16(clamping: $0) },
      secondPort: secondPort, journal: journal,
      report: { $1 ? StandardError.error($0) : StandardError.print($0) })
  }

  /// Keeps the broker running on `loop`, and prints what it says.
  static func supervise(_ cloud: LocalCloud, _ loop: EventLoop) throws {
    try cloud.supervise(loop)
    cloud.broker.onNotice(loop) { StandardError.print($0, .warning) }
  }
}

/// Looks once a second whether the documents in `rules/` have changed.
private final class RulesWatch {
  private static let nanoseconds: Int64 = 1_000_000_000
  private var stamp = RuleFiles.stamp(of: RuleFiles.folder)
  private var timer: LoopTimer?

  init(_ loop: EventLoop, changed: @escaping ([RuleDocument]) -> Void) {
    timer = loop.makeTimer { [unowned self] in
      timer?.set(.now().advanced(by: Self.nanoseconds))
      let present = RuleFiles.stamp(of: RuleFiles.folder)
      guard present != stamp else { return }
      stamp = present
      // What an invalid document needs is permitted when it is corrected; 'rules run' says what is wrong with it.
      if let rules = try? RuleFiles.all(in: RuleFiles.folder) { changed(rules) }
    }
    timer?.set(.now().advanced(by: Self.nanoseconds))
  }
}
