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
    let runner = try ReplayRunner(arguments, device: arguments.positionals[0], passesByDefault: .endless)
    Signals.block([SIGINT, SIGTERM])
    let loop = try EventLoop()
    var cloud: LocalCloud?
    if !arguments.has("endpoint") {
      cloud = try LocalCloud.start(devices: runner.devices)
      try cloud?.supervise(loop)
    }
    let plan = try ConnectionPlan(arguments, local: cloud.map { ($0.broker.port, $0.caFile) })
    StandardOutput.shared.print("\nRunning truck sensor sample application...")
    StandardOutput.shared.print("Publishing messages on topic: \(runner.topicTemplate)")
    StandardOutput.shared.flush()
    let code = try runner.run(plan, loop: loop)
    cloud?.broker.stop()
    return code
  }
}
