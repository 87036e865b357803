import CommandLine
import Files
import Health
import JSON
import LocalCloud
import MQTT
import RulesEngine
import Store
import Time

/// The rules engine of a command: its documents, its two clients, its messages.
final class RulesRunner {
  private(set) var failure: MQTTError?
  var onFailure: (MQTTError) -> Void = { _ in }
  /// Hears of changed documents before they are used, so that the broker can permit what they need.
  var onReload: ([RuleDocument]) -> Void = { _ in }
  /// Hears that the rules have changed.
  var onReloaded: () -> Void = {}
  /// Rules that store have sessions of their own: while a store fails and its messages wait, the others go on.
  private(set) var services: [RulesService] = []
  let stores: StoreQueues
  /// What cloudwatchMetric actions have sent.
  let metrics: RuleMetrics
  /// Whether it counts what the run's trucks publish.
  let usesMarks: Bool
  /// Whether there were rules at the start.
  let beganWithRules: Bool
  var hasToldEarlier = false
  /// Whether the broker had the first mark before the trucks began to publish.
  private(set) var startIsMarked = false
  private let lock: EngineLock?
  /// Makes the services of this engine's sessions, and of those that it takes over.
  let sessions: RulesSessions
  /// The part in a share group.
  var member: ShareGroupMember?
  /// The services of sessions that were taken over, by the client identifiers of their engines.
  var takenOver: [String: [RulesService]] = [:]
  private let folder: String
  private let mayLoop: Bool
  private var watchTimer: LoopTimer?
  private var stamp = ""
  /// The reported problems of invalid documents, by path.
  private var brokenDocuments: [String: String] = [:]

  init(_ arguments: ParsedArguments, plan: ConnectionPlan, loop: EventLoop, device: String? = nil) throws {
    folder = arguments.string("rules") ?? RuleFiles.folder
    let hopLimit =
      arguments.string("hop-limit") == nil ? nil : try arguments.integer("hop-limit", in: 1...1000)
    mayLoop = hopLimit != nil
    let rules = try RuleFiles.all(in: folder, mayLoop: mayLoop)
    beganWithRules = !rules.isEmpty
    guard beganWithRules || device != nil else {
      throw UsageError(message: "there is no rule document in \(folder)/", command: "rules run")
    }
    let name = device ?? arguments.string("device") ?? LocalCloud.rulesEngine
    let identifier = device ?? arguments.string("client-id") ?? name
    lock = try Self.lock(identifier, plan)
    usesMarks = device != nil
    stores = try StoreQueues(arguments)
    let (settings, metrics) = try RuleActionOptions.settings(arguments, stores)
    self.metrics = metrics
    sessions = RulesSessions(
      arguments, plan: plan, loop: loop, device: name, hopLimit: hopLimit, stores: stores,
      usesMarks: usesMarks, actions: settings)
    sessions.onProblem = { [unowned self] in lastError = $0 }
    for storesPoints in [false, true] {
      let part = rules.filter { $0.stores == storesPoints }
      // A run's rules may come later.
      guard !part.isEmpty || rules.isEmpty && storesPoints else { continue }
      services.append(
        try sessions.service(part, of: identifier, stores: storesPoints) { [unowned self] in fail($0) })
    }
    if let group = arguments.string("shared") { try join(group, as: identifier) }
  }

  func fail(_ error: MQTTError) {
    // Sessions often fail alike; the first says it.
    guard failure?.message != error.message else { return }
    if failure == nil { failure = error }
    onFailure(error)
  }

  /// The lock of an engine's session; nil in a folder that can't be written, where no other engine can have one either.
  private static func lock(_ identifier: String, _ plan: ConnectionPlan) throws -> EngineLock? {
    do {
      return try EngineLock(clientID: identifier, host: plan.host, port: plan.port)
    } catch let error as FileError {
      StandardError.warning("a second rules engine can't be detected: \(error)")
      return nil
    }
  }

  func start() {
    for service in services { service.start() }
    member?.start()
  }

  /// Ends the services. The connection of a share group's member is left to end with the process, so that the broker publishes
  /// its will message.
  func stop() {
    for service in services + takenOver.values.joined() { service.stop() }
    stores.close()
  }

  private var rules: [LoadedRule] {
    services.flatMap(\.rules).sorted { $0.document.file < $1.document.file }
  }

  /// Waits for the subscriptions and the first mark, five seconds at most: what is published before would pass the rules
  /// by.
  func waitUntilReady(_ loop: EventLoop) {
    let deadline = loop.makeTimer { loop.stop() }
    deadline.set(MonotonicTime.now().advanced(by: 5_000_000_000))
    var isMarked = false
    var look: LoopTimer?
    look = loop.makeTimer { [unowned self] in
      if !isMarked, services.allSatisfy(\.isReady) {
        isMarked = true
        markStart()
      }
      if failure != nil || hasMarkedStart {
        loop.stop()
      } else {
        look?.set(MonotonicTime.now().advanced(by: 2_000_000))
      }
    }
    look?.set(.now())
    loop.run()
    look?.cancel()
    deadline.cancel()
    startIsMarked = hasMarkedStart
  }

