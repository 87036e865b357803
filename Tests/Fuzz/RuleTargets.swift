import JSON
import MQTT

@testable import RulesEngine
@testable import Time

extension Targets {
  nonisolated(unsafe) private static let evaluator = StatementEvaluator()
  nonisolated(unsafe) private static let plain = StatementEvaluator(usesPlans: false)

  /// A JSON text: what the engine reads and writes, it reads again as the same.
  static func json(_ bytes: [UInt8]) {
    let isDocument: Bool
    do {
      _ = try JSONElement(bytes)
      isDocument = true
    } catch {
      // Documents refuse a key that is given twice, payloads don't.
      isDocument = error.message.hasSuffix("appears twice")
    }
    guard let value = try? JSONDocument.value(of: bytes) else {
      return require(!isDocument, "only one of two readers takes this text")
    }
    require(isDocument, "only one of two readers takes this text")
    var written: [UInt8] = []
    // A number beyond all decimals is Undefined, which has no text.
    guard !value.isUndefined, (try? value.appendJSON(to: &written)) != nil else { return }
    var again: [UInt8] = []
    guard let read = try? JSONDocument.value(of: written), (try? read.appendJSON(to: &again)) != nil else {
      fatalError("can't read its own output \(text(written))")
    }
    require(written == again, "\(text(written)) becomes \(text(again))")
  }

  /// A statement, and the payload on the lines behind it.
  static func statement(_ bytes: [UInt8]) {
    let parts = parts(bytes, 2)
    for version in SQLVersion.allCases {
      guard let statement = try? CompiledStatement(text(parts[0]), version: version, allowsNoSource: true)
      else {
        continue
      }
      let message = Message(topic: "t/1/2", payload: parts[1], receivedMilliseconds: 1_729_703_643_979)
      let outcome = evaluator.evaluate(statement, message)
      // rand and newuuid give something else each time.
      let sql = text(parts[0]).lowercased()
      require(
        sql.contains("rand") || sql.contains("uuid")
          || "\(outcome)" == "\(plain.evaluate(statement, message))",
        "a plan and the plain evaluator differ")
      if case .output(let output) = outcome {
        require(output.count <= EvaluationLimits.bytes, "an output of \(output.count) bytes")
      }
      _ = evaluator.explain(statement, message)
    }
  }

  static func ruleDocument(_ bytes: [UInt8]) {
    guard let document = try? RuleDocument(bytes, file: "rule.json") else { return }
    let sample =
      #"[{"topic":"truck/freezer","payload":{"uptime":"1","volts":"12.1","temp":"-20.5","door":"0","i":"1","n":"1","timestamp":1729703643.9},"expect":{}}]"#
    for sample in (try? RuleCase.cases(in: Array(sample.utf8))) ?? [] {
      _ = sample.run(fallback: document) { _ in document }
    }
  }

  /// A CloudFormation or SAM template, in YAML or JSON.
  static func ruleTemplate(_ bytes: [UInt8]) {
    for document in (try? RuleDocument.rules(in: bytes, file: "template.yaml")) ?? [] {
      _ = evaluator.evaluate(
        document.statement,
        Message(topic: "t/1", payload: Array(#"{"temp":"1"}"#.utf8), receivedMilliseconds: 0))
    }
  }

  static func ruleCase(_ bytes: [UInt8]) {
    struct Missing: Error {}
    for sample in (try? RuleCase.cases(in: bytes)) ?? [] { _ = sample.run { _ in throw Missing() } }
  }

  /// Lines: a pattern, a text, a number of milliseconds, a time zone.
  static func timePattern(_ bytes: [UInt8]) {
    let parts = parts(bytes, 4).map(text)
    _ = TimePattern.epochMilliseconds(parts[1], parts[0])
    guard let pattern = TimePattern.parts(parts[0]), let milliseconds = Int(parts[2]),
      let zone = TimeZoneFile.named(parts[3])
    else { return }
    _ = TimePattern.text(pattern, milliseconds: milliseconds, zone: zone)
  }

  /// Lines: an ISO 8601 time, a POSIX time zone, seconds, a zone's name.
  static func times(_ bytes: [UInt8]) {
    let parts = parts(bytes, 4).map(text)
    if let moment = Moment(iso8601: parts[0]) { _ = "\(moment)" }
    let seconds = Int(parts[2]) ?? 0
    if let zone = POSIXTimeZone(parts[1]) { _ = zone.period(at: seconds) }
    if let zone = TimeZoneFile.named(parts[3]) {
      _ = zone.period(at: seconds)
      _ = zone.epoch(ofLocal: seconds)
    }
  }

  /// Lines: two numbers.
  static func decimal(_ bytes: [UInt8]) {
    let parts = parts(bytes, 2)
    guard let left = Decimal34(parts[0]) else { return }
    require(parts[0].withUnsafeBufferPointer { Decimal34($0) } == left, "the fast reader differs")
    require(Decimal34(Array(left.text().utf8)) == left, "\(left.text()) reads back differently")
    _ = (left.double, left.floorInt, left.text(withPoint: true))
    guard let right = Decimal34(parts[1]) else { return }
    require((left < right) != (right < left) || left == right, "order of \(left.text()) and \(right.text())")
    require(left + right == right + left, "the sum of \(left.text()) and \(right.text())")
    require(left * right == right * left, "the product of \(left.text()) and \(right.text())")
    _ = (left - right, left / right, left % right)
  }

  /// Lines: a filter, a topic.
  static func topic(_ bytes: [UInt8]) {
    let parts = parts(bytes, 2).map(text)
    _ = try? TopicName(parts[1])
    if let filter = try? TopicFilter(parts[0]) { _ = filter.matches(parts[1]) }
  }
}
