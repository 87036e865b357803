import Testing
import Time
import TimestreamSQL

@testable import Store

/// MULTI records: rows of their own beside single measures, each measure a column.
@Suite struct MultiTests {
  private let fixture: StoreFixture
  private var path: String { fixture.path() }
  init() throws { fixture = try StoreFixture() }

  private static let device = [Dimension("device", "truck")]

  private func multi(
    _ measures: [(name: String, value: MeasureValue)], at time: Int64 = 1_000_000_000, version: Int64 = 1,
    name: String = "metrics", strict: Bool = true
  ) -> WriteRequest {
    WriteRequest(
      table: "table",
      record: Record(
        dimensions: Self.device, measureName: name, time: time, measures: measures, version: version),
      isStrict: strict)
  }

  private func single(_ name: String, _ value: MeasureValue, at time: Int64 = 1_000_000_000) -> WriteRequest {
    WriteRequest(
      table: "table", record: Record(dimensions: Self.device, time: time, measures: [(name, value)]))
  }

  private func rows(_ statement: String) throws -> [String] {
    let reader = try StoreReader(path: path)
    var rows: [String] = []
    try reader.run(reader.plan(statement)) {
      rows.append($0.map(Self.text).joined(separator: " | "))
      return true
    }
    return rows
  }

  private static func text(_ datum: Datum) -> String {
    switch datum {
    case .null: "null"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .double(let value): "\(value)"
    case .text(let value): value
    case .list: "\(datum)"
    }
  }

  private func columns(_ statement: String) throws -> [String] {
    try StoreReader(path: path).plan(statement).columns.map { "\($0.name) \($0.type)" }
  }

