import CommandLine
import Files
import Glibc
import LocalCloud
import MQTT
import Simulator

/// `trucksensor bench publish`: how fast one connection can publish, and what stands in the way.
enum BenchPublishCommand: Command {
  static let description = CommandDescription(
    name: "bench publish",
    summary: "Measures how fast a connection can publish, and what limits it.",
    discussion:
      "Publishes the truck's payload and counts the acknowledgements and what arrives at a subscriber on the same thread. With "
      + "--find-limit the rate rises until messages are late or lost, acknowledgements take too long, or the rate isn't reached; "
      + "then the limit is approached from both sides. The broker's core is known for the local broker only.",
    options: [
      .value("topic", "TOPIC", "where to publish", default: "bench/publish"),
      .value(
        "rate", "R", "messages per second; with --find-limit the first rate that is tried", default: "1000"),
      .flag("find-limit", "raise the rate until it doesn't hold"),
      .value("step", "TIME", "how long each rate is tried", default: "2s"),
      .value(
        "max-lateness", "TIME", "maximum delay (p99) between a message's due time and sending it",
        default: "20ms"),
      .value(
        "max-ack", "TIME", "maximum delay (p99) between a message's due time and its acknowledgement",
        default: "100ms"),
      .value("window", "N", "the most unacknowledged messages in flight", default: "100"),
      CommandDescription.Option.value("qos", "0|1", "MQTT quality of service", default: "1").scoped(.command),
      .value("device", "NAME", "whose certificate to use", default: LocalCloud.testClient),
      .value("html", "FILE", "write the steps as a page with a chart", file: true),
      .flag("json", "the result as a JSON object"),
    ] + ConnectionOptions.table,
    example: "trucksensor bench publish --find-limit --html limit.html",
    exitCodes: [
      (.success, "done"), (.failed, "no rate held"), (.usage, "wrong usage"),
      (.unavailable, Commands.unreachableBroker), (.refused, Commands.refusedByBroker),
      Commands.hungUp, (.interrupted, "interrupted"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let pace = try arguments.pacing("rate", Pacer.Mode.rate(text:)) ?? .rate(1000)
    guard case .rate(let rate) = pace else {
      throw arguments.error("--rate takes messages per second; --find-limit finds the most")
    }
    let bounds = PublishBench.Bounds(
      lateness: try arguments.duration("max-lateness") ?? 20_000_000,
      acknowledgement: try arguments.duration("max-ack") ?? 100_000_000)
    let length = try arguments.duration("step", in: 10_000_000...3_600_000_000_000) ?? 2_000_000_000
    Signals.block(Signals.ending)
    let loop = try EventLoop()
    let isJSON = arguments.has("json")
    let bench = try PublishBench(arguments, loop: loop, bounds: bounds, length: length) { step in
      guard StandardError.isTerminal, !isJSON else { return }
      StandardError.print(
        "\(LimitReport.rate(step.askedRate))/s: \(step.reasons.isEmpty ? "holds" : step.reasons.joined(separator: ", "))"
      )
    }
    var search = LimitSearch(from: rate)
    if !arguments.has("find-limit") { search.tryOnce() }
    bench.search = search
    try loop.onSignal(Signals.ending) { _ in bench.clients.interrupt() }
    bench.start()
    loop.run()
    if let failure = bench.clients.failure { throw failure }
    let report = LimitReport(steps: bench.steps, search: bench.search ?? search, window: bench.window)
    if let path = arguments.string("html") { try Files.write(report.html, to: path) }
    if isJSON {
      StandardOutput.shared.line(report.json)
    } else {
      StandardOutput.shared.print(report.text)
    }
    return bench.clients.wasInterrupted ? .interrupted : report.search.held == nil ? .failed : .success
  }
}
