import Foundation
import Testing

/// What a run says, and how it ends, when readings that the broker has acknowledged aren't matched or stored.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct HealthTests {
  private let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: URL(fileURLWithPath: truck.path("rules")))
  }

  // MARK: Fixture

  private static let common = ["run", "truckSensor01", "--quiet", "--json", "--no-dashboard"]

  private func start(_ options: [String], prefix: String = "") throws -> Trucksensor.Running {
    // At QoS 0 nothing waits in a broker.
    let options = options.contains("--qos") ? options : options + ["--qos", "1"]
    guard !prefix.isEmpty else {
      return try Trucksensor.Running(Trucksensor.executable, Self.common + options, in: truck.folder)
    }
    let words = ([Trucksensor.executable.path] + Self.common + options).map { "'\($0)'" }
    return try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"), ["-c", "\(prefix)exec \(words.joined(separator: " "))"],
      in: truck.folder)
  }

  private func run(_ options: String..., prefix: String = "") throws -> Trucksensor.Finished {
    try start(options, prefix: prefix).wait()
  }

  /// The counts of an ended run's problems, by their kinds.
  private func problems(_ result: Trucksensor.Finished) throws -> [String: Int] {
    let health = try #require(result.json["health"] as? [String: Any], "\(result.errors)")
    let problems = try #require(health["problems"] as? [[String: Any]])
    #expect(health["good"] as? Bool == problems.isEmpty)
    var counts: [String: Int] = [:]
    for problem in problems {
      let sentence = try #require(problem["sentence"] as? String)
      #expect(result.errors.contains("problem: \(sentence)"), "\(result.errors)")
      counts[try #require(problem["kind"] as? String), default: 0] += try #require(problem["count"] as? Int)
    }
    return counts
  }

  private func stored() throws -> Int {
    let result = try truck.run(
      "store", "query", "SELECT count(*) FROM truck01_sensors_wide", "--format", "csv")
    return try #require(Int(result.output.split(separator: "\n").last ?? ""), "\(result.errors)")
  }

  private func port(_ cloud: Trucksensor.Running) throws -> String {
    String(try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1))
  }

  /// Signs in with the engine's certificate as its session, and keeps it for some seconds.
  private func takeSession(_ cloud: Trucksensor.Running, seconds: String) throws -> Trucksensor.Running {
    try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/timeout"),
      [
        "-s", "KILL", seconds, "mosquitto_sub", "-h", "127.0.0.1", "-p", try port(cloud), "--cafile",
        "data/ca/root-CA.crt",
        "--cert", "certs/rulesEngine.cert.pem", "--key", "certs/rulesEngine.private.key", "-i",
        "rulesEngine-store", "-V", "5", "-t", "none",
      ], in: truck.folder)
  }

  // MARK: Tests

  @Test(arguments: ["0", "1", "2"])
  func `a run that stores all it has sent is good and exits with 0`(qos: String) throws {
    let result = try run("--count", "500", "--rate", "max", "--qos", qos)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try problems(result).isEmpty)
    #expect(try stored() == 500)
  }

  @Test func `a second engine of the same identity is refused, names the first, and takes nothing from it`()
    throws
  {
    let cloud = try start(["--count", "200", "--rate", "50"])
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    let second = try truck.run("rules", "run")
    #expect(second.status == 1)
    #expect(
      second.errors.contains(
        "'rulesEngine' is already running: process \(cloud.process.processIdentifier), "),
      "\(second.errors)")
    let result = cloud.wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(!result.errors.contains("trying again"))
    #expect(try stored() == 200)
  }

  @Test
  func `an unreachable store is told at the start, counted at the end, and the next run stores what waits`()
    throws
  {
    let away = "postgres://user:secret@127.0.0.1:1/sensors"
    let watched = try start(["--count", "50", "--rate", "100", "--store", away])
    try watched.waitUntil { $0.errorText.contains("The store can't be written: postgres://user@127.0.0.1:1") }
    #expect(watched.errorText.contains("start the server, or correct --store"))
    let result = watched.wait()
    #expect(result.status == 1)
    #expect(try problems(result) == ["storeFails": 0, "waiting": 50])
    #expect(
      result.errors.contains(
        "50 acknowledged readings aren't stored yet; they wait in data/broker, and the next run in this folder stores them."
      ))
    #expect(!result.errors.contains("secret"))
    let next = try run("--count", "10", "--rate", "100")
    #expect(next.status == 0, "\(next.errors)")
    #expect(next.errors.contains("50 readings from the last run are stored now."))
    #expect(try stored() == 60)
    // At QoS 0 nothing waits: all is lost, and that is said.
    let lost = try run(
      "--count", "50", "--rate", "100", "--qos", "0", "--store", "influx+http://127.0.0.1:1?db=x")
    #expect(lost.status == 1)
    #expect(lost.errors.contains("The store can't be written: influx+http://127.0.0.1:1"))
    let counts = try problems(lost)
    #expect(counts["notKept", default: 0] + counts["lost", default: 0] == 50, "\(counts)")
    #expect(lost.errors.contains("--qos 1"))
  }

  @Test func `topics that no rule takes are told at once with what to do, and counted`() throws {
    let watched = try Trucksensor.Running(
      Trucksensor.executable,
      [
        "run", "truck", "--devices", "3", "--topic", "trucks/{device}", "--count", "20", "--rate", "20",
        "--quiet", "--json",
      ], in: truck.folder)
    let sentence =
      "Readings on 'trucks/truck-1' and 2 more topics match no rule and are not stored: the rules take 'truck/+/freezer', 'truck/freezer'; "
      + "publish there with --topic, or let FROM of a rule in rules/ name a filter such as 'trucks/+'."
    try watched.waitUntil { $0.errorText.contains(sentence) }
    // The page's red stage comes from the same value.
    try watched.waitUntil { $0.errorText.contains("Dashboard: http://") }
    let url = String(try #require(watched.errorText.firstMatch(of: /Dashboard: (http:\S+)/)?.1))
    var page = ""
    try watched.waitUntil { _ in
      let got = try? Trucksensor.Running(
        URL(fileURLWithPath: "/usr/bin/curl"), ["-s", "\(url)api/rules"], in: truck.folder
      ).wait()
      page = got?.output ?? ""
      return page.contains("\"kind\":\"unmatched\"")
    }
    #expect(page.contains("\"good\":false"))
    let result = watched.wait()
    #expect(result.status == 1)
    #expect(try problems(result) == ["unmatched": 60])
    #expect(result.errors.components(separatedBy: "match no rule").count == 3, "\(result.errors)")
  }

  @Test func `a run that ends while the disk is full says what isn't stored, and the next run stores it`()
    throws
  {
    // No file may grow beyond 192 KiB (384 blocks of 512 bytes), which hold about 5 500 readings in the store.
    let count = 9000
    let result = try run("--count", "\(count)", "--rate", "max", prefix: "ulimit -f 384; ")
    let acknowledged = try #require(result.json["acknowledged"] as? Int)
    #expect(result.status != 0 && result.status != 130, "\(result.errors)")
    let counts = try problems(result)
    let (waiting, stored) = (counts["waiting", default: 0], try stored())
    // What was read since the last acknowledgement, up to 2 048 messages and a read's, waits as a whole.
    let missing = acknowledged - stored
    #expect(
      missing > 0 && waiting >= missing && waiting <= missing + 4096,
      "\(counts), \(missing) missing")
    #expect(counts["lost"] == nil && result.errors.contains("free some space"), "\(counts)")
    let next = try run("--count", "1")
    #expect(next.status == 0, "\(next.errors)")
    // Nothing acknowledged is missing; what the broker had taken when it could acknowledge no more may be there, too.
    let all = try self.stored()
    #expect(all > acknowledged && all <= count + 1, "\(all) stored, \(acknowledged) acknowledged before")
    #expect(try truck.run("store", "verify").status == 0)
  }

  @Test func `a store that is locked at the end is waited for`() throws {
    #expect(try run("--count", "1").status == 0)
    let python = """
      import os,sqlite3,time
      c=sqlite3.connect('data/sensorDB.sqlite',isolation_level=None)
      c.execute('BEGIN IMMEDIATE')
      print('locked',flush=True)
      for _ in range(1200):
        if os.path.exists('unlock'): break
        time.sleep(0.05)
      """
    let locker = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/python3"), ["-c", python], in: truck.folder)
    try locker.waitUntil { $0.outputText.contains("locked") }
    let waiting = try start(["--count", "100", "--rate", "max"])
    try waiting.waitUntil { $0.errorText.contains("Waiting for the rules") }
    try truck.write("", to: "unlock")
    let result = waiting.wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(try stored() == 101)
  }

  @Test(arguments: ["on", "off"])
  func
    `a session that another client has taken over costs readings, which are counted, or none with a journal`(
      journal: String
    ) throws
  {
    let cloud = try start(["--count", "150", "--rate", "50", "--journal", journal])
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    _ = try takeSession(cloud, seconds: "1").wait()
    let result = cloud.wait()
    let counts = try problems(result)
    let missing = try 150 - stored()
    if journal == "on" {
      #expect(result.status == 0 && counts.isEmpty && missing == 0, "\(result.errors)")
    } else {
      #expect(result.status == 1, "\(result.errors)")
      // What was being stored at that moment isn't known to be.
      #expect(counts.count == 1 && missing > 0, "\(counts)")
      #expect((missing...missing + 20).contains(counts["lost", default: 0]), "\(counts), \(missing) missing")
      #expect(result.errors.contains("another client took its identifier"))
    }
  }

  @Test
  func `an engine whose session is taken over again and again ends, the run says so, and nothing is lost`()
    throws
  {
    let cloud = try start(["--count", "10000", "--rate", "50"])
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    for _ in 1...40 where !cloud.errorText.contains("same client identifier") {
      _ = try takeSession(cloud, seconds: "0.3").wait()
    }
    #expect(cloud.errorText.contains("another client signs in with the same client identifier"))
    cloud.interrupt()
    let result = cloud.wait()
    #expect(result.status == 1, "\(result.errors)")
    let counts = try problems(result)
    #expect(
      counts["engineLost"] != nil && counts["waiting", default: 0] > 0 && counts.count == 2, "\(counts)")
    let next = try run("--count", "1")
    #expect(next.status == 0, "\(next.errors)")
    #expect(try stored() == 1 + #require(result.json["acknowledged"] as? Int))
  }

  @Test func `readings whose time the store refuses are reported once with the remedy, and counted`() throws {
    let result = try run(
      "--count", "200", "--rate", "max", "--timestamps", "2090-01-01T00:00:00Z")
    #expect(result.status == 1)
    #expect(try problems(result) == ["outsideAcceptance": 200])
    #expect(result.errors.contains("Correct the device's clock or --timestamps"))
    #expect(
      result.errors.components(separatedBy: "more than 15 minutes ahead").count == 3, "\(result.errors)")
  }

  @Test func `rules run tells of what it couldn't do, by its exit code, too`() throws {
    let cloud = try start(["--interval", "1h"])
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    let engine = try truck.start(
      "rules", "run", "--device", "mqttTestClient", "--client-id", "engine", "--json")
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    #expect(try truck.run("publish", "truck/freezer", "no JSON", "--qos", "1").status == 0)
    try engine.waitUntil { $0.errorText.contains("can't be read as JSON") }
    engine.interrupt()
    let result = engine.wait()
    #expect(result.status == 1)
    #expect(try problems(result) == ["unreadable": 1])
    cloud.interrupt()
    #expect(try problems(cloud.wait()) == ["unreadable": 1])
  }

  @Test func `rules ask the registry, which may be damaged meanwhile, for the thing that has published`()
    throws
  {
    try FileManager.default.removeItem(atPath: truck.path("rules"))
    try FileManager.default.createDirectory(atPath: truck.path("rules"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT clientid() AS client, get_registry_data('DescribeThing', clientid(), 'arn:aws:iam::1:role/r') AS thing, get_registry_data('ListThingGroupsForThing', clientid(), 'arn:aws:iam::1:role/r').thingGroups AS groups FROM 'truck/freezer'",
       "awsIotSqlVersion": "2016-03-23", "actions": [
        {"republish": {"topic": "out/who", "qos": 1, "roleArn": "arn:aws:iam::123456789012:role/r"}}]}
      """, to: "rules/who.json")
    let cloud = try start(["--interval", "1h"])
    try cloud.waitUntil { $0.errorText.contains("Publishing") }
    func provision(_ words: String...) throws -> Trucksensor.Finished {
      let result = try Trucksensor.Running(Trucksensor.executable, ["provision"] + words, in: truck.folder)
        .wait()
      #expect(result.status == 0, "\(result.errors)")
      return result
    }
    _ = try provision("thing", "twinA", "--attribute", "deviceID=T001")
    _ = try provision("group", "create", "fleet")
    _ = try provision("group", "attach", "fleet", "twinA")
    // Two things with one certificate: each signs in under its own name.
    let shown = try provision("cert", "show", "twinA")
    let certificate = String(
      try #require(shown.output.firstMatch(of: /"certificateId": "([0-9a-f]{64})"/)?.1))
    _ = try provision("thing", "create", "twinB", "--attribute", "deviceID=T002")
    _ = try provision("thing", "attach", "twinB", certificate)
    try cloud.waitUntil { $0.errorText.contains("Registry or policies changed") }
    func publish(as name: String) throws -> String {
      let watcher = try truck.start("subscribe", "out/who", "--count", "1", "--timeout", "15s")
      try watcher.waitUntil { $0.errorText.contains("subscribed") }
      var sent: Trucksensor.Finished?
      // The broker enforces a change within a second.
      for _ in 1...20 where sent?.status != 0 {
        sent = try truck.run(
          "publish", "truck/freezer", "{}", "--device", "twinA", "--client-id", name, "--qos", "1")
      }
      #expect(sent?.status == 0, "\(sent?.errors ?? "")")
      return watcher.wait().output
    }
    let first = try publish(as: "twinA")
    #expect(first.contains(#""client":"twinA""#) && first.contains(#""deviceID":"T001""#), "\(first)")
    #expect(first.contains(#""groupName":"fleet""#), "\(first)")
    #expect(try publish(as: "twinB").contains(#""client":"twinB""#))
    try truck.write("{\"version\": 1, \"things\": [", to: "data/registry.json")
    try cloud.waitUntil { $0.errorText.contains("the broker keeps its last valid version") }
    let second = try publish(as: "twinB")
    #expect(second.contains(#""client":"twinB""#) && second.contains(#""deviceID":"T002""#), "\(second)")
    cloud.interrupt()
    _ = cloud.wait()
  }
}
