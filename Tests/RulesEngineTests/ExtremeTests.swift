import Numbers
import Foundation
import JSON
import MQTT
import Testing

@testable import RulesEngine

/// Every function of the dialect on extremes, and documents that are cut or changed: there is always an answer, no
/// answer is longer than a payload may be, and none takes forever. `LimitTests` has what grows.
@Suite struct ExtremeTests {
  private static let longText = String(repeating: "ab1 ", count: 50_000)

  /// JSON values of all types at their extremes.
  private static let values: [String] = [
    "null", "true", "0", "-0", "1", "-1", "1.5", "1e-999", "-1e30", "1e300", "-1e300", "1e999", "1e5000",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808", "-9223372036854775809",
    "9999999999999999999999999999999999", "1000000000000000000000000000000000000001",
    "\"\"", "\"a\"", "\"-1e30\"", "\"9223372036854775808\"", "\"-9223372036854775808\"", "\"\\u0000\"",
    "\"\\uD83D\"",
    "\"é😀\"", "\"999999999-01-01\"", "\"99999999999999999999\"", "\"yyyy-MM-dd\"", "\"yyyyyyyyyyyyyyyyyyyy\"",
    "\"SSSSSSSSSSSSSSSSSSSSSSSS\"", "\"zzzz VV''\"", "\"America/Santiago\"", "\"+18:59:59\"",
    "\"../../etc/passwd\"", "\"base64\"",
    "\"enrichArray\"", "\"(a+)+$\"", "\"((((((((((\"", "\"$9\\\\\"", "[]", "{}", "[1,[2,[3]]]",
    "{\"a\":{\"a\":{\"a\":1}}}",
    "\"\(longText)\"", "[\(String(repeating: "[", count: 400))\(String(repeating: "]", count: 400))]",
    "[\(repeatElement("1", count: 1_000).joined(separator: ","))]",
  ]

  /// One payload, read once, and the expressions over it.
  private struct Subject {
    let evaluator: Evaluator
    private let statements = StatementEvaluator()

    init(_ version: SQLVersion) throws {
      let statement = try CompiledStatement("SELECT a AS r FROM 't'", version: version)
      let message = Message(topic: "t", payload: ExtremeTests.small, receivedMilliseconds: Int.max)
      let (evaluator, failure) = statements.prepare(statement, message)
      #expect(failure == nil)
      self.evaluator = evaluator
    }

    func evaluate(_ text: String) throws {
      evaluator.budget.reset()
      let value = evaluator.value(of: try Parser.expression(text, variables: []).expression)
      guard !value.isUndefined, let bytes = value.json else { return }
      #expect(bytes.count <= EvaluationLimits.bytes)
      if bytes.count < 2000 { #expect(throws: Never.self, "\(text)") { try JSONDocument().read(bytes) } }
    }
  }

  /// The payload below the limit of its size, with each of the long values in turn.
  private static let small: [UInt8] = {
    var members: [String] = []
    var size = 0
    for (index, value) in values.enumerated() {
      // Long enough here; other tests have longer ones.
      let value = value.utf8.count > 100_000 ? "\"" + String(longText.prefix(4_000)) + "\"" : value
      size += value.utf8.count
      members.append("\"v\(index)\":\(value)")
    }
    return Array("{\(members.joined(separator: ","))}".utf8)
  }()

  @Test("Every function answers for extremes of every type", arguments: SQLVersion.allCases)
  func functions(version: SQLVersion) throws {
    let subject = try Subject(version)
    var random = SplitMix64(seed: 1)
    func argument() -> String { "v\(Int.random(in: 0..<Self.values.count, using: &random))" }
    for function in Functions.named.values.sorted(by: { $0.name < $1.name }) {
      for count in function.arity where count <= 4 {
        // All values for one argument, a sample of the combinations for more.
        let rounds = count == 0 ? 1 : count == 1 ? Self.values.count : 60
        for round in 0..<rounds {
          var arguments = (0..<count).map { count == 1 && $0 == 0 ? "v\(round)" : argument() }
          // Which API is asked must be a constant.
          if function.problem != nil { arguments[0] = "'DescribeThing'" }
          try subject.evaluate("\(function.name)(\(arguments.joined(separator: ", ")))")
        }
      }
    }
  }

