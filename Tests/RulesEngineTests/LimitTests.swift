import Foundation
import JSON
import MQTT
import Testing
import Text
import Time

@testable import RulesEngine

/// What a statement may make of a message, by each way in which it can grow: an error takes the place of a result that
/// would cost too much, and never a part of it.
@Suite struct LimitTests {
  struct Growth: CustomTestStringConvertible, Sendable {
    let name: String
    let sql: String
    let payload: String
    let limit: LimitError
    var testDescription: String { name }

    init(_ name: String, _ sql: String, _ payload: String, _ limit: LimitError = .work) {
      (self.name, self.sql, self.payload, self.limit) = (name, sql + " FROM 't'", payload, limit)
    }
  }

  private static func list(_ element: String, _ count: Int) -> String {
    "[\(repeatElement(element, count: count).joined(separator: ","))]"
  }

  private static func items(_ count: Int, _ item: (Int) -> String) -> String {
    (0..<count).map(item).joined(separator: ", ")
  }

  private static let long = String(repeating: "a", count: 100_000)
  /// A text, and rows that each look at it.
  private static func rows(_ text: String = long) -> String {
    "{\"s\":\"\(text)\",\"l\":\(list("1", 60_000))}"
  }
  private static func eachRow(_ condition: String) -> String {
    "SET @s = s, @l = l SELECT (SELECT VALUE 1 FROM @l WHERE \(condition)) AS r"
  }

