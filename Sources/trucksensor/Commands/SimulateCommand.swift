import CommandLine
import Glibc
import LocalCloud
import MQTT
import Simulator

/// `trucksensor simulate`: one truck or many against a broker that already runs.
enum SimulateCommand: Command {
  static let description = CommandDescription(
    name: "simulate", summary: "Replays a dataset as one truck or many.",
    discussion:
      "Connects to --endpoint, or to the local broker of 'trucksensor run' or 'trucksensor broker' in this folder. If "
      + "no broker is running, it starts one and stops it at the end. Prints each message when the broker has acknowledged it (at QoS 0: "
      + "when it is written), and a summary at the end.",
    positionals: [.init(name: "NAME", help: "the device's name, as with --device", required: false)],
    options: [.value("device", "NAME", "the device's name", default: "truckSensor01")] + ReplayOptions.table
      + ConnectionOptions.table.inSection("connection"),
    example:
      "trucksensor simulate --dataset TruckSensorFiles/trucksensordata.csv --rate max --qos 1 --quiet --json",
    exitCodes: Commands.exitCodes(failed: "messages were lost"))

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    if let name = arguments.positionals.first, let other = arguments.string("device"), name != other {
      throw arguments.error("the device is '\(name)' or '\(other)'; give NAME or --device")
    }
    let device = arguments.positionals.first ?? arguments.string("device") ?? "truckSensor01"
    let runner = try ReplayRunner(arguments, device: device, repetitionsByDefault: .times(1))
    Signals.block(Signals.ending)
    let loop = try EventLoop()
    let broker = try ownBroker(arguments, runner, loop)
    defer { _ = broker?.stop() }
    let local = broker.map { ($0.broker.port, $0.caFile) } ?? LocalCloud.runningBroker()
    return runner.report(try runner.run(ConnectionPlan(arguments, local: local), loop: loop))
  }

  /// A broker for this command alone, so that a CI job needs nothing else; nil if there is another to connect to.
  private static func ownBroker(_ arguments: ParsedArguments, _ runner: ReplayRunner, _ loop: EventLoop)
    throws
    -> LocalCloud?
  {
    guard !arguments.has("endpoint"), !arguments.has("no-tls"), LocalCloud.runningBroker() == nil else {
      return nil
    }
    StandardError.print("No local broker is running in this folder: simulate runs one of its own.")
    let cloud = try BrokerOptions.start(arguments, devices: runner.devices)
    try BrokerOptions.supervise(cloud, loop)
    return cloud
  }
}
