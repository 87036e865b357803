import Foundation
import Testing

/// The query service, asked by boto3.
@Suite(.enabled(if: Trucksensor.isBuilt, "scripts/build.sh makes the executable"))
struct TimestreamAPITests {
  private static let python = Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin/python")
  private static var hasBoto3: Bool { FileManager.default.isExecutableFile(atPath: python.path) }

  private let truck: Trucksensor

  init() throws {
    truck = try Trucksensor()
    let dataset = Trucksensor.repository.appendingPathComponent("TruckSensorFiles/trucksensordata.csv").path
    let imported = try truck.run(
      "store", "import", dataset, "--start", "2024-10-23T14:00:00Z", "--device", "truckSensor01")
    #expect(imported.status == 0, "\(imported.errors)")
  }

  private func startServer(_ options: String...) throws -> (Trucksensor.Running, address: String) {
    let server = try Trucksensor.Running(
      Trucksensor.executable, ["aws", "--aws-port", "0"] + options, in: truck.folder)
    try server.waitUntil { $0.errorText.contains("AWS_ENDPOINT_URL=") }
    let address = try #require(server.errorText.firstMatch(of: /AWS_ENDPOINT_URL=(\S+)/)?.1)
    return (server, String(address))
  }

  private func ask(_ address: String, _ what: String, input: [String] = []) throws -> [String: Any] {
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/timestream.py").path
    let statements = try String(decoding: JSONSerialization.data(withJSONObject: input), as: UTF8.self)
    try truck.write(statements, to: "statements.json")
    let finished = try Trucksensor.Running(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "exec '\(Self.python.path)' '\(script)' '\(address)' \(what) < statements.json"],
      in: truck.folder
    ).wait()
    #expect(finished.status == 0, "\(finished.errors.suffix(1000))")
    return finished.json
  }

  /// A statement, and its columns as `name type` and rows as texts, or the beginning of its error.
  private static let statements: [(sql: String, columns: String, rows: [String])] = [
    ("SELECT 1", "_col0 INTEGER", ["1"]),
    ("SELECT count(*) FROM truck01_sensors", "_col0 BIGINT", ["10800"]),
    (
      "SELECT time, measure_value::double FROM truck01_sensors WHERE measure_name = 'temp' ORDER BY time LIMIT 1",
      "time TIMESTAMP, measure_value::double DOUBLE", ["2024-10-23 14:00:01.000000000 | 21.9"]
    ),
    (
      "SELECT true, null, 1.5e0, date '2024-02-29', interval '1' day",
      "_col0 BOOLEAN, _col1 UNKNOWN, _col2 DOUBLE, _col3 DATE, _col4 INTERVAL_DAY_TO_SECOND",
      ["true | NULL | 1.5 | 2024-02-29 | 1 00:00:00.000000000"]
    ),
    ("SELECT device FROM truck01_sensors WHERE time > now()", "device VARCHAR", []),
    ("SHOW DATABASES", "Database VARCHAR", ["sensorDB"]),
    ("SELECT tmp FROM truck01_sensors", "ValidationException line 1:8: Column 'tmp' does not exist", []),
    ("SELEC 1", "ValidationException line 1:1", []),
    ("SELECT 1 / (SELECT count(*) FROM truck01_sensors WHERE device = 'x')", "QueryExecutionException", []),
  ]

  @Test(.enabled(if: hasBoto3, "scripts/test-tools.sh could not install boto3"))
  func `boto3 gets types, pages, tokens and errors as Timestream has them`() throws {
    let (server, address) = try startServer()
    let seen = try ask(address, "queries", input: Self.statements.map(\.sql))
    let answers = try #require(seen["answers"] as? [[String: Any]])
    #expect(answers.count == Self.statements.count)
    for (answer, expected) in zip(answers, Self.statements) {
      if let error = answer["error"] as? String {
        #expect(
          "\(error) \(answer["message"] ?? "")".hasPrefix(expected.columns), "\(expected.sql): \(answer)")
        continue
      }
      let columns = (answer["columns"] as? [[String: Any]] ?? []).map { column in
        "\(column["Name"] ?? "") \((column["Type"] as? [String: Any])?["ScalarType"] ?? "")"
      }
      #expect(columns.joined(separator: ", ") == expected.columns, "\(expected.sql)")
      let rows = (answer["rows"] as? [[String: Any]] ?? []).map { row in
        (row["Data"] as? [[String: Any]] ?? []).map { $0["ScalarValue"] as? String ?? "NULL" }
          .joined(separator: " | ")
      }
      #expect(rows == expected.rows, "\(expected.sql)")
    }
    #expect(seen["pages"] as? [Int] == [1000, 1000, 500])
    #expect(seen["inOrder"] as? Bool == true)
    #expect(seen["sameToken"] as? [Bool] == [true, true, true, true, true])
    #expect((seen["sixthUse"] as? [String])?.first == "ValidationException")
    #expect((seen["otherStatement"] as? [String])?.first == "ValidationException")
    #expect((seen["longRows"] as? [Any])?.isEmpty == true)
    #expect((seen["beside"] as? [Any])?.count == 1)
    #expect(seen["cancelled"] as? Bool == true)
    #expect((seen["afterwards"] as? [String])?.first == "ConflictException")
    #expect((seen["unknownQuery"] as? [String])?.first == "ValidationException")
    #expect(
      seen["prepared"] as? [[String]] == [
        ["time", "TIMESTAMP"], ["device", "VARCHAR"], ["measure_value::double", "DOUBLE"],
      ])
    #expect((seen["notOffered"] as? [String])?.first == "UnknownOperationException")
    #expect(seen["contradictions"] as? [String] == [])
    server.interrupt()
    #expect(server.wait().status == 130)
  }

  /// Statements of each kind of which Grafana's plugin publishes an answer: its ColumnInfo and its first row, as JSON with
  /// sorted keys.
  private static let shapes: [(sql: String, columns: String, row: String)] = [
    (
      "SELECT 1 AS i, 'two' AS v, timestamp '2020-08-08 01:00' AS t, interval '1' day + interval '21' hour AS d, "
        + "interval '2' year + interval '7' month AS y, time '01:00' AS c, date '2020-08-08' AS e",
      [
        "i INTEGER", "v VARCHAR", "t TIMESTAMP", "d INTERVAL_DAY_TO_SECOND", "y INTERVAL_YEAR_TO_MONTH",
        "c TIME", "e DATE",
      ]
      .map(scalarColumn).joined(separator: ","),
      [
        "1", "two", "2020-08-08 01:00:00.000000000", "1 21:00:00.000000000", "2-7", "01:00:00.000000000",
        "2020-08-08",
      ].map(scalar).joined(separator: ",")
    ),
    (
      "SELECT device, create_time_series(time, measure_value::double) FROM truck01_sensors "
        + "WHERE measure_name = 'temp' AND time <= timestamp '2024-10-23 14:00:04' GROUP BY device",
      scalarColumn("device VARCHAR") + ","
        + #"{"Name":"_col1","Type":{"TimeSeriesMeasureValueColumnInfo":{"Type":{"ScalarType":"DOUBLE"}}}}"#,
      scalar("truckSensor01")
        + #",{"TimeSeriesValue":[{"Time":"2024-10-23 14:00:01.000000000","Value":{"ScalarValue":"21.9"}},{"Time":"2024-10-23 14:00:04.000000000","Value":{"ScalarValue":"21.73"}}]}"#
    ),
    (
      "SELECT interpolate_linear(s, timestamp '2030-01-01') IS NULL, CASE WHEN true THEN (SELECT NULL) ELSE s END AS s "
        + "FROM (SELECT create_time_series(time, measure_value::double) AS s FROM truck01_sensors WHERE measure_name = 'temp')",
      scalarColumn("_col0 BOOLEAN") + ","
        + #"{"Name":"s","Type":{"TimeSeriesMeasureValueColumnInfo":{"Type":{"ScalarType":"DOUBLE"}}}}"#,
      scalar("true") + #",{"NullValue":true}"#
    ),
    (
      "SELECT measure_name, CASE WHEN measure_name = 'temp' THEN (SELECT NULL) ELSE time END FROM truck01_sensors "
        + "WHERE measure_name = 'temp' LIMIT 1",
      scalarColumn("measure_name VARCHAR") + "," + scalarColumn("_col1 TIMESTAMP"),
      scalar("temp") + #",{"NullValue":true}"#
    ),
    (
      "SHOW MEASURES FROM truck01_sensors LIKE 'temp'",
      scalarColumn("measure_name VARCHAR") + "," + scalarColumn("data_type VARCHAR")
        + #",{"Name":"dimensions","Type":{"ArrayColumnInfo":{"Type":{"RowColumnInfo":["#
        + scalarColumn("dimension_name VARCHAR") + "," + scalarColumn("data_type VARCHAR") + "]}}}}",
      scalar("temp") + "," + scalar("double") + #",{"ArrayValue":[{"RowValue":{"Data":["# + scalar("device")
        + ","
        + scalar("varchar") + "]}}]}"
    ),
    (
      "DESCRIBE truck01_sensors",
      ["Column VARCHAR", "Type VARCHAR", "Timestream attribute type VARCHAR"].map(scalarColumn).joined(
        separator: ","),
      ["device", "varchar", "DIMENSION"].map(scalar).joined(separator: ",")
    ),
    ("SHOW TABLES FROM \"sensorDB\"", scalarColumn("Table VARCHAR"), scalar("truck01_sensors")),
  ]

  /// The ColumnInfo of `name TYPE`.
  private static func scalarColumn(_ text: String) -> String {
    let space = text.lastIndex(of: " ") ?? text.endIndex
    return #"{"Name":"\#(text[..<space])","Type":{"ScalarType":"\#(text[space...].dropFirst())"}}"#
  }

  private static func scalar(_ value: String) -> String { #"{"ScalarValue":"\#(value)"}"# }

  @Test(.enabled(if: hasBoto3, "scripts/test-tools.sh could not install boto3"))
  func `answers have the shapes of those that Grafana's plugin is tested with`() throws {
    let (server, address) = try startServer()
    let seen = try ask(address, "queries", input: Self.shapes.map(\.sql))
    let answers = try #require(seen["answers"] as? [[String: Any]])
    func text(_ value: Any?) throws -> String {
      String(
        decoding: try JSONSerialization.data(
          withJSONObject: value ?? [], options: [.sortedKeys, .withoutEscapingSlashes]), as: UTF8.self)
    }
    #expect(answers.count == Self.shapes.count)
    for (answer, shape) in zip(answers, Self.shapes) {
      #expect(try text(answer["columns"]) == "[\(shape.columns)]", "\(shape.sql): \(answer["message"] ?? "")")
      let row = (answer["rows"] as? [[String: Any]])?.first?["Data"]
      #expect(try text(row) == "[\(shape.row)]", "\(shape.sql)")
    }
    #expect(seen["contradictions"] as? [String] == [])
    server.interrupt()
    #expect(server.wait().status == 130)
  }

  @Test(.enabled(if: hasBoto3, "scripts/test-tools.sh could not install boto3"))
  func `an SDK that is told the address by the environment finds it by DescribeEndpoints`() throws {
    let (server, address) = try startServer()
    let seen = try ask(address, "discovery")
    #expect((seen["rows"] as? [Any])?.count == 1)
    let endpoint = try #require((seen["endpoints"] as? [[String: Any]])?.first)
    #expect(endpoint["Address"] as? String == address)
    server.interrupt()
    _ = server.wait()
  }

  /// Whether a Python package is installed.
  private static func has(_ package: String) -> Bool {
    let folder = Trucksensor.repository.appendingPathComponent(".build/aws-tools/lib").path
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return versions.contains {
      FileManager.default.fileExists(atPath: "\(folder)/\($0)/site-packages/\(package)")
    }
  }

  @Test(.enabled(if: has("duckdb"), "scripts/test-tools.sh could not install duckdb and sqlglot"))
  func `generated statements give what DuckDB gives`() throws {
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/differential.py").path
    let readings = try Trucksensor.Running(Self.python, [script, "readings", "1"], in: truck.folder).wait()
    try truck.write(readings.output, to: "readings.csv")
    #expect(try truck.run("store", "import", "readings.csv", "--store", "data/generated.sqlite").status == 0)
    let (server, address) = try startServer("--store", "data/generated.sqlite")
    let count = 300
    let finished = try Trucksensor.Running(
      Self.python, [script, address, "readings.csv", "\(count)", "7"], in: truck.folder
    ).wait()
    #expect(finished.status == 0, "\(finished.errors.suffix(1000))")
    #expect(finished.json["count"] as? Int == 0, "\(finished.json["differences"] ?? "")")
    // What both refuse proves nothing.
    #expect(try #require(finished.json["equal"] as? Int) > count * 9 / 10)
    server.interrupt()
    _ = server.wait()
  }

  @Test(.enabled(if: hasBoto3, "scripts/test-tools.sh could not install boto3"))
  func `with a credentials file only its signatures count`() throws {
    try truck.write(
      "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n",
      to: "data/aws-credentials")
    let (server, address) = try startServer()
    let seen = try ask(address, "signature")
    #expect((seen["right"] as? [String])?.first == "none")
    #expect((seen["wrong"] as? [String])?.first == "InvalidSignatureException")
    #expect((seen["stranger"] as? [String])?.first == "UnrecognizedClientException")
    server.interrupt()
    _ = server.wait()
  }

  /// Requests that no SDK sends: curl's options, and the status.
  private static let broken: [(options: String, status: Int)] = [
    ("-d '{}'", 403), ("-H 'Authorization: AWS4-HMAC-SHA256 x' -d '{}'", 403),
    ("-H 'Authorization: Basic QQ==' -d '{}'", 403), ("-H 'Host: evil.example' -d '{}'", 421),
    ("-X PROPFIND", 405), ("AUTH -d '{'", 400), ("AUTH -d '[1]'", 400), ("AUTH -d '{}'", 400),
    ("AUTH -d '{\"QueryString\": 1}'", 400), ("AUTH -d '{\"QueryString\": \"\"}'", 400),
    ("AUTH -d '{\"QueryString\": \"SELECT 1\", \"MaxRows\": 1e300}'", 400),
    ("AUTH -d '{\"QueryString\": \"SELECT 1\", \"MaxRows\": 0}'", 400),
    ("AUTH -d '{\"QueryString\": \"SELECT 1\", \"NextToken\": \"x\"}'", 400),
    ("AUTH -d '{\"QueryString\": \"SELECT 1\"}'", 200),
    ("AUTH --data-binary @large", 413), ("AUTH -H 'Transfer-Encoding: chunked' --data-binary @large", 413),
    ("AUTH -H 'X-Amz-Target: Timestream_20181101.Nothing' -d '{}'", 400), ("AUTHX -G", 400),
  ]

  @Test func `broken, unsigned and oversized requests are refused with a status, and the server goes on`()
    throws
  {
    let (server, address) = try startServer()
    try Data(repeating: UInt8(ascii: "a"), count: 10_000_000).write(
      to: URL(fileURLWithPath: truck.path("large")))
    let authorization =
      "-H 'Authorization: AWS4-HMAC-SHA256 Credential=K/20241023/eu-central-1/timestream/aws4_request, SignedHeaders=host, Signature=0'"
    for (options, status) in Self.broken {
      var options = options.replacingOccurrences(of: "AUTHX", with: authorization)
      if options.contains("AUTH "), !options.contains("Authorization: AWS4") {
        let target = options.contains("X-Amz-Target") ? "" : " -H 'X-Amz-Target: Timestream_20181101.Query'"
        options = options.replacingOccurrences(of: "AUTH ", with: authorization + target + " ")
      }
      let finished = try Trucksensor.Running(
        URL(fileURLWithPath: "/bin/sh"),
        ["-c", "curl -s -o /dev/null -w '%{http_code}' --max-time 10 \(options) \(address)/"],
        in: truck.folder
      ).wait()
      #expect(finished.output == "\(status)", "\(options.suffix(100))")
    }
    server.interrupt()
    #expect(server.wait().status == 130)
  }

  private func writeChecks(_ what: String) throws -> [String: Any] {
    let (server, address) = try startServer()
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/timestream_write.py").path
    let finished = try Trucksensor.Running(Self.python, [script, address, what], in: truck.folder).wait()
    #expect(finished.status == 0, "\(finished.errors.suffix(2000))")
    let result = finished.json
    #expect(result["contradictions"] as? [String] == [], "answers that contradict botocore's model")
    #expect(result["failures"] as? [String] == [])
    server.interrupt()
    #expect(server.wait().status == 130)
    return result
  }

  @Test(.enabled(if: hasBoto3, "scripts/test-tools.sh could not install boto3"))
  func `boto3 makes databases and tables, writes single and MULTI records, and reads them back`() throws {
    #expect(try #require(try writeChecks("boto3")["checks"] as? Int) > 40)
  }

  @Test(.enabled(if: hasBoto3, "scripts/test-tools.sh could not install boto3"))
  func `what timestream-write's model forbids is refused with its errors`() throws {
    #expect(try #require(try writeChecks("invalid")["checks"] as? Int) > 100)
  }

  @Test(.enabled(if: has("awswrangler"), "scripts/test-tools.sh could not install awswrangler"))
  func
    `awswrangler writes MULTI records, versions, common attributes and time units, and reads them by pages`()
    throws
  {
    #expect(try #require(try writeChecks("wrangler")["checks"] as? Int) > 50)
  }
}
