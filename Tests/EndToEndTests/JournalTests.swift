import Foundation
import Testing

/// What the broker of a run has acknowledged, and what becomes of it when the broker, the run or the disk fails.
@Suite(.serialized, .enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct JournalTests {
  private let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.createDirectory(atPath: truck.path("rules"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT cast(n AS Int) AS number FROM 'truck/freezer'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "load",
         "dimensions": [{"name": "device", "value": "x"}],
         "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}}]}
      """, to: "rules/load.json")
  }

  // MARK: Fixture

  private func startRun(_ options: String..., environment: String = "") throws -> Trucksensor.Running {
    let words =
      ["run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard", "--drain-timeout", "1s"]
      + options
    let run = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "\(environment) exec '\(Trucksensor.executable.path)' \(words.joined(separator: " "))"],
      in: truck.folder)
    try run.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return run
  }

  private func stop(_ run: Trucksensor.Running) -> Trucksensor.Finished {
    run.interrupt()
    return run.wait()
  }

  private func source(_ count: Int, rate: String = "max") throws -> Trucksensor.Running {
    try truck.start(
      "simulate", "--device", "mqttTestClient", "--client-id", "source", "--topic", "truck/freezer", "--rate",
      rate, "--qos", "1", "--count", "\(count)", "--loop", "--quiet", "--json")
  }

  private func broker() throws -> pid_t {
    let text = try String(contentsOfFile: truck.path("data/broker/pid"), encoding: .utf8)
    return try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  private func stored() throws -> String {
    let result = try truck.run(
      "store", "query", "SELECT count(*), count(DISTINCT number), min(number), max(number) FROM load_wide",
      "--format", "csv")
    return result.lines.dropFirst().first ?? result.errors
  }

  private func waitUntilStored(_ expected: String) throws {
    let deadline = Date().addingTimeInterval(30)
    while try stored() != expected, Date() < deadline { poll(nil, 0, 100) }
    #expect(try stored() == expected)
  }

  /// A writer that keeps the store locked until it is ended.
  private func lockStore() throws -> Trucksensor.Running {
    let python = """
      import sqlite3,time
      c=sqlite3.connect('data/sensorDB.sqlite',isolation_level=None)
      c.execute('BEGIN IMMEDIATE')
      print('locked',flush=True)
      time.sleep(60)
      """
    let locker = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/python3"), ["-c", python], in: truck.folder)
    try locker.waitUntil { $0.outputText.contains("locked") }
    return locker
  }

  /// A run that ends, or is killed, with this many acknowledged readings that its rules couldn't store.
  private func leaveBehind(_ count: Int, isKilled: Bool = false) throws {
    let run = try startRun()
    _ = try source(1).wait()
    try waitUntilStored("1,1,1,1")
    let locker = try lockStore()
    let sent = try source(count).wait()
    #expect(sent.json["acknowledged"] as? Int == count, "\(sent.errors)")
    if isKilled {
      run.interrupt(SIGKILL)
      _ = run.wait()
    } else {
      let ended = stop(run)
      #expect(
        ended.errors.contains("\(count) acknowledged readings aren't stored yet; they wait in data/broker"),
        "\(ended.errors)")
    }
    locker.end()
  }

  private func journalFiles() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: truck.path("data/broker/journal")).sorted()
      .map { truck.path("data/broker/journal/\($0)") }
  }

  // MARK: Tests

  @Test func `engine and broker killed together at full rate lose nothing and store nothing twice`() throws {
    let script = Trucksensor.repository.appendingPathComponent("scripts/kill-check.sh").path
    let check = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      ["TRUCKSENSOR_EXECUTABLE=\(Trucksensor.executable.path)", script, "60000", "5"], in: truck.folder
    ).wait()
    #expect(check.status == 0, "\(check.output)\(check.errors)")
    #expect(check.output.hasPrefix("5 kills, "), "\(check.output)")
    #expect(check.output.contains("acknowledged 60000, stored 60000"), "\(check.output)\(check.errors)")
  }

  /// The part of an engine that stores opens its queue and is gone before the broker's next turn, because command and
  /// DISCONNECT are in one TLS record.
  private static let vanishingEngine = """
    import socket, ssl, sys
    def text(value): return len(value).to_bytes(2, 'big') + value.encode()
    def packet(kind, body): return bytes([kind, len(body)]) + body
    context = ssl.create_default_context(cafile='data/ca/root-CA.crt')
    context.check_hostname = False
    context.load_cert_chain('certs/mqttTestClient.cert.pem', 'certs/mqttTestClient.private.key')
    broker = context.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
    # MQTT 5, the session is kept for an hour.
    broker.sendall(packet(0x10, text('MQTT') + bytes([5, 0, 0, 60, 5, 0x11, 0, 0, 14, 16]) + text('engine-store')))
    assert broker.recv(1000)[0] == 0x20
    command = text('$CONTROL/trucksensor/queue/v1') + bytes([0]) + 'open new 3600\\ntruck/freezer'.encode()
    broker.sendall(packet(0x30, command) + packet(0xE0, b''))
    assert broker.recv(1000) == b''
    """

  @Test func `an engine that vanishes while the broker feeds it loses nothing`() throws {
    try FileManager.default.moveItem(atPath: truck.path("rules"), toPath: truck.path("own"))
    let run = try startRun()
    let killed = try truck.startEngine()
    killed.interrupt(SIGKILL)
    _ = killed.wait()
    let count = 6_000
    let sent = try source(count).wait()
    #expect(sent.json["acknowledged"] as? Int == count, "\(sent.errors)")
    let port = String(try #require(run.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1))
    let vanished = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/python3"), ["-c", Self.vanishingEngine, port], in: truck.folder
    ).wait()
    #expect(vanished.status == 0, "\(vanished.errors)")
    let engine = try truck.startEngine()
    try waitUntilStored("\(count),\(count),1,\(count)")
    _ = stop(engine)
    let ended = stop(run)
    #expect(!ended.errors.contains("discarded"), "\(ended.errors)")
  }

  /// Two engines share 5 000 messages, and one of them is killed twice.
  private func share(_ environment: [String] = []) throws -> Trucksensor.Finished {
    let script = Trucksensor.repository.appendingPathComponent("scripts/share-check.sh").path
    return try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/env"),
      environment + [
        "TRUCKSENSOR_EXECUTABLE=\(Trucksensor.executable.path)", "RATE=1000", script, "5000", "2",
      ],
      in: truck.folder
    ).wait()
  }

  @Test func `two engines share messages, and the share of a killed one is processed by the other`() throws {
    let check = try share()
    #expect(check.status == 0, "\(check.output)\(check.errors)")
    #expect(check.output.contains("stored 5000,5000,1,5000"), "\(check.output)\(check.errors)")
  }

  @Test(.enabled(if: StoreServer.program(.postgreSQL) != nil, "PostgreSQL isn't installed"))
  func `two engines that store at PostgreSQL lose nothing and store nothing twice when one is killed`() throws
  {
    let server = try StoreServer(.postgreSQL, in: truck)
    let check = try share(["STORE=\(server.url)"])
    #expect(check.status == 0, "\(check.output)\(check.errors)")
    #expect(check.output.contains("stored 5000,5000,1,5000"), "\(check.output)\(check.errors)")
  }

  @Test func `what a run leaves behind is stored by the next one, though its port is another`() throws {
    try leaveBehind(2000)
    let other = try Trucksensor()
    let neighbour = try other.start("run", "truckSensor01", "--interval", "1h", "--quiet", "--no-dashboard")
    try neighbour.waitUntil { $0.errorText.contains("mutual TLS") }
    let run = try startRun()
    #expect(run.errorText.contains("2000 readings from the last run are stored now."), "\(run.errorText)")
    try waitUntilStored("2000,2000,1,2000")
    let ended = stop(run)
    #expect(!ended.errors.contains("stored yet"), "\(ended.errors)")
    neighbour.interrupt()
    _ = neighbour.wait()
  }

  @Test func `a second run in a folder is refused and leaves the first alone`() throws {
    let run = try startRun()
    let process = try broker()
    let second = try truck.run("run", "truckSensor02", "--count", "1")
    #expect(second.status == 69, "\(second.errors)")
    #expect(second.errors.contains("another run is using the local broker of this folder"))
    #expect(second.errors.contains("'trucksensor simulate NAME'"))
    #expect(try broker() == process)
    #expect(try source(10).wait().status == 0)
    try waitUntilStored("10,10,1,10")
    _ = stop(run)
  }

  @Test func `a journal that can't be written refuses readings, and takes them once it can`() throws {
    let run = try startRun()
    _ = try source(1).wait()
    try waitUntilStored("1,1,1,1")
    // No file of the broker's may grow any more.
    func limitFiles(_ limit: String) throws {
      let result = try Trucksensor.Running(
        URL(fileURLWithPath: "/usr/bin/prlimit"), ["--pid", "\(broker())", "--fsize=\(limit)"],
        in: truck.folder
      ).wait()
      #expect(result.status == 0, "\(result.errors)")
    }
    let truckRun = try source(100, rate: "20")
    try truckRun.waitUntil { _ in (try? stored().hasPrefix("1,")) == false }
    try limitFiles("0:unlimited")
    try run.waitUntil {
      $0.errorText.contains("messages for the rules are refused until the journal can be written")
    }
    try truckRun.waitUntil { $0.errorText.contains("administrative action") }
    try limitFiles("unlimited:unlimited")
    let sent = truckRun.wait()
    #expect(sent.status == 0, "\(sent.errors)")
    #expect(sent.json["acknowledged"] as? Int == 100, "\(sent.errors)")
    try waitUntilStored("100,100,1,100")
    try run.waitUntil { $0.errorText.contains("the journal can be written again") }
    _ = stop(run)
  }

  @Test func `a damaged record costs its reading and no other`() throws {
    try leaveBehind(300, isKilled: true)
    let journal = try #require(try journalFiles().first { $0.hasSuffix(".journal") })
    // Without the messages that its session had in flight.
    try FileManager.default.removeItem(atPath: truck.path("data/broker/mosquitto.db"))
    var bytes = try Data(contentsOf: URL(fileURLWithPath: journal))
    let place = try #require(bytes.range(of: Data(#""n":"200""#.utf8)))
    bytes[place.lowerBound + 5] ^= 1
    try bytes.write(to: URL(fileURLWithPath: journal))
    let run = try startRun()
    try waitUntilStored("299,299,1,300")
    try run.waitUntil { $0.errorText.contains("damaged bytes were skipped") }
    #expect(run.errorText.contains("lost 1 of the messages that the broker had acknowledged"))
    _ = stop(run)
  }

  @Test func `a journal that can't be read is an error, not an empty one`() throws {
    try FileManager.default.createDirectory(
      atPath: truck.path("data/broker/journal/00000000000000000001.journal"),
      withIntermediateDirectories: true)
    let result = try truck.run("run", "truckSensor01", "--count", "1")
    #expect(result.status == 69, "\(result.errors)")
    #expect(result.errors.contains("can't use the journal: can't read"), "\(result.errors)")
  }

  @Test func `without a journal the broker's own queue feeds the rules`() throws {
    let run = try startRun("--journal", "off")
    #expect(try source(500).wait().status == 0)
    try waitUntilStored("500,500,1,500")
    #expect(!FileManager.default.fileExists(atPath: truck.path("data/broker/journal")))
    _ = stop(run)
    let durable = try startRun("--journal", "sync")
    #expect(try source(600).wait().status == 0)
    try waitUntilStored("600,600,1,600")
    _ = stop(durable)
    #expect(try truck.run("run", "truckSensor01", "--journal", "maybe").status == 64)
  }

  @Test func `a registry that is damaged while a killed broker starts again keeps its last good version`()
    throws
  {
    let run = try startRun()
    try truck.write("{\"version\":", to: "data/registry.json")
    try run.waitUntil { $0.errorText.contains("the broker keeps its last valid version") }
    let process = try broker()
    kill(process, SIGKILL)
    try run.waitUntil { _ in ((try? broker()) ?? process) != process }
    let sent = try truck.run(
      "simulate", "--device", "mqttTestClient", "--client-id", "source", "--topic", "truck/freezer",
      "--rate", "max", "--qos", "1", "--count", "20", "--quiet", "--json")
    #expect(sent.json["acknowledged"] as? Int == 20, "\(sent.errors)")
    try waitUntilStored("20,20,1,20")
    _ = stop(run)
  }
}
