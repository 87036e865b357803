import Foundation
import Testing
import Time

@testable import Store

@Suite struct WritingTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  private func open() throws -> LocalStore { try LocalStore(path: fixture.path()) }

  @Test func `the same record again is neither an error nor a second row, nor counted twice`() throws {
    let store = try open()
    let request = StoreFixture.request(1, [("temp", .double(-20.5)), ("door", .bigint(0))])
    for _ in 0..<3 { #expect(try store.write([request, request]).isEmpty) }
    #expect(try open().write([request]).isEmpty)
    #expect(try fixture.rows("SELECT count(*) FROM truck01_sensors_wide") == ["1"])
    let reader = try StoreReader(path: fixture.path())
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    let window = StoreFixture.start..<StoreFixture.start + 60_000_000_000
    #expect(try reader.statistics(table.measures[0], of: series, in: table, window: window)?.count == 1)
    #expect(try store.verify().isEmpty)
  }

  @Test func `another value needs a higher version, and the rollups follow`() throws {
    let store = try open()
    #expect(try store.write([StoreFixture.request(1, [("temp", .double(-20))])]).isEmpty)
    let refused = try store.write([StoreFixture.request(1, [("temp", .double(-10))])])
    #expect(refused.first?.reason.contains("with version 1; a higher version") == true)
    #expect(try store.write([StoreFixture.request(1, [("temp", .double(-10))], version: 5)]).isEmpty)
    #expect(try store.write([StoreFixture.request(1, [("temp", .double(-9))], version: 5)]).count == 1)
    // A further measure of the same reading isn't another value.
    #expect(try store.write([StoreFixture.request(1, [("volts", .double(12.1))])]).isEmpty)
    #expect(try fixture.rows("SELECT temp, volts FROM truck01_sensors_wide") == ["-10.0,12.1"])
    #expect(try store.verify().isEmpty)
  }

  @Test func `whole numbers fit a DOUBLE measure, and decimals widen a BIGINT one, unless types are strict`()
    throws
  {
    let store = try open()
    let values: [(Double, MeasureValue, Bool, String?)] = [
      (1, .bigint(12), false, nil), (2, .double(12.1), true, "DOUBLE, but BIGINT"),
      (3, .double(12.1), false, nil),
      (4, .bigint(-18), true, "BIGINT, but DOUBLE"), (5, .bigint(-18), false, nil),
      (6, .bigint(1 << 60), false, "BIGINT, but DOUBLE"), (7, .varchar("cold"), false, "VARCHAR, but DOUBLE"),
      (8, .boolean(true), false, "BOOLEAN, but DOUBLE"),
    ]
    for (second, value, strict, reason) in values {
      let rejections = try store.write([StoreFixture.request(second, [("volts", value)], strict: strict)])
      #expect(rejections.count == (reason == nil ? 0 : 1))
      if let reason { #expect(rejections.first?.reason.contains(reason) == true, "\(rejections)") }
    }
    #expect(
      try fixture.rows("SELECT measure_value::double FROM truck01_sensors ORDER BY time") == [
        "12.0", "12.1", "-18.0",
      ])
    #expect(try store.verify().isEmpty)
  }

  @Test(arguments: [
    (WriteRequest(table: "t1_", record: Record(dimensions: [], time: 1, measures: [])), "no measure"),
    (StoreFixture.request(1, [("temp", .double(.nan))]), "nan"),
    (StoreFixture.request(1, [("temp", .double(.infinity))]), "inf"),
    (StoreFixture.request(9e8, [("temp", .double(1))]), "15 minutes ahead"),
    (StoreFixture.request(-1.8e9, [("temp", .double(1))]), "before 1970"),
    (StoreFixture.request(1, [("time", .double(1))]), "reserved"),
    (StoreFixture.request(1, [("measure_value::double", .double(1))]), "reserved"),
    (StoreFixture.request(1, [("a:b", .double(1))]), "colon"),
    (StoreFixture.request(1, [("", .double(1))]), "empty name"),
    (StoreFixture.request(1, [("a", .double(1)), ("a", .double(2))]), "twice"),
    (StoreFixture.request(1, [("a", .double(1))], device: ""), "'device' is empty"),
    (StoreFixture.request(1, [("a", .varchar(String(repeating: "x", count: 3000)))]), "longer than 2048"),
    (StoreFixture.request(1, (0...100).map { ("m\($0)", .bigint(0)) }), "101 measures"),
    (
      WriteRequest(
        table: "no; table", record: Record(dimensions: [], time: 1, measures: [("a", .bigint(1))])),
      "not a valid table name"
    ),
    (
      WriteRequest(
        table: "ts_series", record: Record(dimensions: [], time: 1, measures: [("a", .bigint(1))])),
      "uses itself"
    ),
  ])
  func `a record that can't be is rejected with its reason, the others are kept`(
    _ request: WriteRequest, _ reason: String
  )
    throws
  {
    let good = StoreFixture.request(2, [("temp", .double(-20))])
    let rejections = try open().write([good, request])
    #expect(rejections.map(\.index) == [1])
    #expect(rejections[0].reason.contains(reason), "\(rejections)")
    #expect(try fixture.rows("SELECT count(*) FROM truck01_sensors") == ["1"])
  }

  @Test func `names from a device are columns, whatever is in them`() throws {
    let name = "te\"mp'); DROP TABLE ts_series; --"
    let request = WriteRequest(
      table: "truck-1.x",
      record: Record(
        dimensions: [Dimension("de\"vice", "x'); DROP TABLE ts_series; --")], time: 1,
        measures: [(name, .double(1))]))
    let store = try open()
    #expect(try store.write([request]).isEmpty)
    #expect(try fixture.rows("SELECT * FROM \"truck-1.x\"").count == 1)
    #expect(try fixture.rows("SELECT measure_name FROM \"sensorDB\".\"truck-1.x\"") == [name])
  }

  @Test func `retention: too old is rejected, prune deletes in whole hours, rollups too`() throws {
    let store = try open()
    let now = Timestamp.now
    func at(_ hours: Int64) -> WriteRequest {
      WriteRequest(
        table: "truck01_sensors",
        record: Record(
          dimensions: [Dimension("device", "a")], time: now - hours * 3_600_000_000_000,
          measures: [("temp", .double(1))]))
    }
    #expect(try store.write((0..<100).map { at($0) }).isEmpty)
    try store.setRetention(
      Retention(memoryHours: 12, magneticDays: 2, takesLate: false), of: "truck01_sensors")
    #expect(try store.write([at(49)]).first?.reason.contains("magnetic store's 2 days") == true)
    #expect(try store.write([at(13)]).first?.reason.contains("memory store's 12 hours") == true)
    #expect(try (49...52).contains(store.prune(table: "truck01_sensors")))
    #expect(try store.prune(table: "truck01_sensors") == 0)
    #expect(try store.verify().isEmpty)
    try store.vacuum()
  }
}

