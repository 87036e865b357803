import Numbers
import Testing
import Time

@testable import Store

/// Every function of the query language with extreme arguments of every type.
@Suite struct QueryFunctionTests {
  /// SQL's literals of a value, from the least to the greatest of its type.
  static let arguments = [
    "NULL", "0", "-1", "7", "1000000007", "1729703640000000000", "9223372036854775807",
    "-9223372036854775808",
    "0.5", "-0.0", "1e18", "9.3e18", "1e300", "-1e300", "9e999", "-9e999", "''", "'x'", "'week'", "'SECOND'",
    "'2024-10-23 17:14:00.5'", "'15m'", "'9223372036854775808'", "'-1e300'", "x''", "x'00ff'",
    "zeroblob(100000)",
  ]
  static let fewArguments = [
    "NULL", "-3", "9223372036854775807", "-9223372036854775808", "1e300", "'nanosecond'", "'week'", "x'00ff'",
  ]

  let fixture: StoreFixture
  init() throws {
    fixture = try StoreFixture()
    _ = try LocalStore(path: fixture.path()).write([StoreFixture.request(0, [("temp", .double(-20))])])
  }

  /// The value of an expression, or nil if it is an error, which must be one of the statement.
  private func value(_ expression: String, _ reader: StoreReader) throws -> SQLValue? {
    var result = SQLValue.null
    do throws(StoreError) {
      try reader.query(
        "SELECT \(expression)", columns: { _ in },
        row: {
          result = $0[0]
          return true
        })
      return result
    } catch {
      #expect(error.kind == .statement, "\(expression): \(error)")
      return nil
    }
  }

  private static func calls(_ name: String, _ parameters: Int) -> [String] {
    (0..<parameters).reduce([""]) { calls, place in
      let values = place == 0 && parameters < 3 ? arguments : fewArguments
      return calls.flatMap { call in values.map { call.isEmpty ? $0 : "\(call), \($0)" } }
    }.map { "\(name)(\($0))" }
  }

  @Test(
    arguments: QueryFunctions.all.map { ($0.name, $0.parameters) } + [
      ("max_by", 2), ("min_by", 2), ("abs", 1), ("round", 2), ("substr", 3), ("printf", 2), ("like", 2),
    ])
  func `a function has a value or an error for any arguments`(_ name: String, _ parameters: Int) throws {
    let reader = try StoreReader(path: fixture.path())
    for call in Self.calls(name, parameters) { _ = try value(call, reader) }
    // And with a column.
    for argument in Self.arguments where parameters == 2 {
      _ = try value("\(name)(\(argument), time) FROM truck01_sensors_wide", reader)
    }
  }

