import Foundation
import Testing

/// Things, certificates and policies, enforced by the real broker.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct ProvisionTests {
  let truck: Trucksensor

  init() throws { truck = try Trucksensor() }

  private func startCloud() throws -> Trucksensor.Running {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return cloud
  }

  private func stop(_ cloud: Trucksensor.Running) {
    cloud.interrupt()
    _ = cloud.wait()
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

  @Test func `what provision has changed holds as soon as it ends`() throws {
    let cloud = try startCloud()
    for name in ["truckA", "truckB", "truckC"] {
      let made = try truck.run("provision", "thing", name)
      #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
      let sent = try truck.run("simulate", "--device", name, "--count", "1", "--qos", "1", "--quiet")
      #expect(sent.status == 0, "\(sent.errors)")
      #expect(try truck.run("provision", "cert", "deactivate", name).status == 0)
      #expect(
        try truck.run("simulate", "--device", name, "--count", "1", "--qos", "1", "--quiet").status == 77)
    }
    stop(cloud)
    // Without a broker there is nothing to wait for.
    #expect(
      try truck.run("provision", "cert", "activate", "truckA").errors
        == "The certificate of 'truckA' is ACTIVE.\n")
  }

  @Test func `a revoked device is disconnected and refused, another stays connected`() throws {
    let cloud = try startCloud()
    for (name, temp) in [("truckA", "1.00"), ("truckB", "2.00")] {
      try provision(cloud, "thing", name)
      try truck.write("uptime,volts,temp,door\n1,12.11,\(temp),0\n", to: "\(name).csv")
    }
    let watcher = try truck.start("subscribe", "truck/freezer", "--qos", "1")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    func start(_ name: String) throws -> Trucksensor.Running {
      try truck.start(
        "simulate", "--device", name, "--dataset", "\(name).csv", "--loop", "--rate", "20", "--qos", "1",
        "--quiet",
        "--json")
    }
    let first = try start("truckA")
    let second = try start("truckB")
    func count(_ temp: String) -> Int {
      watcher.outputText.components(separatedBy: "\"temp\":\"\(temp)\"").count - 1
    }
    try watcher.waitUntil { _ in count("1.00") >= 10 && count("2.00") >= 10 }
    try provision(cloud, "cert", "revoke", "truckB")
    let out = second.wait()
    #expect(out.status == 77, "\(out.errors)")
    let seen = count("1.00")
    try watcher.waitUntil { _ in count("1.00") >= seen + 20 }
    let again = try start("truckB").wait()
    #expect(again.status == 77)
    #expect(
      try truck.run(
        "policy", "test", "--principal", "truckB", "--action", "iot:Publish", "--resource",
        "topic/truck/freezer"
      )
      .output == "EXPLICIT_DENY: the certificate is REVOKED\n")
    first.interrupt()
    let summary = first.wait()
    #expect(summary.status == 130)
    #expect(summary.json["dropped"] as? Int == 0)
    // Inactive is refused like revoked, and may come back.
    try provision(cloud, "cert", "deactivate", "truckA")
    #expect(try truck.run("publish", "truck/freezer", "{}", "--device", "truckA", "--qos", "1").status == 77)
    try provision(cloud, "cert", "activate", "truckA")
    #expect(try truck.run("publish", "truck/freezer", "{}", "--device", "truckA", "--qos", "1").status == 0)
    stop(cloud)
  }

  @Test func `the broker decides as the evaluator does`() throws {
    var random = SystemRandomNumberGenerator()
    let resources = [
      "topic/a", "topic/a/b", "topic/a/*", "topic/a/b/*", "topic/*", "topic/b", "topic/a/${iot:ClientId}",
      "topic/c/${iot:Connection.Thing.ThingTypeName}",
    ]
    let topics = ["a", "a/b", "a/b/c", "a/b/c/d", "b", "b/c", "a/t3", "c/truck"]
    try FileManager.default.createDirectory(atPath: truck.path("policies"), withIntermediateDirectories: true)
    let cloud = try startCloud()
    #expect(try truck.run("provision", "type", "create", "truck").status == 0)
    for number in 1...8 {
      var statements = [
        #"{"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/t\#(number)"}"#
      ]
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let resource = resources.randomElement(using: &random) ?? ""
        // A denial of publishing alone would be broader at the broker: these policies are about publishing only.
        let effect = Int.random(in: 0..<4, using: &random) == 0 ? "Deny" : "Allow"
        statements.append(
          #"{"Effect": "\#(effect)", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:\#(resource)"}"#)
      }
      try truck.write(
        "{\"Version\": \"2012-10-17\", \"Statement\": [\(statements.joined(separator: ",\n"))]}",
        to: "policies/p\(number).json")
      let made = try truck.run(
        "provision", "thing", "t\(number)", "--type", "truck", "--policy", "p\(number)")
      #expect(made.status == 0, "\(made.errors)")
    }
    let acl = truck.path("data/broker/acl")
    try cloud.waitUntil { _ in
      (try? String(contentsOfFile: acl, encoding: .utf8))?.contains("mqttTestClient") == true
        && cloud.errorText.contains("Registry or policies changed")
    }
    // What was written last is what the broker has after two more looks at the folder.
    poll(nil, 0, 1200)
    var pairs = 0
    var allowed = 0
    for number in 1...8 {
      let text = try String(contentsOfFile: truck.path("policies/p\(number).json"), encoding: .utf8)
      for topic in topics {
        let wanted = try truck.run(
          "policy", "test", "--principal", "t\(number)", "--action", "iot:Publish", "--resource",
          "topic/\(topic)")
        let got = try truck.run(
          "publish", topic, "{}", "--device", "t\(number)", "--client-id", "t\(number)", "--qos", "1")
        #expect(got.status == wanted.status, "t\(number) \(topic): \(wanted.output) \(got.errors) \(text)")
        pairs += 1
        if wanted.status == 0 { allowed += 1 }
      }
    }
    #expect(pairs >= 60)
    #expect(allowed > 0 && allowed < pairs)
    stop(cloud)
  }

  @Test func `a device receives what its policies let it subscribe to and receive`() throws {
    try FileManager.default.createDirectory(atPath: truck.path("policies"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/*"},
        {"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "arn:aws:iot:*:*:topicfilter/orders/#"},
        {"Effect": "Allow", "Action": "iot:Receive", "Resource": "arn:aws:iot:*:*:topic/orders/*"},
        {"Effect": "Deny", "Action": ["iot:Subscribe", "iot:Receive"],
         "Resource": "arn:aws:iot:*:*:topic/orders/secret"}]}
      """, to: "policies/driver.json")
    let cloud = try startCloud()
    #expect(try truck.run("provision", "thing", "driver", "--policy", "driver").status == 0)
    // It has no iot:Connect: it doesn't even come in.
    try truck.write(
      """
      {"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/*"}}
      """, to: "policies/mute.json")
    #expect(try truck.run("provision", "thing", "mute", "--policy", "mute").status == 0)
    try cloud.waitUntil {
      $0.errorText.contains("mute may not connect") && $0.errorText.contains("enforces them now")
    }
    let refused = try truck.run(
      "subscribe", "other/#", "--device", "driver", "--count", "1", "--timeout", "10s")
    #expect(refused.status == 77, "\(refused.errors)")
    let driver = try truck.start(
      "subscribe", "orders/#", "--device", "driver", "--count", "1", "--timeout", "10s")
    try driver.waitUntil { $0.errorText.contains("subscribed to orders") }
    for topic in ["other/x", "orders/secret", "orders/7"] {
      #expect(try truck.run("publish", topic, "{}", "--qos", "1").status == 0)
    }
    #expect(driver.wait().lines.first == "orders/7")
    #expect(try truck.run("publish", "orders/7", "{}", "--device", "driver", "--qos", "1").status == 77)
    #expect(try truck.run("publish", "orders/7", "{}", "--device", "mute", "--qos", "1").status == 77)
    stop(cloud)
  }

  @Test func `a retained message needs iot:RetainPublish, and a client its thing's name`() throws {
    let cloud = try startCloud()
    try truck.write(
      """
      {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iot:Connect", "Resource": "arn:aws:iot:*:*:client/keeper*"},
        {"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/*"},
        {"Effect": "Allow", "Action": "iot:RetainPublish", "Resource": "arn:aws:iot:*:*:topic/a*"}]}
      """, to: "policies/retain.json")
    try provision(cloud, "thing", "keeper", "--policy", "retain")
    try provision(cloud, "thing", "truckB")
    // The policy's file may have been what was enforced first, and the broker reads its files a moment after it is told.
    poll(nil, 0, 1200)
    func publish(_ device: String, _ topic: String, _ options: String...) throws -> Int32 {
      try Trucksensor.Running(
        Trucksensor.executable, ["publish", topic, "{}", "--qos", "1", "--device", device] + options,
        in: truck.folder
      ).wait().status
    }
    #expect(try publish("truckB", "truck/freezer") == 0)
    #expect(try publish("truckB", "truck/freezer", "--retain") == 77)
    #expect(try publish("truckB", "truck/freezer", "--client-id", "truckSensor01") == 77)
    #expect(try publish("truckB", "truck/freezer", "--client-id", "other") == 77)
    #expect(try publish("keeper", "abc", "--retain") == 0)
    #expect(try publish("keeper", "b", "--retain") == 77)
    #expect(try publish("keeper", "b", "--client-id", "keeper2") == 0)
    let seen = try truck.run("subscribe", "#", "--count", "1", "--timeout", "10s", "--json")
    #expect(seen.output.contains("\"topic\":\"abc\""))
    #expect(seen.output.contains("\"retained\":true"))
    stop(cloud)
  }

  @Test func `a fleet is provisioned and listed, and a wrong one refused`() throws {
    let fleet = try truck.run("provision", "fleet", "--count", "30", "--prefix", "van")
    #expect(fleet.output == "30 of 30 things are new, van1 … van30\n")
    #expect(
      try truck.run("provision", "fleet", "--count", "31", "--prefix", "van").output.hasPrefix("1 of 31"))
    let list = try truck.run("provision", "thing", "list", "--json")
    let things = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [[String: Any]]
    #expect(things?.count == 31)
    let shown = try truck.run("provision", "cert", "show", "van7")
    #expect(shown.output.contains("\"status\": \"ACTIVE\""))
    for words in [
      ["provision", "thing", "a b"], ["provision", "thing", "x", "--type", "missing"],
      ["provision", "thing", "x", "--policy", "missing"], ["provision", "cert", "revoke", "nobody"],
      ["provision", "thing", "delete", "van1"], ["provision", "thing", "lst"],
      ["provision", "thing", "create"],
    ] {
      let result = try Trucksensor.Running(Trucksensor.executable, words, in: truck.folder).wait()
      #expect(result.status != 0 && result.status < 128, "\(words)")
      #expect(result.errors.hasPrefix("trucksensor: "), "\(words)")
    }
    let denied = try truck.run(
      "policy", "test", "--principal", "van1", "--action", "Publish", "--resource", "topic/a")
    #expect(denied.errors.contains("did you mean 'iot:Publish'?"), "\(denied.errors)")
    try FileManager.default.createDirectory(
      atPath: truck.path("rules"), withIntermediateDirectories: false)
    try truck.write(#"{"sql": "SELECT * FROM 'a'", "actions": []}"#, to: "rules/hotTrucks.json")
    for (name, advice) in [
      ("hotTruck", "did you mean 'hotTrucks'?"), ("x", "make it with 'trucksensor rules new x'"),
    ] {
      let unknown = try truck.run("rules", "eval", "--rule", name)
      #expect(unknown.status == 65)
      #expect(unknown.errors.contains("rules/ has no rule '\(name)'; \(advice)"), "\(unknown.errors)")
    }
  }

  @Test func `a policy that is half saved, extreme or deleted under a run changes nothing until it is whole`()
    throws
  {
    let cloud = try truck.start("run", "truckSensor01", "--rate", "20", "--qos", "1", "--quiet", "--json")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    let file = "policies/truckSensor-policy.json"
    let whole = try String(contentsOfFile: truck.path(file), encoding: .utf8)
    func told(_ text: String) throws { try cloud.waitUntil { $0.errorText.contains(text) } }
    for (broken, reason) in [
      (String(whole.prefix(100)), "is not valid JSON"), ("", "is empty"),
      (whole.replacing("\"iot:Connect\"", with: "1e300"), "'1e300' is not an action"),
      (whole.replacing("\"Statement\"", with: "\"Version\": 1e19, \"Statement\""), "appears twice"),
    ] {
      try truck.write(broken, to: file)
      try told(reason)
    }
    try FileManager.default.removeItem(atPath: truck.path(file))
    try told("\(file) no longer exists; the broker keeps its last valid version")
    #expect(!cloud.errorText.contains("the broker enforces them now"))
    try truck.write(whole, to: file)
    try told("the broker enforces them now")
    // Without iot:Connect the run's own truck is refused, and says why.
    try truck.write(whole.replacing("iot:Connect", with: "iot:Receive"), to: file)
    let result = cloud.wait()
    #expect(result.status == 77, "\(result.errors)")
    #expect(
      result.errors.contains(
        "The reason is: truckSensor01: iot:Connect on client/truckSensor01 is IMPLICIT_DENY: no statement allows it; edit "
          + file), "\(result.errors)")
    #expect(!result.errors.contains("provision the device again"))
  }

  @Test func `a refused device is told whether certificate or policy is the reason`() throws {
    let cloud = try startCloud()
    for name in ["inactive", "revoked", "bare"] {
      #expect(try truck.run("provision", "thing", name).status == 0)
    }
    #expect(try truck.run("provision", "cert", "deactivate", "inactive").status == 0)
    #expect(try truck.run("provision", "cert", "revoke", "revoked").status == 0)
    #expect(try truck.run("provision", "policy", "detach", "truckSensor-policy", "bare").status == 0)
    try cloud.waitUntil {
      $0.errorText.components(separatedBy: "bare may not connect").last?.contains("enforces them now")
        ?? false
        && $0.errorText.contains("bare may not connect")
    }
    for (name, reason) in [
      ("inactive", "the certificate is INACTIVE; run 'trucksensor provision cert activate inactive'"),
      ("revoked", "the certificate is REVOKED for good; run 'trucksensor provision cert rotate revoked'"),
      ("bare", "run 'trucksensor provision policy attach truckSensor-policy bare'"),
    ] {
      let result = try truck.run("publish", "truck/freezer", "{}", "--device", name, "--qos", "1")
      #expect(result.status == 77, "\(result.errors)")
      #expect(result.errors.contains("The reason is: \(name): "), "\(result.errors)")
      #expect(result.errors.contains(reason), "\(result.errors)")
    }
    for (name, command) in [("inactive", "activate"), ("revoked", "rotate")] {
      let again = try truck.run("provision", "thing", name)
      #expect(again.errors.contains("'trucksensor provision cert \(command) \(name)'"), "\(again.errors)")
    }
    stop(cloud)
  }

  @Test func `a truck whose certificate is replaced is told to start again`() throws {
    let cloud = try startCloud()
    #expect(try truck.run("provision", "cert", "rotate", "truckSensor01").status == 0)
    let ended = cloud.wait()
    #expect(ended.status == 77)
    #expect(
      ended.errors.contains("The reason is: truckSensor01: its certificate was replaced in the meantime"),
      "\(ended.errors)")
  }

  @Test func `a rule that changes under a run may publish to its new topic`() throws {
    func rule(_ topic: String) -> String {
      """
      {"sql": "SELECT * FROM 'truck/freezer'", "awsIotSqlVersion": "2016-03-23", "actions": [
        {"republish": {"topic": "\(topic)", "qos": 1, "roleArn": "arn:aws:iam::123456789012:role/r"}}]}
      """
    }
    try FileManager.default.createDirectory(atPath: truck.path("rules"), withIntermediateDirectories: true)
    try truck.write(rule("out/a"), to: "rules/copy.json")
    let cloud = try truck.start("run", "truckSensor01", "--rate", "20", "--qos", "1", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    let watcher = try truck.start("subscribe", "out/b", "--count", "1", "--timeout", "20s")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    try truck.write(rule("out/b"), to: "rules/copy.json")
    let seen = watcher.wait()
    #expect(seen.status == 0, "\(seen.errors)\(cloud.errorText)")
    #expect(seen.lines.first == "out/b")
    stop(cloud)
  }

  @Test func `provisioning that is killed at any moment loses nothing`() throws {
    #expect(try truck.run("provision", "thing", "first").status == 0)
    var random = SeededMicroseconds()
    for number in 1...15 {
      let running = try truck.start("provision", "cert", "rotate", "first")
      usleep(random.next())
      running.interrupt(SIGKILL)
      _ = running.wait()
      // Whoever signs in next finds a pair, and the registry is whole.
      let checked = try truck.run("doctor", "first", "--json")
      let steps = try JSONSerialization.jsonObject(with: Data(checked.output.utf8)) as? [[String: String]]
      let step = steps?.first { $0["name"] == "certificate, key and CA" }
      #expect(step?["state"] == "ok", "\(number): \(checked.output)\(checked.errors)")
      let list = try truck.run("provision", "cert", "list")
      #expect(list.status == 0 && list.output.contains("first"), "\(list.errors)")
      #expect(try truck.run("provision", "thing", "device\(number)").status == 0)
    }
    let things = try truck.run("provision", "thing", "list")
    #expect(things.lines.filter { !$0.isEmpty }.count == 16)
    let hidden = try ["data", "certs"].flatMap { folder in
      try FileManager.default.contentsOfDirectory(atPath: truck.path(folder)).filter { $0.hasPrefix(".") }
    }
    #expect(hidden.isEmpty)
  }

  /// Pauses of up to 100 ms, the same in each run.
  private struct SeededMicroseconds {
    private var state: UInt64 = 12
    mutating func next() -> UInt32 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt32(truncatingIfNeeded: (state >> 33) % 100_000)
    }
  }

  private func port(_ cloud: Trucksensor.Running) throws -> String {
    String(try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1))
  }
}