  @Test("Time functions answer for every pattern and zone among the extremes")
  func times() throws {
    let subject = try Subject(.v2016)
    for pattern in Self.values.indices where Self.values[pattern].hasPrefix("\"") {
      for value in Self.values.indices {
        try subject.evaluate("parse_time(v\(pattern), v\(value))")
        try subject.evaluate("parse_time('yyyy-MM-dd z', v\(value), v\(pattern))")
        try subject.evaluate("time_to_epoch(v\(value), v\(pattern))")
      }
    }
  }

  @Test("Operators and casts answer for extremes of every type", arguments: SQLVersion.allCases)
  func operators(version: SQLVersion) throws {
    let subject = try Subject(version)
    var random = SplitMix64(seed: 2)
    for left in Self.values.indices {
      for type in ["Int", "Decimal", "String", "Boolean"] {
        try subject.evaluate("cast(v\(left) AS \(type))")
      }
      try subject.evaluate("-v\(left)")
      for sign in ["+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "AND", "OR"] {
        for _ in 0..<8 {
          try subject.evaluate("v\(left) \(sign) v\(Int.random(in: 0..<Self.values.count, using: &random))")
        }
      }
    }
  }

  @Test(
    "The shipped rule's functions answer for the payloads that once stopped the engine",
    arguments: [
      "{\"timestamp\":-1e30}", "{\"timestamp\":\"-9223372036854775808\",\"temp\":\"-9223372036854775808\"}",
      "{\"timestamp\":1e300}",
    ])
  func knownPayloads(payload: String) throws {
    let statement = try CompiledStatement(
      "SELECT cast(temp AS Decimal) AS temp, parse_time('yyyy-MM-dd HH:mm:ss', timestamp * 1000) AS time FROM 't'",
      version: .v2016)
    let message = Message(topic: "t", payload: Array(payload.utf8), receivedMilliseconds: 0)
    guard case .output = StatementEvaluator().evaluate(statement, message) else {
      Issue.record("no output")
      return
    }
  }

