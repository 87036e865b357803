import CommandLine
import Glibc
import LocalCloud
import MQTT

/// `trucksensor rules run`: the rules engine as a service.
enum RulesRunCommand: Command {
  static let description = CommandDescription(
    name: "rules run", summary: "Runs a folder's rules over the broker's messages.",
    discussion:
      "Connects to the local broker, or to --endpoint, with the certificate of --device. A message is acknowledged after "
      + "its actions are done, so that a crash loses none. Changed documents take effect within a second, or on SIGHUP; if a "
      + "document is invalid, its rule stays as it was. SIGUSR1 prints the counters.",
    options: [
      .value("rules", "FOLDER", "the rule documents", default: RuleFiles.folder),
      .value("device", "NAME", "the device whose certificate is used", default: LocalCloud.rulesEngine),
      .value("shared", "GROUP", "share the messages with the other engines in this group"),
      .value(
        "hop-limit", "N",
        "let rules republish to topics that rules read, each message at most N times; counted in its user "
          + "property 'hops'"),
    ] + StoreOptions.writing + RuleActionOptions.table + [
      .value(
        "metrics-port", "PORT", "serve the counters as Prometheus text on http://127.0.0.1:PORT/metrics"),
      .flag("json", "print the counters at the end as one JSON object"),
    ] + ConnectionOptions.table, example: "trucksensor rules run --rules rules",
    exitCodes: Commands.standardExitCodes)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    Signals.block([SIGINT, SIGTERM, SIGUSR1, SIGHUP])
    let loop = try EventLoop()
    let plan = try ConnectionPlan(arguments, local: LocalCloud.runningBroker())
    let engine = try RulesRunner(arguments, plan: plan, loop: loop)
    engine.onFailure = { error in
      StandardError.print("trucksensor: \(error)")
      loop.stop()
    }
    try loop.onSignal([SIGINT, SIGTERM, SIGUSR1, SIGHUP]) { signal in
      switch signal {
      case SIGUSR1: StandardError.print(engine.countersText)
      case SIGHUP: engine.reload()
      default: loop.stop()
      }
    }
    let metricsPort = try arguments.integer("metrics-port", in: 0...65_535)
    let metrics =
      arguments.has("metrics-port")
      ? try RulesMetrics(engine, port: UInt16(clamping: metricsPort ?? 0), loop) : nil
    engine.start()
    engine.checkStores(loop)
    engine.watchFiles(loop)
    loop.run()
    engine.stop()
    let health = engine.health
    metrics?.stop()
    if arguments.has("json") {
      StandardOutput.shared.print(engine.countersJSON)
    } else {
      StandardError.print(engine.countersText)
    }
    if !health.isGood { StandardError.print(health.text) }
    return engine.failure.map { Trucksensor.exitCode(for: $0) } ?? (health.isGood ? .interrupted : .failed)
  }
}
