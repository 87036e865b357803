import Glibc
import MQTT
import RulesEngine

/// `trucksensor rules eval`: one statement over JSON lines.
enum RulesEvalCommand: Command {
  static let description = CommandDescription(
    name: "rules eval", summary: "Evaluates a statement over the JSON lines of standard input.",
    discussion:
      "Each line is a payload; each result is a line. What doesn't match gives no line, a line that is no JSON is told of "
      + "on standard error with its number.",
    options: [
      .value("sql", "STATEMENT", "the statement"),
      .value("rule", "NAME|FILE", "the rule document whose statement to use", file: true),
      .value("topic", "TOPIC", "the messages' topic", default: "what FROM says, where it has no wildcard"),
      .value("client-id", "ID", "what clientid() returns"),
      .value("sql-version", "VERSION", "2015-10-08 or 2016-03-23", default: "2016-03-23"),
      .value("now", "MS", "what timestamp() returns, epoch milliseconds", default: "the clock"),
    ],
    example:
      "echo '{\"temp\":\"21.90\"}' | trucksensor rules eval --sql \"SELECT cast(temp AS Decimal) AS temp FROM 't'\"",
    exitCodes: [
      (.success, "done"), (.failed, "a line was no JSON"), (.usage, "wrong usage"),
      (.dataError, "a wrong statement"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let statement: CompiledStatement
    switch (arguments.string("sql"), arguments.string("rule")) {
    case (let sql?, nil):
      let name = arguments.string("sql-version") ?? SQLVersion.v2016.rawValue
      guard let version = SQLVersion(rawValue: name) else {
        throw arguments.error("--sql-version takes 2015-10-08 or 2016-03-23, not '\(name)'")
      }
      do throws(SQLError) {
        statement = try CompiledStatement(sql, version: version)
      } catch {
        StandardError.print("trucksensor: --sql: \(error)\n\(error.excerpt)")
        return .dataError
      }
    case (nil, let rule?): statement = try RuleFiles.read(rule).statement
    default: throw arguments.error("give one of --sql STATEMENT and --rule NAME")
    }
    let now = try arguments.integer("now", in: 0...Int.max)
    let pattern = statement.filter?.pattern ?? "t"
    let topic = try TopicName(
      arguments.string("topic") ?? (pattern.contains { "+#".contains($0) } ? "t" : pattern))
    if let filter = statement.filter, !filter.matches(topic.text) {
      if arguments.string("topic") != nil || !pattern.contains(where: { "+#".contains($0) }) {
        StandardError.print("trucksensor: the topic '\(topic)' is not matched by FROM '\(filter)'")
        return .success
      }
    }
    let evaluator = StatementEvaluator()
    var message = Message(topic: topic.text, payload: [], receivedMilliseconds: now ?? 0, traceID: "")
    message.clientID = arguments.string("client-id")
    var failures = 0
    try StandardInput.forEachLine { line, number in
      message.payload = line
      if now == nil { message.receivedMilliseconds = Clock.milliseconds }
      switch evaluator.evaluate(statement, message) {
      case .noMatch: break
      case .output(let output): StandardOutput.shared.line(output)
      case .payloadError(let error):
        failures += 1
        StandardError.print("trucksensor: line \(number), column \(error.column): \(error.message)")
      }
      return !StandardOutput.shared.isClosed
    }
    return failures == 0 ? .success : .failed
  }
}

/// `trucksensor rules test`: test cases of statements and rules.
enum RulesTestCommand: Command {
  static let description = CommandDescription(
    name: "rules test", summary: "Runs test cases of statements, templates, filters and rules.",
    positionals: [.init(name: "FILE", help: "a JSON array of cases", repeatable: true, isFile: true)],
    options: [.value("junit", "FILE", "also write a JUnit report", file: true)],
    example: "trucksensor rules test Tests/RulesEngineTests/Cases/*.json",
    exitCodes: [(.success, "all passed"), (.failed, "a case failed"), (.dataError, "a file is no cases")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var passed = 0
    var failed = 0
    var report = ""
    for path in arguments.positionals {
      guard let text = TextFile.bytes(of: path, limit: 1 << 26) else {
        throw OutputError(description: "\(path) can't be read: \(String(cString: strerror(errno)))")
      }
      let cases: [RuleCase]
      do throws(JSONError) {
        cases = try RuleCase.cases(in: text)
      } catch {
        StandardError.print("trucksensor: \(path): \(error)")
        return .dataError
      }
      for example in cases {
        var body = ""
        switch example.run(rule: { try RuleFiles.read($0) }) {
        case .passed: passed += 1
        case .failed(let expected, let actual):
          failed += 1
          StandardOutput.shared.print(
            "\(path): \(example.name) failed\n  expected \(expected)\n  actual   \(actual)")
          body = "<failure message=\"\(XML.escaped("expected \(expected), actual \(actual)"))\"/>"
        }
        report +=
          "  <testcase classname=\"\(XML.escaped(path))\" name=\"\(XML.escaped(example.name))\">\(body)</testcase>\n"
      }
    }
    StandardOutput.shared.print("\(passed) passed, \(failed) failed")
    if let path = arguments.string("junit") {
      let file = try AtomicFile(path)
      let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      file.append(
        Array(
          "\(head)<testsuite name=\"rules\" tests=\"\(passed + failed)\" failures=\"\(failed)\">\n\(report)</testsuite>\n"
            .utf8))
      try file.commit()
    }
    return failed == 0 ? .success : .failed
  }
}

/// `trucksensor rules check`: validates rule documents.
enum RulesCheckCommand: Command {
  static let description = CommandDescription(
    name: "rules check", summary: "Validates rule documents and shows what each rule would do.",
    positionals: [.init(name: "FILE", help: "a TopicRule document", repeatable: true, isFile: true)],
    example: "trucksensor rules check rules/truckAnalyze.json",
    exitCodes: [(.success, "all valid"), (.dataError, "a document is wrong")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var isValid = true
    for path in arguments.positionals {
      do {
        let rule = try RuleFiles.read(path)
        let source =
          rule.statement.filter.map { "FROM '\($0)'" } ?? "Basic Ingest ($aws/rules/\(rule.name)/…)"
        StandardOutput.shared.print(
          "\(path): rule \(rule.name), SQL \(rule.statement.version.rawValue), \(source)"
            + (rule.isDisabled ? ", disabled" : ""))
        for action in rule.actions { StandardOutput.shared.print("  action: \(text(action))") }
        if let action = rule.errorAction { StandardOutput.shared.print("  error action: \(text(action))") }
        for warning in rule.warnings { StandardOutput.shared.print("  warning: \(warning)") }
      } catch {
        isValid = false
        StandardError.print("trucksensor: \(error)")
      }
    }
    return isValid ? .success : .dataError
  }

  private static func text(_ action: Action) -> String {
    switch action {
    case .republish(let republish): "republish to \(republish.topic.source), QoS \(republish.qos.rawValue)"
    case .log: "log"
    }
  }
}

/// Text inside an XML attribute.
enum XML {
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case "\"": result += "&quot;"
      case _ where scalar.value < 0x20: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// Standard input, line by line in constant memory.
enum StandardInput {
  /// Longer lines than MQTT's largest payload are no payloads.
  private static let lineLimit = 1 << 28

  /// Calls `body` with each line that isn't empty and its number, until it returns false.
  static func forEachLine(_ body: ([UInt8], Int) throws -> Bool) throws {
    var pending: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var number = 0
    func take(_ line: ArraySlice<UInt8>) throws -> Bool {
      number += 1
      let text = line.last == 0x0D ? line.dropLast() : line
      return try text.isEmpty || body(Array(text), number)
    }
    while true {
      let count = read(0, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      var start = 0
      while let end = buffer[start..<count].firstIndex(of: 0x0A) {
        if pending.isEmpty {
          guard try take(buffer[start..<end]) else { return }
        } else {
          pending += buffer[start..<end]
          guard try take(pending[...]) else { return }
          pending.removeAll(keepingCapacity: true)
        }
        start = end + 1
      }
      pending += buffer[start..<count]
      guard pending.count <= lineLimit else {
        throw OutputError(description: "line \(number + 1) is too long")
      }
    }
    if !pending.isEmpty { _ = try take(pending[...]) }
  }
}
