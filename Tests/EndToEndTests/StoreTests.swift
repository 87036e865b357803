import Foundation
import Store
import Synchronization
import Testing
import Time

/// The rule's second action, the store, and the query editor.
@Suite(.enabled(if: Trucksensor.isBuilt), .serialized) struct StoreTests {
  private let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: URL(fileURLWithPath: truck.path("rules")))
  }

  private func query(_ sql: String, _ options: String...) throws -> String {
    let result = try Trucksensor.Running(
      Trucksensor.executable, ["store", "query", sql, "--format", "csv"] + options, in: truck.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    return result.output
  }

  /// Whether a table has that many records; not yet, if there is no such table.
  private func has(_ count: Int, in table: String) -> Bool {
    (try? truck.run("store", "query", "SELECT count(*) FROM \(table)", "--format", "csv"))?.output
      .contains("\n\(count)\n") == true
  }

  /// A rule that stores `n` at the time `n`, milliseconds since 1970: each message is one point, whenever it comes.
  private func setCountingRule() throws {
    try FileManager.default.removeItem(atPath: truck.path("rules"))
    try FileManager.default.createDirectory(atPath: truck.path("rules"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT cast(n AS Int) AS number FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "load",
         "dimensions": [{"name": "device", "value": "x"}],
         "timestamp": {"value": "${cast(n AS Int)}", "unit": "MILLISECONDS"}}}],
       "errorAction": {"republish": {"topic": "load/error", "qos": 1}}}
      """, to: "rules/load.json")
  }

  private func startCloud() throws -> (Trucksensor.Running, port: String) {
    let cloud = try truck.start("run", "truckSensor01", "--interval", "1h", "--quiet")
    try cloud.waitUntil { $0.errorText.contains("mutual TLS") && $0.errorText.contains("Publishing") }
    return (cloud, String(try #require(cloud.errorText.firstMatch(of: /127\.0\.0\.1:(\d+), mutual/)?.1)))
  }

  private func startEngine(_ options: String..., prefix: String = "") throws -> Trucksensor.Running {
    let arguments = ["rules", "run", "--device", "mqttTestClient", "--client-id", "engine"] + options
    let engine = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "\(prefix)exec '\(Trucksensor.executable.path)' \(arguments.joined(separator: " "))"],
      in: truck.folder)
    try engine.waitUntil { $0.errorText.contains("rules: ready") }
    return engine
  }

  private func startSource(_ count: Int, rate: String, port: String) throws -> Trucksensor.Running {
    try truck.start(
      "simulate", "--device", "mqttTestClient", "--client-id", "source", "--topic", "load/in", "--rate", rate,
      "--qos", "1",
      "--count", "\(count)", "--loop", "--quiet", "--json", "--endpoint", "127.0.0.1:\(port)", "--ca",
      "data/ca/root-CA.crt")
  }

  @Test func `a run of 100 messages leaves 300 points, and 100 rows in the wide view`() throws {
    let result = try truck.run("run", "truckSensor01", "--count", "100", "--rate", "100", "--quiet")
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      try query("SELECT * FROM truck01_sensors ORDER BY time LIMIT 1").hasPrefix(
        "device,measure_name,time,measure_value::bigint,measure_value::double\ntruckSensor01,temp,20"))
    #expect(
      try query("SELECT measure_name, count(*) FROM truck01_sensors GROUP BY 1 ORDER BY 1")
        == "measure_name,_col1\ndoor,100\ntemp,100\nvolts,100\n")
    #expect(
      try query("SELECT count(*), min(temp), max(volts), sum(door) FROM truck01_sensors_wide").hasPrefix(
        "_col0,_col1"))
    #expect(try query("SELECT count(*) AS n FROM \"sensorDB\".\"truck01_sensors_wide\"") == "n\n100\n")
    #expect(
      try query("SELECT temp, volts, door FROM truck01_sensors_wide ORDER BY time LIMIT 1")
        == "temp,volts,door\n21.9,12.11,0\n")
    #expect(try truck.run("store", "verify").status == 0)
  }

  @Test func `an engine killed 20 times and a broker killed 6 times lose nothing and store nothing twice`()
    throws
  {
    let (cloud, port) = try startCloud()
    try setCountingRule()
    let count = 100_000
    var engine = try startEngine()
    let source = try startSource(count, rate: "5000", port: port)
    for kills in 1...20 {
      poll(nil, 0, Int32.random(in: 50...900))
      if kills % 3 == 0 {
        let broker = try #require(
          Int32(
            String(contentsOfFile: truck.path("data/broker/pid"), encoding: .utf8)
              .trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(broker, SIGKILL)
      }
      engine.interrupt(SIGKILL)
      _ = engine.wait()
      engine = try startEngine()
    }
    let sent = source.wait()
    #expect(sent.status == 0, "\(sent.errors)")
    #expect(sent.json["acknowledged"] as? Int == count)
    let deadline = Date().addingTimeInterval(60)
    while try !query("SELECT max(number) FROM load_wide").contains("\n\(count)\n"), Date() < deadline {
      poll(nil, 0, 200)
    }
    poll(nil, 0, 500)
    #expect(
      try query("SELECT count(*), count(DISTINCT number), min(number), max(number) FROM load_wide")
        == "_col0,_col1,_col2,_col3\n\(count),\(count),1,\(count)\n")
    engine.interrupt()
    _ = engine.wait()
    // The rollups say the same as the readings.
    let verified = try truck.run("store", "verify")
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    cloud.interrupt()
    _ = cloud.wait()
  }

  @Test func `a disk that fills up fails the action, and loses nothing once there is space`() throws {
    let (cloud, port) = try startCloud()
    try setCountingRule()
    let watcher = try truck.start(
      "subscribe", "load/error", "--device", "mqttTestClient", "--client-id", "errors", "--qos", "1")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    // No file may grow beyond 512 KiB (of 512-byte blocks), which is less than the readings need.
    var engine = try startEngine("--json", prefix: "ulimit -f 1024; ")
    let count = 60_000
    let sent = try startSource(count, rate: "10000", port: port).wait()
    #expect(sent.json["acknowledged"] as? Int == count)
    try engine.waitUntil { $0.errorText.contains("free some space") }
    try watcher.waitUntil { $0.outputText.contains("TimestreamAction") }
    let before = try #require(Int(query("SELECT count(*) FROM load_wide").split(separator: "\n")[1]))
    #expect(before > 0 && before < count)
    engine.interrupt()
    let ended = engine.wait()
    #expect(ended.output.contains("\"Failure\":"))
    engine = try startEngine()
    let deadline = Date().addingTimeInterval(40)
    while try !query("SELECT count(*) FROM load_wide").contains("\n\(count)\n"), Date() < deadline {
      poll(nil, 0, 200)
    }
    #expect(
      try query("SELECT count(*), count(DISTINCT number) FROM load_wide").hasSuffix("\n\(count),\(count)\n"))
    engine.interrupt()
    _ = engine.wait()
    #expect(try truck.run("store", "verify").status == 0)
    for process in [watcher, cloud] {
      process.interrupt()
      _ = process.wait()
    }
  }

  @Test func `a locked store is tried again by redelivery, and keeps no other rule waiting`() throws {
    let (cloud, port) = try startCloud()
    try setCountingRule()
    try truck.write(
      """
      {"sql": "SELECT n FROM 'load/in'", "awsIotSqlVersion": "2016-03-23",
       "actions": [{"republish": {"topic": "load/out", "qos": 1}}]}
      """, to: "rules/other.json")
    let first = try startEngine()
    _ = try startSource(1, rate: "max", port: port).wait()
    try first.waitUntil { _ in has(1, in: "load_wide") }
    let watcher = try truck.start(
      "subscribe", "load/out", "--device", "mqttTestClient", "--client-id", "out", "--qos", "1")
    try watcher.waitUntil { $0.errorText.contains("subscribed") }
    // A writer that holds the lock until its input ends.
    let python =
      "import sqlite3,time\nc=sqlite3.connect('data/sensorDB.sqlite',isolation_level=None)\nc.execute('BEGIN IMMEDIATE')\nprint('locked',flush=True)\ntime.sleep(6)\n"
    let locker = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/python3"), ["-c", python], in: truck.folder)
    try locker.waitUntil { $0.outputText.contains("locked") }
    _ = try startSource(200, rate: "max", port: port).wait()
    // The other rule's messages come while the store is still locked.
    try watcher.waitUntil { $0.outputText.contains("\"n\":\"200\"") }
    #expect(locker.process.isRunning)
    try first.waitUntil { $0.errorText.contains("locked by another process") }
    _ = locker.wait()
    try first.waitUntil { _ in has(200, in: "load_wide") }
    for process in [first, watcher, cloud] {
      process.interrupt()
      _ = process.wait()
    }
  }

  @Test func `strict types send whole numbers of a decimal measure to the error action`() throws {
    let rows = (1...15).map { "\($0 * 3),12.00,21.00,0\n" }.joined()
    try truck.write("uptime,volts,temp,door\n1,12.11,21.90,0\n" + rows, to: "whole.csv")
    let watched = try truck.start(
      "run", "truckSensor01", "--dataset", "whole.csv", "--loop", "1", "--rate", "3", "--strict-types",
      "--quiet")
    try watched.waitUntil { $0.errorText.contains("Publishing") }
    let errors = try truck.run("subscribe", "TimeStream_rule_error", "--count", "1", "--timeout", "10s")
    #expect(errors.output.contains("BIGINT, but DOUBLE in the table"), "\(errors.errors)")
    // A message that isn't stored isn't a success.
    let result = watched.wait()
    #expect(result.status == 1 && result.errors.contains("not stored in sensorDB.truck01_sensors"))
    #expect(try query("SELECT count(*) AS n FROM truck01_sensors_wide") == "n\n1\n")
  }

  @Test func `import reads back what export wrote, and says where a file is wrong`() throws {
    let dataset = "TruckSensorFiles/trucksensordata.csv"
    #expect(try truck.run("store", "import", dataset, "--start", "2024-10-23T14:00:00Z").status == 0)
    #expect(try truck.run("store", "import", dataset, "--start", "2024-10-23T14:00:00Z").status == 0)
    #expect(try query("SELECT count(*) AS n FROM truck01_sensors_wide") == "n\n3600\n")
    #expect(try truck.run("store", "export", "-o", "a.csv").status == 0)
    #expect(try truck.run("store", "import", "a.csv", "--store", "b.sqlite").status == 0)
    #expect(try truck.run("store", "export", "--store", "b.sqlite", "-o", "b.csv").status == 0)
    #expect(FileManager.default.contentsEqual(atPath: truck.path("a.csv"), andPath: truck.path("b.csv")))
    let wrong: [(String, String)] = [
      ("time,temp\n2024-10-23,1\n,2\n", "wrong.csv:3:1: the time is missing"),
      ("time,temp\nyesterday,2\n", "wrong.csv:2:1: 'yesterday' is not a time"),
      ("a,b\n1,2\n", "wrong.csv:1: there is no column 'time'"),
      ("time,temp\n2024-10-23,nan\n", "wrong.csv:2:12: 'nan' is not a number"),
      ("time,temp\n2199-10-23,1\n", "wrong.csv:2: rejected: its time, 2199-10-23"),
      ("time,temp,volts\n2024-10-23,1\n", "wrong.csv:2:12: the row has 2 fields, the header 3"),
      ("time,temp\n2024-10-23,1,2\n", "wrong.csv:2:14: the row has 3 fields, the header 2"),
    ]
    for (text, message) in wrong {
      try truck.write(text, to: "wrong.csv")
      let result = try truck.run("store", "import", "wrong.csv", "--store", "c.sqlite")
      #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
    }
  }

  @Test func `an import says for which device, and whether it has what the dashboard shows`() throws {
    for (header, isKnown) in [
      ("time,Probe 1", false), ("time,Temperature (°C)", false), ("device,time,temp", true),
    ] {
      try truck.write(
        header + "\n" + (header.hasPrefix("device") ? "t9," : "") + "2024-10-23,1.5\n", to: "own.csv")
      let result = try truck.run("store", "import", "own.csv", "--store", "d.sqlite")
      #expect(result.status == 0)
      #expect(
        result.errors.contains("1 row written for device truckSensor01") != header.hasPrefix("device"),
        "\(result.errors)")
      #expect(result.errors.contains("import with --map temp=") != isKnown, "\(result.errors)")
    }
    try truck.write("time,Temp_F\n2024-10-23,1.5\n", to: "own.csv")
    let mapped = try truck.run("store", "import", "own.csv", "--store", "d.sqlite", "--map", "temp=Temp_F")
    #expect(mapped.errors.contains("'Temp_F' seems to be in degrees Fahrenheit"), "\(mapped.errors)")
  }

  @Test(arguments: StoreServer.Kind.allCases)
  func `the same rule writes to a server, each point once`(_ kind: StoreServer.Kind) throws {
    guard StoreServer.program(kind) != nil else {
      print("skipped: \(kind.rawValue) is not installed; scripts/setup.sh --tests installs it")
      return
    }
    let server = try StoreServer(kind, in: truck)
    for _ in 0..<2 {
      let result = try truck.run(
        "run", "truckSensor01", "--count", "50", "--rate", "100", "--quiet", "--timestamps",
        "2024-10-23T14:00:00Z",
        "--store", server.url)
      #expect(result.status == 0, "\(result.errors)")
    }
    switch kind {
    case .influxDB:
      let answer = try query(
        "SELECT count(temp), first(temp), max(volts) FROM truck01_sensors WHERE device = 'truckSensor01'",
        "--store", server.url)
      #expect(answer.contains(",50,21.9,12.11]"), "\(answer)")
    case .victoriaMetrics:
      var answer = ""
      let deadline = Date().addingTimeInterval(10)
      // New points are seen within seconds.
      repeat {
        answer = try query(
          "count_over_time(truck01_sensors_temp{device=\"truckSensor01\"}[10y])", "--store", server.url)
        poll(nil, 0, 200)
      } while !answer.contains("\"50\"") && Date() < deadline
      #expect(answer.contains("\"50\""), "\(answer)")
    case .postgreSQL:
      let answer = try query(
        "SELECT count(*), count(door), max(volts), min(device) FROM truck01_sensors", "--store", server.url)
      #expect(answer == "count,count,max,min\n50,50,12.11,truckSensor01\n")
    }
  }

  /// 6 000 rows, more than are written at once, and a wrong one.
  private func writeLongFile() throws {
    let rows = (0..<6000).map { "\(1_729_703_640 + $0),\(Double($0 % 50) / 2)\n" }.joined()
    try truck.write("time,temp\n" + rows + "1729800000\n", to: "long.csv")
  }

  @Test func `an import that fails at a late row stores nothing`() throws {
    try writeLongFile()
    try truck.write("time,temp\n2024-10-20,1\n", to: "good.csv")
    #expect(try truck.run("store", "import", "good.csv").status == 0)
    let result = try truck.run("store", "import", "long.csv")
    #expect(
      result.status == 65 && result.errors.contains("nothing of long.csv was stored"), "\(result.errors)")
    #expect(result.errors.contains("long.csv:6002:1: the row has 1 field, the header 2"), "\(result.errors)")
    #expect(try query("SELECT count(*) AS n FROM truck01_sensors_wide") == "n\n1\n")
    #expect(try truck.run("store", "verify").status == 0)
  }

  @Test func `an import into a server is a transaction, or says what stays`() throws {
    guard StoreServer.program(.influxDB) != nil, StoreServer.program(.postgreSQL) != nil else { return }
    try writeLongFile()
    let postgres = try StoreServer(.postgreSQL, in: truck)
    try truck.write(
      "time,temp,note\n2024-10-20,1.5,a\n2024-10-21,2.5,b\n2024-10-22,warm,c\n2024-10-23,4.5,d\n",
      to: "some.csv")
    let some = try truck.run("store", "import", "some.csv", "--store", postgres.url)
    #expect(some.status == 1 && some.errors.contains("some.csv:4: rejected"), "\(some.errors)")
    let failed = try truck.run("store", "import", "long.csv", "--store", postgres.url)
    #expect(
      failed.status == 65 && failed.errors.contains("nothing of long.csv was stored"), "\(failed.errors)")
    #expect(try query("SELECT count(*) AS n FROM truck01_sensors", "--store", postgres.url) == "n\n3\n")
    let influx = try StoreServer(.influxDB, in: truck)
    let partly = try truck.run("store", "import", "long.csv", "--store", influx.url)
    #expect(partly.status == 65 && partly.errors.contains("5000 rows of long.csv"), "\(partly.errors)")
    #expect(try query("SELECT count(temp) FROM truck01_sensors", "--store", influx.url).contains(",5000]"))
  }

  @Test func `tags of any characters are in InfluxDB as they were, or are refused`() throws {
    guard StoreServer.program(.influxDB) != nil else { return }
    let server = try StoreServer(.influxDB, in: truck)
    let taken = ["a,b", "a=b c", "a\\b", "\\\\server", "é'", "x\"y"]
    let refused = ["x\\", "a\\ b", "a\\,b"]
    let rows = (taken + refused).enumerated().map { index, tag in
      "\(1_729_703_640 + index),\"\(tag.replacingOccurrences(of: "\"", with: "\"\""))\",1.5\n"
    }
    try truck.write("time,device,temp\n" + rows.joined(), to: "tags.csv")
    let result = try truck.run("store", "import", "tags.csv", "--store", server.url)
    #expect(result.status == 1 && result.errors.contains("6 rows written, 3 rejected"), "\(result.errors)")
    #expect(result.errors.contains("has a backslash at its end"), "\(result.errors)")
    let answer = try query("SHOW TAG VALUES FROM truck01_sensors WITH KEY = device", "--store", server.url)
    let results = try #require(
      try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: [[String: Any]]])
    let series = try #require(results["results"]?.first?["series"] as? [[String: Any]])
    let values = try #require(series.first?["values"] as? [[String]])
    #expect(Set(values.map { $0[1] }) == Set(taken))
  }

  @Test(arguments: [
    ["store", "query", "SELECT 1"], ["store", "import", "good.csv"], ["store", "tables"],
    ["dashboard", "--port", "0"],
  ])
  func `an unreachable server is an error without its password`(_ arguments: [String]) throws {
    try truck.write("time,temp\n2024-10-23,1\n", to: "good.csv")
    for url in [
      "postgres://bob:hunter2@127.0.0.1:1/db", "influx+http://bob:hunter2@127.0.0.1:1?db=x&timeout=1",
      "postgres://bob:hun/ter2@127.0.0.1:1/db", "postgres://bob:hunter2@127.0.0.1:port/db",
    ] {
      // A dashboard waits for its store.
      if arguments[0] == "dashboard", !url.contains("hun/"), !url.contains(":port") { continue }
      let result = try Trucksensor.Running(
        Trucksensor.executable, arguments + ["--store", url], in: truck.folder
      ).wait()
      #expect([64, 65, 69].contains(result.status), "\(result.errors)")
      #expect(!(result.errors + result.output).contains("ter2"), "\(result.errors)")
    }
  }

  @Test(arguments: StoreServer.Kind.allCases)
  func `a reading in the future doesn't hide what comes to a server later`(_ kind: StoreServer.Kind) throws {
    guard StoreServer.program(kind) != nil else { return }
    let server = try StoreServer(kind, in: truck)
    let location = try StoreLocation(server.url)
    let store = try location.open()
    let start = Timestamp.now / 1_000_000_000 * 1_000_000_000
    func write(_ seconds: Int64) throws {
      let record = Record(
        dimensions: [Dimension("device", "a")], time: start + seconds * 1_000_000_000,
        measures: [("temp", .double(Double(seconds)))])
      #expect(try store.write([WriteRequest(table: "truck01_sensors", record: record)]).isEmpty)
    }
    try write(-100)
    let charts = try location.charts(table: "truck01_sensors")
    // VictoriaMetrics shows new points within seconds.
    let deadline = Date().addingTimeInterval(60)
    while try charts.trucks().isEmpty, Date() < deadline { poll(nil, 0, 200) }
    var cursor = try charts.newestArrival()
    var found: [Double?] = []
    // The first is ten minutes ahead.
    for (count, seconds) in [Int64(600), -5, -3, -4, 0].enumerated() {
      try write(seconds)
      while found.count <= count, Date() < deadline {
        let arrivals = try charts.arrivals(charts.measures(), after: cursor, limit: 100)
        cursor = arrivals.cursor
        found += arrivals.groups.flatMap { $0.rows.map { $0.values[0] } }
        if found.count <= count { poll(nil, 0, 100) }
      }
    }
    #expect(found == [600, -5, -3, -4, 0])
    #expect(try charts.arrivals(charts.measures(), after: cursor, limit: 100).groups.isEmpty)
  }

  @Test func `charts leave out PostgreSQL's NaN and infinities`() throws {
    guard StoreServer.program(.postgreSQL) != nil else { return }
    let server = try StoreServer(.postgreSQL, in: truck)
    let location = try StoreLocation(server.url)
    let start: Int64 = 1_729_703_640_000_000_000
    let requests = (0..<10).map {
      WriteRequest(
        table: "truck01_sensors",
        record: Record(
          dimensions: [Dimension("device", "a")], time: start + Int64($0) * 1_000_000_000,
          measures: [("temp", .double(Double($0)))]))
    }
    #expect(try location.open().write(requests).isEmpty)
    let statements = [
      "UPDATE truck01_sensors SET temp = 'NaN' WHERE temp = 3",
      "UPDATE truck01_sensors SET temp = 'infinity' WHERE temp = 9",
      "INSERT INTO truck01_sensors(series, time, device, temp) VALUES ('x', 'infinity', 'a', 1), ('x', '-infinity', 'a', 1)",
      "INSERT INTO truck01_sensors(series, time, device, temp) VALUES ('x', '4000-01-01', 'b', 1)",
    ]
    for statement in statements {
      _ = try StoreServer.shell("psql -h 127.0.0.1 -p \(server.port) -U postgres -qc \"\(statement)\"")
    }
    let charts = try location.charts(table: "truck01_sensors")
    let measure = try charts.measures()[0]
    let trucks = try charts.trucks()
    #expect(trucks.map(\.label) == ["a"])
    let window = Int64.min..<Int64.max
    let buckets = try charts.buckets(measure, of: trucks[0], window: window, count: 100)
    #expect(buckets.map(\.min) == [0, 1, 2, 4, 5, 6, 7, 8])
    let statistics = try #require(try charts.statistics(measure, of: trucks[0], window: window))
    #expect(statistics.max == 8 && statistics.count == 8)
    #expect(try charts.latest(measure, of: trucks[0])?.value == 8)
    let rows = try charts.readings([measure], of: trucks[0], after: .min, limit: 100)
    #expect(rows.map { $0.values[0] } == [0, 1, 2, nil, 4, 5, 6, 7, 8, nil])
  }

  @Test(.enabled(if: StoreServer.program(.postgreSQL) != nil, "PostgreSQL isn't installed"))
  func `two writers that make the same table at the same time lose no reading`() throws {
    let server = try StoreServer(.postgreSQL, in: truck)
    let location = try StoreLocation(server.url)
    let write = { @Sendable (store: any PointStore, second: Int64) throws in
      let record = Record(
        dimensions: [Dimension("device", "a")], time: 1_729_703_640_000_000_000 + second * 1_000_000_000,
        measures: [("temp", .double(1))])
      return try store.write([WriteRequest(table: "load", record: record)])
    }
    let ended = DispatchSemaphore(value: 0)
    let rejections = Mutex<[Rejection]?>(nil)
    let first = try location.open()
    try first.transaction {
      #expect(try write(first, 1).isEmpty)
      Thread {
        let refused = try? { () throws in
          let second = try location.open()
          return try second.transaction { try write(second, 2) }
        }()
        rejections.withLock { $0 = refused }
        ended.signal()
      }.start()
      let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
      let deadline = Date().addingTimeInterval(20)
      while try StoreServer.shell("psql -h 127.0.0.1 -p \(server.port) -U postgres -Atc \"\(waiting)\"")
        != "1\n",
        Date() < deadline
      { poll(nil, 0, 20) }
    }
    ended.wait()
    #expect(rejections.withLock { $0?.map(\.reason) } == [])
    #expect(try query("SELECT count(*) FROM load", "--store", server.url) == "count\n2\n")
  }

  @Test func `a server's refusal of one record is found in its batch`() throws {
    guard StoreServer.program(.influxDB) != nil, StoreServer.program(.postgreSQL) != nil else { return }
    for kind in [StoreServer.Kind.influxDB, .postgreSQL] {
      let server = try StoreServer(kind, in: truck)
      try truck.write("time,temp\n2024-10-23,1.5\n2024-10-24,2.5\n", to: "good.csv")
      try truck.write("time,temp\n2024-10-25,3.5\n2024-10-26,warm\n2024-10-27,4.5\n", to: "bad.csv")
      #expect(try truck.run("store", "import", "good.csv", "--store", server.url).status == 0)
      let result = try truck.run("store", "import", "bad.csv", "--store", server.url)
      #expect(result.status == 1 && result.errors.contains("bad.csv:3: rejected"), "\(result.errors)")
      #expect(try query("SELECT count(temp) FROM truck01_sensors", "--store", server.url).contains("4"))
    }
    let nobody = try truck.run("store", "import", "good.csv", "--store", "influx+http://127.0.0.1:9?db=x")
    #expect(nobody.status == 69, "\(nobody.errors)")
  }
}