@Suite struct BadFileTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  private func failure(_ work: () throws -> Void) -> StoreError? {
    do {
      try work()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  @Test func `a file of another kind, program or version is refused with the reason`() throws {
    try Data("This is a letter, not a database, and long enough to have a header.".utf8).write(
      to: URL(fileURLWithPath: fixture.path("letter")))
    #expect(failure { _ = try LocalStore(path: fixture.path("letter")) }?.kind == .notAStore)
    #expect(failure { _ = try StoreReader(path: fixture.path("letter")) }?.kind == .notAStore)
    try Connection(fixture.path("other"), readOnly: false, creates: true).run("CREATE TABLE letters(a)")
    #expect(failure { _ = try LocalStore(path: fixture.path("other")) }?.kind == .notAStore)
    _ = try LocalStore(path: fixture.path())
    try Connection(fixture.path(), readOnly: false).run("PRAGMA user_version = 99")
    let newer = failure { _ = try LocalStore(path: fixture.path()) }
    #expect(newer?.kind == .newerVersion && newer?.message.contains("update trucksensor") == true)
    #expect(failure { _ = try StoreReader(path: fixture.path("none")) }?.kind == .missing)
    #expect(failure { _ = try LocalStore(path: "/proc/none/x.sqlite") } != nil)
  }

  @Test func `a file in a read-only connection can't be written`() throws {
    let store = try LocalStore(path: fixture.path())
    try store.connection.run("PRAGMA query_only = 1")
    #expect(
      failure { _ = try store.write([StoreFixture.request(1, [("a", .bigint(1))])]) }?.kind == .readOnly)
  }

