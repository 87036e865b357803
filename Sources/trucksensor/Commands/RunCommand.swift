import Glibc
import MQTT
import Simulator

/// `trucksensor run`: the whole journey in one process.
enum RunCommand: Command {
  static let description = CommandDescription(
    name: "run",
    summary: "The whole journey in one process: a local broker, and a truck that publishes to it.",
    discussion:
      "Makes a local CA and the device's certificate on the first run. With --endpoint nothing local is "
      + "started, and certs/NAME.cert.pem, certs/NAME.private.key and certs/root-CA.crt must exist, as AWS's connection "
      + "kit has them. The dataset starts again when it ends, unless --loop says how often.",
    positionals: [.init(name: "NAME", help: "the device's name: letters, digits, ':', '_' and '-'")],
    options: ReplayOptions.table + ConnectionOptions.table,
    example: "trucksensor run truckSensor01 --count 20\n"
      + "trucksensor run truckSensor01 --endpoint abc123-ats.iot.eu-west-1.amazonaws.com",
    exitCodes: Commands.standardExitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let name = arguments.positionals[0]
    let devices = try ReplayOptions.deviceNames(name, arguments)
    let settings = try ReplayOptions.settings(arguments, passesByDefault: .endless)
    let topicTemplate = arguments.string("topic") ?? "truck/freezer"
    let topics = try devices.map { try ReplayRunner.topic(topicTemplate, device: $0) }
    Signals.block([SIGINT, SIGTERM])
    let loop = try EventLoop()
    var cloud: LocalCloud?
    if !arguments.has("endpoint") {
      cloud = try LocalCloud.start(devices: Array(zip(devices, topics)))
      try cloud?.supervise(loop)
    }
    let plan = try ConnectionPlan(arguments, local: cloud.map { ($0.broker.port, $0.caFile) })
    StandardOutput.shared.print("\nRunning truck sensor sample application...")
    StandardOutput.shared.print("Publishing messages on topic: \(topicTemplate)")
    StandardOutput.shared.flush()
    let runner = ReplayRunner(arguments, plan: plan, settings: settings, loop: loop)
    let code = try runner.run(devices: devices)
    cloud?.broker.stop()
    return code
  }
}
