import Numbers
import Foundation
import MQTT
import Testing

@testable import RulesEngine

/// Plans against the plain evaluator: random statements over random payloads, the same ones in each run.
///
/// `TRUCKSENSOR_PLAN_SECONDS` makes it run for so long with ever new ones.
@Suite struct PlanTests {
  // MARK: Statements

  private static let paths = [
    "a", "b", "temp", "timestamp", "s", "o", "o.k", "o.p.q", "l", "missing", "missing.x", "longer_than_8",
    "é", "o.k.z",
    "longer_than_9.inner_name_1",
  ]
  private static let literals = [
    "1", "0", "-7", "1000", "2.50", "'x'", "''", "'a\"b'", "'12.00'", "'true'", "'FALSE'", "TRUE", "false",
    "null",
    "9999999999999999999999", "0.00000012", "1e3", "'é'", "'0012.50'", "'1e2'", "-0.0", "9223372036854775807",
  ]
  private static let unary = [
    "abs", "ceil", "floor", "round", "sign", "lower", "upper", "trim", "ltrim", "rtrim", "length", "numbytes",
    "sqrt",
    "sin", "exp", "bitnot", "md5", "sha256", "chr", "isnull", "isundefined", "ln",
  ]
  private static let binaryFunctions = [
    "concat", "startswith", "endswith", "indexof", "mod", "remainder", "power", "bitand", "bitor", "lpad",
    "rpad",
    "substring", "nanvl", "get_or_default", "atan2", "trunc",
  ]
  private static let patterns = [
    "yyyy-MM-dd HH:mm:ss", "yyyy.MM.dd G ''HH:mm:ss.SSS", "s S \"EEEE\" dd MMMM yyyy hh:mm a z",
    "HH:mm:ss:ss SSSS",
  ]
  private static let operators = ["+", "-", "*", "/", "%", "=", "<>", "<", "<=", ">", ">=", "AND", "OR"]
  private static let types = ["Int", "Decimal", "String", "Boolean"]

  private static func one(_ list: [String], _ random: inout SplitMix64) -> String {
    list.randomElement(using: &random) ?? ""
  }