  static let growths: [Growth] =
    [
      // Lengths.
      Growth(
        "nested encode",
        "SELECT \(String(repeating: "encode(", count: 60))s\(String(repeating: ", 'base64')", count: 60)) AS r",
        "{\"s\":\"\(long.prefix(1000))\"}", .length),
      Growth("a text selected often", "SELECT \(items(15_000) { "s AS a\($0)" })", rows()),
      Growth("a text selected often beside all", "SELECT *, \(items(15_000) { "s AS a\($0)" })", rows()),
      Growth("a sum of texts", "SELECT 1 AS a, s + s + s AS r", rows(), .length),
      Growth("a concatenation", "SELECT concat(s, s, s) AS r", rows(), .length),
      Growth("a replacement", "SELECT replace(s, 'a', 'bbb') AS r", rows(), .length),
      Growth(
        "a regular expression's replacement", "SELECT regexp_replace(s, 'a', 'bbb') AS r", rows(), .length),
      Growth("an array as a text", "SET @a = [s, s, s] SELECT length(@a) AS r", rows(), .length),
      Growth("an object as a result", "SELECT s AS a, s AS b, s AS c, 1 AS d.e", rows(), .length),
      Growth(
        "variables in variables",
        "SET @a0 = 1, \(items(2000) { "@a\($0 + 1) = [@a\($0)]" }) SELECT @a2000 AS r",
        "{}", .depth),
      Growth(
        "doubled variables",
        "SET @a0 = 1, \(items(60) { "@a\($0 + 1) = [@a\($0), @a\($0)]" }) SELECT @a60 = @a60 AS r", "{}"),
      // What rows read, each alone.
      Growth("concatenations in rows", "SET @s = s SELECT (SELECT VALUE concat(@s, 1) FROM l) AS r", rows()),
      Growth("sums in rows", "SET @s = s SELECT (SELECT VALUE @s + 1 FROM l) AS r", rows()),
      Growth("arrays in rows", "SELECT (SELECT VALUE [1, 2, 3, 4, 5, 6] FROM l) AS r", rows()),
      Growth("objects in rows", "SELECT (SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d FROM l) AS r", rows()),
      Growth(
        "rows in rows", "SET @l = l SELECT (SELECT VALUE (SELECT VALUE 1 FROM @l) FROM @l) AS r", rows()),
      Growth("comparisons of arrays", eachRow("@l = @l"), rows()),
      Growth("comparisons of texts", eachRow("@s = @s"), rows()),
      Growth("numbers of texts", eachRow("@s > 1"), rows()),
      Growth("an array's text in rows", eachRow("length(@l) = 0"), rows()),
      Growth(
        "CASE in rows", "SET @s = s SELECT (SELECT VALUE CASE @s WHEN @s THEN 1 END FROM l) AS r", rows()),
      Growth(
        "enriched arrays", "SELECT transform('enrichArray', o, l) AS r",
        "{\"o\":{\(items(5000) { "\"k\($0)\":1" })},\"l\":\(list("{}", 40_000))}"),
      Growth("arrays in arrays", "SET @l = l SELECT (SELECT VALUE concat(@l, @l) FROM @l) AS r", rows()),
      Growth(
        "names looked up", "SELECT \(items(20_000) { "z\($0)" })", "{\(items(10_000) { "\"k\($0)\":1" })}"),
      Growth(
        "long numbers", "SELECT \(items(1000) { "cast(s AS Decimal) AS a\($0)" })",
        "{\"s\":\"\(String(repeating: "1", count: 200_000))\"}"),
      Growth(
        "decoded arrays", eachRow("decode(@s, 'base64') = 0"),
        rows(Base64.encode(Array(list("1", 20_000).utf8)))),
      // Regular expressions: all places and replacements of one call together.
      Growth(
        "a look ahead at each place", "SELECT regexp_replace(s, '(?:(?=a{0,60000}b)|)', 'x') AS r", rows()),
      Growth("possessive repetitions", "SELECT regexp_matches(s, 'a*+[bc]') AS r", rows()),
      Growth(
        "exact repetitions", "SELECT regexp_matches(s, '[ab]{60000}[cd]') AS r",
        "{\"s\":\"\(String(repeating: long.prefix(50_000) + "x", count: 4))\"}"),
      Growth("references", "SELECT regexp_matches(s, '(a+)\\1[bc]') AS r", rows()),
      Growth("nested repetitions", "SELECT regexp_matches(s, '(a+)+[bc]') AS r", rows()),
      Growth(
        "an empty replacement",
        "SELECT regexp_replace(s, '', '\(String(repeating: "$9", count: 10_000))') AS r",
        rows()),
      Growth(
        "ranges without regard to case",
        "SELECT regexp_matches(s, '(?i)\(String(repeating: "[\\x{100}-\\x{10ffff}]", count: 1000))') AS r",
        rows()),
      Growth(
        "ranges of letters without regard to case",
        "SELECT regexp_matches(s, '(?x-s:i)(?-s:(?mi)[]\(String(repeating: "Ā-\u{10FFFF}", count: 1000))]') AS r",
        rows()),
      Growth("levels of a topic", eachRow("topic(1) = 'x'"), rows()),
      Growth(
        "long keys of enriched arrays", "SELECT transform('enrichArray', {s: 1}, l) AS r",
        "{\"s\":\"\(long)\",\"l\":\(list("{}", 40_000))}"),
      Growth("long keys of objects", "SET @s = s SELECT (SELECT VALUE {@s: 1} FROM l) AS r", rows()),
      Growth("patterns in rows", eachRow("regexp_matches('b', 'a')"), rows()),
      Growth(
        "many groups", "SELECT regexp_matches(s, '\(String(repeating: "()", count: 101))') AS r", rows(),
        .pattern),
      Growth("a long pattern", "SELECT regexp_matches(s, s) AS r", rows(), .pattern),
      Growth(
        "groups in steps back",
        "SELECT regexp_matches(s, '\(String(repeating: "()", count: 98))(a|b)*[cd]') AS r",
        rows(), .pattern),
    ]
    + ["lower", "upper", "trim", "ltrim", "rtrim", "length", "md2", "md5", "sha1", "sha512"].map {
      Growth("\($0) in rows", eachRow("\($0)(@s) = 'x'"), rows())
    }
    + [
      "replace(@s, 'b', '')", "substring(@s, 1)", "lpad(@s, 3)", "encode(@s, 'base64')", "indexof(@s, 'b')",
      "get(@s, 99999)", "regexp_substr(@s, 'b')", "parse_time('yyyy', 1, @s)", "time_to_epoch(@s, 'yyyy')",
    ].map { Growth("\($0) in rows", eachRow("\($0) = 'x'"), rows()) }

  /// A quarter of the real budget: payloads of this size still fit, and a debug build needs a quarter of the time.
  private static let work = EvaluationLimits.work / 4

  @Test(arguments: growths) func `a statement that grows is refused whole, by the limit that it exceeds`(
    growth: Growth
  ) throws {
    let statement = try CompiledStatement(growth.sql, version: .v2016)
    let message = Message(topic: "t", payload: Array(growth.payload.utf8), receivedMilliseconds: 0)
    var output = Array("before".utf8)
    guard
      case .limitExceeded(let limit) = StatementEvaluator(work: Self.work).append(
        statement, message, to: &output)
    else {
      Issue.record("\(output.count) bytes")
      return
    }
    #expect(limit == growth.limit)
    #expect(output == Array("before".utf8))
  }

  @Test func `the budget begins again with each message`() throws {
    let statement = try CompiledStatement("SELECT l FROM 't'", version: .v2016)
    let evaluator = StatementEvaluator(work: Self.work)
    let message = Message(topic: "t", payload: Array(Self.rows().utf8), receivedMilliseconds: 0)
    for _ in 0..<10 {
      guard case .output(let output) = evaluator.evaluate(statement, message) else {
        Issue.record("no output")
        return
      }
      #expect(output.count == 120_007)
    }
  }

  @Test(arguments: [
    // The largest payloads of AWS, 128 KiB, and statements that look at each part of them.
    ("SELECT (SELECT a, cast(b AS Decimal) AS b, upper(c) AS c FROM rows WHERE a > 0) AS r", 2_600),
    ("SELECT (SELECT VALUE regexp_replace(c, '[a-z]+', '<$0>') FROM rows) AS r", 2_600),
    ("SELECT transform('enrichArray', {'site': 'x'}, rows) AS r", 2_600),
    ("SELECT regexp_replace(text, '(\\w+) (\\w+)', '$2 $1') AS r, md5(text) AS m, length(rows) AS n", 1_300),
  ]) func `a statement over the largest payload of AWS has a result`(sql: String, count: Int) throws {
    let row = #"{"a":1,"b":"2.5","c":"three and four and five"}"#
    let text = String(repeating: "word after word ", count: count == 2_600 ? 1 : 4_000)
    let payload = "{\"rows\":\(Self.list(row, count)),\"text\":\"\(text)\"}"
    #expect(payload.utf8.count > 120_000 && payload.utf8.count <= 131_072)
    let statement = try CompiledStatement(sql + " FROM 't'", version: .v2016)
    let message = Message(topic: "t", payload: Array(payload.utf8), receivedMilliseconds: 0)
    guard case .output(let output) = StatementEvaluator().evaluate(statement, message) else {
      Issue.record("no output")
      return
    }
    #expect(throws: Never.self) { try JSONDocument().read(output) }
  }

  @Test(arguments: [
    "${s}${s}${s}", String(repeating: "${lower(s)}", count: 3), "${concat(s, s, s)}",
    "${encode(encode(encode(encode(s, 'base64'), 'base64'), 'base64'), 'base64')}", "${[s, s, s]}",
  ]) func `a template that grows is refused`(template: String) throws {
    let statement = try CompiledStatement("SELECT * FROM 't'", version: .v2016)
    let message = Message(topic: "t", payload: Array(Self.rows().utf8), receivedMilliseconds: 0)
    let templates = StatementEvaluator().templates(statement, message)
    let parsed = try Template(template)
    #expect(throws: LimitError.length) { try templates.text(parsed) }
  }

  @Test(arguments: [
    "SELECT \(items(4097) { "rand() AS a\($0)" }) FROM 't'",
    "SELECT \(items(4097) { "[] AS a\($0)" }) FROM 't'",
    "SELECT \(items(4097) { "{} AS a\($0)" }) FROM 't'",
    "SELECT \(items(4097) { "CASE a WHEN 1 THEN 1 END AS a\($0)" }) FROM 't'",
    "SELECT \(items(4097) { "(SELECT b FROM c) AS a\($0)" }) FROM 't'",
    "SET \(items(4097) { "@a\($0) = 1" }) SELECT 1 FROM 't'",
  ]) func `a statement of too many parts is refused when it is loaded`(sql: String) {
    let error = #expect(throws: SQLError.self) { try CompiledStatement(sql, version: .v2016) }
    #expect(error?.message.hasPrefix("more than 4096 calls, arrays") == true)
  }

  @Test(arguments: [
    ("SELECT VALUE (", "SELECT VALUE -(", ")"), ("a IN (", "a IN (b, ", ")"),
    ("SELECT value - (", "isNull(SELECT VALUE ", ")"),
  ]) func `a deep statement with an error at its end is read once, not twice a level`(
    outer: String, inner: String, close: String
  ) {
    // Read twice, 60 levels would take forever.
    for part in [outer, inner] {
      let nested = String(repeating: part, count: 60) + "FROM" + String(repeating: close, count: 60)
      let sql = part.hasPrefix("SELECT") ? "\(nested) FROM 't'" : "SELECT \(nested) AS r FROM 't'"
      #expect(throws: SQLError.self) { try CompiledStatement(sql, version: .v2016) }
    }
  }

  @Test(arguments: [
    ("EvaluationLimits.bytes", EvaluationLimits.bytes >> 10, "256 KiB"),
    ("EvaluationLimits.work", EvaluationLimits.work >> 20, "64 MiB"),
    ("JSONScanner.depthLimit", EvaluationLimits.depth, "512"),
    ("EvaluationLimits.operators", EvaluationLimits.operators, "500"),
    ("EvaluationLimits.constructions", EvaluationLimits.constructions, "4 096"),
    ("EvaluationLimits.patternBytes", EvaluationLimits.patternBytes >> 10, "32 KiB"),
    ("EvaluationLimits.patternGroups", EvaluationLimits.patternGroups, "100"),
    ("TimeZoneFile.nameLimit", TimeZoneFile.nameLimit, "64 bytes"),
    ("RuleDocument.actionLimit", RuleDocument.actionLimit, "10"),
    ("ActionFailure.textLimit", ActionFailure.textLimit >> 10, "1 KiB"),
  ]) func `the guide names the limit and its value`(constant: String, value: Int, text: String) throws {
    let guide = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/rules.md"), encoding: .utf8)
    let line = try #require(
      guide.split(separator: "\n").first { $0.hasPrefix("|") && $0.contains("`\(constant)`") })
    #expect(line.hasSuffix("| \(text) |") && text.filter { $0 != " " }.hasPrefix("\(value)"))
  }

  // MARK: Error actions

  private static func failure(_ message: String = "x") -> ActionFailure {
    ActionFailure(action: "RepublishAction", resource: "a/b", message: message)
  }

  @Test(arguments: [0, 1, 196_000, 196_300, 196_600, 200_000, EvaluationLimits.bytes])
  func `an error action gets all members, and the payload where it fits`(size: Int) throws {
    let rule = try RuleDocument(
      Array(#"{"sql":"SELECT * FROM 't'","actions":[]}"#.utf8), file: "r.json")
    let payload = [UInt8](repeating: 0x61, count: size)
    let message = Message(topic: "t", payload: payload, receivedMilliseconds: 0)
    let bytes = rule.errorMessage(for: message, [Self.failure()])
    #expect(bytes.count <= EvaluationLimits.bytes)
    guard case .object(let members) = try JSONElement(bytes) else {
      Issue.record("no object")
      return
    }
    #expect(members["ruleName"] == .string("r") && members["topic"] == .string("t"))
    #expect(
      members["failures"]
        == .array([
          .object([
            "failedAction": .string("RepublishAction"), "failedResource": .string("a/b"),
            "errorMessage": .string("x"),
          ])
        ]))
    if size <= 196_300 {
      let isWhole = members["base64OriginalPayload"] == .string(Base64.encode(payload))
      #expect(isWhole)
    } else {
      #expect(members["base64OriginalPayload"] == nil)
      #expect(
        members["originalPayloadOmitted"]
          == .string("the payload has \(size) bytes; with it, this message would have more than 262144"))
    }
  }

  @Test func `long texts of failures are cut`() throws {
    let rule = try RuleDocument(
      Array(#"{"sql":"SELECT * FROM 't'","actions":[]}"#.utf8), file: "r.json")
    let message = Message(topic: "t", payload: [], receivedMilliseconds: 0)
    let failures = [ActionFailure](
      repeating: Self.failure(String(repeating: "é", count: 100_000)), count: RuleDocument.actionLimit)
    #expect(rule.errorMessage(for: message, failures).count < 16_000)
  }

  @Test(arguments: [
    ("SELECT * FROM 't' WHERE x BETWEEN 1 AND 2", "has no BETWEEN: write x >= 1 AND x <= 2"),
    ("SELECT * FROM 't' WHERE x like 'a%'", "has no LIKE: use regexp_matches(x, 'pattern')"),
    ("SELECT * FROM 't' GROUP BY x", "has no GROUP: a rule sees one message at a time"),
  ]) func `a word of other SQL gets what to write instead`(sql: String, advice: String) {
    let error = #expect(throws: SQLError.self) { try CompiledStatement(sql, version: .v2016) }
    #expect(error?.message.hasSuffix(advice) == true, "\(error?.message ?? "")")
  }
}