  @Test func `a locked file is an error that passes`() throws {
    let store = try LocalStore(path: fixture.path())
    let other = try Connection(fixture.path(), readOnly: false)
    try other.run("BEGIN IMMEDIATE")
    let error = failure { _ = try store.write([StoreFixture.request(1, [("a", .bigint(1))])]) }
    #expect(error?.kind == .locked && error?.isRetryable == true)
    try other.run("COMMIT")
    #expect(try store.write([StoreFixture.request(1, [("a", .bigint(1))])]).isEmpty)
  }

  @Test func `damage is found by verify, and said how to recover from`() throws {
    do {
      let store = try LocalStore(path: fixture.path())
      _ = try store.write(
        (0..<5000).map { StoreFixture.request(Double($0), [("temp", .double(Double($0) / 7))]) })
    }
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.path()))
    var damaged = whole
    for index in stride(from: whole.count / 2, to: whole.count / 2 + 8192, by: 1) { damaged[index] = 0xA5 }
    try damaged.write(to: URL(fileURLWithPath: fixture.path("damaged.sqlite")))
    var found = false
    do {
      found = try !LocalStore(path: fixture.path("damaged.sqlite"), creates: false).verify().isEmpty
    } catch {
      found = error.kind == .damaged && error.message.contains(".recover")
    }
    #expect(found)
    // A rollup that isn't what the readings say.
    let store = try LocalStore(path: fixture.path())
    try store.connection.run("UPDATE ts_rollup_1 SET cells = zeroblob(64)")
    #expect(try !store.verify().isEmpty)
    #expect(try !store.verify(repairs: true).isEmpty)
    #expect(try store.verify().isEmpty)
  }
}

@Suite struct QueryTests {
  let fixture: StoreFixture
  init() throws {
    fixture = try StoreFixture()
    let store = try LocalStore(path: fixture.path())
    _ = try store.write(
      (0..<10).map {
        StoreFixture.request(
          Double($0) * 15,
          [
            ("temp", .double(-20 + Double($0) / 2)), ("door", .bigint($0 == 4 ? 1 : 0)),
            ("note", .varchar("n\($0)")),
          ])
      })
  }

  @Test(arguments: [
    (
      "SELECT measure_name, measure_value::double FROM \"sensorDB\".\"truck01_sensors\" WHERE measure_name = 'temp' ORDER BY time DESC LIMIT 1",
      ["temp,-15.5"]
    ),
    (
      "SELECT BIN(time, 1m) AS minute, AVG(measure_value::double) FROM truck01_sensors WHERE measure_name = 'temp' GROUP BY BIN(time, 1m) ORDER BY minute",
      [
        "2024-10-23 17:14:00.000000000,-19.25", "2024-10-23 17:15:00.000000000,-17.25",
        "2024-10-23 17:16:00.000000000,-15.75",
      ]
    ),
    (
      "SELECT min(measure_value::double), max(measure_value::double) FROM truck01_sensors WHERE measure_name = 'temp'",
      ["-20.0,-15.5"]
    ),
    ("SELECT count(*) FROM truck01_sensors WHERE time > ago(15m)", ["0"]),
    ("SELECT count(*) FROM truck01_sensors WHERE time < now() AND measure_name = 'door'", ["10"]),
    (
      "SELECT count(*) FROM truck01_sensors_wide WHERE time BETWEEN '2024-10-23 17:14:15' AND '2024-10-23 17:15:00'",
      ["4"]
    ),
    ("SELECT count(*) FROM truck01_sensors_wide WHERE time >= timestamp '2024-10-23 17:16:00'", ["2"]),
    ("SELECT count(*) FROM truck01_sensors_wide WHERE time >= from_milliseconds(1729703760000)", ["2"]),
    (
      "SELECT device, time, temp, door FROM truck01_sensors_wide LIMIT 1",
      ["truckSensor01,2024-10-23 17:14:00.000000000,-20.0,0"]
    ),
    (
      "SELECT max_by(note, temp), min_by(time, temp) FROM truck01_sensors_wide",
      ["n9,2024-10-23 17:14:00.000000000"]
    ),
    (
      "SELECT measure_value::varchar FROM truck01_sensors WHERE measure_name = 'note' AND measure_value::varchar = 'n3'",
      ["n3"]
    ),
    (
      "SELECT date_trunc('hour', max(time)), date_diff('second', min(time), max(time)), to_milliseconds(min(time)) FROM truck01_sensors_wide",
      ["2024-10-23 17:00:00.000000000,135,1729703640000"]
    ),
    ("SELECT '15m', 'it''s 5m' -- 15m\n", ["15m,it's 5m"]),
    ("SHOW TABLES", ["truck01_sensors"]), ("SHOW DATABASES", ["sensorDB"]),
    ("SELECT value FROM json_each('[1, 2]')", ["1", "2"]),
  ])
  func `Timestream's SQL`(_ sql: String, _ expected: [String]) throws {
    #expect(try fixture.rows(sql) == expected)
  }

