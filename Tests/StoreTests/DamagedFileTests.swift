import Foundation
import Numbers
import Testing

@testable import Store

/// Files that a disk, another program or an attacker has changed: an error that names the file, or a right answer.
@Suite struct DamagedFileTests {
  let fixture: StoreFixture
  init() throws { fixture = try StoreFixture() }

  private static let windows: [Range<Int64>] = [
    Int64.min..<Int64.max, StoreFixture.start + 1..<StoreFixture.start + 600_000_000_000,
  ]

  /// Two trucks, an hour each, with a late reading, versions and a text: some of everything in a file.
  private func makeStore(_ name: String = "sensorDB.sqlite", readings: Int = 600) throws -> String {
    let path = fixture.path(name)
    let store = try LocalStore(path: path)
    for device in ["a", "b"] {
      var requests: [WriteRequest] = []
      for index in 0..<readings {
        let measures: [(String, MeasureValue)] = [
          ("temp", .double(Double(index % 70) / 3)), ("door", .bigint(index % 50 == 0 ? 1 : 0)),
        ]
        requests.append(StoreFixture.request(Double(index * 6), measures, device: device))
      }
      #expect(try store.write(requests).isEmpty)
    }
    let late = StoreFixture.request(
      0.5, [("note", .varchar("n")), ("temp", .double(1))], version: 3, device: "a")
    #expect(try store.write([late]).isEmpty)
    try store.vacuum()
    return path
  }

  /// Does all that a store can, and returns what failed; every failure must name the file.
  private func exercise(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) -> [StoreError] {
    var failures: [StoreError] = []
    func attempt(_ isUsers: Bool = false, _ work: () throws -> Void) {
      do {
        try work()
      } catch let error as StoreError {
        failures.append(error)
        if !isUsers || error.kind != .statement {
          #expect(error.message.contains(path), "\(error)", sourceLocation: sourceLocation)
        }
      } catch {
        Issue.record(error, sourceLocation: sourceLocation)
      }
    }
    attempt {
      let reader = try StoreReader(path: path)
      for sql in [
        "SELECT * FROM truck01_sensors_wide", "SELECT * FROM truck01_sensors ORDER BY time DESC LIMIT 6",
        "SELECT bin(time, 1m), max_by(temp, time), to_iso8601(min(time)) FROM truck01_sensors_wide GROUP BY 1",
        "SHOW MEASURES FROM truck01_sensors",
        "SELECT date_diff('second', min(time), max(time)) FROM truck01_sensors",
      ] {
        attempt(true) { try reader.query(sql, timeLimit: 5, columns: { _ in }, row: { _ in true }) }
      }
      attempt { _ = try reader.state("alerts") }
      attempt { try exercise(reader, attempt: { work in attempt { try work() } }) }
    }
    attempt {
      let store = try LocalStore(path: path, creates: false)
      attempt {
        _ = try store.write([
          StoreFixture.request(7000, [("temp", .double(1)), ("new", .bigint(1))], device: "c")
        ])
      }
      attempt { _ = try store.write([StoreFixture.request(11, [("temp", .double(1))], device: "a")]) }
      attempt { _ = try store.verify() }
      attempt { _ = try store.verify(repairs: true) }
      attempt { try store.setRetention(Retention(magneticDays: 100), of: "truck01_sensors") }
      attempt { _ = try store.prune(table: "truck01_sensors") }
      attempt { _ = try store.prune(table: "truck01_sensors", before: .max) }
      attempt { try store.setState("alerts", "{}") }
    }
    return failures
  }

