import Testing

/// A statement with the columns, types and rows that it must give.
struct QueryCase: Sendable, CustomTestStringConvertible {
  let sql: String
  let names: [String]
  let types: [String]
  let rows: [String]
  var testDescription: String { sql }

  init(_ sql: String, _ names: [String], _ types: [String], _ rows: [String]) {
    self.sql = sql
    self.names = names
    self.types = types
    self.rows = rows
  }
}

@Suite struct QueryTests {
  static let fixture = QueryFixture.shared
  private static let temp = "FROM truck01_sensors WHERE measure_name = 'temp' AND device = 'truckSensor01'"

  static let cases: [QueryCase] = [
    .init("SELECT 1", ["_col0"], ["integer"], ["1"]),
    .init("SELECT 1 AS a, 2, 'x' b", ["a", "_col1", "b"], ["integer", "integer", "varchar"], ["1|2|x"]),
    .init("SELECT count(*) FROM \"sensorDB\".\"truck01_sensors\"", ["_col0"], ["bigint"], ["32"]),
    .init(
      "SELECT * FROM truck01_sensors WHERE device = 'truckSensor02' AND measure_name = 'temp'",
      [
        "device", "Region", "measure_name", "time", "measure_value::bigint", "measure_value::double",
        "measure_value::varchar",
      ],
      ["varchar", "varchar", "varchar", "timestamp", "bigint", "double", "varchar"],
      ["truckSensor02|south|temp|2024-10-23 17:00:30.000000000|NULL|5.0|NULL"]),
    .init(
      "SELECT bin(time, 5m) AS slot, round(avg(measure_value::double), 2) AS a, count(*) AS n \(temp) GROUP BY bin(time, 5m) ORDER BY slot",
      ["slot", "a", "n"], ["timestamp", "double", "bigint"],
      ["2024-10-23 17:00:00.000000000|-18.0|5", "2024-10-23 17:05:00.000000000|-13.0|5"]),
    .init(
      "SELECT device, max(measure_value::double) FROM truck01_sensors WHERE measure_name = 'temp' GROUP BY 1 HAVING count(*) > 1",
      ["device", "_col1"], ["varchar", "double"], ["truckSensor01|-11.0"]),
    .init(
      "SELECT max_by(measure_value::double, time), min_by(measure_value::double, time) \(temp)",
      ["_col0", "_col1"],
      ["double", "double"], ["-11.0|-20.0"]),
    .init(
      "SELECT measure_value::double \(temp) ORDER BY time DESC LIMIT 2", ["measure_value::double"],
      ["double"], ["-11.0", "-12.0"]),
    .init(
      "SELECT measure_value::double \(temp) ORDER BY 1 OFFSET 8", ["measure_value::double"], ["double"],
      ["-12.0", "-11.0"]),
    .init(
      "SELECT DISTINCT device FROM truck01_sensors ORDER BY device", ["device"], ["varchar"],
      ["truckSensor01", "truckSensor02"]),
    .init(
      "SELECT region FROM truck01_sensors GROUP BY region ORDER BY region", ["region"], ["varchar"],
      ["north", "south"]),
    .init(
      "SELECT t.device FROM truck01_sensors AS t WHERE t.time > ago(1h) AND t.measure_name = 'note'",
      ["device"], ["varchar"], ["truckSensor02"]),
    .init(
      "SELECT count(*) FROM truck01_sensors WHERE time BETWEEN ago(55m) AND now() AND measure_name = 'temp'",
      ["_col0"], ["bigint"], ["5"]),
    .init(
      "SELECT count(*) FROM truck01_sensors WHERE time >= '2024-10-23 17:08:00'", ["_col0"], ["bigint"], ["6"]
    ),
    .init(
      "SELECT count(*) FROM truck01_sensors WHERE time BETWEEN from_milliseconds(1729702800000) AND from_milliseconds(1729702830000)",
      ["_col0"], ["bigint"], ["5"]),
    .init(
      "WITH a AS (SELECT measure_value::double AS v \(temp)), b(w) AS (SELECT v * 2 FROM a) SELECT min(w), sum(v) FROM a JOIN b ON b.w = a.v * 2",
      ["_col0", "_col1"], ["double", "double"], ["-40.0|-155.0"]),
    .init("SELECT sum(x) FROM (VALUES 1, 2, 3) AS t(x)", ["_col0"], ["bigint"], ["6"]),
    .init(
      "SELECT x, last_value(x) IGNORE NULLS OVER (ORDER BY n), first_value(x) IGNORE NULLS OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES (1, NULL), (2, 'a'), (3, NULL), (4, NULL), (5, 'b')) AS t(n, x) ORDER BY n",
      ["x", "_col1", "_col2"], ["varchar", "varchar", "varchar"],
      ["NULL|NULL|NULL", "a|a|a", "NULL|a|a", "NULL|a|NULL", "b|b|b"]),
    .init(
      "SELECT sum(x) OVER (ORDER BY x), approx_percentile(x, 0.5) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM (VALUES 1, 2, 4, 8) AS t(x) ORDER BY x",
      ["_col0", "_col1"], ["bigint", "bigint"], ["1|1", "3|2", "7|4", "15|4"]),
    .init(
      "SELECT max(a.measure_value::double - b.measure_value::DOUBLE) FROM truck01_sensors a JOIN truck01_sensors AS b ON a.time = b.time AND a.measure_name = 'volts' AND b.measure_name = 'temp'",
      ["_col0"], ["double"], ["32.1"]),
    .init(
      "SELECT max(x, 2), min(x, 2), bitwise_and_agg(x), bitwise_or_agg(x) FROM (VALUES 6, 3, NULL, 7) AS t(x)",
      ["_col0", "_col1", "_col2", "_col3"], ["array(integer)", "array(integer)", "bigint", "bigint"],
      ["[7, 6]|[3, 6]|2|7"]),
    .init(
      "SELECT x, y FROM (VALUES (1, 'a'), (2, NULL)) AS t(x, y) ORDER BY y", ["x", "y"],
      ["integer", "varchar"], ["1|a", "2|NULL"]),
    .init("SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x", ["x"], ["integer"], ["1", "2", "NULL"]),
    .init(
      "SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x DESC", ["x"], ["integer"], ["2", "1", "NULL"]),
    .init(
      "SELECT x FROM (VALUES 2, NULL, 1) AS t(x) ORDER BY x DESC NULLS FIRST", ["x"], ["integer"],
      ["NULL", "2", "1"]),
    .init("SELECT 1 UNION ALL SELECT 2.5", ["_col0"], ["double"], ["1.0", "2.5"]),
    .init("(SELECT 1 AS x) UNION (SELECT 1) ORDER BY x", ["x"], ["integer"], ["1"]),
    .init("SELECT x FROM (VALUES 1, 2, 3) AS t(x) EXCEPT SELECT 2", ["x"], ["integer"], ["1", "3"]),
    .init("SELECT x FROM (VALUES 1, 2) AS t(x) WHERE x IN (SELECT 2)", ["x"], ["integer"], ["2"]),
    .init(
      "SELECT x, (SELECT max(y) FROM (VALUES 1, 5) AS u(y) WHERE y > x) FROM (VALUES 1, 9) AS t(x)",
      ["x", "_col1"], ["integer", "integer"], ["1|5", "9|NULL"]),
    .init(
      "SELECT x FROM (VALUES 1, 2) AS t(x) WHERE EXISTS (SELECT 1 FROM (VALUES 2) AS u(y) WHERE y = x)",
      ["x"], ["integer"], ["2"]),
    .init(
      "SELECT a.x, b.y FROM (VALUES (1, 'k')) AS a(x, k) LEFT JOIN (VALUES (2, 'z')) AS b(y, k) USING (k)",
      ["x", "y"], ["integer", "integer"], ["1|NULL"]),
    .init(
      "SELECT * FROM (VALUES (1, 'k')) AS a(x, k) JOIN (VALUES (2, 'k')) AS b(y, k) USING (k)",
      ["k", "x", "y"], ["varchar", "integer", "integer"], ["k|1|2"]),
    .init(
      "SELECT a.x, b.x FROM (VALUES 1) AS a(x), (VALUES 2) AS b(x)", ["x", "x"], ["integer", "integer"],
      ["1|2"]),
    // Windows
    .init(
      "SELECT x, row_number() OVER (ORDER BY x DESC) FROM (VALUES 5, 7) AS t(x) ORDER BY x", ["x", "_col1"],
      ["integer", "bigint"], ["5|2", "7|1"]),
    .init(
      "SELECT x, lag(x) OVER (ORDER BY x), x - lag(x, 1, 0) OVER (ORDER BY x) FROM (VALUES 5, 7) AS t(x)",
      ["x", "_col1", "_col2"], ["integer", "integer", "integer"], ["5|NULL|5", "7|5|2"]),
    .init(
      "SELECT x, avg(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES 1, 3, 5) AS t(x)",
      ["x", "_col1"], ["integer", "double"], ["1|1.0", "3|2.0", "5|4.0"]),
    .init(
      "SELECT x, array_agg(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES 1, 3, 5) AS t(x)",
      ["x", "_col1"], ["integer", "array(integer)"], ["1|[1]", "3|[1, 3]", "5|[3, 5]"]),
    .init(
      "SELECT k, sum(sum(v)) OVER () FROM (VALUES ('a', 1), ('b', 2)) AS t(k, v) GROUP BY k ORDER BY k",
      ["k", "_col1"], ["varchar", "bigint"], ["a|3", "b|3"]),
    // Aggregates
    .init(
      "SELECT count(x), count(DISTINCT x), sum(x), avg(x), min(x), max(x) FROM (VALUES 1, 1, 4, NULL) AS t(x)",
      ["_col0", "_col1", "_col2", "_col3", "_col4", "_col5"],
      ["bigint", "bigint", "bigint", "double", "integer", "integer"], ["3|2|6|2.0|1|4"]),
    .init(
      "SELECT sum(x), count(*), max(x) FROM (VALUES 1) AS t(x) WHERE x > 1", ["_col0", "_col1", "_col2"],
      ["bigint", "bigint", "integer"], ["NULL|0|NULL"]),
    .init(
      "SELECT count_if(x > 1), sum(x) FILTER (WHERE x > 1), bool_and(x > 0), approx_distinct(x) FROM (VALUES 1, 2, 3) AS t(x)",
      ["_col0", "_col1", "_col2", "_col3"], ["bigint", "bigint", "boolean", "bigint"], ["2|5|true|3"]),
    .init(
      "SELECT stddev(x), variance(x), round(stddev_pop(x), 9) FROM (VALUES 2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0) AS t(x)",
      ["_col0", "_col1", "_col2"], ["double", "double", "double"], ["2.138089935299395|4.571428571428571|2.0"]
    ),
    .init(
      "SELECT approx_percentile(x, 0.5), approx_percentile(x, ARRAY[0.0, 1.0]) FROM (VALUES 1.0, 2.0, 3.0) AS t(x)",
      ["_col0", "_col1"], ["double", "array(double)"], ["2.0|[1.0, 3.0]"]),
    .init(
      "SELECT round(corr(x, y), 9), regr_slope(y, x) FROM (VALUES (1, 2), (2, 4), (3, 6)) AS t(x, y)",
      ["_col0", "_col1"], ["double", "double"], ["1.0|2.0"]),
    .init(
      "SELECT array_agg(x ORDER BY x DESC) FROM (VALUES 1, 3, 2) AS t(x)", ["_col0"], ["array(integer)"],
      ["[3, 2, 1]"]),
    .init(
      "SELECT round(sum(x) / count(*), 1) AS m FROM (VALUES 1.0, 2.0) AS t(x)", ["m"], ["double"], ["1.5"]),
    // UNNEST
    .init("SELECT x FROM UNNEST(ARRAY[3, 1]) AS t(x)", ["x"], ["integer"], ["3", "1"]),
    .init(
      "SELECT x, n FROM UNNEST(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, n)", ["x", "n"],
      ["varchar", "bigint"], ["a|1", "b|2"]),
    .init(
      "SELECT k, x FROM (VALUES ('a', ARRAY[1, 2]), ('b', ARRAY[])) AS t(k, l) CROSS JOIN UNNEST(l) AS u(x)",
      ["k", "x"], ["varchar", "integer"], ["a|1", "a|2"]),
    .init(
      "SELECT a, b FROM UNNEST(ARRAY[1, 2], ARRAY['x']) AS t(a, b)", ["a", "b"], ["integer", "varchar"],
      ["1|x", "2|NULL"]),
    .init(
      "SELECT a, b FROM UNNEST(ARRAY[ROW(1, 'x'), ROW(2, 'y')]) AS t(a, b)", ["a", "b"],
      ["integer", "varchar"], ["1|x", "2|y"]),
    // Time series
    .init(
      "SELECT create_time_series(time, measure_value::double) AS s \(temp) AND time <= ago(59m)", ["s"],
      ["timeseries(double)"],
      [
        "[{time: 2024-10-23 17:00:00.000000000, value: -20.0}, {time: 2024-10-23 17:01:00.000000000, value: -19.0}]"
      ]),
    .init(
      "WITH s AS (SELECT create_time_series(time, measure_value::double) AS ts \(temp)) SELECT time, value FROM s CROSS JOIN UNNEST(interpolate_linear(ts, sequence(min_time, max_time, 30s))) AS t(time, value) CROSS JOIN (SELECT timestamp '2024-10-23 17:00:00' AS min_time, timestamp '2024-10-23 17:01:00' AS max_time)",
      [], [], ["line 1:158: Column 'min_time' does not exist"]),
    .init(
      "WITH s AS (SELECT device, create_time_series(time, measure_value::double) AS ts \(temp) GROUP BY device) SELECT time, value FROM s CROSS JOIN UNNEST(interpolate_linear(ts, sequence(timestamp '2024-10-23 17:00:00', timestamp '2024-10-23 17:01:00', 30s)))",
      ["time", "value"], ["timestamp", "double"],
      [
        "2024-10-23 17:00:00.000000000|-20.0", "2024-10-23 17:00:30.000000000|-19.5",
        "2024-10-23 17:01:00.000000000|-19.0",
      ]),
    .init(
      "WITH s AS (SELECT create_time_series(time, measure_value::double) AS ts \(temp)) SELECT interpolate_locf(ts, timestamp '2024-10-23 17:00:59'), interpolate_fill(ts, timestamp '2024-10-23 17:00:59', 0.0), round(interpolate_spline_cubic(ts, timestamp '2024-10-23 17:04:30'), 6), integral_trapezoidal(ts, 1m), cardinality(derivative_linear(ts, 1m)), correlate_pearson(ts, ts) FROM s",
      ["_col0", "_col1", "_col2", "_col3", "_col4", "_col5"],
      ["double", "double", "double", "double", "bigint", "double"], ["-20.0|0.0|-15.5|-139.5|9|1.0"]),
    .init(
      "WITH s AS (SELECT create_time_series(time, measure_value::double) AS ts \(temp)) SELECT reduce(filter(ts, p -> p.value > -13), 0, (n, p) -> n + 1, n -> n), transform(filter(ts, p -> p.value > -13), p -> p.value * 2) FROM s",
      ["_col0", "_col1"], ["integer", "array(double)"], ["2|[-24.0, -22.0]"]),
    // SHOW and DESCRIBE
    .init("SHOW DATABASES", ["Database"], ["varchar"], ["sensorDB"]),
    .init("SHOW TABLES", ["Table"], ["varchar"], ["truck01_sensors"]),
    .init("SHOW TABLES FROM \"sensorDB\" LIKE 'x%'", ["Table"], ["varchar"], []),
    .init(
      "SHOW MEASURES FROM truck01_sensors LIKE 'te%'", ["measure_name", "data_type", "dimensions"],
      ["varchar", "varchar", "array(row(dimension_name varchar, data_type varchar))"],
      ["temp|double|[(device, varchar), (Region, varchar)]"]),
    .init(
      "DESCRIBE \"sensorDB\".truck01_sensors", ["Column", "Type", "Timestream attribute type"],
      ["varchar", "varchar", "varchar"],
      [
        "device|varchar|DIMENSION", "Region|varchar|DIMENSION", "measure_name|varchar|MEASURE_NAME",
        "time|timestamp|TIMESTAMP", "measure_value::bigint|bigint|MEASURE_VALUE",
        "measure_value::double|double|MEASURE_VALUE", "measure_value::varchar|varchar|MEASURE_VALUE",
      ]),
  ]

