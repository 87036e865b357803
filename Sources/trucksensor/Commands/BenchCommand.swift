import CommandLine
import Glibc
import JSON
import LocalCloud
import MQTT
import Numbers
import Simulator
import Time

/// `trucksensor bench round-trip`: how long a message takes from one topic to another.
enum BenchRoundTripCommand: Command {
  static let description = CommandDescription(
    name: "bench round-trip",
    summary:
      "Measures how long messages take from one topic to another, such as through a rule.",
    discussion:
      "Publishes the truck's payload to --in and counts the messages on --out: the n-th message received answers the "
      + "n-th sent. Publisher and subscriber share one thread and have their own connections. With --rate max, "
      + "--window limits how many messages are in flight. Connects as 'subscribe' does. docs/benchmarks.md lists comparisons.",
    options: [
      .value("in", "TOPIC", "where to publish", default: "truck/freezer"),
      .value("out", "TOPIC", "where the answers arrive", default: "truck/analyze"),
      .value("rate", "R", "messages per second: 1000, 120/m, or max", default: "1000"),
      .value("count", "N", "how many", default: "10000"),
      .value("window", "N", "messages in flight with --rate max", default: "200"),
      CommandDescription.Option.value("qos", "0|1", "quality of service of both topics", default: "1").scoped(
        .command),
      .value("device", "NAME", "whose certificate to use", default: LocalCloud.testClient),
      .flag("json", "the result as a JSON object"),
    ] + ConnectionOptions.table,
    example: "trucksensor bench round-trip --rate 1000 --count 10000",
    exitCodes: Commands.exitCodes(failed: "messages were lost"))

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    Signals.block(Signals.ending)
    let loop = try EventLoop()
    let trip = try RoundTrip(arguments, loop: loop)
    try loop.onSignal(Signals.ending) { _ in trip.clients.interrupt() }
    trip.start()
    loop.run()
    if let failure = trip.clients.failure { throw failure }
    if arguments.has("json") {
      StandardOutput.shared.line(trip.json)
    } else {
      StandardOutput.shared.print(trip.text)
    }
    return trip.clients.wasInterrupted ? .interrupted : trip.received < trip.count ? .failed : .success
  }
}