  @Test(
    "A statement without end is refused",
    arguments: [
      "SELECT \(String(repeating: "1+", count: 100_000))1 FROM 't'",
      "SELECT \(String(repeating: "(", count: 100_000))",
      "SELECT \(String(repeating: "NOT ", count: 50_000))true FROM 't'",
      "SELECT \(String(repeating: "[", count: 100_000))",
      "SELECT a\(String(repeating: ".a", count: 500_000)) FROM 't'",
      "SELECT 1 AS a\(String(repeating: ".a", count: 100_000)) FROM 't'",
      "SELECT \(String(repeating: "{'a':", count: 40_000))",
      "SELECT \(String(repeating: "lower(", count: 40_000))",
      "SELECT \(String(repeating: "CASE a WHEN ", count: 20_000))",
      "SELECT \(String(repeating: "(SELECT a FROM ", count: 16_000))",
    ])
  func endless(sql: String) { #expect(throws: SQLError.self) { try CompiledStatement(sql, version: .v2016) } }

  @Test("Chains of operators up to the limit are evaluated")
  func chains() throws {
    let sql = "SELECT \(String(repeating: "1+", count: EvaluationLimits.operators))1 AS r FROM 't'"
    let statement = try CompiledStatement(sql, version: .v2016)
    let message = Message(topic: "t", payload: Array("{}".utf8), receivedMilliseconds: 0)
    guard case .output(let bytes) = StatementEvaluator().evaluate(statement, message) else {
      Issue.record("no output")
      return
    }
    #expect(String(decoding: bytes, as: UTF8.self) == "{\"r\":\(EvaluationLimits.operators + 1)}")
  }

  @Test("A payload above the limit is an error, and costs no more memory than its bytes")
  func largePayload() throws {
    let statement = try CompiledStatement("SELECT a FROM 't'", version: .v2016)
    let payload = Array("[\(repeatElement("1", count: 200_000).joined(separator: ","))]".utf8)
    let message = Message(topic: "t", payload: payload, receivedMilliseconds: 0)
    guard case .payloadError(let error) = StatementEvaluator().evaluate(statement, message) else {
      Issue.record("no error")
      return
    }
    #expect(error.message == "the payload has 400001 bytes, more than \(EvaluationLimits.bytes)")
  }

  // MARK: Documents

  private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func documents(in folder: String) throws -> [(name: String, bytes: [UInt8])] {
    try FileManager.default.contentsOfDirectory(
      at: repository.appendingPathComponent(folder), includingPropertiesForKeys: nil
    )
    .filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
    .map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
  }

  /// The document cut at every 50th byte, and with each of its first `numbers` numbers replaced by extremes.
  private static func variants(of bytes: [UInt8], numbers: Int = 60) -> [[UInt8]] {
    var variants = stride(from: 0, to: min(bytes.count, 20_000), by: 50).map { Array(bytes[..<$0]) }
    var place = 0
    for _ in 0..<numbers {
      func isNumber(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E }
      guard let start = bytes[place...].firstIndex(where: isNumber) else { break }
      place = bytes[start...].firstIndex { !isNumber($0) } ?? bytes.count
      for extreme in ["1e300", "-1e300", "-9223372036854775808", "1e99999", "0", "null", "\"x\"", "[]"] {
        variants.append(bytes[..<start] + Array(extreme.utf8) + bytes[place...])
      }
    }
    return variants
  }

  @Test("A rule document that is cut or has extreme numbers is read or refused with its place")
  func rules() throws {
    for (name, bytes) in try Self.documents(in: "rules") {
      for variant in Self.variants(of: bytes) {
        do throws(RuleError) {
          _ = try RuleDocument(variant, file: name)
        } catch {
          #expect(error.description.hasPrefix("\(name): line "))
        }
      }
    }
  }

  @Test("A file of cases that is cut or has extreme numbers is read, run or refused")
  func cases() throws {
    for (_, bytes) in try Self.documents(in: "Tests/RulesEngineTests/Cases") {
      // The files are long: whole cases at the start of each have all that a case can have.
      let lines = bytes.split(separator: 0x0A).prefix(12)
      guard let first = lines.first, first == [0x5B] else {
        Issue.record("a file of cases begins with a line '['")
        return
      }
      var some = Array(lines.joined(separator: [0x0A]))
      if some.last == UInt8(ascii: ",") { some[some.count - 1] = UInt8(ascii: "]") }
      for variant in Self.variants(of: some, numbers: 20) {
        guard let cases = try? RuleCase.cases(in: variant) else { continue }
        for one in cases.prefix(20) { _ = one.run { _ in throw CancellationError() } }
      }
    }
  }

  @Test(
    "A key that appears twice and an unknown member are refused with line and column",
    arguments: [
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n \"sql\": \"\", \"actions\": []}",
        "r.json: line 2, column 2: the key \"sql\" appears twice in one object"
      ),
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n\"actions\": [], \"actoins\": []}",
        "r.json: line 2, column 27: actoins: is not a known member"
      ),
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n\"actions\": [{\"republish\": {\"topic\": 5}}]}",
        "r.json: line 2, column 37: actions[0].republish.topic: must be a string"
      ),
      ("[]", "r.json: line 1, column 1: the document is not a JSON object"),
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n\"actions\": [],\n\"\\u0061ctions\": []}",
        "r.json: line 3, column 1: the key \"actions\" appears twice in one object"
      ),
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n\"actions\": [{\"log\": {\"typo\": 1}}]}",
        "r.json: line 2, column 30: actions[0].log.typo: is not a known member"
      ),
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n\"actions\": [{\"log\": {}}], \"errorAction\": {\"log\": {\"typo\": 1}}}",
        "r.json: line 2, column 59: errorAction.log.typo: is not a known member"
      ),
      (
        "{\"sql\": \"SELECT * FROM 't'\",\n\"actions\": [\(repeatElement("{\"log\": {}}", count: 11).joined(separator: ","))]}",
        "r.json: line 2, column 12: actions: has 11 actions; AWS allows 10"
      ),
    ])
  func refused(text: String, message: String) {
    #expect {
      _ = try RuleDocument(Array(text.utf8), file: "r.json")
    } throws: {
      "\($0)" == message
    }
  }

  @Test(
    "A path into a document leads to the last place on its way that is there",
    arguments: [
      ("actions.-1", "actions"), ("actions[-1]", "actions"), ("actions.9223372036854775807", "actions"),
      ("actions[9223372036854775808]", "actions"), ("actions[2]", "actions"), ("actions[1].x", "actions[1]"),
      ("actions[0].-1", "actions[0]"), ("-1", ""), ("9223372036854775807", ""), ("..[]..", ""),
      ("sql.a.b", "sql"),
    ])
  func places(path: String, found: String) throws {
    let document = JSONDocument()
    try document.read(Array(#"{"sql":"s","actions":[{"log":{}},[1]],"-1x":0}"#.utf8))
    #expect(document.node(at: path) == document.node(at: found))
  }

  @Test(
    "A document's odd keys are refused with a place and end nothing",
    arguments: ["-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "", ".", "[0]"])
  func oddKeys(key: String) {
    for text in [
      "{\"sql\": \"SELECT * FROM 't'\", \"actions\": [], \"\(key)\": 1}",
      "{\"sql\": \"SELECT * FROM 't'\", \"actions\": [{\"log\": {\"\(key)\": 1}}]}",
      "{\"sql\": \"SELECT * FROM 't'\", \"actions\": [{\"\(key)\": {}}]}",
    ] {
      let error = #expect(throws: RuleError.self) { try RuleDocument(Array(text.utf8), file: "r.json") }
      #expect(error?.description.hasPrefix("r.json: line 1, column ") == true)
    }
  }

  @Test(
    "The time of a case at the ends of 64 bits is kept within nanoseconds of 64 bits",
    arguments: [
      (Int.max, "2262-04-11T23:47:16.854775807Z"), (Int.min, "1677-09-21T00:12:43.145224192Z"),
      (0, "1970-01-01T00:00:00Z"),
    ])
  func extremeTimes(now: Int, time: String) throws {
    let rule = try RuleDocument(
      Array(
        #"{"sql":"SELECT * FROM 't'","awsIotSqlVersion":"2016-03-23","actions":[{"timestream":{"databaseName":"d12","tableName":"t12","dimensions":[{"name":"n","value":"v"}]}}]}"#
          .utf8), file: "r.json")
    let cases = try RuleCase.cases(
      in: Array(#"[{"topic":"t","now":\#(now),"payload":{"a":1},"expect":{"match":true,"actions":[]}}]"#.utf8)
    )
    guard case .failed(_, let actual) = try #require(cases.first).run(fallback: rule, rule: { _ in rule })
    else {
      Issue.record("an expectation without actions is met")
      return
    }
    #expect(actual.contains("\"timestamp\":\"\(time)\""), "\(actual)")
  }

  @Test(
    "A case that checks nothing, or not what it says, is refused with line and column",
    arguments: [
      (#"{"id":5,"expect":{"match":true}}"#, 7, "\"id\" must be a string"),
      (#"{"sqll":"","expect":{"match":true}}"#, 9, "unknown member \"sqll\""),
      (
        #"{"version":"2016","expect":{"match":true}}"#, 12,
        "\"version\" must be one of 2015-10-08, 2016-03-23"
      ),
      (#"{"payloadBase64":"!","expect":{"match":true}}"#, 18, "\"payloadBase64\" must be base64"),
      (#"{"now":1e300,"expect":{"match":true}}"#, 8, "\"now\" must be a whole number of 64 bits"),
      (
        #"{"now":9223372036854775808,"expect":{"match":true}}"#, 8,
        "\"now\" must be a whole number of 64 bits"
      ),
      (#"{"exact":"yes","expect":{"match":true}}"#, 10, "\"exact\" must be true or false"),
      (#"{"sql":""}"#, 1, "\"expect\" is missing"), (#"{"expect":[]}"#, 11, "\"expect\" must be an object"),
      (#"{"expect":{}}"#, 11, "\"expect\" needs one of \"match\", \"error\" and \"string\""),
      (
        #"{"expect":{"match":true,"error":"parse"}}"#, 11,
        "\"expect\" needs one of \"match\", \"error\" and \"string\""
      ),
      (#"{"expect":{"match":"true"}}"#, 20, "\"match\" must be true or false"),
      (#"{"expect":{"error":"sql"}}"#, 20, "\"error\" must be one of parse, unsupported, payload"),
      (#"{"expect":{"match":true,"reslut":1}}"#, 34, "unknown member \"reslut\""),
      (#"{"expect":{"match":true,"result":1,"type":"float"}}"#, 43, "\"type\" must be one of int, decimal"),
      (#"{"expect":{"match":false,"result":1}}"#, 35, "\"result\" is only checked with \"match\": true"),
      (#"{"expect":{"error":"parse","actions":[]}}"#, 38, "\"actions\" is only checked with \"match\": true"),
      (#"{"expect":{"match":true,"\u006datch":true}}"#, 25, "the key \"match\" appears twice in one object"),
    ])
  func refusedCases(text: String, column: Int, message: String) {
    let error = #expect(throws: JSONError.self) {
      try RuleCase.cases(in: Array("[{\"expect\":{\"match\":true}},\n\(text)]".utf8))
    }
    #expect(error?.line == 2 && error?.column == column, "\(error.map { "\($0)" } ?? "")")
    #expect(error?.message.hasSuffix(message) == true, "\(error.map { "\($0)" } ?? "")")
  }
}
