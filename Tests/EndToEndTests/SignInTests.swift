import Foundation
import Testing

/// Who signs in to the broker of a run, and who the rules take for a message's publisher.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct SignInTests {
  let truck: Trucksensor
  private static let anything = """
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}
    """

  init() throws {
    truck = try Trucksensor()
    for folder in ["policies", "rules"] {
      try FileManager.default.createDirectory(atPath: truck.path(folder), withIntermediateDirectories: true)
    }
    try truck.write(Self.anything, to: "policies/anything.json")
    // Says on out/who whom the rules take for the publisher.
    try truck.write(
      """
      {"sql": "SELECT clientid() AS client, principal() AS principal FROM 'truck/+'",
       "awsIotSqlVersion": "2016-03-23", "actions": [
        {"republish": {"topic": "out/who", "qos": 1, "roleArn": "arn:aws:iam::123456789012:role/r"}},
        {"timestream": {"roleArn": "arn:aws:iam::123456789012:role/r", "databaseName": "sensorDB", "tableName": "who",
          "dimensions": [{"name": "device", "value": "${clientid()}"}]}}]}
      """, to: "rules/who.json")
  }

  // MARK: Fixture

  private func startCloud(_ options: String...) throws -> Trucksensor.Running {
    let cloud = try Trucksensor.Running(
      Trucksensor.executable,
      ["run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard", "--qos", "1"] + options,
      in: truck.folder)
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return cloud
  }

  private func stop(_ cloud: Trucksensor.Running) {
    cloud.interrupt()
    _ = cloud.wait()
  }

  private func port(_ cloud: Trucksensor.Running) throws -> String {
    String(try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1))
  }

  private func brokerFile(_ cloud: Trucksensor.Running, _ name: String) throws -> String {
    truck.path("data/broker/\(name)")
  }

  private func log(_ cloud: Trucksensor.Running) -> String {
    (try? String(contentsOfFile: brokerFile(cloud, "mosquitto.log"), encoding: .utf8)) ?? ""
  }

  private func broker(_ cloud: Trucksensor.Running) throws -> pid_t {
    let text = try String(contentsOfFile: brokerFile(cloud, "pid"), encoding: .utf8)
    return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  /// Changes the registry by a command, and waits until the broker enforces it.
  private func provision(_ cloud: Trucksensor.Running, _ words: String...) throws {
    func count() -> Int { cloud.errorText.components(separatedBy: "Registry or policies changed").count }
    let before = count()
    let result = try Trucksensor.Running(Trucksensor.executable, ["provision"] + words, in: truck.folder)
      .wait()
    #expect(result.status == 0, "\(result.errors)")
    try cloud.waitUntil { _ in count() > before }
  }

  private func certificateId(_ device: String) throws -> String {
    let shown = try truck.run("provision", "cert", "show", device)
    return String(try #require(shown.output.firstMatch(of: /"certificateId": "([0-9a-f]{64})"/)?.1))
  }

  /// Starts mosquitto's own client, as a device.
  private func mosquitto(
    _ program: String, _ cloud: Trucksensor.Running, _ device: String, _ arguments: [String]
  ) throws -> Trucksensor.Running {
    try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/\(program)"),
      [
        "-h", "127.0.0.1", "-p", try port(cloud), "--cafile", "data/ca/root-CA.crt", "--cert",
        "certs/\(device).cert.pem", "--key", "certs/\(device).private.key",
      ] + arguments, in: truck.folder)
  }

  private static let hasClients =
    FileManager.default.isExecutableFile(atPath: "/usr/bin/mosquitto_pub")
    && FileManager.default.isExecutableFile(atPath: "/usr/bin/mosquitto_sub")
  private static let missing: Comment = "mosquitto-clients isn't installed"

  // MARK: Tests

  @Test func `a device with the engine's client identifier is refused and displaces nobody`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "greedy", "--policy", "anything")
    try provision(cloud, "thing", "truckB")
    let watcher = try truck.start("subscribe", "out/who", "--count", "1", "--timeout", "20s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    let names = ["rulesEngine", "rulesEngine-store", "rulesEngine-actions", "rulesEngine-store-actions"]
    for version in ["3.1.1", "5"] {
      for name in names {
        for device in ["greedy", "truckB"] {
          let result = try truck.run(
            "publish", "truck/freezer", "{}", "--device", device, "--client-id", name, "--mqtt", version,
            "--qos", "1")
          #expect(result.status == 77, "\(device) as \(name): \(result.errors)")
        }
      }
      // Another device's identifier is refused, too, unless a policy allows it.
      let result = try truck.run(
        "publish", "truck/freezer", "{}", "--device", "truckB", "--client-id", "truckSensor01", "--mqtt",
        version, "--qos", "1")
      #expect(result.status == 77, "\(result.errors)")
    }
    #expect(!log(cloud).contains("already connected"), "\(log(cloud))")
    #expect(!cloud.errorText.contains("trying again"), "\(cloud.errorText)")
    // The engine's session is the one it had: what is published now reaches it.
    #expect(try truck.run("publish", "truck/freezer", "{}", "--device", "truckB", "--qos", "1").status == 0)
    #expect(watcher.wait().output.contains("\"client\":\"truckB\""))
    stop(cloud)
  }

  @Test func `a certificate of the CA that isn't registered is refused`() throws {
    let cloud = try startCloud()
    for arguments in [
      [
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=truckSensor01", "-keyout", "certs/forged.private.key", "-out", "forged.csr",
      ],
      [
        "x509", "-req", "-in", "forged.csr", "-CA", "data/ca/root-CA.crt", "-CAkey", try authorityKey(),
        "-set_serial", "77", "-days", "2", "-out", "certs/forged.cert.pem",
      ],
    ] {
      let result = try Trucksensor.Running(
        URL(fileURLWithPath: "/usr/bin/openssl"), arguments, in: truck.folder
      ).wait()
      #expect(result.status == 0, "\(result.errors)")
    }
    for version in ["3.1.1", "5"] {
      let result = try truck.run(
        "publish", "truck/freezer", "{}", "--device", "forged", "--client-id", "truckSensor01", "--mqtt",
        version)
      #expect(result.status == 77, "\(result.errors)")
    }
    #expect(log(cloud).contains("Refusing client truckSensor01: its certificate isn't registered."))
    stop(cloud)
  }

  private func authorityKey() throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: truck.path("data/ca"))
    return "data/ca/" + (try #require(names.first { $0.hasSuffix(".key") || $0.contains("private") }))
  }

  @Test(.enabled(if: hasClients, missing), arguments: ["mqttv311", "mqttv5"])
  func `a client identifier that is too long or has control characters is refused`(version: String) throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "greedy", "--policy", "anything")
    for name in [
      String(repeating: "x", count: 65_535), String(repeating: "x", count: 129), "a\u{1}b", "a\nb", "\u{7f}",
      "a\tb",
    ] {
      let result = try mosquitto(
        "mosquitto_pub", cloud, "greedy", ["-V", version, "-i", name, "-t", "truck/x", "-m", "{}", "-q", "1"]
      ).wait()
      #expect(result.status != 0, "\(name.prefix(10).debugDescription)")
    }
    // The longest that AWS takes; a user name, as AWS's SDKs send it, decides nothing.
    let result = try mosquitto(
      "mosquitto_pub", cloud, "greedy",
      [
        "-V", version, "-i", String(repeating: "y", count: 128), "-t", "truck/x", "-m", "{}", "-q", "1", "-u",
        "?SDK=Python&Version=1.6.2",
      ]
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    stop(cloud)
  }

  @Test(arguments: [
    ["cert", "revoke", "truckB"], ["cert", "deactivate", "truckB"],
    ["policy", "detach", "truckSensor-policy", "truckB"],
  ])
  func `a device that loses its right to connect is disconnected by the same broker`(words: [String]) throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB")
    let process = try broker(cloud)
    let device = try truck.start(
      "simulate", "--device", "truckB", "--loop", "--rate", "20", "--qos", "1", "--quiet", "--json")
    let watcher = try truck.start("subscribe", "out/who")
    try watcher.waitUntil { $0.outputText.contains("\"client\":\"truckB\"") }
    let result = try Trucksensor.Running(Trucksensor.executable, ["provision"] + words, in: truck.folder)
      .wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(device.wait().status == 77)
    #expect(log(cloud).contains("Disconnecting client truckB: "), "\(log(cloud))")
    #expect(try broker(cloud) == process)
    #expect(!cloud.errorText.contains("trying again"), "\(cloud.errorText)")
    watcher.interrupt()
    _ = watcher.wait()
    stop(cloud)
  }

  @Test(.enabled(if: hasClients, missing))
  func `a user property that lies about its publisher is not believed`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB", "--policy", "anything")
    let certificate = try certificateId("truckB")
    let watcher = try truck.start(
      "subscribe", "out/who", "--device", "mqttTestClient", "--qos", "1", "--count", "4", "--timeout", "20s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    func lies(_ command: String) -> [String] {
      ["clientId", "principal", "note"].flatMap { ["-D", command, "user-property", $0, "impostor"] }
    }
    for (version, qos) in [("mqttv5", "1"), ("mqttv5", "2"), ("mqttv311", "1")] {
      let result = try mosquitto(
        "mosquitto_pub", cloud, "truckB",
        ["-V", version, "-i", "truckB", "-t", "truck/freezer", "-m", "{}", "-q", qos]
          + (version == "mqttv5" ? lies("publish") : [])
      ).wait()
      #expect(result.status == 0, "\(result.errors)")
    }
    // The last will of a client that dies passes no plugin.
    let dying = try mosquitto(
      "mosquitto_sub", cloud, "truckB",
      [
        "-V", "mqttv5", "-i", "truckB", "-t", "none", "--will-topic", "truck/will", "--will-payload", "{}",
        "--will-qos", "1",
      ] + lies("will"))
    try dying.waitUntil { _ in log(cloud).components(separatedBy: " as truckB (").count == 5 }
    dying.interrupt(SIGKILL)
    _ = dying.wait()
    let seen = watcher.wait()
    let expected = "{\"client\":\"truckB\",\"principal\":\"\(certificate)\"}"
    #expect(seen.lines.filter { $0 == expected }.count == 4, "\(seen.output)\(log(cloud))")
    stop(cloud)
    let stored = try truck.run("store", "query", "SELECT DISTINCT device FROM sensorDB.who")
    #expect(stored.output.contains("truckB"), "\(stored.output)\(stored.errors)")
    #expect(!stored.output.contains("impostor"), "\(stored.output)")
  }

  @Test(.enabled(if: hasClients, missing))
  func `a last will that the end of the broker releases is not believed`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB", "--policy", "anything")
    let watcher = try truck.start("subscribe", "out/who", "--qos", "1")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    let device = try mosquitto(
      "mosquitto_sub", cloud, "truckB",
      [
        "-V", "mqttv5", "-i", "truckB-will", "-t", "none", "--will-topic", "truck/will", "--will-payload",
        "{}", "--will-qos", "1", "--will-retain", "-D", "will", "user-property", "clientId", "impostor",
      ])
    try device.waitUntil { _ in log(cloud).contains(" as truckB-will (") }
    let process = try broker(cloud)
    kill(process, SIGTERM)
    try cloud.waitUntil { _ in ((try? broker(cloud)) ?? process) != process }
    try watcher.waitUntil {
      _ = try? truck.run("publish", "truck/freezer", "{}", "--device", "truckB", "--qos", "1")
      return $0.outputText.contains("\"client\":\"truckB\"")
    }
    device.interrupt(SIGKILL)
    _ = device.wait()
    watcher.interrupt()
    #expect(!watcher.wait().output.contains("impostor"))
    stop(cloud)
    let stored = try truck.run("store", "query", "SELECT DISTINCT device FROM sensorDB.who")
    #expect(stored.output.contains("truckB"), "\(stored.output)\(stored.errors)")
    #expect(!stored.output.contains("impostor"), "\(stored.output)")
  }

  @Test(.enabled(if: hasClients, missing))
  func `a last will is stamped, and sent only to a topic that the policy of its device allows`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB", "--policy", "anything")
    try provision(cloud, "thing", "truckC")
    for (device, topic) in [("truckC", "truck/will"), ("truckB", "truck/last")] {
      let dying = try mosquitto(
        "mosquitto_sub", cloud, device,
        [
          "-V", "mqttv5", "-i", device, "-t", "none", "--will-topic", topic, "--will-payload", "{}",
          "--will-qos", "1", "--will-retain", "-D", "will", "user-property", "clientId", "impostor",
        ])
      try dying.waitUntil { _ in log(cloud).contains(" as \(device) (") }
      dying.interrupt(SIGKILL)
      _ = dying.wait()
    }
    // What is retained comes with the stamp, too.
    let retained = try mosquitto(
      "mosquitto_sub", cloud, "mqttTestClient",
      ["-V", "mqttv5", "-i", "reader", "-t", "truck/+", "-q", "1", "-F", "%t %P", "-C", "1", "-W", "10"]
    ).wait()
    #expect(retained.output.hasPrefix("truck/last clientId:truckB principal:"), "\(retained.output)")
    stop(cloud)
    let stored = try truck.run("store", "query", "SELECT DISTINCT device FROM sensorDB.who")
    #expect(stored.output.contains("truckB") && !stored.output.contains("truckC"), "\(stored.output)")
    #expect(!stored.output.contains("impostor"), "\(stored.output)")
  }

  @Test func `a device whose policy allows all can't speak to the engine's journal, or for it`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "greedy", "--policy", "anything")
    let commands = [
      ("$CONTROL/trucksensor/queue/v1", "done 1 1000000"), ("$CONTROL/trucksensor/queue/v1", "open new 9\n#"),
      ("$trucksensor/queue", "done 1000000"), ("$trucksensor/is-connected/greedy", ""),
      ("$trucksensor/may-publish/$trucksensor/queue", ""),
    ]
    for (topic, text) in commands {
      let result = try truck.run("publish", topic, text, "--device", "greedy", "--qos", "1")
      #expect(result.status == 77, "\(topic): \(result.errors)")
    }
    let result = try truck.run("publish", "truck/freezer", "{}", "--device", "greedy", "--qos", "1")
    #expect(result.status == 0, "\(result.errors)")
    stop(cloud)
    let stored = try truck.run("store", "query", "SELECT DISTINCT device FROM sensorDB.who")
    #expect(stored.output.contains("greedy"), "\(stored.output)")
  }

  @Test(.enabled(if: hasClients, missing))
  func `a publish that a policy denies disconnects an MQTT 3_1_1 client, and not one of MQTT 5`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB")
    func publish(_ version: String, _ topic: String, _ more: String...) throws -> Trucksensor.Finished {
      try mosquitto(
        "mosquitto_pub", cloud, "truckB",
        ["-V", version, "-i", "truckB", "-t", topic, "-m", "{}", "-q", "1"] + more
      ).wait()
    }
    for version in ["mqttv311", "mqttv5"] { #expect(try publish(version, "truck/freezer").status == 0) }
    let told = try truck.run(
      "publish", "truck/hidden", "{}", "--device", "truckB", "--mqtt", "3.1.1", "--qos", "1")
    #expect(told.status == 77)
    #expect(
      told.errors.contains("closes the connection each time we publish to 'truck/hidden'"), "\(told.errors)")
    let denied = "Disconnecting client truckB: its policies don't allow publishing to "
    for (topic, more) in [("truck/secret", []), ("truck/freezer", ["-r"])] {
      _ = try more.isEmpty ? publish("mqttv5", topic) : publish("mqttv5", topic, "-r")
      #expect(!log(cloud).contains(denied + topic))
      // mosquitto_pub connects again and sends again until it is stopped.
      let running = try mosquitto(
        "mosquitto_pub", cloud, "truckB",
        ["-V", "mqttv311", "-i", "truckB", "-t", topic, "-m", "{}", "-q", "1"] + more)
      try cloud.waitUntil { log($0).contains(denied + topic) }
      running.interrupt(SIGKILL)
      _ = running.wait()
    }
    stop(cloud)
  }

  @Test func `a damaged permissions file leaves the last good one in force`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB")
    let file = try brokerFile(cloud, "clients")
    let process = try broker(cloud)
    // Until the broker has read the good file.
    try cloud.waitUntil { _ in
      (try? truck.run("publish", "truck/freezer", "{}", "--device", "truckB", "--qos", "1").status) == 0
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    var damaged = [0, 1, whole.count / 3, whole.count / 2, whole.count - 1].map { whole.prefix($0) }
    damaged.append(whole + whole)
    damaged.append(Data(String(decoding: whole, as: UTF8.self).replacing("active", with: "alive").utf8))
    for (number, bytes) in damaged.enumerated() {
      try bytes.write(to: URL(fileURLWithPath: file))
      kill(process, SIGHUP)
      try cloud.waitUntil { log($0).components(separatedBy: "can't use the permissions").count > number + 1 }
      let result = try truck.run("publish", "truck/freezer", "{}", "--device", "truckB", "--qos", "1")
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        try truck.run("publish", "truck/x", "{}", "--device", "truckB", "--qos", "1").status == 77)
    }
    stop(cloud)
  }

  @Test func `a second port takes devices, too, and one that is taken is told`() throws {
    let second = String(Int.random(in: 23_000...23_999))
    let cloud = try startCloud("--port-443", second)
    try provision(cloud, "thing", "truckB")
    let result = try truck.run(
      "publish", "truck/freezer", "{}", "--device", "truckB", "--qos", "1", "--endpoint",
      "localhost:\(second)", "--ca", "data/ca/root-CA.crt", "--alpn", "x-amzn-mqtt-ca")
    #expect(result.status == 0, "\(result.errors)")
    let other = try Trucksensor()
    let busy = try Trucksensor.Running(
      Trucksensor.executable, ["run", "truckSensor01", "--no-dashboard", "--port-443", second],
      in: other.folder
    ).wait()
    #expect(busy.status != 0)
    #expect(busy.errors.contains("can't listen on port \(second): "), "\(busy.errors)")
    stop(cloud)
  }

  // MARK: Policies of the devices of a command

  /// The message of `simulate` at QoS 0 would vanish: the broker has no way to refuse it.
  @Test(arguments: ["0", "1"]) func `a broker of simulate's own enforces a policy that was edited`(
    qos: String
  ) throws {
    let simulate = ["simulate", "truckSensor01", "--count", "3", "--rate", "50", "--qos", qos]
    let other = try Trucksensor.Running(
      Trucksensor.executable, simulate + ["--topic", "truck/else"], in: truck.folder
    ).wait()
    #expect(other.status == 0, "\(other.errors)")
    #expect(other.errors.contains("truckSensor-policy is unchanged"), "\(other.errors)")
    let policy = truck.path("policies/truckSensor-policy.json")
    let text = try String(contentsOfFile: policy, encoding: .utf8)
    try truck.write(
      text.replacingOccurrences(of: "topic/truck/freezer", with: "topic/truck/cooler"),
      to: "policies/truckSensor-policy.json")
    let denied = try Trucksensor.Running(Trucksensor.executable, simulate, in: truck.folder).wait()
    #expect(denied.status == 77, "\(denied.errors)")
    #expect(
      denied.errors.contains("truckSensor01: iot:Publish on topic/truck/freezer is IMPLICIT_DENY"),
      "\(denied.errors)")
    #expect(!denied.output.contains("\"n\":\"2\""), "\(denied.output)")
    let allowed = try Trucksensor.Running(
      Trucksensor.executable, simulate + ["--topic", "truck/cooler"], in: truck.folder
    ).wait()
    #expect(allowed.status == 0, "\(allowed.errors)")
  }

  @Test func `a denied message at QoS 0 ends the connection, and publish says so`() throws {
    let cloud = try startCloud()
    try provision(cloud, "thing", "truckB", "--policy", "truckSensor-policy")
    for (topic, status) in [("truck/secret", 77), ("truck/freezer", 0)] as [(String, Int32)] {
      let result = try truck.run("publish", topic, "{}", "--device", "truckB", "--qos", "0")
      #expect(result.status == status, "\(result.errors)")
      #expect(
        status == 0 || result.errors.contains("the policy of this certificate may not allow the topic"),
        "\(result.errors)")
    }
    stop(cloud)
  }

  @Test func `a second policy is enforced as it is, also for a command's own topic`() throws {
    try truck.write(
      """
      {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/truck/third"}]}
      """, to: "policies/narrow.json")
    func simulate(_ topic: String) throws -> Trucksensor.Finished {
      try truck.run(
        "simulate", "t", "--devices", "3", "--count", "2", "--rate", "50", "--topic", topic,
        "--drain-timeout", "300s")
    }
    #expect(try simulate("truck/else").status == 0)
    let given = try truck.run("provision", "fleet", "--count", "3", "--prefix", "t-", "--policy", "narrow")
    #expect(given.output.hasPrefix("0 of 3 things are new"), "\(given.output)\(given.errors)")
    #expect(given.output.contains("; their certificates have the policy narrow"), "\(given.output)")
    #expect(try simulate("truck/third").status == 0)
    // All trucks are refused, each by the answer to its question at QoS 0.
    let denied = try simulate("truck/else")
    #expect(denied.status == 77, "\(denied.errors)")
    #expect(denied.errors.contains("sent 0, acknowledged 0, re-sent 0, dropped 0"), "\(denied.errors)")
  }
}
