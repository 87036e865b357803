import CommandLine
import Files
import Glibc
import Health
import Identity
import JSON
import LocalCloud
import MQTT
import Numbers
import Simulator
import Time

/// Runs a replay for `run` and `simulate`: trucks, printed messages, progress, summary, exit code.
final class ReplayRunner: ReplayObserver {
  /// The names and topics of the trucks.
  var devices: [(name: String, topic: TopicName)] { fleet.devices }
  let topicTemplate: String

  /// The QoS that the trucks publish with.
  let qos: QoS
  /// What the replay does.
  let settings: ReplaySettings
  /// How often a signal has asked for the end.
  private(set) var stopRequests = 0

  private let arguments: ParsedArguments
  private let fleet: Fleet
  private let controlTopic: TopicFilter?
  private let buffer: Int?
  private let isQuiet: Bool
  private var loop: EventLoop?
  private var replay: Replay?
  private var lastNotice: String?
  /// When the replay started, after the trucks' certificates had been made, in seconds since 1970.
  private var start = Double.infinity
  /// What a status line says besides the replay's own counts.
  var moreProgress: () -> String = { "" }

  /// Checks all options and opens the dataset, so that nothing is started in vain.
  init(_ arguments: ParsedArguments, device: String, repetitionsByDefault: Repetitions) throws {
    self.arguments = arguments
    _ = try ConnectionChoices(arguments)
    settings = try ReplayOptions.settings(arguments, repetitionsByDefault: repetitionsByDefault)
    topicTemplate = arguments.string("topic") ?? "truck/freezer"
    qos = try ReplayOptions.qos(arguments)
    buffer = try arguments.integer("buffer", in: 1...100_000_000)
    controlTopic = try arguments.string("control-topic").map { try TopicFilter(TopicName($0).text) }
    fleet = try Fleet(arguments, device: device, topicTemplate: topicTemplate)
    let firstDataset = fleet.firstDataset
    if case .speed = settings.pace, !arguments.has("lenient") { _ = try firstDataset.time() }
    for injection in settings.injections
    where !injection.fault.columns.contains(where: firstDataset.names.contains) {
      throw arguments.error(
        "--inject \(injection.fault.rawValue) needs a column \(injection.fault.columns.joined(separator: " or ")), and the messages have: \(firstDataset.names.joined(separator: ", "))"
      )
    }
    isQuiet = arguments.has("quiet")
  }

  /// The client identifiers of the trucks.
  var clientIDs: Set<String> {
    devices.count > 1
      ? Set(devices.map(\.name)) : [arguments.string("client-id") ?? devices[0].name]
  }

  /// What the broker has acknowledged, by truck.
  var acknowledged: [Int] { replay?.acknowledged ?? devices.map { _ in 0 } }

  /// Says it if the messages have nothing that the shipped rule reads.
  func warnOfUnknownNames() {
    let names = fleet.firstDataset.names
    guard !names.contains(where: ["temp", "volts", "door"].contains),
      Files.exists(Files.join(RuleFiles.folder, "truckAnalyze.json"))
    else { return }
    StandardError.print(
      "The messages have none of temp, volts and door, which the rule truckAnalyze and the dashboard read; they have "
        + "\(names.prefix(20).joined(separator: ", ")). To rename a column: --map temp=COLUMN",
      .warning)
  }

  /// Runs to the end; the caller reports it.
  func run(_ plan: ConnectionPlan, loop: EventLoop) throws -> ReplayOutcome {
    self.loop = loop
    start = WallClock.seconds
    let lock = try lockIdentifier(plan)
    defer { withExtendedLifetime(lock) {} }
    let replay = Replay(
      settings: settings, hasTimeAxis: fleet.firstDataset.hasTimeAxis, loop: loop, observer: self)
    self.replay = replay
    if let text = fleet.scenarioText { StandardError.print(text) }
    // The local broker says itself who published; to another one, rules would not know it.
    let isLocal = !arguments.has("endpoint")
    for (index, device) in devices.enumerated() {
      let header = try PublishHeader(
        topic: device.topic, qos: qos, retain: arguments.has("retain"),
        properties: PublishProperties(userProperties: isLocal ? [] : [("clientId", device.name)]))
      // A fleet's client identifiers are its devices' names, whatever --client-id says of one.
      let identifier = devices.count > 1 ? device.name : nil
      let client = try plan.client(device: device.name, clientID: identifier, loop: loop) { settings in
        if let buffer { settings.backlogLimit = buffer }
        // Its memory is for one truck that may publish as fast as it can.
        settings.gathersPackets = devices.count == 1
      }
      // At QoS 0, no broker says that it discards a message; this folder's answers a question.
      let question =
        plan.answersQuestions && qos == .atMostOnce
        ? try PublishHeader(topic: TopicName(BrokerQuestion.mayPublish(device.topic)), qos: .atLeastOnce)
        : nil
      replay.addTruck(
        client: client, header: header, dataset: try fleet.dataset(of: index), at: fleet.place(of: index),
        question: question)
    }
    let control = try takeRates(replay, plan, loop)
    defer { withExtendedLifetime(control) {} }
    let keys = takeKeys(replay, loop)
    defer { keys?.restore() }
    try loop.onSignal(Signals.ending) { [unowned self] _ in
      stopRequests += 1
      replay.interrupt()
    }
    defer { StandardError.show(status: nil) }
    return replay.run()
  }

