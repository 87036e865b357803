import CommandLine
import Glibc
import LocalCloud
import MQTT

/// `trucksensor rules run`: the rules engine as a service.
enum RulesRunCommand: Command {
  static let description = CommandDescription(
    name: "rules run", summary: "Applies the rules in a folder to a broker's messages.",
    discussion:
      "Connects to the local broker, or to --endpoint, with the certificate of --device. It acknowledges a message when the message's "
      + "actions are done, so a crash loses no message.\n\n"
      + "Changes of rule documents take effect within a second, or at once on SIGHUP. If a "
      + "document is invalid, the last valid version stays in effect. SIGUSR1 prints the counters.",
    options: [
      .value("rules", "FOLDER", "the rule documents", default: RuleFiles.folder),
      .value("device", "NAME", "the device whose certificate is used", default: LocalCloud.rulesEngine),
      .value("shared", "GROUP", "share the messages with the other engines in this group"),
      .value(
        "hop-limit", "N",
        "let rules republish to topics that rules read, each message at most N times; counted in its user "
          + "property 'hops'"),
      .flag("json", "print the counters at the end as one JSON object"),
      .value(
        "metrics-port", "PORT", "serve the counters as Prometheus text on http://127.0.0.1:PORT/metrics"),
    ] + (StoreOptions.writing + RuleActionOptions.table).inSection("store and rule")
      + ConnectionOptions.table.inSection("connection"), example: "trucksensor rules run --rules rules",
    exitCodes: Commands.exitCodes(failed: Commands.failedRules, endsOnHangUp: false))

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    Signals.block([SIGINT, SIGTERM, SIGUSR1, SIGHUP])
    let loop = try EventLoop()
    let plan = try ConnectionPlan(arguments, local: LocalCloud.runningBroker())
    let engine = try RulesRunner(arguments, plan: plan, loop: loop)
    engine.onFailure = { error in
      StandardError.error("\(error)")
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
    if !health.isGood { StandardError.print(health.text, .error) }
    return engine.failure.map { Trucksensor.exitCode(for: $0) } ?? (health.isGood ? .interrupted : .failed)
  }
}
