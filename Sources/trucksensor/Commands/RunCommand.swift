import AWSAPI
import CommandLine
import Glibc
import Health
import JSON
import LocalCloud
import MQTT
import Simulator
import Store

/// `trucksensor run`: everything in one process.
enum RunCommand: Command {
  static let description = CommandDescription(
    name: "run",
    summary:
      "Runs a truck, a local broker, rules, a store and the dashboard in one process.",
    discussion:
      "The first run creates a local CA and the device's certificate. The dataset is repeated until you press Ctrl-C, or as often as "
      + "--loop says.\n\n"
      + "With --endpoint, only the truck runs. It needs the files certs/NAME.cert.pem, certs/NAME.private.key and "
      + "certs/root-CA.crt, named as in AWS's connection kit.",
    positionals: [.init(name: "NAME", help: "the device's name: letters, digits, ':', '_' and '-'")],
    options: ReplayOptions.table + ConnectionOptions.table.inSection("connection")
      + (StoreOptions.writing + RuleActionOptions.table).inSection("store and rule")
      + DashboardOptions.forRun.inSection("dashboard") + DeliveryOptions.table.inSection("alert")
      + [BrokerOptions.port443, BrokerOptions.journal].inSection("local broker")
      + AWSOptions.forRun.inSection("AWS client"),
    example: "trucksensor run truckSensor01 --count 20\n"
      + "trucksensor run truckSensor01 --endpoint abc123-ats.iot.eu-west-1.amazonaws.com",
    exitCodes: Commands.exitCodes(
      failed: Commands.failedRules, unavailable: "\(Commands.unreachableBroker), or the store can't be opened"
    ))

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let runner = try ReplayRunner(arguments, device: arguments.positionals[0], repetitionsByDefault: .endless)
    if try BrokerOptions.settings(arguments).secondPort != nil, arguments.has("endpoint") {
      throw arguments.error("--port-443 is for the local broker, which --endpoint doesn't start")
    }
    try DashboardOptions.checkPorts(arguments)
    _ = try DeliveryOptions.delivery(arguments)
    if !arguments.has("endpoint") {
      try StoreOptions.checkIsStore(arguments)
      runner.warnOfUnknownNames()
    }
    if case .speed(let factor) = runner.settings.pace, factor > 1 {
      switch runner.settings.timestamps {
      case .start: break
      case .now, .uptime:
        StandardError.print(
          "Note: at this --speed, alerts wait by the clock, not by the trip's time. A start time such as --timestamps "
            + "2024-10-23T14:00:00Z gives each message the time of its row.")
      }
    }
    Signals.block(Signals.ending)
    let loop = try EventLoop()
    var cloud: LocalCloud?
    if !arguments.has("endpoint") {
      let started = try BrokerOptions.start(arguments, devices: runner.devices)
      try BrokerOptions.supervise(started, loop)
      cloud = started
    }
    let plan = try ConnectionPlan(arguments, local: cloud.map { ($0.broker.port, $0.caFile) })
    let engine = try startRules(arguments, cloud, loop)
    if let engine, !engine.beganWithRules {
      StandardError.print("\(RuleFiles.folder)/ has no rules: the truck's messages are not stored.")
    }
    let health = engine.map { RunHealth(runner, $0) }
    runner.moreProgress = { [weak engine] in
      guard let now = engine?.progress else { return "" }
      return ", \(now.matched) matched, \(now.stored) stored"
    }
    let page = try startDashboard(arguments, cloud, loop)
    let api = try startAPI(arguments, cloud)
    defer { withExtendedLifetime(api) {} }
    page?.showMetrics { [weak engine] in engine.map { $0.countersPrometheus + $0.metrics.prometheus } ?? "" }
    page?.showStatus(loop) { [weak engine] in
      var json = JSONWriter()
      json.object {
        runner.writeStatus(to: &$0)
        $0.member("error", orNull: engine?.lastError)
        $0.key("health")
        if let health { health.present.write(to: &$0) } else { $0.null() }
        $0.array("rules") { engine?.writeStatus(to: &$0) }
      }
      return json.text
    }
    engine?.waitUntilReady(loop)
    let banner =
      "\nRunning truck sensor sample application...\nPublishing messages on topic: \(runner.topicTemplate)"
    // Whoever reads standard output by a program wants data only.
    if isatty(1) == 1, !arguments.has("json") {
      StandardOutput.shared.print(banner)
      StandardOutput.shared.flush()
    } else {
      StandardError.print(banner)
    }
    let outcome = try runner.run(plan, loop: loop)
    health?.finish(loop)
    page?.stop(loop)
    if let cloud {
      let waiting = cloud.stop()
      health?.noteEnd(waiting: waiting, brokerErrors: cloud.broker.lastErrors())
    }
    return runner.report(outcome, health?.present)
  }

  /// The live page over what the rules store; it looks for alerts, too.
  private static func startDashboard(
    _ arguments: ParsedArguments, _ cloud: LocalCloud?, _ loop: EventLoop
  ) throws -> DashboardRunner? {
    guard let cloud, !arguments.has("no-dashboard") else { return nil }
    let plan = try ConnectionPlan(arguments, local: (cloud.broker.port, cloud.caFile), ownCredentials: false)
    let publisher = AlertPublisher(
      try plan.client(
        device: LocalCloud.rulesEngine, clientID: "\(LocalCloud.rulesEngine)-alerts", loop: loop
      ) { _ in }, try DeliveryOptions.delivery(arguments))
    return try DashboardRunner(
      arguments, store: try StoreOptions.location(arguments), publisher: publisher, loop: loop)
  }

  /// The API for AWS's clients over a store in a file.
  private static func startAPI(_ arguments: ParsedArguments, _ cloud: LocalCloud?) throws -> AWSServer? {
    guard let cloud, !arguments.has("no-aws"),
      case .file(let path) = try StoreOptions.location(arguments)
    else { return nil }
    let (port, caFile) = (cloud.broker.port, cloud.caFile)
    return try AWSOptions.start(arguments, store: path) { (port, caFile) }
  }

  /// The rules of `rules/`, beside the local broker; AWS runs its own. Without any it waits for the first.
  private static func startRules(
    _ arguments: ParsedArguments, _ cloud: LocalCloud?, _ loop: EventLoop
  ) throws -> RulesRunner? {
    guard let cloud else { return nil }
    let plan = try ConnectionPlan(arguments, local: (cloud.broker.port, cloud.caFile), ownCredentials: false)
    let engine = try RulesRunner(arguments, plan: plan, loop: loop, device: LocalCloud.rulesEngine)
    engine.onFailure = { StandardError.error("rules: \($0)") }
    engine.onReload = { [weak cloud] in cloud?.replaceRules($0, loop) }
    engine.start()
    engine.checkStores(loop)
    engine.watchFiles(loop)
    return engine
  }
}
