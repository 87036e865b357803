import Glibc
import MQTT
import RulesEngine

/// `trucksensor rules run`: the rules engine as a service.
enum RulesRunCommand: Command {
  static let description = CommandDescription(
    name: "rules run", summary: "Runs the rules of a folder over what the broker delivers.",
    discussion:
      "Signs in to the local broker, or to --endpoint, with the certificate of --device. A message is acknowledged after "
      + "its actions are done, so that a crash loses none. Changed documents are read again within a second, or on SIGHUP; a "
      + "broken one leaves its rule as it was. SIGUSR1 prints the counters.",
    options: [
      .value("rules", "FOLDER", "the rule documents", default: RuleFiles.folder),
      .value("device", "NAME", "whose certificate to use", default: LocalCloud.rulesEngine),
      .value("shared", "GROUP", "share the messages with the other engines of this group"),
      .flag("json", "the counters at the end as one JSON object"),
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
    engine.start()
    engine.watchFiles(loop)
    loop.run()
    engine.stop()
    if arguments.has("json") {
      StandardOutput.shared.print(engine.countersJSON)
    } else {
      StandardError.print(engine.countersText)
    }
    return engine.failure.map { Trucksensor.exitCode(for: $0) } ?? .interrupted
  }
}

/// The rules engine of a command: its documents, its two clients, its talk.
final class RulesRunner {
  private(set) var failure: MQTTError?
  var onFailure: (MQTTError) -> Void = { _ in }
  private let service: RulesService
  private let folder: String
  private var watchTimer: LoopTimer?
  private var stamp = ""

  init(_ arguments: ParsedArguments, plan: ConnectionPlan, loop: EventLoop, device: String? = nil) throws {
    folder = arguments.string("rules") ?? RuleFiles.folder
    let rules = try RuleFiles.all(in: folder)
    guard !rules.isEmpty else {
      throw UsageError(message: "there is no rule document in \(folder)/", command: "rules run")
    }
    let name = device ?? arguments.string("device") ?? LocalCloud.rulesEngine
    let identifier = device ?? arguments.string("client-id") ?? name
    let subscriber = try plan.client(device: name, clientID: identifier, loop: loop) { settings in
      // The broker keeps what comes while the engine is away.
      settings.cleanStart = false
      settings.sessionExpirySeconds = 86_400
    }
    let publisher = try plan.client(device: name, clientID: "\(identifier)-actions", loop: loop) { _ in }
    var failed: (MQTTError) -> Void = { _ in }
    service = try RulesService(
      rules: rules, subscriber: subscriber, publisher: publisher, shareGroup: arguments.string("shared"),
      log: { StandardError.print($0) }, onFailure: { failed($0) })
    failed = { [unowned self] error in
      if failure == nil { failure = error }
      onFailure(error)
    }
  }

  func start() { service.start() }

  func stop() { service.stop() }

  /// Lets the rules do what has reached them, for two seconds at most, and says goodbye.
  func finish(_ loop: EventLoop) {
    let deadline = loop.makeTimer { loop.stop() }
    deadline.set(MonotonicTime.now().advanced(by: 2_000_000_000))
    var quiet = 0
    var last = -1
    var look: LoopTimer?
    look = loop.makeTimer {
      // Quiet is what has neither begun nor ended anything for 20 ms.
      let now = self.service.rules.reduce(0) { $0 + $1.counters.topicMatch }
      quiet = now == last && self.service.unfinished == 0 ? quiet + 1 : 0
      last = now
      if quiet >= 4 { loop.stop() } else { look?.set(MonotonicTime.now().advanced(by: 5_000_000)) }
    }
    look?.set(.now())
    loop.run()
    look?.cancel()
    deadline.cancel()
    service.stop()
  }

  /// Reads the documents again; a broken one leaves its rule as it was.
  func reload() {
    stamp = RuleFiles.stamp(of: folder)
    let present = Dictionary(service.rules.map { ($0.document.file, $0.document) }) { first, _ in first }
    var documents: [RuleDocument] = []
    for path in RuleFiles.paths(in: folder) {
      do {
        documents.append(try RuleFiles.read(path))
      } catch {
        StandardError.print("trucksensor: \(error)")
        if let old = present[path] { documents.append(old) }
      }
    }
    do throws(MQTTError) {
      try service.replaceRules(documents)
      StandardError.print("rules: reloaded: \(documents.map(\.name).joined(separator: ", "))")
    } catch {
      StandardError.print("trucksensor: \(error)")
    }
  }

  /// Reloads when a document's time or size changes, looking once a second.
  func watchFiles(_ loop: EventLoop) {
    stamp = RuleFiles.stamp(of: folder)
    watchTimer = loop.makeTimer { [unowned self] in
      if RuleFiles.stamp(of: folder) != stamp { reload() }
      watchTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    }
    watchTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
  }

  var unfinished: Int { service.unfinished }

  var countersText: String {
    service.rules.map { rule in
      "rule \(rule.document.name): "
        + rule.counters.metrics.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    }.joined(separator: "\n")
  }

  var countersJSON: String {
    let members = service.rules.map { rule in
      "\"\(rule.document.name)\":{"
        + rule.counters.metrics.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",")
        + "}"
    }
    return "{\"rules\":{\(members.joined(separator: ","))}}"
  }
}
