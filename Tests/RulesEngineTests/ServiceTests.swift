import Files
import Foundation
import Store
import Testing
import Time

@testable import MQTT
@testable import RulesEngine

/// The rules service between its two clients: what it does at what they tell, over a store on the disk. The clients are
/// never connected: the test is the broker.
@Suite(.serialized) final class ServiceTests {
  private let loop: EventLoop
  private let subscriber: MQTTClient
  private let publisher: MQTTClient
  private let folder: String
  private var events: [RulesEvent] = []

  init() throws {
    loop = try EventLoop()
    let settings = ConnectionSettings(host: "127.0.0.1", port: 1, clientID: "rules")
    subscriber = try MQTTClient(settings: settings, loop: loop)
    publisher = try MQTTClient(settings: settings, loop: loop)
    folder = FileManager.default.temporaryDirectory.path + "/trucksensor-service-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Files.write([], to: storeFolder)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// The store's folder. While it is a file, the store fails.
  private var storeFolder: String { folder + "/store" }

  private func rule(_ name: String, _ sql: String, actions: String) throws -> RuleDocument {
    try RuleDocument(
      Array(#"{"sql":"\#(sql)","awsIotSqlVersion":"2016-03-23","actions":[\#(actions)]}"#.utf8),
      file: "\(name).json")
  }

  private func service(_ rules: [RuleDocument], stores: Bool = false) throws -> RulesService {
    let path = storeFolder + "/sensorDB.sqlite"
    let queue = StoreQueue { () throws(StoreError) in try LocalStore(path: path) }
    return try RulesService(
      rules: rules, subscriber: subscriber, publisher: publisher,
      storage: RuleStorage(waker: loop.waker) { _ in queue }, stores: stores,
      onEvent: { [unowned self] in events.append($0) },
      onFailure: { Issue.record("\($0)") })
  }

  /// Delivers messages as one read of the socket, and waits until their actions are done.
  private func deliver(_ payloads: [String], topic: String = "t", to service: RulesService) {
    for payload in payloads { receive(payload, topic: topic, service) }
    service.clientFinishedReading(subscriber)
    finish(service)
  }

  private func receive(_ payload: String, topic: String = "t", _ service: RulesService) {
    service.client(
      subscriber,
      received: IncomingMessage(
        topic: topic, payload: Array(payload.utf8), qos: .atLeastOnce, retained: false,
        properties: PublishProperties()))
  }

  /// Waits until all actions are done.
  private func finish(_ service: RulesService) {
    var timer: LoopTimer?
    timer = loop.makeTimer { [loop] in
      if service.unfinished == 0 {
        loop.stop()
      } else {
        timer?.set(MonotonicTime.now().advanced(by: 1_000_000))
      }
    }
    timer?.set(.now())
    loop.run()
    timer?.cancel()
  }

  /// What the log action wrote since the last call.
  private func takeOutputs() -> [String] {
    defer { events.removeAll() }
    return events.compactMap { if case .output(_, let text) = $0 { text } else { nil } }
  }

  private let lost = ConnectionState.waiting(after: MQTTError(.unreachable, "the broker is away"))

  @Test func `a service is ready once each filter is granted, and again after each connection`() throws {
    let service = try service([
      rule("a", "SELECT * FROM 'a'", actions: #"{"log":{}}"#),
      rule("b", "SELECT * FROM 'b/+'", actions: #"{"log":{}}"#),
    ])
    let filters = [try TopicFilter("a"), try TopicFilter("b/+")]
    func grant(_ filter: TopicFilter) {
      service.client(subscriber, subscribed: filter, .success(.atLeastOnce))
    }
    #expect(!service.isReady)
    grant(filters[0])
    // Counting grants would take this for the second filter.
    grant(filters[0])
    #expect(!service.isReady)
    grant(filters[1])
    #expect(service.isReady)
    #expect(events == [.ready(rules: ["a", "b"])])
    service.client(subscriber, changedTo: lost)
    #expect(!service.isReady)
    grant(filters[1])
    #expect(!service.isReady)
    grant(filters[0])
    #expect(service.isReady)
    #expect(events == [.ready(rules: ["a", "b"]), .problem("rules: the broker is away; trying again")])
  }

  @Test func `the publisher's connection has no part in whether a service is ready`() throws {
    let service = try service([rule("a", "SELECT * FROM 'a'", actions: #"{"log":{}}"#)])
    service.client(subscriber, subscribed: try TopicFilter("a"), .success(.atLeastOnce))
    service.client(publisher, changedTo: lost)
    #expect(service.isReady)
  }

  private func storingRule() throws -> RuleDocument {
    let timestream =
      #"{"timestream":{"databaseName":"sensorDB","tableName":"trucks","dimensions":[{"name":"device","value":"x"}],"timestamp":{"value":"${n}"}}}"#
    return try rule("s", "SELECT n, 1 AS a FROM 't'", actions: #"{"log":{}},"# + timestream)
  }

  @Test func `after a store's failure only the store's actions are done again`() throws {
    let service = try service([storingRule()], stores: true)
    deliver([#"{"n":1}"#, #"{"n":2}"#], to: service)
    #expect(takeOutputs() == [#"{"n":1,"a":1}"#, #"{"n":2,"a":1}"#])
    #expect(service.rules[0].counters.failure == 2)
    try FileManager.default.removeItem(atPath: storeFolder)
    service.client(subscriber, changedTo: lost)
    deliver([#"{"n":1}"#, #"{"n":2}"#, #"{"n":3}"#], to: service)
    #expect(takeOutputs() == [#"{"n":3,"a":1}"#])
    #expect(service.rules[0].counters.topicMatch == 3)
    #expect(service.rules[0].counters.failure == 2)
    // Each message is new again, also one that was stored before.
    deliver([#"{"n":1}"#, #"{"n":2}"#], to: service)
    #expect(takeOutputs() == [#"{"n":1,"a":1}"#, #"{"n":2,"a":1}"#])
  }

  @Test
  func
    `while a transaction waits, what comes next is evaluated, and nothing is acknowledged before it is stored`()
    throws
  {
    try FileManager.default.removeItem(atPath: storeFolder)
    let service = try service([storingRule()], stores: true)
    deliver([#"{"n":1}"#], to: service)
    #expect(!subscriber.holdsAcknowledgements)
    let other = try LocalStore(path: storeFolder + "/sensorDB.sqlite")
    try other.transaction {
      for number in 2...4 {
        receive(#"{"n":\#(number)}"#, service)
        service.clientFinishedReading(subscriber)
        #expect(subscriber.holdsAcknowledgements)
      }
      #expect(service.unfinished == 3)
    }
    #expect(takeOutputs() == (1...4).map { #"{"n":\#($0),"a":1}"# })
    finish(service)
    #expect(!subscriber.holdsAcknowledgements)
    #expect(service.rules[0].counters.success == 8)
    #expect(service.health.isGood)
  }

  @Test func `what isn't delivered again leaves no message behind that loses its actions later`() throws {
    let service = try service([storingRule()], stores: true)
    deliver([#"{"n":1}"#, #"{"n":2}"#], to: service)
    try FileManager.default.removeItem(atPath: storeFolder)
    service.client(subscriber, changedTo: lost)
    events.removeAll()
    // The broker has lost the second message. What comes instead is new, and so is the same message at a later time.
    deliver([#"{"n":1}"#, #"{"n":9}"#], to: service)
    #expect(takeOutputs() == [#"{"n":9,"a":1}"#])
    deliver([#"{"n":2}"#], to: service)
    #expect(takeOutputs() == [#"{"n":2,"a":1}"#])
  }

  @Test func `what a statement can't make is told ten times a second, by its kind and not by its words`()
    throws
  {
    let service = try service([
      rule("j", "SELECT a FROM 't'", actions: #"{"log":{}}"#),
      rule("l", "SELECT a + a + a AS r FROM 't'", actions: #"{"log":{}}"#),
    ])
    let long = #"{"a":"\#(String(repeating: "failed ", count: 20_000))"}"#
    deliver(["no JSON", long], to: service)
    #expect(
      events.filter { if case .problem = $0 { true } else { false } } == [
        .problem(
          "rule j: a payload on 't' can't be read as JSON: line 1, column 1: a word that is neither true, false nor null"
        ),
        .problem(
          "rule l: a payload on 't' can't be read as JSON: line 1, column 1: a word that is neither true, false nor null"
        ),
        .problem("rule l: no result for a message on 't': a value or the result has more than 262144 bytes"),
      ])
    #expect(service.rules.map(\.counters.parseError) == [1, 2])
    events.removeAll()
    let began = WallClock.milliseconds / 1000
    deliver([String](repeating: "no JSON", count: 500), to: service)
    let seconds = WallClock.milliseconds / 1000 - began + 1
    // Ten, and one line for the others, in each second that the test took; three were told before.
    #expect(events.count <= 11 * seconds && events.count >= 7)
  }

  @Test func `a statement that exceeds a limit reaches the error action`() throws {
    let document = try RuleDocument(
      Array(
        #"{"sql":"SELECT s + s + s AS r, 1 AS a FROM 't'","awsIotSqlVersion":"2016-03-23","actions":[{"republish":{"topic":"x"}}],"errorAction":{"log":{}}}"#
          .utf8), file: "grow.json")
    let service = try service([document])
    deliver([#"{"s":"\#(String(repeating: "a", count: 100_000))"}"#], to: service)
    let message = try #require(takeOutputs().first)
    #expect(message.hasPrefix(#"{"ruleName":"grow","topic":"t","#))
    #expect(
      message.hasSuffix(
        #""failures":[{"failedAction":"RuleEvaluation","failedResource":"grow","errorMessage":"a value or the result has more than 262144 bytes"}]}"#
      ))
    #expect(service.rules[0].counters.errorActionSuccess == 1)
    #expect(service.rules[0].counters.rulesExecuted == 0)
  }

  @Test func `a template that exceeds a limit fails its action and reaches the error action`() throws {
    let document = try RuleDocument(
      Array(
        #"{"sql":"SELECT 1 AS a FROM 't'","awsIotSqlVersion":"2016-03-23","actions":[{"republish":{"topic":"x/${s + s + s}"}},{"republish":{"topic":"x","headers":{"contentType":"${s}${s}${s}"}}}],"errorAction":{"log":{}}}"#
          .utf8), file: "grow.json")
    let service = try service([document])
    deliver([#"{"s":"\#(String(repeating: "a", count: 100_000))"}"#], to: service)
    let message = try #require(takeOutputs().first)
    #expect(
      message.contains(
        #""failedResource":"x/${s + s + s}","errorMessage":"the topic: a value or the result has more"#))
    #expect(
      message.contains(#""failedResource":"x","errorMessage":"headers: a value or the result has more"#))
    #expect(service.rules[0].counters.failure == 2)
  }
}