  @Test func `a table mixes single measures and MULTI records, each with its columns`() throws {
    let store = try LocalStore(path: path)
    #expect(
      try store.write([
        single("temp", .double(-18.5)), single("door", .bigint(1)),
        multi([
          ("temp", .double(-17)), ("door", .boolean(true)), ("seen", .timestamp(5_000_000_000)),
          ("note", .varchar("ok")),
        ]),
        multi([("temp", .double(3))], name: "other"),
      ]).isEmpty)
    #expect(
      try columns("SELECT * FROM \"table\"") == [
        "device varchar", "measure_name varchar", "time timestamp", "measure_value::bigint bigint",
        "measure_value::double double", "temp double", "door boolean", "seen timestamp", "note varchar",
      ])
    #expect(
      try rows(
        "SELECT measure_name, \"measure_value::double\", temp, door, seen, note FROM \"table\" ORDER BY 1"
      ) == [
        "door | null | null | null | null | null",
        "metrics | null | -17.0 | true | 5000000000 | ok",
        "other | null | 3.0 | null | null | null", "temp | -18.5 | null | null | null | null",
      ])
    #expect(
      try rows("SHOW MEASURES FROM \"table\"").map { $0.prefix(16) }.count == 4)
    #expect(
      try rows("SELECT measure_name, temp, time FROM \"table_wide\" ORDER BY 1 NULLS FIRST").map {
        $0.prefix(14)
      }
        == ["null | -18.5 |", "metrics | -17.", "other | 3.0 | "])
  }

  @Test func `the same again is nothing new, another value needs a higher version, which is kept`() throws {
    let store = try LocalStore(path: path)
    func write(_ value: Double, version: Int64) throws -> Rejection? {
      try store.write([multi([("temp", .double(value)), ("volts", .double(12))], version: version)]).first
    }
    #expect(try write(1, version: 1) == nil)
    #expect(try write(1, version: 1) == nil)
    #expect(try write(2, version: 1)?.existingVersion == 1)
    #expect(try write(2, version: 5) == nil)
    #expect(try write(3, version: 4)?.existingVersion == 5)
    // The same value with a higher version raises the version.
    #expect(try write(2, version: 9) == nil)
    #expect(try write(3, version: 8)?.existingVersion == 9)
    #expect(try rows("SELECT temp, volts FROM \"table\"") == ["2.0 | 12.0"])
  }

  @Test(
    arguments: [
      ([("temp", MeasureValue.bigint(1))], "m", "its measure 'temp' is BIGINT, but DOUBLE in the table"),
      ([("device", .double(1))], "m", "its measure 'device' is a dimension of the table"),
      ([("x", .double(1)), ("x", .double(2))], "m", "it has the same measure twice"),
      ([("x", .double(1))], "", "its measure name is empty"),
      ([("measure_value::x", .double(1))], "m", "the name 'measure_value::x' is reserved"),
      ([("t", .timestamp(-1))], "m", "its measure 't' is before 1970 or after 2115"),
      ([], "m", "it has no measure"),
    ] as [([(name: String, value: MeasureValue)], String, String)])
  func `what no MULTI record can be is refused`(
    measures: [(name: String, value: MeasureValue)], name: String, reason: String
  ) throws {
    let store = try LocalStore(path: path)
    #expect(try store.write([multi([("temp", .double(1))], at: 5)]).isEmpty)
    #expect(try store.write([multi(measures, name: name)]).map(\.reason) == [reason])
    #expect(
      try store.write([single("t", .timestamp(1))]).map(\.reason) == [
        "its measure 't' is a TIMESTAMP, which only MULTI records have"
      ])
  }

  @Test func `rollups, retention and repair know MULTI records`() throws {
    let store = try LocalStore(path: path)
    for minute in 0..<200 as Range<Int64> {
      #expect(
        try store.write([
          multi([("temp", .double(Double(minute)))], at: minute * 60_000_000_000),
          single("temp", .double(-1), at: minute * 60_000_000_000),
        ]).isEmpty)
    }
    #expect(try store.verify().isEmpty)
    #expect(try store.prune(table: "table", before: 3_600_000_000_000) == 120)
    #expect(try store.verify().isEmpty)
    #expect(
      try rows("SELECT count(*), min(temp) FROM \"table\" WHERE measure_name = 'metrics'") == ["140 | 60.0"])
    let reader = try StoreReader(path: path)
    let table = try reader.table("table")
    let series = try reader.series(of: table)
    #expect(Set(series.map(\.label)) == ["truck", "truck (metrics)"])
  }

  @Test func `a file of layout 1 is read as it is, and becomes one of layout 2 when it is written`() throws {
    // As the first layout made it.
    let old = try Connection(path, readOnly: false, creates: true)
    try old.run(
      """
      CREATE TABLE ts_tables(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, memory_hours INTEGER,
        magnetic_days INTEGER, takes_late INTEGER NOT NULL DEFAULT 1) STRICT;
      CREATE TABLE ts_measures(table_id INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
        PRIMARY KEY(table_id, id), UNIQUE(table_id, name)) STRICT, WITHOUT ROWID;
      CREATE TABLE ts_dimensions(table_id INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY(table_id, id), UNIQUE(table_id, name)) STRICT, WITHOUT ROWID;
      CREATE TABLE ts_series(id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, dimensions TEXT NOT NULL, d1 TEXT,
        UNIQUE(table_id, dimensions)) STRICT;
      CREATE TABLE ts_versions(table_id INTEGER NOT NULL, series INTEGER NOT NULL, time INTEGER NOT NULL,
        measure INTEGER NOT NULL, version INTEGER NOT NULL, PRIMARY KEY(table_id, series, time, measure))
        STRICT, WITHOUT ROWID;
      CREATE TABLE ts_state(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE ts_data_1(series INTEGER NOT NULL, time INTEGER NOT NULL, m1 ANY, PRIMARY KEY(series, time))
        STRICT, WITHOUT ROWID;
      CREATE TABLE ts_rollup_1(series INTEGER NOT NULL, level INTEGER NOT NULL, time INTEGER NOT NULL,
        cells BLOB NOT NULL, PRIMARY KEY(series, level, time)) STRICT, WITHOUT ROWID;
      INSERT INTO ts_tables(name) VALUES ('table');
      INSERT INTO ts_measures VALUES (1, 1, 'temp', 'DOUBLE');
      INSERT INTO ts_dimensions VALUES (1, 1, 'device');
      INSERT INTO ts_series VALUES (1, 1, '{"device":"truck"}', 'truck');
      INSERT INTO ts_data_1 VALUES (1, 1000000000, -18.5);
      CREATE VIEW "table" AS SELECT s.d1 AS "device", 'temp' AS measure_name, d.time AS time,
        CAST(d.m1 AS REAL) AS "measure_value::double" FROM ts_series AS s CROSS JOIN ts_data_1 AS d ON d.series = s.id
        WHERE s.table_id = 1 AND d.m1 IS NOT NULL;
      CREATE VIEW "table_wide" AS SELECT s.d1 AS "device", d.time AS time, CAST(d.m1 AS REAL) AS "temp"
        FROM ts_series AS s CROSS JOIN ts_data_1 AS d ON d.series = s.id WHERE s.table_id = 1;
      PRAGMA application_id = \(Schema.applicationID);
      PRAGMA user_version = 1;
      """)
    let reading = "SELECT device, measure_name, \"measure_value::double\" FROM \"table\""
    #expect(try rows(reading) == ["truck | temp | -18.5"])
    let store = try LocalStore(path: path)
    #expect(try store.write([multi([("temp", .double(7))])]).isEmpty)
    #expect(try store.write([single("temp", .double(-18.5))]).isEmpty)
    #expect(try rows(reading + " ORDER BY 2") == ["truck | metrics | null", "truck | temp | -18.5"])
    #expect(try rows("SELECT count(*) FROM \"table_wide\"") == ["2"])
    #expect(try store.verify(repairs: true).count == 2)
    #expect(try store.verify().isEmpty)
  }

  @Test func `the most measures of a MULTI record fit, and a table takes 1 024 of them`() throws {
    let store = try LocalStore(path: path)
    func measures(_ range: Range<Int>) -> [(name: String, value: MeasureValue)] {
      range.map { ("measure \($0)", .double(Double($0))) }
    }
    for part in 0..<4 {
      #expect(try store.write([multi(measures(part * 256..<part * 256 + 256), at: 5)]).isEmpty)
    }
    #expect(try store.write([multi(measures(0..<257))]).count == 1)
    #expect(
      try store.write([multi(measures(1024..<1025))]).map(\.reason) == [
        "the table already has 1024 measures, the limit; 'measure 1024' would be one more"
      ])
    #expect(try rows("SELECT \"measure 0\", \"measure 1023\" FROM \"table\"") == ["0.0 | 1023.0"])
  }
}
