import ColdChain
import CommandLine
import Files
import JSON
import Glibc
import LocalCloud
import MQTT
import RulesEngine
import Text
import Time

/// `trucksensor rules eval`: one statement over JSON lines.
enum RulesEvalCommand: Command {
  static let description = CommandDescription(
    name: "rules eval", summary: "Evaluates a statement over the JSON lines of standard input.",
    discussion:
      "Each line is a payload; each result is a line. A message that doesn't match produces no line. A line that isn't "
      + "JSON is reported on standard error with its line number.",
    options: [
      .value("sql", "STATEMENT", "the statement"),
      .value("rule", "NAME|FILE", "the rule document whose statement to use", file: true),
      .value("topic", "TOPIC", "the messages' topic", default: "what FROM says, where it has no wildcard"),
      .value("client-id", "ID", "what clientid() returns"),
      .value("sql-version", "VERSION", "2015-10-08 or 2016-03-23", default: "2016-03-23"),
      .value("now", "MS", "what timestamp() returns, epoch milliseconds", default: "the clock"),
      .flag(
        "explain", "also a table of the clauses: each expression's value and type, and why it is Undefined"),
    ],
    example:
      "echo '{\"temp\":\"21.90\"}' | trucksensor rules eval --sql \"SELECT cast(temp AS Decimal) AS temp FROM 't'\"",
    exitCodes: [
      (.success, "done"), (.failed, "a line wasn't JSON"), (.usage, "wrong usage"),
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
    let message = Message(topic: topic.text, payload: [], receivedMilliseconds: now ?? 0)
    message.clientID = arguments.string("client-id")
    message.registry = RegistryLookup()
    let explains = arguments.has("explain")
    var failures = 0
    var output: [UInt8] = []
    try StandardInput.forEachLine { line, number in
      message.payload.removeAll(keepingCapacity: true)
      message.payload.append(contentsOf: line)
      if now == nil { message.receivedMilliseconds = WallClock.milliseconds }
      if explains {
        StandardOutput.shared.print(
          ExplanationTable.text(evaluator.explain(statement, message), statement, topic))
      }
      output.removeAll(keepingCapacity: true)
      switch evaluator.append(statement, message, to: &output) {
      case .noMatch: break
      case .output: StandardOutput.shared.line(output)
      case .payloadError(let error):
        failures += 1
        StandardError.print("trucksensor: line \(number), column \(error.column): \(error.message)")
      case .limitExceeded(let limit):
        failures += 1
        StandardError.print("trucksensor: line \(number): \(limit)")
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
    options: [
      .value(
        "rule", "NAME|FILE", "the rule of the cases that name none, its actions and error action included",
        file: true),
      .value("junit", "FILE", "also write a JUnit report", file: true),
    ],
    example: "trucksensor rules test Tests/RulesEngineTests/Cases/*.json\n"
      + "trucksensor rules test --rule truckAnalyze cases.json",
    exitCodes: [
      (.success, "all passed"), (.failed, "a case failed"), (.dataError, "a file doesn't contain test cases"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var passed = 0
    var failed = 0
    var report = ""
    let rule = try arguments.string("rule").map { try RuleFiles.read($0) }
    for path in arguments.positionals {
      let text = try Files.read(path, limit: 1 << 26)
      let cases: [RuleCase]
      do throws(JSONError) {
        cases = try RuleCase.cases(in: text)
      } catch {
        StandardError.print("trucksensor: \(path): \(error)")
        return .dataError
      }
      for example in cases {
        var body = ""
        switch example.run(fallback: rule, rule: { try RuleFiles.read($0) }) {
        case .passed: passed += 1
        case .failed(let expected, let actual):
          failed += 1
          StandardOutput.shared.print(
            "\(path): \(example.name) failed\n  expected \(expected)\n  actual   \(actual)")
          body = "<failure message=\"\(Markup.escaped("expected \(expected), actual \(actual)"))\"/>"
        }
        report +=
          "  <testcase classname=\"\(Markup.escaped(path))\" name=\"\(Markup.escaped(example.name))\">\(body)</testcase>\n"
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
        if path.split(separator: "/").last.map(String.init) == AlertFile.name {
          for rule in try AlertRule.rules(in: Files.read(path), file: path) {
            StandardOutput.shared.print("\(path): alert \(rule.name): \(rule.title)")
          }
          continue
        }
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
    case .timestream(let action):
      "timestream to \(action.database.source).\(action.table.source), dimensions "
        + action.dimensions.map { "\($0.name)=\($0.value.source)" }.joined(separator: ", ")
        + (action.timestamp.map { ", time \($0.source)" } ?? "") + (action.isStrict ? ", strict types" : "")
    case .log: "log"
    case .notRun(let name): "\(name), which is kept, but not run here"
    }
  }
}
