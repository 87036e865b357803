import Numbers
import Foundation
import MQTT
import Testing

@testable import RulesEngine

/// Mutations of good input, always the same ones: whatever comes, there is an answer and no crash.
///
/// `TRUCKSENSOR_FUZZ_SECONDS` makes it run for so long with ever new ones.
@Suite struct FuzzTests {
  private static let statements = [
    "SET @x = a + 1 SELECT @x AS x, *, CASE b WHEN 'c' THEN 1 ELSE [1,{'k':2}] END AS y FROM 't/+/#' WHERE NOT a > -1.5e3",
    "SELECT cast(temp AS Decimal) AS temp, parse_time('yyyy-MM-dd''T''HH:mm:ss.SSS Z', timestamp * 1000, 'America/Santiago') AS t FROM 't'",
    "SELECT VALUE (SELECT VALUE n FROM e WHERE regexp_matches(n, '(a+)+$')) FROM '#'",
    "SELECT substring(s, 1, 3) + lpad('x', 5) AS r, power(a, 99) / mod(a, 3) AS q, decode(encode(*, 'base64'), 'base64').a.b AS d FROM 't'",
    "SELECT time_to_epoch(s, 'dd MMMM yyyy HH:mm z') AS r, get(*, 'a') AS g, transform('enrichArray', o, e) AS z FROM 't'",
  ]
  private static let payloads = [
    "{\"a\":1,\"b\":\"c\",\"temp\":\"21.90\",\"timestamp\":1729703643.979735,\"e\":[{\"n\":\"aaaaaaaaaaaaaaaaaaaaaaaa!\"}],\"s\":\"18 December 2015 10:00 UTC\",\"o\":{\"k\":null}}",
    "[1e999,-0.0,\"\\uD83D\\uDE00\",[[]],true,null,123456789012345678901234567890123456789]",
    "{\"a\":{\"a\":{\"a\":9999999999999999999999999999999999}},\"a\":-1e-999}",
  ]
  private static let dictionary: [String] = [
    "SELECT ", "FROM ", "'", "\"", "((", "))", "[", "]", "{", "}", "@", "@x", "*", ",", ".", "$", "${", "\\u",
    "\\", "e", "E+",
    "-", "9999999999", "\u{0}", "é", "😀", "AS ", "WHERE ", "/", "#", "+", " NULL ", ":", "0", "1e", "tru",
  ]

  private static func mutated(_ text: String, _ random: inout SplitMix64) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1 where place < bytes.count:
        bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...8, using: &random)))
      case 2: bytes.insert(contentsOf: (dictionary.randomElement(using: &random) ?? "").utf8, at: place)
      case 3:
        let from = Int.random(in: 0...place, using: &random)
        bytes.insert(contentsOf: bytes[from..<min(place, from + 20)], at: place)
      default: bytes = Array(bytes.prefix(max(1, place)))
      }
    }
    return bytes
  }

  /// How many statements were taken.
  private static func round(_ random: inout SplitMix64) -> Int {
    let statementText = statements.randomElement(using: &random) ?? ""
    let payloadText = payloads.randomElement(using: &random) ?? ""
    let sql = String(decoding: mutated(statementText, &random), as: UTF8.self)
    let payload = mutated(payloadText, &random)
    let version = SQLVersion.allCases.randomElement(using: &random) ?? .v2016
    _ = try? Template("a${" + sql + "}b")
    guard let statement = try? CompiledStatement(sql, version: version) else { return 0 }
    let message = Message(topic: "t/1/2", payload: payload, receivedMilliseconds: 1_729_703_643_979)
    if case .output(let output) = StatementEvaluator().evaluate(statement, message), !output.isEmpty,
      output != payload
    {
      // What goes out is JSON, whatever came in.
      #expect(throws: Never.self) { try JSONDocument().read(output) }
    }
    return 1
  }

  private static let topics = [
    "truck/freezer", "$aws/things/T1/shadow", "+/a/#", "$share/g/a/+", "//", "a/b/c/d/e/f/g/h",
  ]

  /// A filter that is taken matches what the topic tree finds for it.
  private static func topicRound(_ random: inout SplitMix64) {
    let pattern = String(
      decoding: mutated(topics.randomElement(using: &random) ?? "", &random), as: UTF8.self)
    let topic = String(decoding: mutated(topics.randomElement(using: &random) ?? "", &random), as: UTF8.self)
    _ = try? TopicName(topic)
    guard let filter = try? TopicFilter(pattern), filter.shareGroup == nil else { return }
    let tree = TopicTree<Int>()
    tree.insert(1, at: pattern)
    var found = 0
    tree.forEach(matching: topic) { found += $0 }
    #expect((found == 1) == filter.matches(topic), "\(pattern.debugDescription) \(topic.debugDescription)")
  }

  @Test func `mutated statements, payloads and topics have an answer`() {
    let seconds = ProcessInfo.processInfo.environment["TRUCKSENSOR_FUZZ_SECONDS"].flatMap(Double.init)
    let deadline = Date().addingTimeInterval(seconds ?? 0)
    var random = SplitMix64(seed: seconds == nil ? 20_261_124 : UInt64.random(in: 0...UInt64.max))
    let seed = random.state
    var taken = 0
    var rounds = 0
    repeat {
      for _ in 0..<5_000 {
        taken += Self.round(&random)
        Self.topicRound(&random)
        rounds += 1
      }
    } while Date() < deadline
    if seconds != nil { print("fuzz: \(rounds) rounds from seed \(seed), \(taken) statements taken") }
    #expect(taken > 500)
  }
}
