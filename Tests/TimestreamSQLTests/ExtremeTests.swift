import Numbers
import Store
import Testing
import Time

@testable import TimestreamSQL

/// Every function with extreme arguments of every type.
@Suite struct ExtremeTests {
  private static let least = "from_nanoseconds(-9223372036854775807 - 1)"
  private static let greatest = "from_nanoseconds(9223372036854775807)"

  /// Expressions and their types.
  private static let arguments: [(sql: String, type: SQLType)] = [
    ("NULL", .unknown), ("true", .boolean), ("0", .integer), ("-1", .integer), ("2147483647", .integer),
    ("9223372036854775807", .bigint), ("(-9223372036854775807 - 1)", .bigint), ("0e0", .double),
    ("1e300", .double),
    ("-1e300", .double), ("nan()", .double), ("infinity()", .double), ("''", .varchar), ("'week'", .varchar),
    ("'nanosecond'", .varchar), ("'%Y (a+)+$ yyyy'", .varchar), (least, .timestamp), (greatest, .timestamp),
    ("timestamp '2024-10-23 17:14:03'", .timestamp), ("date '2262-04-11'", .date),
    ("1ns", .intervalDayToSecond),
    ("106751d", .intervalDayToSecond), ("INTERVAL '-7' DAY", .intervalDayToSecond),
    ("INTERVAL '999' YEAR", .intervalYearToMonth), ("ARRAY[1, NULL]", .array(.integer)),
    ("ARRAY[nan(), 1e300]", .array(.double)),
  ]

  /// The functions that an expression can call by name.
  private static let names = FunctionCatalog.families.keys.filter { name in
    name.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || $0 >= 0x30 && $0 <= 0x39 || $0 == 0x5F }
  }.sorted()

  /// The calls of a function that its types allow: all with one argument, and some with two and three.
  private static func calls(of name: String) -> [String] {
    guard let family = FunctionCatalog.families[name] else { return [] }
    var calls = ["\(name)()"]
    func add(_ chosen: [(sql: String, type: SQLType)]) {
      guard family.resolve(chosen.map(\.type)) != nil else { return }
      calls.append("\(name)(\(chosen.map(\.sql).joined(separator: ", ")))")
    }
    for one in arguments { add([one]) }
    var count = calls.count
    for one in arguments {
      for other in arguments where calls.count < count + 120 { add([one, other]) }
    }
    count = calls.count
    // Steps that are prime to the number of arguments reach all combinations in the end.
    for step in 0..<2000 where calls.count < count + 60 {
      add([7, 11, 17].enumerated().map { arguments[(step * $1 + step / 26 * ($0 + 1)) % arguments.count] })
    }
    return calls
  }

  @Test(arguments: names)
  func `a function gives a value of its type or an error for any arguments`(name: String) throws {
    for call in Self.calls(of: name) {
      do {
        let result = try QueryFixture.shared.query("SELECT \(call)")
        #expect(result.rows.count == 1, "\(call)")
        if result.types == ["timestamp"], let text = result.rows.first, text != "NULL" {
          #expect(Timestamp.parse(text.replacing(" ", with: "T") + "Z") != nil, "\(call) gives \(text)")
        }
      } catch is QueryError {
      } catch let error as StoreError {
        #expect([.statement, .interrupted].contains(error.kind), "\(call): \(error)")
      }
    }
  }

  /// What has no value is an error, not another value.
  @Test(arguments: [
    "bin(\(least), 7s)", "date_trunc('second', \(least))", "date_trunc('day', \(least))",
    "date_trunc('week', \(least))", "date_trunc('month', \(least))", "date_trunc('year', \(least))",
    "date_diff('nanosecond', \(least), \(greatest))", "\(greatest) + 1ns", "\(least) - 1ns",
    "\(greatest) - \(least)", "date_add('year', 9223372036854775807, now())", "abs(-9223372036854775807 - 1)",
    "-(-9223372036854775807 - 1)", "9223372036854775807 + 1", "(-9223372036854775807 - 1) / -1",
    "cast(1e300 AS bigint)", "cast(nan() AS bigint)", "from_unixtime(1e300)",
    "from_milliseconds(9223372036854775807)",
  ])
  func `a result beyond its type is an error`(expression: String) {
    let failure = QueryFixture.shared.failure("SELECT \(expression)")
    #expect(!failure.hasPrefix("no error"), "\(expression): \(failure)")
  }

  @Test(arguments: [
    ("date_diff('microsecond', \(least), \(greatest))", "18446744073709551"),
    ("date_diff('day', \(least), \(greatest))", "213503"),
    ("bin(\(least), 1ns)", "1677-09-21 00:12:43.145224192"),
    ("date_trunc('year', \(greatest))", "2262-01-01 00:00:00.000000000"),
  ])
  func `what fits is exact`(expression: String, expected: String) throws {
    #expect(try QueryFixture.shared.query("SELECT \(expression)").rows == [expected])
  }
}
