import Numbers
import Foundation
import MQTT
import Testing
import Time

/// A whole run under payloads that no truck sends.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct HostileInputTests {
  let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: URL(fileURLWithPath: truck.path("rules")))
    // Passes on what it gets, calculates with it, and stores all of it.
    try truck.write(Self.rule, to: "rules/hostile.json")
  }

  private static let rule = #"""
    {
      "sql": "SELECT *, temp * timestamp AS product, floor(temp) AS whole, mod(volts, door) AS rest, parse_time('yyyy-MM-dd', timestamp) AS day, time_to_epoch(temp, 'yyyy-MM-dd') AS epoch, substring(volts, door, temp) AS part, get(temp, door) AS element, regexp_replace(volts, temp, '$1') AS replaced, decode(volts, 'base64') AS decoded FROM 'hostile/#'",
      "awsIotSqlVersion": "2016-03-23",
      "actions": [
        {"republish": {"roleArn": "arn:aws:iam::123456789012:role/r", "topic": "answer/${door}", "qos": 1}},
        {"timestream": {
          "roleArn": "arn:aws:iam::123456789012:role/r", "databaseName": "sensorDB", "tableName": "hostile_table",
          "dimensions": [{"name": "device", "value": "${temp}"}],
          "timestamp": {"value": "${timestamp}", "unit": "MILLISECONDS"}}}
      ]
    }
    """#

  private static let values: [String] = {
    let numbers = [
      "-1e30", "1e30", "1e300", "-1e300", "1e-300", "1e6144", "1e99999", "-0", "0", "9223372036854775807",
      "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616",
      "253402300800", "-62135596801", "1729703643.979735", String(repeating: "9", count: 400),
      "0." + String(repeating: "0", count: 400) + "1",
    ]
    let texts = [
      "", "NaN", "inf", "-", ".", "0x10", "1,5", " 1", "null", "true", "é", "😀", "\\u0000", "\\ud800",
      "'; DROP TABLE x; --",
      "${temp}", "a/+/#", "<script>", "\\\"\\\\", "(a+)+$", "..", "yyyy", String(repeating: "a", count: 5000),
    ]
    let structures = [
      "null", "true", "[]", "{}", "[[[[]]]]", #"{"a":{"a":{}}}"#, "[1,\"a\",null]", #"{"":0}"#,
      #"{"temp":1,"temp":2}"#,
    ]
    return numbers + numbers.map { "\"\($0)\"" } + texts.map { "\"\($0)\"" } + structures
  }()

  /// A reading with one field replaced.
  private static func reading(_ field: String, _ value: String) -> String {
    let fields = ["uptime", "volts", "temp", "door", "i", "n", "timestamp"]
    let good = ["\"1\"", "\"12.11\"", "\"-20.50\"", "\"0\"", "\"1\"", "\"1\"", "1729703643.979735"]
    return "{"
      + zip(fields, good).map { "\"\($0)\":\($0 == field ? value : $1)" }.joined(separator: ",") + "}"
  }

  private static let payloads: [[UInt8]] = {
    var payloads: [[UInt8]] = []
    for field in ["volts", "temp", "door", "timestamp"] {
      payloads += values.map { Array(reading(field, $0).utf8) }
    }
    payloads += values.map { Array($0.utf8) }
    payloads += [
      #"{"timestamp":-1e30}"#, #"{"temp":"-9223372036854775808"}"#, #"{"temp":-9223372036854775808}"#,
    ]
    .map { Array($0.utf8) }
    payloads += [
      [], [0], [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF, 0x7B, 0x7D],
      Array(repeating: 0, count: 300),
      Array(repeating: UInt8(ascii: "["), count: 100_000),
      Array("{\"a\":".utf8) + Array(repeating: 0x20, count: 300_000),
      Array(#"{"temp":""#.utf8) + Array(repeating: UInt8(ascii: "9"), count: 300_000) + Array(#""}"#.utf8),
      Array("[".utf8) + Array(repeatElement(Array("1,".utf8), count: 50_000).joined()) + Array("1]".utf8),
    ]
    var random = SplitMix64(seed: 12)
    let good = Array(reading("", "").utf8)
    for _ in 0..<150 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<max(1, bytes.count), using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes.removeLast(bytes.count - max(1, place))
        default: bytes.insert(contentsOf: bytes[..<place], at: place)
        }
      }
      payloads.append(bytes)
    }
    return payloads
  }()

  @Test func `a run lives through hostile payloads, stores the next good reading, and its page answers`()
    throws
  {
    let run = try truck.start(
      "run", "truckSensor01", "--interval", "1h", "--quiet", "--dashboard-port", "0")
    try run.waitUntil {
      $0.errorText.contains("mutual TLS") && $0.errorText.contains("Dashboard: ")
        && $0.errorText.contains("Publishing")
    }
    let port = try #require(
      run.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/).flatMap { UInt16($0.1) })
    let page = String(try #require(run.errorText.firstMatch(of: /Dashboard: (https?:\/\/[^\s]+)\//)?.1))

    let publisher = try Publisher(truck, port: port)
    for topic in ["truck/freezer", "hostile/a", "truck/analyze", "TimeStream_rule_error"] {
      try publisher.publish(Self.payloads, to: topic)
      #expect(run.process.isRunning, "after \(topic): \(run.errorText.suffix(2000))")
    }
    for path in ["/", "/api/devices", "/api/alerts", "/api/rules"] {
      let status = try StoreServer.shell(
        "curl -sk --max-time 20 -o /dev/null -w '%{http_code}' '\(page)\(path)'")
      #expect(status == "200", "\(path)")
    }
    // The page names the last failure of a rule or an action, and no other line of the log.
    try run.waitUntil { _ in
      let status = try? StoreServer.shell("curl -sk --max-time 20 '\(page)/api/rules'")
      let error = status?.firstMatch(of: /"error":"((?:[^"\\]|\\.)*)"/)?.1
      return error?.hasPrefix("rule ") ?? false
    }

    let now = Double(Timestamp.now) / 1e9
    try publisher.publish(
      [Array(#"{"volts":"12.34","temp":"-17.125","door":"0","timestamp":\#(now)}"#.utf8)], to: "truck/freezer"
    )
    let query = "SELECT count(*) FROM truck01_sensors_wide WHERE temp = -17.125 AND volts = 12.34"
    try run.waitUntil { _ in
      (try? truck.run("store", "query", query, "--format", "csv"))?.output.hasSuffix("\n1\n") ?? false
    }
    run.interrupt()
    let result = run.wait()
    // A message that was read but not stored isn't a success.
    #expect(result.status == 1, "\(result.errors.suffix(2000))")
    #expect(!result.errors.contains("Fatal error"))
  }
}

/// The test client, signed in to a run's broker.
private final class Publisher: MQTTClientDelegate {
  private let loop: EventLoop
  private let client: MQTTClient
  private let watchdog: LoopTimer
  private var open = 0
  private var failure: MQTTError?

  init(_ truck: Trucksensor, port: UInt16) throws {
    let loop = try EventLoop()
    self.loop = loop
    client = try MQTTClient(
      settings: ConnectionSettings(host: "127.0.0.1", port: port, clientID: "mqttTestClient"),
      tls: TLSContext(TLSSettings(trust: .file(truck.path("data/ca/root-CA.crt")))),
      credentials: DeviceCredentials(
        DeviceCredentialFiles(
          certificate: truck.path("certs/mqttTestClient.cert.pem"),
          privateKey: truck.path("certs/mqttTestClient.private.key"))), loop: loop)
    watchdog = loop.makeTimer { loop.stop() }
    client.delegate = self
    client.connect()
  }

  /// Publishes at QoS 1, and waits until the broker has answered each.
  func publish(_ payloads: [[UInt8]], to topic: String) throws {
    let header = try PublishHeader(
      topic: TopicName(topic), qos: .atLeastOnce,
      properties: PublishProperties(userProperties: [("clientId", "mqttTestClient")]))
    open = payloads.count
    for payload in payloads {
      #expect(client.publish(OutgoingMessage(header: header, payload: payload, due: .now())))
    }
    watchdog.set(MonotonicTime.now().advanced(by: 120_000_000_000))
    loop.run()
    if let failure { throw failure }
    try #require(open == 0, "\(open) messages to \(topic) were not answered")
  }

  private func answered() {
    open -= 1
    if open == 0 { loop.stop() }
  }

  func client(_ client: MQTTClient, delivered message: OutgoingMessage) { answered() }
  func client(_ client: MQTTClient, refused message: OutgoingMessage, with error: MQTTError) { answered() }
  func client(_ client: MQTTClient, changedTo state: ConnectionState) {
    guard case .failed(let error) = state else { return }
    failure = error
    loop.stop()
  }
}