  /// The lock of a single truck's client identifier at the local broker; nil for a fleet, and in a folder that can't be
  /// written.
  private func lockIdentifier(_ plan: ConnectionPlan) throws -> EngineLock? {
    guard plan.isLocal, plan.usesTLS, devices.count == 1, let identifier = clientIDs.first else { return nil }
    do {
      return try EngineLock(clientID: identifier, role: .truck, host: plan.host, port: plan.port)
    } catch is FileError {
      return nil
    } catch let holder as EngineLock.Holder {
      throw UsageError(message: holder.description, command: arguments.command.name)
    }
  }

  /// Subscribes to the control topic: at the local broker as its test client, since trucks may subscribe to nothing there; at
  /// another one as the first truck, whose policy must allow it.
  private func takeRates(_ replay: Replay, _ plan: ConnectionPlan, _ loop: EventLoop) throws -> ControlTopic?
  {
    guard let controlTopic else { return nil }
    guard plan.isLocal else {
      replay.takeRates(from: controlTopic)
      return nil
    }
    let client = try plan.client(
      device: LocalCloud.testClient, clientID: "\(LocalCloud.testClient)-control-\(getpid())", loop: loop
    ) { _ in }
    return ControlTopic(client, controlTopic, replay)
  }

  /// On a terminal `+` and `-` change the rate by a tenth.
  private func takeKeys(_ replay: Replay, _ loop: EventLoop) -> TerminalKeys? {
    guard replay.hasRate else { return nil }
    return TerminalKeys(loop) { [unowned replay] key in
      switch key {
      case UInt8(ascii: "+"): replay.scaleRate(by: 1.1)
      case UInt8(ascii: "-"): replay.scaleRate(by: 1 / 1.1)
      default: break
      }
    }
  }

  /// Writes the first device and the counts of messages as members of a JSON object.
  func writeStatus(to json: inout JSONWriter) {
    let summary = replay?.summary()
    json.member("device", devices[0].name)
    json.member("connected", replay?.isConnected ?? false)
    json.member("sent", summary?.sent ?? 0)
    json.member("acknowledged", summary?.acknowledged ?? 0)
    json.member("dropped", summary?.dropped ?? 0)
  }

  // MARK: What the replay tells

  func replay(delivered payload: [UInt8]) {
    guard !isQuiet else { return }
    StandardOutput.shared.line(payload)
    // A person sees each line as it comes; a pipe gets whatever has come in one turn.
    loop?.atEndOfTurn { [weak self] in
      StandardOutput.shared.flush()
      if StandardOutput.shared.isClosed { self?.replay?.finish() }
    }
  }

  func replay(notice: String) { tell(notice, .info) }

  func replay(warning: String) { tell(warning, .warning) }

  private func tell(_ text: String, _ level: StandardError.Level) {
    guard text != lastNotice else { return }
    lastNotice = text
    StandardError.print(text, level)
  }

  func replay(progress summary: ReplaySummary) {
    guard StandardError.showsStatus, !arguments.has("json") else { return }
    StandardError.show(status: summary.status + moreProgress())
  }

  /// Prints the summary, and what the health of a run with rules says; the exit code.
  func report(_ outcome: ReplayOutcome, _ health: Health? = nil) -> ExitCode {
    StandardOutput.shared.flush()
    var code = ExitCode.success
    if outcome.wasInterrupted { code = .interrupted }
    if outcome.summary.dropped > 0 || health?.isGood == false { code = .failed }
    switch outcome.failure {
    case .data(let error):
      StandardError.error("\(error)")
      code = Trucksensor.exitCode(for: error)
    case .broker(let error):
      StandardError.error("\(error)")
      // Of a fleet, only the truck that was refused.
      let refused = devices.filter { devices.count == 1 || $0.name == outcome.refused }
      if let reason = Refusal.reason(error, devices: refused.map(\.name), arguments)
        ?? Refusal.replacement(error, devices: refused.map(\.name), since: start, arguments)
        ?? Refusal.topicReason(error, devices: refused, arguments)
      {
        StandardError.print("The reason is: \(reason)")
      } else {
        let endpoint = arguments.string("endpoint").map { " --endpoint \($0)" } ?? ""
        let asked = refused.first ?? devices[0]
        StandardError.print(
          "For the cause, step by step: trucksensor doctor \(asked.name) --topic \(asked.topic)\(endpoint)"
        )
      }
      code = Trucksensor.exitCode(for: error)
    case nil:
      break
    }
    if arguments.has("json") {
      var json = JSONWriter()
      json.object {
        outcome.summary.writeMembers(to: &$0)
        guard let health else { return }
        $0.key("health")
        health.write(to: &$0)
      }
      StandardOutput.shared.line(json.bytes)
    } else {
      StandardError.print(outcome.summary.text)
    }
    if let health, !health.isGood { StandardError.print(health.text, .error) }
    return code
  }
}