  /// Reads the documents again; a broken one leaves its rule as it was, a folder that can't be read all of them.
  func reload() {
    stamp = RuleFiles.stamp(of: folder)
    let paths: [String]
    do throws(FileError) {
      paths = try RuleFiles.documents(in: folder)
    } catch {
      StandardError.error("\(error); the rules stay as they were")
      return
    }
    let present = Dictionary(rules.map { ($0.document.file, $0.document) }) { first, _ in first }
    var documents: [RuleDocument] = []
    for path in paths {
      do {
        documents.append(try RuleFiles.runnable(path, mayLoop: mayLoop))
        brokenDocuments[path] = nil
      } catch {
        // Another document's change isn't a reason to report it again.
        if brokenDocuments.updateValue("\(error)", forKey: path) != "\(error)" {
          StandardError.error("\(error)")
        }
        if let old = present[path] { documents.append(old) }
      }
    }
    onReload(documents)
    do throws(MQTTError) {
      // Rules that begin or end to store move to the other service; where there is none, to the only one.
      for service in services {
        try service.replaceRules(documents.filter { services.count == 1 || $0.stores == service.stores })
        for taken in takenOver.values.joined() where taken.stores == service.stores {
          taken.takeRules(of: service)
        }
      }
      onReloaded()
      StandardError.print("rules: reloaded: \(documents.map(\.name).joined(separator: ", "))")
    } catch {
      StandardError.error("\(error)")
    }
  }

  /// Reloads when a document's time or size changes, looking once a second.
  func watchFiles(_ loop: EventLoop) {
    stamp = RuleFiles.stamp(of: folder)
    watchTimer = loop.makeTimer { [unowned self] in
      if RuleFiles.stamp(of: folder) != stamp { reload() }
      tellEarlier()
      watchTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
    }
    watchTimer?.set(MonotonicTime.now().advanced(by: 1_000_000_000))
  }

  /// How many times a message has matched a rule, and how many records the stores have taken.
  var progress: (matched: Int, stored: Int) {
    (rules.reduce(0) { $0 + $1.counters.topicMatch }, services.reduce(0) { $0 + $1.stored })
  }

  var unfinished: Int { services.reduce(0) { $0 + $1.unfinished } }

  /// Writes what the dashboard shows of the rules: an object for each.
  func writeStatus(to json: inout JSONWriter) {
    for rule in rules {
      json.object {
        $0.member("name", rule.document.name)
        $0.member("sql", rule.document.sql)
        $0.member("matched", rule.counters.topicMatch)
        $0.member("succeeded", rule.counters.success)
        $0.member("failed", rule.counters.failure + rule.counters.parseError)
        $0.member("notRunHere", rule.counters.notRunHere)
        $0.member("before", orNull: shown(rule.lastMessage?.before))
        $0.member("after", orNull: shown(rule.lastMessage?.after))
      }
    }
  }

  /// The last thing that went wrong.
  private(set) var lastError: String?

  /// Bytes of a message on the page.
  private static let shownBytes = 4096

  private func shown(_ bytes: [UInt8]?) -> String? {
    bytes.map { String(decoding: $0.prefix(Self.shownBytes), as: UTF8.self) }
  }

  var countersText: String {
    rules.map { rule in
      "rule \(rule.document.name): "
        + rule.counters.metrics.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    }.joined(separator: "\n")
  }

  /// Prometheus's text format, version 0.0.4; the names are CloudWatch's in its style.
  var countersPrometheus: String {
    guard let names = rules.first?.counters.metrics.map(\.name) else { return "" }
    var text = ""
    for (index, name) in names.enumerated() {
      var metric = "trucksensor_rule"
      for letter in name { metric += letter.isUppercase ? "_" + letter.lowercased() : String(letter) }
      text += "# TYPE \(metric)_total counter\n"
      for rule in rules {
        let label = rule.document.name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
          "\n", with: "\\n")
        text += "\(metric)_total{rule=\"\(label)\"} \(rule.counters.metrics[index].value)\n"
      }
    }
    return text
  }

  var countersJSON: String {
    var json = JSONWriter()
    json.object {
      $0.object("rules") {
        for rule in rules {
          $0.object(rule.document.name) {
            for (name, value) in rule.counters.metrics { $0.member(name, value) }
          }
        }
      }
      $0.key("health")
      health.write(to: &$0)
    }
    return json.text
  }
}