  private func exercise(_ reader: StoreReader, attempt: (() throws -> Void) -> Void) throws {
    let charts = LocalChartSource(reader, table: "truck01_sensors")
    let measures = try charts.measures()
    attempt { _ = try charts.stamp() }
    attempt {
      var cursor = ArrivalCursor()
      for _ in 0..<1000 {
        let found = try charts.arrivals(measures, after: cursor, limit: 100)
        cursor = found.cursor
        if !found.hasMore { break }
      }
    }
    for truck in try charts.trucks() {
      #expect(
        RecordLimits.times.contains(truck.span.lowerBound)
          && RecordLimits.times.contains(truck.span.upperBound))
      for measure in measures {
        for window in Self.windows {
          for count in [1, 50] {
            attempt { _ = try charts.buckets(measure, of: truck, window: window, count: count) }
          }
          attempt { _ = try charts.statistics(measure, of: truck, window: window) }
          attempt { _ = try charts.rises(measure, of: truck, window: window) }
        }
        attempt { _ = try charts.latest(measure, of: truck) }
      }
      attempt { _ = try charts.readings(measures, of: truck, after: .min, limit: 5000) }
      attempt {
        let table = try reader.table("truck01_sensors")
        guard let measure = measures.first else { return }
        for series in try reader.series(of: table) {
          _ = try reader.buckets(
            measure, of: series, in: table, window: Int64.min..<Int64.max, count: 20, timeWeighted: true)
        }
      }
    }
  }

  @Test func `a sound file has nothing to complain of`() throws {
    #expect(try exercise(makeStore()).isEmpty)
  }

  @Test func `a file damaged at random places never stops the program`() throws {
    let whole = Array(try Data(contentsOf: URL(fileURLWithPath: makeStore(readings: 300))))
    var random = SplitMix64(seed: 12)
    var failed = 0
    for round in 0..<40 {
      var bytes = whole
      switch round % 5 {
      case 0: bytes = Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random)))
      case 1:
        for _ in 0..<Int.random(in: 1...30, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
      case 2:
        for _ in 0..<Int.random(in: 1...200, using: &random) {
          bytes.swapAt(
            Int.random(in: 0..<bytes.count, using: &random), Int.random(in: 0..<bytes.count, using: &random))
        }
      case 3:
        // A page is the copy of another.
        let pages = bytes.count / 4096
        let (from, to) = (
          Int.random(in: 0..<pages, using: &random), Int.random(in: 0..<pages, using: &random)
        )
        bytes.replaceSubrange(to * 4096..<(to + 1) * 4096, with: bytes[from * 4096..<(from + 1) * 4096])
      default:
        let start = Int.random(in: 0..<bytes.count, using: &random)
        let end = min(bytes.count, start + Int.random(in: 1...5000, using: &random))
        for index in start..<end { bytes[index] = round % 2 == 0 ? 0xFF : 0 }
      }
      let path = fixture.path("damaged\(round).sqlite")
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      if !exercise(path).isEmpty { failed += 1 }
    }
    // Some damage is where nobody looks; most isn't.
    #expect(failed > 12)
  }

  static let hostileTimes: [Int64] = [
    Int64.min, .min + 1, -1_000_000_000_000_000_000, -1, 0, 2_305_843_009_213_693_952,
    4_611_686_018_427_387_903,
    4_611_686_018_427_387_904, .max - 1, .max,
  ]

  @Test func `rows at the ends of time don't stop queries, prune, verify and charts`() throws {
    let path = try makeStore(readings: 50)
    let connection = try Connection(path, readOnly: false)
    for time in Self.hostileTimes {
      for series in [1, 2] {
        try connection.run(
          "INSERT OR IGNORE INTO ts_data_1(series, time, m1, m2) VALUES (\(series), \(time), 1.5, 9e999)")
      }
    }
    // A user's statement can't compute with them.
    #expect(exercise(path).allSatisfy { $0.message == "the result is out of range" })
  }

  @Test func `times that can't be are reported, and left out of charts`() throws {
    let path = try makeStore(readings: 50)
    try Connection(path, readOnly: false).run(
      "INSERT INTO ts_data_1(series, time, m1) VALUES (1, \(Int64.min), 1), (1, \(Int64.max), 1), (1, -1, 1)")
    let store = try LocalStore(path: path)
    let problems = try store.verify(repairs: true)
    #expect(problems.count == 1 && problems[0].contains("3 readings of series 1 before 1970 or after 2115"))
    let reader = try StoreReader(path: path)
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    let window = Int64.min..<Int64.max
    let count = try reader.buckets(table.measures[0], of: series, in: table, window: window, count: 10)
      .reduce(0) { $0 + $1.count }
    #expect(count == 51)
    #expect(try store.prune(table: "truck01_sensors", before: 0) == 2)
    #expect(try fixture.rows("SELECT count(*) FROM truck01_sensors_wide") == ["102"])
    #expect(
      try fixture.rows("SELECT to_iso8601(max(time)) FROM truck01_sensors_wide") == [
        "2262-04-11T23:47:16.854775807Z"
      ])
  }

  @Test func `rollups that no readings can have led to are an error, and can be repaired`() throws {
    let path = try makeStore(readings: 100)
    var random = SplitMix64(seed: 5)
    func cell(_ change: (inout RollupCell) -> Void) -> [UInt8] {
      var cell = RollupCell(measure: 1, 1, at: StoreFixture.start)
      change(&cell)
      return withUnsafeBytes(of: cell) { Array($0) }
    }
    var blobs: [[UInt8]] = [
      [], [1], Array(repeating: 0, count: 63), Array(repeating: 0, count: 64),
      Array(repeating: 0xFF, count: 640),
      cell { $0.count = .min }, cell { $0.count = 0 }, cell { $0.min = .nan }, cell { $0.max = .infinity },
      cell { $0.sum = .nan }, cell { $0.firstTime = .min }, cell { $0.lastTime = .max },
      cell { $0.measure = .min },
      cell { $0.count = .max } + cell { $0.count = .max },
    ]
    for _ in 0..<6 {
      blobs.append(
        (0..<Int.random(in: 1...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
    let connection = try Connection(path, readOnly: false)
    for blob in blobs {
      let text = "x'" + blob.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'"
      try connection.run("UPDATE ts_rollup_1 SET cells = \(text)")
      for time in Self.hostileTimes {
        try connection.run(
          "INSERT OR REPLACE INTO ts_rollup_1(series, level, time, cells) VALUES (1, \(RollupLevel.minute), \(time), \(text))"
        )
      }
      let reader = try StoreReader(path: path)
      try exercise(reader) { work in
        do {
          try work()
        } catch {
          #expect((error as? StoreError)?.kind == .damaged && "\(error)".contains(path), "\(error)")
        }
      }
      let store = try LocalStore(path: path)
      #expect(try !store.verify(repairs: true).isEmpty)
      #expect(try store.verify().isEmpty)
    }
  }

  @Test(arguments: [
    "UPDATE ts_tables SET magnetic_days = 9223372036854775807, memory_hours = -9223372036854775808, takes_late = 0",
    "UPDATE ts_tables SET magnetic_days = -9223372036854775808, memory_hours = 9223372036854775807, takes_late = 0",
    "UPDATE ts_tables SET magnetic_days = 106752, memory_hours = 2562048, takes_late = 0",
    "UPDATE ts_tables SET id = -1", "UPDATE ts_tables SET id = 9223372036854775807",
    "UPDATE ts_tables SET name = 'x\"; y'",
    "UPDATE ts_measures SET id = 4294967297 WHERE id = 1", "UPDATE ts_measures SET id = -id",
    "UPDATE ts_measures SET type = 'INT128'", "UPDATE ts_measures SET name = '' WHERE id = 1",
    "UPDATE ts_series SET dimensions = '[1' WHERE id = 1",
    "UPDATE ts_series SET dimensions = '[1, 2]' WHERE id = 1",
    "UPDATE ts_series SET dimensions = 'null' WHERE id = 2", "UPDATE ts_series SET id = -id",
    "UPDATE ts_series SET id = 9223372036854775807 WHERE id = 2", "DELETE FROM ts_series",
    "DELETE FROM ts_measures",
    "UPDATE ts_versions SET version = 9223372036854775807", "DROP TABLE ts_rollup_1", "DROP TABLE ts_data_1",
    "DROP TABLE ts_measures", "DROP TABLE ts_series", "DROP TABLE ts_tables", "DROP TABLE ts_versions",
    "DROP TABLE ts_state",
    "DROP TABLE ts_arrivals; CREATE VIEW ts_arrivals AS SELECT 1 AS sequence, 2 AS ranges",
    "DROP VIEW truck01_sensors; CREATE VIEW truck01_sensors AS SELECT * FROM truck01_sensors_wide",
    "DROP TABLE ts_rollup_1; CREATE TABLE ts_rollup_1(series, level, time, cells)",
    "DROP TABLE ts_rollup_1; CREATE TABLE ts_rollup_1(a)",
    "DROP TABLE ts_data_1; CREATE TABLE ts_data_1(series TEXT, time TEXT, m1, m2, m3); "
      + "INSERT INTO ts_data_1 VALUES (1, 'x', 'y', x'00', NULL), ('1', 1e300, 1, 1, 1)",
    "DROP TABLE ts_data_1; CREATE VIEW ts_data_1 AS SELECT 1 AS series, 9223372036854775807 AS time, 1 AS m1, 1 AS m2, 1 AS m3",
    "UPDATE ts_arrivals SET ranges = x'00'", "UPDATE ts_arrivals SET ranges = zeroblob(320)",
    "UPDATE ts_arrivals SET ranges = randomblob(320)",
    "INSERT INTO ts_arrivals(sequence, ranges) VALUES (9223372036854775807, randomblob(64))",
    "INSERT INTO ts_arrivals(sequence, ranges) VALUES (-9223372036854775808, randomblob(64))",
    "UPDATE ts_state SET value = 'x'",
    "CREATE TRIGGER t AFTER INSERT ON ts_arrivals BEGIN SELECT raise(ABORT, 'no'); END",
  ])
  func `a layout that isn't ours is an error that names the file, or does no harm`(_ change: String) throws {
    let path = try makeStore(readings: 40)
    // A transaction after the file was packed, so that the journal has a row.
    _ = try LocalStore(path: path).write([StoreFixture.request(6000, [("temp", .double(1))], device: "a")])
    try Connection(path, readOnly: false).run(change)
    _ = exercise(path)
  }

  @Test func `payloads with ever new measures don't grow what is kept in memory`() throws {
    let store = try LocalStore(path: fixture.path())
    var random = SplitMix64(seed: 3)
    for second in 0..<600 {
      let measures = (0..<40).filter { _ in Bool.random(using: &random) }.map {
        ("m\($0)", MeasureValue.bigint(1))
      }
      #expect(try store.write([StoreFixture.request(Double(second), measures + [("x", .bigint(1))])]).isEmpty)
      // Another measure of the reading that is there: a statement for each set of columns.
      #expect(try store.write([StoreFixture.request(Double(second), measures + [("y", .bigint(1))])]).isEmpty)
    }
    #expect(store.connection.cachedStatements <= 256)
    #expect(try store.verify().isEmpty)
  }

  @Test(arguments: [
    (MeasureValue.double(-9_223_372_036_854_775_808), "-9.223372036854776e+18"),
    (.double(9_223_372_036_854_775_808), "9.223372036854776e+18"), (.double(1e300), "1e+300"),
    (.double(-0.0), "-0.0"),
    (.double(.greatestFiniteMagnitude), "1.7976931348623157e+308"),
    (.double(.leastNonzeroMagnitude), "5e-324"),
    (.double(9_007_199_254_740_992), "9007199254740992.0"),
  ])
  func `any finite number fits a DOUBLE measure`(_ value: MeasureValue, _ text: String) throws {
    let store = try LocalStore(path: fixture.path())
    #expect(try store.write([StoreFixture.request(0, [("temp", .double(0.5))])]).isEmpty)
    for _ in 0..<2 { #expect(try store.write([StoreFixture.request(1, [("temp", value)])]).isEmpty) }
    #expect(try fixture.rows("SELECT temp FROM truck01_sensors_wide ORDER BY time") == ["0.5", text])
    // A whole number that a double can't tell from its neighbours isn't one of a DOUBLE measure.
    for number in [Int64.min, .max, .min + 1, (1 << 53) + 1] {
      #expect(try store.write([StoreFixture.request(2, [("temp", .bigint(number))])]).count == 1)
    }
    #expect(try store.verify().isEmpty)
  }

  @Test func `an open file that is deleted isn't written to any more, and a queue makes a new one`()
    async throws
  {
    let path = fixture.path()
    let queue = StoreQueue { () throws(StoreError) in try LocalStore(path: path) }
    func write(_ seconds: Double) async -> Result<[Rejection], StoreError> {
      await withCheckedContinuation { done in
        queue.write([StoreFixture.request(seconds, [("temp", .double(1))])]) { done.resume(returning: $0) }
      }
    }
    #expect(try await write(1).get().isEmpty)
    for file in [path, path + "-wal", path + "-shm"] { try? FileManager.default.removeItem(atPath: file) }
    let error = await #expect(throws: StoreError.self) { try await write(2).get() }
    #expect(error?.kind == .missing && error?.message.contains("deleted or replaced") == true)
    #expect(try await write(2).get().isEmpty)
    #expect(try fixture.rows("SELECT count(*) FROM truck01_sensors_wide") == ["1"])
  }
}
