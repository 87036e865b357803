import Foundation
import Testing

/// The rules engine beside the truck and as a service, against the real broker.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct RulesTests {
  let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: URL(fileURLWithPath: truck.path("rules")))
  }

  /// A broker with the rules' permissions, and a truck that publishes once an hour.
  private func startCloud(_ options: String...) throws -> (Trucksensor.Running, port: String) {
    let cloud = try Trucksensor.Running(
      Trucksensor.executable, ["run", "truckSensor01", "--interval", "1h", "--quiet"] + options,
      in: truck.folder)
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return (cloud, String(try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1)))
  }

  @Test func `a run puts each reading on truck/analyze as numbers`() throws {
    let cloud = try truck.start("run", "truckSensor01", "--count", "20", "--rate", "20", "--quiet", "--loop")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") }
    let watcher = try truck.start("subscribe", "truck/analyze", "--count", "5", "--timeout", "10s")
    let result = watcher.wait()
    #expect(result.status == 0, "\(result.errors)")
    let payload = try #require(result.lines.first { $0.hasPrefix("{") })
    #expect(
      payload.contains(
        /^\{"temp":-?\d+(\.\d+)?,"volts":1[12](\.\d+)?,"door":[01],"timestamp":"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"\}$/
      ))
    #expect(cloud.wait().status == 0)
  }

  @Test func `an engine killed in the middle loses nothing`() throws {
    let (cloud, port) = try startCloud()
    try setRule(in: "own", filter: "load/in", topic: "load/out")
    let count = 50_000
    let watcher = try truck.start(
      "subscribe", "load/out", "--device", "mqttTestClient", "--qos", "1", "--json")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    var engine = try truck.startEngine()
    let source = try truck.start(
      "simulate", "--device", "mqttTestClient", "--client-id", "source", "--topic", "load/in", "--rate",
      "max",
      "--qos", "1", "--count", "\(count)", "--loop", "--quiet", "--json", "--endpoint", "127.0.0.1:\(port)",
      "--ca",
      "data/ca/root-CA.crt")
    for line in [2_000, 15_000] {
      try watcher.waitUntil { $0.outputText.utf8.count > line * 150 }
      engine.interrupt(SIGKILL)
      _ = engine.wait()
      engine = try truck.startEngine()
    }
    let sent = source.wait()
    #expect(sent.status == 0, "\(sent.errors)")
    #expect(sent.json["acknowledged"] as? Int == count)
    let last = "\\\"n\\\":\\\"\(count)\\\""
    try watcher.waitUntil { $0.outputText.contains(last) }
    engine.interrupt()
    _ = engine.wait()
    watcher.interrupt()
    let seen = Set(watcher.wait().output.matches(of: /\\"n\\":\\"(\d+)\\"/).compactMap { Int($0.1) })
    #expect(seen.count == count)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a republish that the broker denies goes to the error action`() throws {
    try setRule(filter: "load/in", topic: "load/out")
    let (cloud, _) = try startCloud()
    // The engine's permissions are those of the rules that the run has read.
    try setRule(in: "own", filter: "load/in", topic: "for${'bidden'}/x")
    let engine = try truck.start("rules", "run", "--rules", "own", "--client-id", "another", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    let watcher = try truck.start("subscribe", "TimeStream_rule_error", "--count", "1", "--timeout", "15s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    let published = try truck.run("publish", "load/in", "{\"a\":1}")
    #expect(published.status == 0, "\(published.errors)")
    let result = watcher.wait()
    #expect(result.status == 0, "\(result.errors) \(engine.errorText)")
    let json = result.json
    #expect(json["ruleName"] as? String == "load")
    #expect(json["topic"] as? String == "load/in")
    #expect(json["base64OriginalPayload"] as? String == "eyJhIjoxfQ==")
    #expect(json["cloudwatchTraceId"] as? String != nil)
    let failure = try #require((json["failures"] as? [[String: String]])?.first)
    #expect(failure["failedAction"] == "RepublishAction")
    #expect(failure["failedResource"] == "forbidden/x")
    #expect(failure["errorMessage"]?.contains("forbidden/x") == true)
    engine.interrupt()
    let counters = engine.wait().json["rules"] as? [String: [String: Int]]
    #expect(counters?["load"]?["Failure"] == 1)
    #expect(counters?["load"]?["ErrorActionSuccess"] == 1)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a changed document is read again, a broken one leaves its rule`() throws {
    try setRule(filter: "load/in", topic: "load/out")
    let (cloud, _) = try startCloud()
    let engine = try truck.start("rules", "run", "--client-id", "another", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    try truck.write("{\"sql\": 1", to: "rules/load.json")
    engine.interrupt(SIGHUP)
    try engine.waitUntil { $0.errorText.contains("rules/load.json: line 1, column 10") }
    try engine.waitUntil { $0.errorText.contains("reloaded: fleetAnalyze, load, truckAnalyze") }
    try setRule(filter: "load/in", topic: "truck/analyze")
    try engine.waitUntil { $0.errorText.components(separatedBy: "reloaded:").count == 3 }
    let watcher = try truck.start("subscribe", "truck/analyze", "--count", "1", "--timeout", "10s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    let published = try truck.run("publish", "load/in", "{\"a\":10.0}")
    #expect(published.status == 0, "\(published.errors)")
    #expect(watcher.wait().lines.contains("{\"a\":10}"))
    engine.interrupt()
    _ = engine.wait()
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a broken document is reported once, whatever else changes, and again for another error`()
    throws
  {
    try setRule(in: "own", filter: "load/in", topic: "load/out")
    let (cloud, _) = try startCloud()
    let engine = try truck.start("rules", "run", "--rules", "own", "--client-id", "another", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    func told(_ text: String) -> Int { engine.errorText.components(separatedBy: text).count - 1 }
    try truck.write("{\"sql\": 1", to: "own/load.json")
    try engine.waitUntil { _ in told("reloaded: load\n") == 1 }
    #expect(told("own/load.json: line 1, column 10") == 1)
    let other = #"{"sql": "SELECT * FROM 'other'", "actions": [{"log": {}}]}"#
    try truck.write(other, to: "own/other.json")
    try engine.waitUntil { _ in told("reloaded: load, other\n") == 1 }
    #expect(told("own/load.json") == 1)
    try truck.write("{\"sql\": ", to: "own/load.json")
    try engine.waitUntil { _ in told("reloaded: load, other\n") == 2 }
    #expect(told("own/load.json") == 2)
    engine.interrupt()
    _ = engine.wait()
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a folder of rules that can't be read for a while leaves the rules as they were`() throws {
    try setRule(filter: "load/in", topic: "load/out")
    let (cloud, _) = try startCloud()
    try setRule(in: "own", filter: "load/in", topic: "load/out")
    let engine = try truck.start("rules", "run", "--rules", "own", "--client-id", "another", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    let files = FileManager.default
    try files.moveItem(atPath: truck.path("own"), toPath: truck.path("away"))
    func told(_ text: String) -> Int { engine.errorText.components(separatedBy: text).count - 1 }
    try engine.waitUntil { _ in told("the rules stay as they were") == 1 }
    // A watch of the folder later, it isn't told again; the rule still does its work.
    let watcher = try truck.start("subscribe", "load/out", "--count", "1", "--timeout", "15s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    #expect(try truck.run("publish", "load/in", "{\"a\":1}").status == 0)
    #expect(watcher.wait().lines.contains("{\"a\":1}"))
    #expect(told("the rules stay as they were") == 1 && told("reloaded:") == 0)
    try files.moveItem(atPath: truck.path("away"), toPath: truck.path("own"))
    try engine.waitUntil { _ in told("reloaded: load") == 1 }
    // A document that is gone takes its rule with it.
    try files.removeItem(atPath: truck.path("own/load.json"))
    try engine.waitUntil { _ in told("reloaded: \n") == 1 }
    engine.interrupt()
    #expect((engine.wait().json["rules"] as? [String: Any])?.isEmpty == true)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test(arguments: [
    "SELECT (SELECT VALUE concat(@s, @s) FROM l) AS r FROM 't'",
    "SELECT transform('enrichArray', o, l) AS r FROM 't'",
    "SELECT \((0..<2_000).map { "s AS a\($0)" }.joined(separator: ", ")), * FROM 't'",
    "SELECT regexp_matches(@s, '\(String(repeating: "()", count: 90))(a|b)*[cd]') AS r FROM 't'",
  ]) func `a statement that would take gigabytes ends within the memory of a small process`(sql: String)
    throws
  {
    let members = (0..<5_000).map { "\"k\($0)\":1" }.joined(separator: ",")
    let list = repeatElement("{}", count: 30_000).joined(separator: ",")
    let text = String(repeating: "a", count: 80_000)
    try truck.write("{\"s\":\"\(text)\",\"l\":[\(list)],\"o\":{\(members)}}\n", to: "payload.json")
    try truck.write("SET @s = s \(sql)", to: "statement.sql")
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c",
        "ulimit -v 700000; exec '\(Trucksensor.executable.path)' rules eval --sql \"$(cat statement.sql)\" < payload.json",
      ], in: truck.folder
    ).wait()
    #expect(result.status == 1 && result.output == "", "\(result.status) \(result.errors.prefix(500))")
    #expect(result.errors.contains(/^trucksensor: line 1: (evaluation reads|a regular expression has more)/))
  }

  @Test func `lines are evaluated in their order on several cores, and what is wrong is told with its line`()
    throws
  {
    var lines = (1...50_000).map { "{\"n\":\($0),\"padding\":\"\(String(repeating: "x", count: $0 % 90))\"}" }
    lines[9] = "{\"n\":10"
    lines[19] += "\r"
    lines[29] = ""
    lines[30_000] = "{\"n\":\"\(String(repeating: "x", count: 300_000))\"}"
    lines[30_001] = String(repeating: "x", count: 3_000_000)
    lines[49_998] = "[1,]"
    try truck.write(lines.joined(separator: "\n"), to: "lines.json")
    let results = try ["1", "3"].map { jobs in
      try Trucksensor.Running(
        URL(fileURLWithPath: "/bin/sh"),
        [
          "-c", "exec \"$0\" rules eval --sql \"SELECT n FROM 't'\" --jobs \(jobs) < lines.json",
          Trucksensor.executable.path,
        ],
        in: truck.folder
      ).wait()
    }
    let missing: Set<Int> = [10, 30, 30_001, 30_002, 49_999]
    let expected = (1...50_000).filter { !missing.contains($0) }.map { "{\"n\":\($0)}\n" }.joined()
    for result in results {
      #expect(result.status == 1)
      #expect(result.output == expected)
      #expect(
        result.errors == """
          trucksensor: line 10, column 8: the text ends too early
          trucksensor: line 30001, column 1: the payload has 300008 bytes, more than 262144
          trucksensor: line 30002: the payload has more than 262144 bytes
          trucksensor: line 49999, column 4: ']' where a value is expected

          """)
    }
  }

  @Test func `a line as large as a disk is refused at once`() throws {
    let result = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c",
        "(head -c 50000000 /dev/zero | tr '\\0' x; echo; echo '{\"a\":1}') | (ulimit -v 300000; \"$0\" rules eval --sql \"SELECT * FROM 't'\")",
        Trucksensor.executable.path,
      ], in: truck.folder
    ).wait()
    #expect(result.output == "{\"a\":1}\n")
    #expect(result.errors == "trucksensor: line 1: the payload has more than 262144 bytes\n")
  }

  @Test func `counters are served to Prometheus, on loopback names only`() throws {
    try setRule(filter: "load/in", topic: "load/out")
    let (cloud, _) = try startCloud()
    let engine = try truck.start(
      "rules", "run", "--client-id", "another", "--metrics-port", "0", "--hop-limit", "1")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    #expect(try truck.run("publish", "load/in", "{\"a\":1}").status == 0)
    let address = try #require(engine.errorText.firstMatch(of: /(http:\/\/127\.0\.0\.1:\d+)\/metrics/)?.1)
    func get(_ path: String, _ options: String...) throws -> String {
      try Trucksensor.Running(
        URL(fileURLWithPath: "/usr/bin/curl"), ["-s", "-i"] + options + ["\(address)\(path)"],
        in: truck.folder
      ).wait().output
    }
    let deadline = Date().addingTimeInterval(10)
    let wanted = "trucksensor_rule_success_total{rule=\"load\"} 1\n"
    while try !get("/metrics").contains(wanted), Date() < deadline { poll(nil, 0, 50) }
    let text = try get("/metrics")
    #expect(text.contains(wanted), "\(text)")
    #expect(text.contains("Content-Type: text/plain; version=0.0.4"))
    #expect(try get("/other").hasPrefix("HTTP/1.1 404"))
    #expect(try get("/metrics", "-H", "Host: example.com").hasPrefix("HTTP/1.1 421"))
    #expect(try get("/metrics", "-d", "x").hasPrefix("HTTP/1.1 405"))
    #expect(
      try get("/metrics", "-H", "X: \(String(repeating: "x", count: 60_000))").hasPrefix("HTTP/1.1 431"))
    engine.interrupt()
    _ = engine.wait()
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a loop is refused without a hop limit and ends with one`() throws {
    let (cloud, _) = try startCloud()
    try truck.write(
      """
      {"sql": "SELECT * FROM 'load/#'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"republish": {"topic": "load/again", "qos": 1, "headers": {
         "contentType": "application/json", "messageExpiry": "60", "payloadFormatIndicator": "UTF8_DATA",
         "correlationData": "AP8=", "userProperties": [{"key": "from", "value": "${topic()}"}]}}}]}
      """, to: "rules/load.json")
    let refused = try truck.run("rules", "check", "rules/load.json")
    #expect(refused.status == 65)
    #expect(refused.errors.contains("a loop; --hop-limit allows it"))
    let engine = try truck.start(
      "rules", "run", "--device", "mqttTestClient", "--client-id", "another", "--hop-limit", "3", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    #expect(try truck.run("publish", "load/in", "{\"a\":1}").status == 0)
    try engine.waitUntil { $0.errorText.contains("the message was republished 3 times, the limit") }
    engine.interrupt()
    let counters = engine.wait().json["rules"] as? [String: [String: Int]]
    #expect(counters?["load"]?["Success"] == 3)
    #expect(counters?["load"]?["Failure"] == 1)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `rules test checks a rule's actions and error action`() throws {
    try setRule(filter: "load/+/in", topic: "load/${topic(2)}/out")
    let good = """
      {"id": "good", "topic": "load/7/in", "payload": {"a": 1}, "expect": {"match": true, "result": {"a": 1},
        "actions": [{"republish": {"topic": "load/7/out", "qos": 1}}],
        "errorAction": {"republish": {"topic": "TimeStream_rule_error", "qos": 1}}}}
      """
    try truck.write("[\(good)]", to: "cases.json")
    #expect(try truck.run("rules", "test", "--rule", "load", "cases.json").output == "1 passed, 0 failed\n")
    try truck.write(
      "[\(good), \(good.replacing("load/7/out", with: "load/8/out")), \(good.replacing("_error", with: "_err"))]",
      to: "cases.json")
    let result = try truck.run("rules", "test", "--rule", "rules/load.json", "--junit", "r.xml", "cases.json")
    #expect(result.status == 1)
    #expect(result.lines.contains("1 passed, 2 failed"))
    #expect(result.output.contains("\"topic\":\"load/7/out\""))
    #expect(
      try String(contentsOfFile: truck.path("r.xml"), encoding: .utf8).contains("tests=\"3\" failures=\"2\""))
  }

  @Test func `rules test refuses a file without a case`() throws {
    try truck.write("[]", to: "cases.json")
    let result = try truck.run("rules", "test", "cases.json")
    #expect(result.status == 65)
    #expect(result.errors == "trucksensor: cases.json: the file has no case; docs/rules.md shows one\n")
  }

  @Test func `rules new writes a rule that is valid and a test of it that passes`() throws {
    let made = try truck.run("rules", "new", "hot", "--sql", "SELECT temp FROM 'truck/+' WHERE temp > 8")
    #expect(made.status == 0, "\(made.errors)")
    #expect(made.output.contains("payload  {\"temp\":9}"))
    #expect(try truck.run("rules", "check", "rules/hot.json").status == 0)
    #expect(try truck.run("rules", "test", "rules/cases/hot.json").output == "1 passed, 0 failed\n")
    let again = try truck.run("rules", "new", "hot")
    #expect(again.status == 64)
    #expect(again.errors.contains("rules/hot.json already exists"))
    #expect(try truck.run("rules", "new", "hot trucks").status == 64)
    let wrong = try truck.run("rules", "new", "cold", "--sql", "SELECT temp FORM 't'")
    #expect(wrong.status == 65)
    #expect(wrong.errors.contains("line 1, column 13"))
  }

  @Test func `rules check shows all rules of a template and what doesn't run here`() throws {
    try truck.write(
      """
      Resources:
        Hot:
          Type: AWS::IoT::TopicRule
          Properties:
            TopicRulePayload:
              Sql: SELECT aws_lambda('f', *) AS r FROM 'truck/+'
              AwsIotSqlVersion: 2016-03-23
              Actions:
                - Lambda: {FunctionArn: !GetAtt Function.Arn}
        Cold:
          Type: AWS::IoT::TopicRule
          Properties:
            TopicRulePayload:
              Sql: SELECT temp FROM 'truck/+'
              AwsIotSqlVersion: 2016-03-23
              Actions:
                - Republish: {Topic: out, Qos: 1}
      """, to: "template.yaml")
    let result = try truck.run("rules", "check", "template.yaml")
    #expect(result.status == 65)
    #expect(result.output.contains("template.yaml: rule Hot, SQL 2016-03-23, FROM 'truck/+'"))
    #expect(result.output.contains("can't be run here: aws_lambda() needs AWS Lambda"))
    #expect(
      result.output.contains("action: lambda: functionArn <Function.Arn> (not run here: it needs AWS Lambda)")
    )
    #expect(
      result.errors.contains(
        "template.yaml: line 17, column 24: Resources.Cold.Properties.TopicRulePayload.Actions[0].Republish.RoleArn: "
          + "is missing; AWS requires it"))
    try truck.write(
      #"[{"topic": "truck/1", "payload": {"temp": 3}, "expect": {"match": true, "result": {"temp": 3}}}]"#,
      to: "cases.json")
    let evaluated = try truck.run(
      "rules", "test", "--rule", "template.yaml#Cold", "cases.json")
    #expect(evaluated.output == "1 passed, 0 failed\n", "\(evaluated.errors)")
  }

  @Test func `a rule that needs another service's function is refused when it is run`() throws {
    let (cloud, _) = try startCloud()
    try truck.write(
      """
      {"sql": "SELECT get_secret('s', 'SecretString', 'r') AS s FROM 't'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"log": {}}]}
      """, to: "rules/secret.json")
    try cloud.waitUntil {
      $0.errorText.contains("rules/secret.json: line 1, column 9: sql: get_secret() needs AWS")
    }
    let result = try truck.run("rules", "run", "--device", "mqttTestClient", "--client-id", "another")
    #expect(result.status == 65)
    #expect(result.errors.contains("rules/secret.json: line 1, column 9: sql: get_secret() needs AWS"))
    #expect(try truck.run("rules", "check", "rules/secret.json").status == 0)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `hostile payloads neither stop the engine nor the messages behind them`() throws {
    let (cloud, _) = try startCloud()
    try setRule(in: "own", filter: "load/in", topic: "load/out")
    try truck.write(
      """
      {"sql": "SELECT a FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"republish": {"topic": "load/a", "qos": 1}}]}
      """, to: "own/second.json")
    let engine = try truck.start(
      "rules", "run", "--rules", "own", "--device", "mqttTestClient", "--client-id", "another", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    let watcher = try truck.start(
      "subscribe", "load/out", "load/a", "--count", "9", "--timeout", "15s", "--json", "--qos", "1")
    try watcher.waitUntil { $0.errorText.contains("subscribed to load/a") }
    let large = "{\"a\":\"\(String(repeating: "x", count: 200_000))\"}"
    let payloads: [Data] = [
      Data("no JSON".utf8), Data([0xFF, 0x00, 0xFE]), Data(), Data(large.utf8),
      Data(String(repeating: "[", count: 10_000).utf8), Data("{\"a\":1}".utf8),
    ]
    for (number, payload) in payloads.enumerated() {
      let file = truck.path("payload\(number)")
      try payload.write(to: URL(fileURLWithPath: file))
      let sent = try Trucksensor.Running(
        URL(fileURLWithPath: "/bin/sh"),
        [
          "-c",
          payload.isEmpty ? "exec \"$0\" publish load/in ''" : "exec \"$0\" publish load/in < \"$1\"",
          Trucksensor.executable.path, file,
        ], in: truck.folder
      ).wait()
      #expect(sent.status == 0, "\(sent.errors)")
    }
    let result = watcher.wait()
    engine.interrupt()
    let counters = engine.wait().json["rules"] as? [String: [String: Int]]
    // `SELECT *` passes on payloads that aren't JSON; two payloads of six are JSON with an "a", and an empty one may get data.
    #expect(counters?["load"]?["Success"] == 6)
    #expect(counters?["second"]?["ParseError"] == 3)
    #expect(counters?["second"]?["Success"] == 3)
    #expect(result.lines.filter { $0.contains("\"topic\":\"load/out\"") }.count == 6)
    #expect(result.lines.filter { $0.contains("\"topic\":\"load/a\"") }.count == 3)
    cloud.interrupt()
    _ = cloud.wait()
  }

  /// Writes a rule; a run reads those of `rules` itself.
  private func setRule(
    in folder: String = "rules", filter: String, topic: String, error: String = "TimeStream_rule_error"
  ) throws {
    try FileManager.default.createDirectory(atPath: truck.path(folder), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT * FROM '\(filter)'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"republish": {"topic": "\(topic)", "qos": 1}}],
       "errorAction": {"republish": {"topic": "\(error)", "qos": 1}}}
      """, to: "\(folder)/load.json")
  }

  @Test func `an engine without a broker says once that it can't reach it, and why it ends`() throws {
    #expect(try truck.run("simulate", "--count", "1").status == 0)
    let result = try truck.run(
      "rules", "run", "--endpoint", "127.0.0.1:1", "--ca", "data/ca/root-CA.crt", "--connect-timeout", "3s")
    #expect(result.status == 69, "\(result.errors)")
    #expect(result.errors.components(separatedBy: "trying again").count - 1 == 1, "\(result.errors)")
    #expect(result.errors.components(separatedBy: "\ntrucksensor: ").count - 1 == 1, "\(result.errors)")
    #expect(!result.errors.contains("identifier"), "\(result.errors)")
  }

  @Test func `a message at QoS 0 that the broker denies doesn't disconnect the engine`() throws {
    // The broker knows the rules in rules/ only.
    try setRule(filter: "load/in", topic: "load/out")
    let (cloud, _) = try startCloud()
    try FileManager.default.createDirectory(atPath: truck.path("own"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT * FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"republish": {"topic": "load/denied", "qos": 0}}]}
      """, to: "own/denied.json")
    let engine = try truck.start("rules", "run", "--rules", "own", "--client-id", "another", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    for _ in 1...5 { #expect(try truck.run("publish", "load/in", "{}").status == 0) }
    engine.interrupt()
    let result = engine.wait()
    let counters = result.json["rules"] as? [String: [String: Int]]
    #expect(counters?["denied"]?["RulesExecuted"] == 5, "\(result.errors)")
    #expect(!result.errors.contains("trying again"), "\(result.errors)")
    cloud.interrupt()
    _ = cloud.wait()
  }
}