  private static func expression(_ depth: Int, _ variables: Int, _ random: inout SplitMix64) -> String {
    func next() -> String { expression(depth - 1, variables, &random) }
    guard depth > 0 else {
      if variables > 0, Int.random(in: 0..<6, using: &random) == 0 {
        return "@v\(Int.random(in: 0..<variables, using: &random))"
      }
      return Int.random(in: 0..<3, using: &random) == 0 ? one(literals, &random) : one(paths, &random)
    }
    switch Int.random(in: 0..<16, using: &random) {
    case 0, 1, 2: return "cast(\(next()) AS \(one(types, &random)))"
    case 3, 4, 5, 6: return "(\(next()) \(one(operators, &random)) \(next()))"
    case 7: return "-(\(next()))"
    case 8: return "(NOT \(next()))"
    case 9:
      let otherwise = Bool.random(using: &random) ? " ELSE \(next())" : ""
      return "CASE \(next()) WHEN \(next()) THEN \(next()) WHEN \(next()) THEN \(next())\(otherwise) END"
    case 10, 11: return "\(one(unary, &random))(\(next()))"
    case 12, 13: return "\(one(binaryFunctions, &random))(\(next()), \(next()))"
    case 14:
      let pattern = one(patterns, &random)
      let zone = Bool.random(using: &random) ? "" : ", 'America/Santiago'"
      return "parse_time('\(pattern.replacingOccurrences(of: "'", with: "''"))', \(next())\(zone))"
    default:
      return one(
        [
          "topic()", "topic(2)", "topic(9)", "clientid()", "timestamp()", "accountid()", "sql_version()",
          "traceid()",
          "substring(\(next()), 1, 3)", "concat(\(next()), \(next()), \(next()))",
        ]
          // What plans don't do.
          + (Int.random(in: 0..<4, using: &random) > 0
            ? []
            : [
              "[\(next())]", "{'k': \(next())}", "(SELECT k FROM l)", "get(l, 0)", "encode(s, 'base64')",
              "regexp_matches(s, 'a.b')", "topic(\(next()))", "encode(*, 'base64')",
              "(\(next()) IN [1, \(next())])", "EXISTS(SELECT * FROM l)", "{'k': *}", "(\(next())).k",
            ]),
        &random)
    }
  }

  private static func statement(_ random: inout SplitMix64) -> String {
    func next(_ variables: Int) -> String {
      expression(Int.random(in: 0...3, using: &random), variables, &random)
    }
    var sql = ""
    let variables = max(0, Int.random(in: -4...2, using: &random))
    for number in 0..<variables { sql += (number == 0 ? "SET " : ", ") + "@v\(number) = \(next(number))" }
    var items: [String] = []
    var names = ["x", "temp", "o", "a", "longer_than_8", "é", "'q\"q'", "y", "z", "w", "b"].shuffled(
      using: &random)
    if Int.random(in: 0..<6, using: &random) == 0 {
      names += ["n.m", "n.k.a", "n.k.longer_than_8", "n.k"].shuffled(using: &random)
    }
    if Int.random(in: 0..<15, using: &random) == 0 { names.append(names[10]) }
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let name = names.removeLast()
      items.append("\(next(variables)) AS \(name)")
    }
    if items.isEmpty || Int.random(in: 0..<4, using: &random) == 0 { items.insert("*", at: 0) }
    if Int.random(in: 0..<30, using: &random) == 0 { items.append(one(["*", "o.*", "* AS n"], &random)) }
    let list =
      Int.random(in: 0..<10, using: &random) == 0 ? "VALUE \(next(variables))" : items.joined(separator: ", ")
    sql += " SELECT \(list) FROM 't/#'"
    if Int.random(in: 0..<30, using: &random) == 0 { sql += " AS a" }
    if Int.random(in: 0..<4, using: &random) == 0 { sql += " WHERE \(next(variables))" }
    return sql
  }

  // MARK: Payloads

  private static let scalars = [
    "1", "-0", "0", "-0.0", "1.50", "12.00", "-5.1", "1e2", "1E-9", "0.0000012", "0.00000012",
    "1729703643.979735",
    "1729703643979", "123456789012345678901234567890123456789", "1e2000", "-1e999", "999999999999999999",
    "0.10",
    "9223372036854775808", "123456789012345678.5", "true", "false", "null", "\"\"", "\"21.90\"", "\"-7\"",
    "\"-0.00\"",
    "\"007.50\"", "\"1E+5\"", "\"1e5\"", "\" 1\"", "\"\\u0031\"", "\"é/😀\"", "\"\\n\\/\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"", "\"12345678901234567890\"", "\"1.\"", "\".5\"", "\"-\"", "\"true\"", "\"False\"",
    "\"TRUE\"",
    "\"a\\\"b\"", "\"x\"", "\"eight ch\"", "\"exactly nine\"", "\"1.2.3\"", "\"a.b\"", "\"  blanks \"",
    "\"0.0000001\"",
    "100", "1000000", "1e33", "12345678901234567", "-12345678901234567.8", "\"00\"", "\"-00.10\"",
  ]
  private static let keys = [
    "a", "b", "temp", "timestamp", "s", "o", "k", "p", "q", "l", "longer_than_8", "longer_than_7", "é",
    "\\u0061",
    "other", "inner_name_1", "inner_name_2", "longer_than_9", "", "te\\u006dp", "w", "x",
  ]

  private static func space(_ random: inout SplitMix64) -> String {
    Int.random(in: 0..<8, using: &random) == 0 ? one([" ", "\n", "\t ", "\r\n"], &random) : ""
  }

  private static func value(_ depth: Int, _ random: inout SplitMix64) -> String {
    let kind = Int.random(in: 0..<10, using: &random)
    guard depth > 0, kind < 3 else { return space(&random) + one(scalars, &random) + space(&random) }
    if kind == 0 {
      let elements = (0..<Int.random(in: 0...4, using: &random)).map { _ in value(depth - 1, &random) }
      return "[\(space(&random))\(elements.joined(separator: ","))]"
    }
    return object(depth, &random)
  }

  private static func object(_ depth: Int, _ random: inout SplitMix64) -> String {
    let members = (0..<Int.random(in: 0...9, using: &random)).map { _ in
      let key = Bool.random(using: &random) ? one(keys, &random) : one(Array(keys.prefix(12)), &random)
      let isObject = key == "o" || key == "p" || key == "longer_than_9"
      return "\(space(&random))\"\(key)\"\(space(&random)):"
        + (isObject && depth > 0 && Bool.random(using: &random)
          ? object(depth - 1, &random) : value(depth - 1, &random))
    }
    return "{\(space(&random))\(members.joined(separator: ","))}\(space(&random))"
  }

  private static func payload(_ random: inout SplitMix64) -> [UInt8] {
    if Int.random(in: 0..<200, using: &random) == 0 { return [] }
    var bytes = Array(
      (Int.random(in: 0..<20, using: &random) == 0 ? value(2, &random) : object(3, &random)).utf8)
    guard Int.random(in: 0..<4, using: &random) == 0, !bytes.isEmpty else { return bytes }
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1:
        bytes.insert(
          contentsOf: one(["\"", "\\", "{", "]", ",", "1", "e", "-", "\u{1}", "é", "tru"], &random).utf8,
          at: place)
      case 2: bytes.removeSubrange(place...)
      default: bytes.remove(at: place)
      }
      if bytes.isEmpty { break }
    }
    return bytes
  }

  // MARK: Reading once

  private static func rule(_ sql: String, _ name: String) throws -> RuleDocument {
    try RuleDocument(
      Array(
        """
        {"sql": "\(sql)", "awsIotSqlVersion": "2016-03-23", "actions": [
          {"republish": {"roleArn": "arn:aws:iam::1:role/r", "topic": "out/${door}/${topic(1)}"}},
          {"timestream": {"roleArn": "arn:aws:iam::1:role/r", "databaseName": "sensorDB", "tableName": "table_${i}",
            "dimensions": [{"name": "device", "value": "${clientid()}"}, {"name": "n", "value": "${n}"}],
            "timestamp": {"value": "${cast(timestamp * 1000000 AS Int)}", "unit": "MICROSECONDS"}}}
        ]}
        """.utf8), file: name)
  }

  private static let truck =
    #"{"uptime":"1","volts":"12.10","temp":"-20.50","door":"0","i":"1","n":"7","timestamp":1729703643.979735}"#

  private static func expectActions(
    _ rule: RuleDocument, _ output: [UInt8], _ message: Message, _ evaluator: StatementEvaluator
  ) throws {
    for action in rule.actions {
      switch action {
      case .republish(let action):
        #expect(try evaluator.templates(rule.statement, message).text(action.topic) == "out/0/t")
      case .timestream(let action):
        let (_, request) = try action.request(output, evaluator, rule.statement, message, strict: true)
        #expect(request.table == "table_1")
        #expect(request.record.time == 1_729_703_643_979_735_000)
        #expect(request.record.dimensions.map(\.value) == ["truck1", "7"])
        #expect(request.record.measures.first { $0.name == "temp" }?.value == .double(-20.5))
      default: break
      }
    }
  }

  @Test(arguments: [(128, true), (129, false)])
  func `a plan reads at most 128 names of a level, and more are left to the plain evaluator`(
    count: Int, isPlanned: Bool
  ) throws {
    let names = (1...count).map { "n\($0)" }
    // A plan has at most 64 members.
    let members = stride(from: 0, to: count, by: 3).map { start in
      names[start..<min(start + 3, count)].joined(separator: " + ") + " AS m\(start)"
    }
    let statement = try CompiledStatement(
      "SELECT \(members.joined(separator: ", ")) FROM 't'", version: .v2016
    ).with([])
    #expect((statement.plan != nil) == isPlanned)
    let payload = "{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
    let message = Message(topic: "t", payload: Array(payload.utf8), receivedMilliseconds: 0)
    #expect(Self.text(plans.evaluate(statement, message)) == Self.text(plain.evaluate(statement, message)))
  }

  @Test func `statement, templates, dimensions and measures of a rule read the payload once`() throws {
    let rule = try Self.rule("SELECT cast(temp AS Decimal) AS temp, door FROM 't' WHERE volts > 5", "a.json")
    let message = Message(topic: "t", payload: Array(Self.truck.utf8), receivedMilliseconds: 0)
    message.clientID = "truck1"
    let evaluator = StatementEvaluator()
    guard case .output(let output) = evaluator.evaluate(rule.statement, message) else {
      Issue.record("no output")
      return
    }
    try Self.expectActions(rule, output, message, evaluator)
    #expect(evaluator.scans == 1)
  }

  @Test func `rules that match one message read its payload once together, with plans and without`() throws {
    let statements = [
      "SELECT cast(temp AS Decimal) AS temp, door", "SELECT cast(temp AS Decimal) AS temp, [n] AS l",
      "SELECT *, cast(temp AS Decimal) AS temp", "SELECT cast(temp AS Decimal) AS temp, {'k': volts} AS o",
    ]
    let rules = try statements.map { try Self.rule($0 + " FROM 't'", "a.json") }
    #expect(rules.map { $0.statement.plan == nil } == [false, true, false, true])
    let evaluator = StatementEvaluator()
    for round in 1...3 {
      let message = Message(topic: "t", payload: Array(Self.truck.utf8), receivedMilliseconds: 0)
      message.clientID = "truck1"
      evaluator.share(message)
      for rule in rules {
        guard case .output(let output) = evaluator.evaluate(rule.statement, message) else {
          Issue.record("no output")
          return
        }
        try Self.expectActions(rule, output, message, evaluator)
      }
      #expect(evaluator.scans == round)
    }
  }

  // MARK: Comparison

  private static func text(_ outcome: Outcome) -> String {
    switch outcome {
    case .noMatch: "no match"
    case .output(let bytes): "output " + String(decoding: bytes, as: UTF8.self)
    case .payloadError(let error): "payload error \(error)"
    case .limitExceeded(let limit): "limit \(limit)"
    }
  }

  private static func text(_ attributes: [(name: String, value: Value)]?) -> String {
    guard let attributes else { return "no object" }
    return attributes.map { name, value in
      switch value {
      case .number(let number): "\(name): \(number.isInt ? "Int" : "Decimal") \(number.text)"
      case .string(let text): "\(name): '\(text)'"
      default: "\(name): \(value.asString ?? "null")"
      }
    }.joined(separator: "; ")
  }

  private static func parsed(_ output: [UInt8]) -> [(name: String, value: Value)]? {
    guard case .object(let object)? = try? JSONDocument.value(of: output) else { return nil }
    return zip(object.keys, object.values).map { ($0, $1) }
  }

  private let plans = StatementEvaluator()
  private let plain = StatementEvaluator(usesPlans: false)
  private let shared = StatementEvaluator()

  /// Compares a statement's outcome, attributes and a template; returns whether its plan was run to the end.
  private func compare(_ sql: String, _ template: String, _ payload: [UInt8], _ version: SQLVersion) -> Bool {
    guard let template = try? Template("<${\(template)}>"),
      let statement = try? CompiledStatement(sql, version: version).with([template])
    else { return false }
    let message = Message(topic: "t/ü/3", payload: payload, receivedMilliseconds: 1_729_703_643_979)
    message.clientID = "truck\"1"
    let scans = plans.scans
    let actual = plans.evaluate(statement, message)
    let wasPlanned = statement.plan != nil && plans.scans == scans + 1
    let expected = plain.evaluate(statement, message)
    let context: Comment = "\(version.rawValue): \(sql)\n\(String(decoding: payload, as: UTF8.self))"
    #expect(Self.text(actual) == Self.text(expected), context)
    let sharedScans = shared.scans
    shared.share(message)
    #expect(Self.text(shared.evaluate(statement, message)) == Self.text(expected), "shared: \(context)")
    if case .payloadError = expected {
    } else if !statement.takesAnyPayload, !payload.isEmpty {
      #expect(shared.scans == sharedScans + 1, context)
    }
    guard case .output(let output) = actual else { return wasPlanned }
    if output.first == UInt8(ascii: "{") {
      #expect(Self.text(plans.attributes(of: output, message)) == Self.text(Self.parsed(output)), context)
    }
    let texts = [plans, plain].map { evaluator -> String in
      do throws(LimitError) {
        return try evaluator.templates(statement, message).text(template)
      } catch {
        return error.description
      }
    }
    #expect(texts[0] == texts[1], "template \(template.source) of \(context)")
    return wasPlanned
  }

  @Test func `a plan gives what the plain evaluator gives`() {
    let seconds = ProcessInfo.processInfo.environment["TRUCKSENSOR_PLAN_SECONDS"].flatMap(Double.init)
    let deadline = Date().addingTimeInterval(seconds ?? 0)
    var random = SplitMix64(seed: seconds == nil ? 20_261_128 : UInt64.random(in: 0...UInt64.max))
    let seed = random.state
    var rounds = 0
    var planned = 0
    repeat {
      for _ in 0..<2_000 {
        let sql = Self.statement(&random)
        let template = Self.expression(Int.random(in: 0...2, using: &random), 0, &random)
        let version = SQLVersion.allCases.randomElement(using: &random) ?? .v2016
        for _ in 0..<4 {
          planned += compare(sql, template, Self.payload(&random), version) ? 1 : 0
          rounds += 1
        }
      }
    } while Date() < deadline
    if seconds != nil { print("plans: \(rounds) rounds from seed \(seed), \(planned) by plans") }
    #expect(planned > rounds / 3)
  }
}
