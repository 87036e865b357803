import CommandLine
import Glibc
import LocalCloud
import MQTT
import Simulator

/// `trucksensor simulate`: one truck or many against a broker that already runs.
enum SimulateCommand: Command {
  static let description = CommandDescription(
    name: "simulate", summary: "Replays a dataset as one truck or many, once or in a loop.",
    discussion:
      "Connects to the local broker that 'trucksensor run' started, or to --endpoint. Prints each message as "
      + "it is acknowledged (QoS 0: written), and a summary at the end.",
    options: [.value("device", "NAME", "the device's name", default: "truckSensor01")] + ReplayOptions.table
      + ConnectionOptions.table,
    example:
      "trucksensor simulate --dataset TruckSensorFiles/trucksensordata.csv --rate max --qos 1 --quiet --json",
    exitCodes: Commands.standardExitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let device = arguments.string("device") ?? "truckSensor01"
    let runner = try ReplayRunner(arguments, device: device, repetitionsByDefault: .times(1))
    Signals.block(Signals.ending)
    let loop = try EventLoop()
    return runner.report(
      try runner.run(ConnectionPlan(arguments, local: LocalCloud.runningBroker()), loop: loop))
  }
}
