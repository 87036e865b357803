import Foundation
import Testing

/// Rules with each of AWS's actions, run by the engine against the real broker.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct ActionsTests {
  let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: URL(fileURLWithPath: truck.path("rules")))
  }

  private func startCloud() throws -> Trucksensor.Running {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return cloud
  }

  private func startEngine(_ options: String...) throws -> Trucksensor.Running {
    let arguments = ["--rules", "own", "--device", "mqttTestClient", "--client-id", "another", "--json"]
    let engine = try Trucksensor.Running(
      Trucksensor.executable, ["rules", "run"] + arguments + options, in: truck.folder)
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    return engine
  }

  private func setRule(_ name: String, _ action: String, error: String? = nil) throws {
    try FileManager.default.createDirectory(atPath: truck.path("own"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT temp FROM 'truck/+'", "awsIotSqlVersion": "2016-03-23", "actions": [\(action)]\
      \(error.map { ", \"errorAction\": \($0)" } ?? "")}
      """, to: "own/\(name).json")
  }

  /// The lines that a rule's actions have recorded.
  private func records(of rule: String) -> [Substring] {
    let text = try? String(contentsOfFile: truck.path("data/actions/\(rule).ndjson"), encoding: .utf8)
    return text?.split(separator: "\n") ?? []
  }

  @Test
  func `a rule with each of AWS's actions loads, runs what runs here, and records what the others would get`()
    throws
  {
    let file = Trucksensor.repository.appendingPathComponent("Tests/actions.json")
    let actions = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: [String: Any]])
    #expect(actions.count == 24)
    for (type, body) in actions {
      let text = try JSONSerialization.data(withJSONObject: [type: body])
      try setRule(type, String(decoding: text, as: UTF8.self))
    }
    let check = try Trucksensor.Running(
      Trucksensor.executable, ["rules", "check"] + actions.keys.sorted().map { "own/\($0).json" },
      in: truck.folder
    ).wait()
    #expect(check.status == 0, "\(check.errors)")
    #expect(check.output.components(separatedBy: "(not run here: ").count - 1 == 19)
    let cloud = try startCloud()
    let engine = try startEngine("--record-actions", "--metrics-port", "0")
    #expect(try truck.run("publish", "truck/7", #"{"temp":21.5}"#).status == 0)
    try engine.waitUntil { _ in
      actions.keys.filter { !["republish", "timestream", "cloudwatchMetric"].contains($0) }.allSatisfy {
        !records(of: $0).isEmpty
      }
    }
    let address = try #require(engine.errorText.firstMatch(of: /(http:\/\/127\.0\.0\.1:\d+)\/metrics/)?.1)
    let labels = #"{namespace="trucks",metric="temp 7",unit="None"}"#
    try engine.waitUntil { _ in
      let text = try? StoreServer.shell("curl -s \(address)/metrics")
      return text?.contains("trucksensor_cloudwatch_metric_value\(labels) 21.5\n") == true
        && text?.contains("trucksensor_cloudwatch_metric_time_seconds\(labels) 1729703643.0\n") == true
        && text?.contains("trucksensor_rule_not_run_here_total{rule=\"s3\"} 1\n") == true
    }
    engine.interrupt()
    let result = engine.wait()
    let counters = result.json["rules"] as? [String: [String: Int]]
    for type in actions.keys {
      let runs = ["republish", "timestream", "cloudwatchMetric"].contains(type)
      #expect(counters?[type]?["Success"] == (runs ? 1 : 0), "\(type)")
      #expect(counters?[type]?["NotRunHere"] == (runs ? 0 : 1), "\(type)")
      #expect(records(of: type).count == (runs ? 0 : 1), "\(type)")
    }
    let expected = [
      "s3": #""key":"truck/7/21.5.json""#, "dynamoDBv2": #""putItem":{"tableName":"t_7"}"#,
      "lambda": #""functionArn":"arn:aws:lambda:us-east-1:123456789012:function:7""#,
      "http": #""headers":[{"key":"X-Temp","value":"21.5"}]"#, "influxDB": #""tags":{"device":"7"}"#,
      "iotSiteWise": #""value":{"doubleValue":"21.5"}"#, "firehose": #""separator":"\n""#,
      // What only AWS can resolve stays as it is written.
      "kafka": #""sasl.password":"${get_secret('s',"#,
    ]
    for (type, parameters) in expected {
      let line = try String(contentsOfFile: truck.path("data/actions/\(type).ndjson"), encoding: .utf8)
      #expect(line.hasPrefix(#"{"rule":"\#(type)","action":"\#(type)","time":"20"#), "\(line)")
      #expect(line.contains(parameters), "\(line)")
      #expect(line.hasSuffix(#","payload":{"temp":21.5}}"# + "\n"), "\(line)")
    }
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test
  func `Basic Ingest reaches the rule that it names, and a rule without FROM is reached by nothing else`()
    throws
  {
    try FileManager.default.createDirectory(atPath: truck.path("own"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT temp, topic() AS topic", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"republish": {"topic": "out/direct", "qos": 1}}]}
      """, to: "own/direct.json")
    try truck.write(
      """
      {"sql": "SELECT temp FROM 'other/+'", "awsIotSqlVersion": "2016-03-23", "actions": [{"log": {}}]}
      """, to: "own/filtered.json")
    let cloud = try startCloud()
    let engine = try startEngine()
    let watcher = try truck.start(
      "subscribe", "out/direct", "--device", "mqttTestClient", "--client-id", "out", "--count", "1",
      "--timeout", "10s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    for topic in [
      "truck/7", "other/7", "$aws/rules/another/truck/7", "$aws/rules/filtered/truck/7",
      "$aws/rules/direct/truck/7",
    ] {
      #expect(try truck.run("publish", topic, #"{"temp":21.5}"#, "--qos", "1").status == 0)
    }
    #expect(watcher.wait().output.contains(#"{"temp":21.5,"topic":"truck/7"}"#))
    engine.interrupt()
    let counters = engine.wait().json["rules"] as? [String: [String: Int]]
    #expect(counters?["direct"]?["TopicMatch"] == 1)
    #expect(counters?["filtered"]?["TopicMatch"] == 2)
    cloud.interrupt()
    _ = cloud.wait()
  }

  /// Prints each request as a line of JSON, and answers 500 for a path with "fail".
  private static let receiver = """
    import http.server, json
    class Handler(http.server.BaseHTTPRequestHandler):
      def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length'])).decode()
        print(json.dumps({'path': self.path, 'body': body, 'type': self.headers['Content-Type'], 'temp': self.headers['X-Temp']}), flush=True)
        self.send_response(500 if 'fail' in self.path else 204)
        self.end_headers()
      def log_message(self, *arguments): pass
    server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
    """

  @Test func `an http action reaches this machine, and its error action hears of what failed`() throws {
    let receiver = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/python3"), ["-c", Self.receiver], in: truck.folder)
    try receiver.waitUntil { $0.outputText.contains("\n") }
    let port = receiver.outputText.prefix { $0 != "\n" }
    func action(_ url: String) -> String {
      #"{"http": {"url": "\#(url)", "headers": [{"key": "X-Temp", "value": "${temp}"}]}}"#
    }
    try setRule("good", action("http://127.0.0.1:\(port)/truck/${topic(2)}"))
    try setRule("bad", action("http://localhost:\(port)/fail"), error: #"{"log": {}}"#)
    try setRule("far", action("http://198.51.100.1:\(port)/truck"))
    let cloud = try startCloud()
    let engine = try startEngine("--record-actions")
    #expect(try truck.run("publish", "truck/7", #"{"temp":21.5}"#).status == 0)
    try receiver.waitUntil { $0.outputText.contains("/truck/7") && $0.outputText.contains("/fail") }
    try engine.waitUntil { $0.errorText.contains(#""failedAction":"HttpAction""#) }
    #expect(
      receiver.outputText.contains(
        #"{"path": "/truck/7", "body": "{\"temp\":21.5}", "type": "application/json", "temp": "21.5"}"#))
    engine.interrupt()
    let result = engine.wait()
    let counters = result.json["rules"] as? [String: [String: Int]]
    #expect(counters?["good"]?["Success"] == 1)
    #expect(counters?["bad"]?["Failure"] == 1)
    #expect(counters?["bad"]?["ErrorActionSuccess"] == 1)
    #expect(counters?["far"]?["NotRunHere"] == 1)
    #expect(records(of: "far").count == 1)
    #expect(result.status == 1)
    #expect(result.errors.contains("the answer is 500"))
    receiver.end(SIGKILL)
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test(.enabled(if: StoreServer.program(.influxDB) != nil, "influxdb isn't installed"))
  func `an influxDB action writes where its destination is`() throws {
    let server = try StoreServer(.influxDB, in: truck)
    let destination = "arn:aws:iot:us-east-1:123456789012:ruledestination/influxdb/1"
    try setRule(
      "influx",
      #"""
      {"influxDB": {"destinationArn": "\#(destination)", "roleArn": "arn:aws:iam::123456789012:role/r",
        "databaseName": "sensorDB", "tableName": "trucks", "tags": {"device": "${topic(2)}"}}}
      """#)
    let cloud = try startCloud()
    let engine = try startEngine("--destination", "\(destination)=influx+http://127.0.0.1:\(server.port)")
    for number in 1...3 {
      #expect(
        try truck.run("publish", "truck/\(number)", #"{"temp":2\#(number).5}"#, "--qos", "1").status == 0)
    }
    func rows() -> String {
      let answer = try? StoreServer.shell(
        "curl -fsS -G 127.0.0.1:\(server.port)/query --data-urlencode 'db=sensorDB' --data-urlencode 'q=SELECT temp, device FROM trucks'"
      )
      return answer ?? ""
    }
    try engine.waitUntil { _ in ["21.5", "22.5", "23.5"].allSatisfy(rows().contains) }
    #expect(rows().contains(#","2"]"#))
    engine.interrupt()
    let result = engine.wait()
    #expect((result.json["rules"] as? [String: [String: Int]])?["influx"]?["Success"] == 3)
    cloud.interrupt()
    _ = cloud.wait()
  }
}