  @Test func `arithmetic on times is exact, or an error`() throws {
    let reader = try StoreReader(path: fixture.path())
    let numbers: [Int64] = [
      .min, .min + 1, -1_000_000_001, -7, -1, 0, 1, 7, 59_999_999_999, 1_729_703_640_000_000_000, .max - 1,
      .max,
    ]
    func check(_ expression: String, _ expected: Int128) throws {
      #expect(
        try value(expression, reader) == Int64(exactly: expected).map(SQLValue.integer), "\(expression)")
    }
    func floor(_ value: Int128, _ step: Int128) -> Int128 { value - ((value % step) + step) % step }
    for one in numbers {
      let wide = Int128(one)
      try check("to_milliseconds(\(one))", floor(wide, 1_000_000) / 1_000_000)
      try check("from_milliseconds(\(one))", wide * 1_000_000)
      try check("date_trunc('minute', \(one))", floor(wide, 60_000_000_000))
      // Weeks begin on Monday; 1970-01-01 was a Thursday.
      let week: Int128 = 604_800_000_000_000
      let thursday: Int128 = 259_200_000_000_000
      try check("date_trunc('week', \(one))", floor(wide + thursday, week) - thursday)
      for two in numbers {
        if two > 0 { try check("bin(\(one), \(two))", floor(wide, Int128(two))) }
        try check("date_diff('nanosecond', \(one), \(two))", Int128(two) - wide)
        try check("date_diff('second', \(one), \(two))", (Int128(two) - wide) / 1_000_000_000)
        try check("date_add('hour', \(one), \(two))", wide * 3_600_000_000_000 + Int128(two))
      }
    }
    #expect(try value("date_diff('day', \(Int64.min), \(Int64.max))", reader) == .integer(213_503))
    for expression in [
      "bin(1, 0)", "bin(1, -5)", "bin(1, 0s)", "ago(\(Int64.min))", "bin(-9223372036854775808, 7s)",
    ] {
      #expect(try value(expression, reader) == nil, "\(expression)")
    }
    let hour = try value("date_diff('hour', ago(2h), now())", reader)
    #expect(hour == .integer(2))
  }

  @Test(arguments: [
    ("bin('2024-10-23 17:14:31', '30s')", SQLValue.integer(1_729_703_670_000_000_000)),
    ("to_iso8601('2024-10-23')", .text("2024-10-23T00:00:00Z")),
    ("from_unixtime(1.5)", .integer(1_500_000_000)),
    ("date_trunc('QUARTER', 1729703640000000000)", .integer(1_727_740_800_000_000_000)),
    ("date_add('microsecond', -2.9, 5000)", .integer(3000)),
    // Doubles don't tell these keys apart.
    (
      "max_by(column1, column2) FROM (VALUES ('a', 9007199254740993), ('b', 9007199254740992))", .text("a")
    ),
    ("min_by(column1, column2) FROM (VALUES ('a', 9007199254740993), ('b', 9007199254740992))", .text("b")),
    ("max_by(column1, column2) FROM (VALUES ('a', 1e300), ('b', 9223372036854775807))", .text("a")),
    ("max_by(column1, column2) FROM (VALUES ('a', 'x'), ('b', 9))", .text("a")),
    ("max_by(column1, column2) FROM (VALUES (NULL, 1), ('b', NULL))", .null),
  ])
  func `functions take texts of times and durations, and compare exactly`(
    _ expression: String, _ expected: SQLValue
  ) throws {
    #expect(try value(expression, StoreReader(path: fixture.path())) == expected)
  }

  @Test func `values are ordered as SQLite orders them`() throws {
    let values: [SQLValue] = [
      .null, .real(-1e300), .integer(.min), .integer(-1), .real(-0.5), .integer(0), .real(0.5),
      .integer(9_007_199_254_740_992), .integer(9_007_199_254_740_993), .real(9_007_199_254_740_994),
      .integer(.max), .real(9_223_372_036_854_775_808), .text(""), .text("a"), .blob([]), .blob([0]),
    ]
    for (index, left) in values.enumerated() {
      for (other, right) in values.enumerated() {
        #expect(QueryFunctions.isLess(left, right) == (index < other), "\(left) \(right)")
      }
    }
  }

  @Test func `a misspelt name in quotation marks is an error, not a text`() throws {
    #expect(throws: StoreError.self) { try fixture.rows("SELECT \"tmp\" FROM truck01_sensors_wide") }
    #expect(try fixture.rows("SELECT \"temp\" FROM truck01_sensors_wide") == ["-20.0"])
  }

  /// Statements that are long, deep, or never end.
  static let hard: [(String, String)] = [
    (
      "parentheses",
      "SELECT " + String(repeating: "(", count: 100_000) + "1" + String(repeating: ")", count: 100_000)
    ),
    ("additions", "SELECT 1" + String(repeating: "+1", count: 40_000)),
    ("negations", "SELECT " + String(repeating: "NOT ", count: 60_000) + "1"),
    ("open parentheses", String(repeating: "(", count: 262_144)),
    ("texts", "SELECT " + String(repeating: "time > 'x' AND ", count: 17_000) + "1"),
    ("betweens", "SELECT " + String(repeating: "time BETWEEN 'a' AND 'b' OR ", count: 9_000) + "1"),
    (
      "comments",
      "SELECT '" + String(repeating: "/**/", count: 65_000) + "'" + String(repeating: "/**/", count: 65_000)
    ),
    ("quotation marks", String(repeating: "'", count: 262_145)),
    ("subqueries", String(repeating: "SELECT * FROM (", count: 17_000)),
    ("durations", "SELECT " + String(repeating: "1m,", count: 20_000) + "1"),
    ("unions", String(repeating: "SELECT 1 UNION ", count: 17_000) + "SELECT 1"),
    ("too long", "SELECT '" + String(repeating: "x", count: 1 << 20) + "'"),
    ("a NUL", "SELECT 1\0garbage"), ("two statements", "SELECT 1; SELECT 2"),
    (
      "text that doubles",
      "SELECT " + String(repeating: "replace(", count: 60) + "'aaaaaaaa'"
        + String(repeating: ", 'a', 'aaaaaaaa')", count: 60)
    ),
    (
      "a text of all numbers",
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT group_concat(x) FROM c"
    ),
    ("wide rows", "SELECT " + Array(repeating: "zeroblob(16000000)", count: 900).joined(separator: ", ")),
    ("a slow pattern", "SELECT hex(zeroblob(1000000)) LIKE '" + String(repeating: "%0", count: 1000) + "%1'"),
  ]

  @Test(arguments: hard.map(\.0))
  func `a statement that wants too much is an error`(_ name: String) throws {
    let sql = try #require(Self.hard.first { $0.0 == name }).1
    let reader = try StoreReader(path: fixture.path())
    do throws(StoreError) {
      try reader.query(sql, timeLimit: 0.5, columns: { _ in }, row: { _ in true })
      // Long, but right.
      #expect(["comments", "durations"].contains(name))
    } catch {
      #expect([.statement, .interrupted].contains(error.kind), "\(error)")
      #expect(error.message.utf8.count < 2000)
    }
    // The connection works on.
    try reader.query("SELECT 1", columns: { _ in }, row: { _ in true })
  }

  @Test func `a cross join without end is stopped, and needs little memory`() throws {
    let reader = try StoreReader(path: fixture.path())
    let sql =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000) "
      + "SELECT max(a.x * b.x + d.x) FROM c a, c b, c d WHERE a.x + b.x < 0"
    do throws(StoreError) {
      try reader.query(sql, timeLimit: 0.2, columns: { _ in }, row: { _ in true })
      Issue.record("it ended")
    } catch {
      #expect(error.kind == .interrupted)
    }
  }

  @Test(arguments: [0, -1, .nan, .infinity, -.infinity, 1e300, .leastNonzeroMagnitude] as [Double])
  func `any time limit is one`(_ limit: Double) throws {
    let reader = try StoreReader(path: fixture.path())
    var rows = 0
    do throws(StoreError) {
      try reader.query(
        "SELECT 1", timeLimit: limit, columns: { _ in },
        row: { _ in
          rows += 1; return true
        })
      #expect(rows == 1)
    } catch {
      #expect(error.kind == .interrupted)
    }
  }
}