  @Test(arguments: [
    "DELETE FROM ts_data_1", "DROP TABLE ts_series", "UPDATE ts_series SET dimensions = ''",
    "CREATE TABLE x(a)",
    "PRAGMA writable_schema = 1", "ATTACH '/tmp/x' AS y", "VACUUM", "INSERT INTO ts_state VALUES ('a', 'b')",
    "UPDATE sqlite_master SET sql = ''", "SELECT load_extension('x')", "CREATE TEMP TABLE x(a)", "BEGIN",
  ])
  func `a statement that writes is refused`(_ sql: String) throws {
    #expect(throws: StoreError.self) { _ = try fixture.rows(sql) }
    #expect(try fixture.rows("SELECT count(*) FROM truck01_sensors_wide") == ["10"])
  }

  @Test(arguments: [
    "", ";", "SELEC 1", "SELECT * FROM nowhere", "SELECT bin(time, 0s) FROM truck01_sensors", "'", "\"", "/*",
  ])
  func `a wrong statement is an error`(_ sql: String) throws {
    #expect(throws: StoreError.self) { _ = try fixture.rows(sql) }
  }

  @Test func `a wrong statement's error says where`() throws {
    #expect {
      _ = try fixture.rows("SELECT 1,\n  missing FROM truck01_sensors")
    } throws: { "\($0)".hasPrefix("line 2, column 3: no such column") }
  }

  @Test func `a time limit and an interruption really stop a query`() throws {
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    let reader = try StoreReader(path: fixture.path())
    var error: StoreError?
    do throws(StoreError) {
      try reader.query(endless, timeLimit: 0.05, columns: { _ in }, row: { _ in true })
    } catch let caught { error = caught }
    #expect(error?.kind == .interrupted && error?.message.contains("longer than 0.05 s") == true)
    var asked = 0
    do throws(StoreError) {
      try reader.query(
        endless,
        isCancelled: {
          asked += 1; return asked > 100
        }, columns: { _ in }, row: { _ in true })
    } catch let caught { error = caught }
    #expect(error?.message == "the query was stopped")
    // The connection works on.
    try reader.query("SELECT 1", columns: { _ in }, row: { _ in true })
  }

  @Test(
    arguments: [
      ("2024-10-23 17:14:03.979735", 1_729_703_643_979_735_000),
      ("2024-10-23T14:14:03-03:00", 1_729_703_643_000_000_000),
      ("2024-10-23", 1_729_641_600_000_000_000), ("2024-02-29", 1_709_164_800_000_000_000),
      ("2023-02-29", nil),
      ("2024-13-01", nil), ("2024-10-23 24:00", nil), ("2024-10-23 17:14:03.", nil), ("9999-01-01", nil),
      ("now", nil),
    ] as [(String, Int64?)])
  func `times are read to the nanosecond`(_ text: String, _ expected: Int64?) {
    #expect(Timestamp.parse(text) == expected)
    if let expected { #expect(Timestamp.parse(Timestamp.text(expected)) == expected) }
    if let expected { #expect(Timestamp.parse(Timestamp.iso8601(expected)) == expected) }
  }
}

@Suite struct ReadingTests {
  /// A week of readings at uneven times, some out of order: enough that rollups serve the charts.
  static let samples: [(time: Int64, value: Double)] = {
    var random = SystemRandomNumberGenerator()
    var time = StoreFixture.start + 12_345_678
    return (0..<150_000).map { index in
      time += Int64.random(in: 1...8_000_000_000, using: &random)
      return (time, Double(Int.random(in: -2500...500, using: &random)) / 100)
    }
  }()

  @Test func `charts, statistics and door openings are what a plain computation gives`() throws {
    let fixture = try StoreFixture()
    let store = try LocalStore(path: fixture.path())
    let samples = Self.samples
    func door(_ index: Int) -> Int64 { index % 5000 < 7 ? 1 : 0 }
    let requests = samples.enumerated().map { index, sample in
      WriteRequest(
        table: "truck01_sensors",
        record: Record(
          dimensions: [Dimension("device", "a")], time: sample.time,
          measures: [("temp", .double(sample.value)), ("door", .bigint(door(index)))]))
    }
    // The second half comes first.
    for part in [requests[75_000...], requests[..<75_000]] { #expect(try store.write(Array(part)).isEmpty) }
    let reader = try StoreReader(path: fixture.path())
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    let temp = table.measures[0]
    let first = samples[0].time
    let last = samples[samples.count - 1].time
    for window in [
      first..<last + 1, first + 7_777_777_777..<last - 99_999_999_999, first - 5..<first + 3_600_000_000_000,
    ] {
      let inside = samples.filter { window.contains($0.time) }
      let buckets = try reader.buckets(temp, of: series, in: table, window: window, count: 500)
      #expect(buckets.count <= 502 && buckets.count > 400)
      #expect(buckets.reduce(0) { $0 + $1.count } == inside.count)
      var rest = inside[...]
      for (bucket, next) in zip(buckets, buckets.dropFirst().map(\.start) + [Int64.max]) {
        let own = rest.prefix { $0.time < next }
        rest = rest.dropFirst(own.count)
        #expect(own.first.map { $0.time >= bucket.start } == true)
        #expect(own.count == bucket.count)
        #expect(own.map(\.value).min() == bucket.min && own.map(\.value).max() == bucket.max)
        #expect(own.first?.value == bucket.first && own.last?.value == bucket.last)
        #expect(abs(own.reduce(0) { $0 + $1.value } - bucket.sum) < 1e-6)
      }
      let statistics = try #require(try reader.statistics(temp, of: series, in: table, window: window))
      #expect(statistics.min == inside.map(\.value).min() && statistics.last == inside.last?.value)
      let doors = samples.indices.filter { window.contains(samples[$0].time) && $0 > 0 }
      let rises = doors.filter { door($0) == 1 && door($0 - 1) == 0 }.count
      #expect(try reader.rises(table.measures[1], of: series, in: table, window: window) == rises)
    }
    #expect(try reader.latest(temp, of: series, in: table)?.value == samples.last?.value)
    #expect(try store.verify().isEmpty)
  }

  @Test func `a time-weighted mean lets each value hold until the next`() throws {
    let fixture = try StoreFixture()
    let store = try LocalStore(path: fixture.path())
    // -20 for 90 s, then -10 for 10 s: a mean of the numbers would say -15.
    _ = try store.write([
      StoreFixture.request(0, [("temp", .double(-20))]), StoreFixture.request(90, [("temp", .double(-10))]),
      StoreFixture.request(100, [("temp", .double(-10))]),
    ])
    let reader = try StoreReader(path: fixture.path())
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    let window = StoreFixture.start..<StoreFixture.start + 100_000_000_000
    let bucket = try #require(
      try reader.buckets(
        table.measures[0], of: series, in: table, window: window, count: 1, timeWeighted: true
      ).first)
    #expect(bucket.timeWeightedAverage == -19)
  }

  @Test(arguments: [0..<0, 5..<6, Int64.min..<Int64.max, 0..<Int64.max, Int64.max - 1..<Int64.max])
  func `absurd windows give nothing wrong`(_ window: Range<Int64>) throws {
    let fixture = try StoreFixture()
    _ = try LocalStore(path: fixture.path()).write([StoreFixture.request(0, [("temp", .double(-20))])])
    let reader = try StoreReader(path: fixture.path())
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    for count in [-1, 0, 1, Int.max] {
      let buckets = try reader.buckets(table.measures[0], of: series, in: table, window: window, count: count)
      #expect(buckets.reduce(0) { $0 + $1.count } == (window.contains(StoreFixture.start) ? 1 : 0))
    }
    #expect(try reader.rises(table.measures[0], of: series, in: table, window: window) == 0)
  }
}