  @Test("A statement has Timestream's columns, types and rows", arguments: cases.filter { !$0.names.isEmpty })
  func statements(one: QueryCase) throws {
    let result = try Self.fixture.query(one.sql)
    #expect(result.names == one.names)
    #expect(result.types == one.types)
    #expect(result.rows == one.rows)
  }

  @Test(
    "A statement that Presto refuses is refused with its place and words",
    arguments: [
      ("", "line 1:1: mismatched input '<EOF>'. Expecting: '(', 'SELECT', 'TABLE', 'VALUES', 'WITH'"),
      ("SELECT", "line 1:7: mismatched input '<EOF>'. Expecting: <expression>"),
      ("SELECT ago(200000d)", "line 1:12: the interval 200000d is out of range"),
      ("SELECT tmp FROM truck01_sensors", "line 1:8: Column 'tmp' does not exist"),
      ("SELECT \"devic\" FROM truck01_sensors", "line 1:8: Column 'devic' does not exist"),
      ("SELECT device FROM truck02", "line 1:20: Table 'sensorDB.truck02' does not exist"),
      ("SELECT device FROM \"db\".truck01_sensors", "line 1:20: Database 'db' does not exist"),
      (
        "SELECT device, count(*) FROM truck01_sensors",
        "line 1:8: 'device' must be an aggregate expression or appear in GROUP BY clause"
      ),
      (
        "SELECT bin(time, 1m) FROM truck01_sensors GROUP BY bin(time, 5m)",
        "line 1:12: 'time' must be an aggregate expression or appear in GROUP BY clause"
      ),
      ("SELECT device AS d FROM truck01_sensors WHERE d = 'x'", "line 1:47: Column 'd' does not exist"),
      ("SELECT device AS d FROM truck01_sensors GROUP BY d", "line 1:50: Column 'd' does not exist"),
      (
        "SELECT device FROM truck01_sensors WHERE count(*) > 1",
        "line 1:42: WHERE clause cannot contain aggregations, window functions or grouping operations: [\"count\"(...)]"
      ),
      (
        "SELECT device FROM truck01_sensors WHERE measure_value::double = 'x'",
        "line 1:64: '=' cannot be applied to double, varchar"
      ),
      (
        "SELECT device FROM truck01_sensors ORDER BY 2",
        "line 1:45: ORDER BY position 2 is not in select list"
      ),
      (
        "SELECT DISTINCT device FROM truck01_sensors ORDER BY time",
        "line 1:54: For SELECT DISTINCT, ORDER BY expressions must appear in select list"
      ),
      ("SELECT x FROM (VALUES 1) AS a(x), (VALUES 1) AS b(x)", "line 1:8: Column 'x' is ambiguous"),
      (
        "SELECT 1 UNION SELECT 'a'",
        "line 1:10: column 1 in UNION query has incompatible types: integer, varchar"
      ),
      ("SELECT (SELECT x FROM (VALUES 1, 2) AS t(x))", "Scalar sub-query has returned multiple rows"),
      ("SELECT 1; SELECT 2", "line 1:11: mismatched input 'SELECT'. Expecting: <EOF>"),
      ("DELETE FROM truck01_sensors", "line 1:1: DELETE is not supported; statements can only read"),
      (
        "SELECT sum(device) FROM truck01_sensors",
        "line 1:8: Unexpected parameters (varchar) for function sum. Expected: sum(bigint), sum(double)"
      ),
      ("SELECT 'abc", "line 1:8: A text is never closed: a ' is missing"),
      ("SELECT\n  1 +\n  ", "line 3:3: mismatched input '<EOF>'. Expecting: <expression>"),
      (
        "WITH s AS (SELECT create_time_series(time, measure_value::double) AS ts FROM truck01_sensors) SELECT 1 FROM s CROSS JOIN UNNEST(min_time) AS t(x) CROSS JOIN (SELECT 1 AS min_time)",
        "line 1:129: Column 'min_time' does not exist"
      ),
      ("SELECT * FROM truck01_sensors LIMIT -1", "line 1:37: mismatched input '-'. Expecting: <integer>"),
    ])
  func refused(sql: String, message: String) { #expect(Self.fixture.failure(sql) == message) }

  @Test(
    "A condition on the time is a search in the readings' index, in both forms of a table",
    arguments: [
      "truck01_sensors WHERE measure_name = 'temp' AND time > ago(15m)",
      "truck01_sensors_wide WHERE time BETWEEN from_milliseconds(1729702800000) AND from_milliseconds(1729706400000)",
    ])
  func search(source: String) throws {
    let plan = try Self.fixture.query("EXPLAIN SELECT * FROM \(source)")
    #expect(plan.names == ["Query Plan"] && plan.types == ["varchar"])
    let steps = plan.rows.joined(separator: "\n")
    #expect(steps.contains("time>"), "\(steps)")
    #expect(!steps.contains("SCAN ts_data"), "\(steps)")
  }

  @Test(
    "Statements without end are refused, not run into the ground",
    arguments: [
      String(repeating: "(", count: 100_000), "SELECT " + String(repeating: "1+", count: 100_000) + "1",
      "SELECT " + String(repeating: "NOT ", count: 100_000) + "true",
      "SELECT " + String(repeating: "-", count: 100_001) + "1",
      "SELECT " + String(repeating: "ARRAY[", count: 50_000),
      "SELECT 1" + String(repeating: " UNION ALL SELECT 1", count: 10_000),
      "SELECT x" + String(repeating: ".x", count: 100_000),
      "SELECT " + String(repeating: "CASE WHEN true THEN ", count: 10_000),
      "SELECT cast(1 AS " + String(repeating: "array(", count: 50_000),
      "SELECT '" + String(repeating: "x", count: 300_000) + "'",
      "SELECT 1 FROM " + String(repeating: "(", count: 100_000) + "SELECT 1",
      "SELECT 1 WHERE 1 IN (" + String(repeating: "1,", count: 90_000) + "1)",
    ])
  func hostile(sql: String) { _ = Self.fixture.failure(sql) }
}
