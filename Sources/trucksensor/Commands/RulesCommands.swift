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

/// `trucksensor rules test`: test cases of statements and rules.
enum RulesTestCommand: Command {
  static let description = CommandDescription(
    name: "rules test", summary: "Runs test cases for statements, templates, filters and rules.",
    positionals: [.init(name: "FILE", help: "a JSON array of cases", repeatable: true, isFile: true)],
    options: [
      .value(
        "rule", "NAME|FILE",
        "the rule for cases that don't name one; its actions and error action are tested, too",
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
        StandardError.error("\(path): \(error)")
        return .dataError
      }
      guard !cases.isEmpty else {
        StandardError.error("\(path): the file has no case; docs/rules.md shows one")
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
    name: "rules check", summary: "Validates rule documents and shows what each rule does.",
    discussion:
      "A document is in the format of 'aws iot create-topic-rule' or 'aws iot get-topic-rule', or it is a CloudFormation or SAM "
      + "template in JSON or YAML, whose rules are all checked. Actions and functions that need other AWS services are checked, "
      + "too, and reported as not run here.",
    positionals: [
      .init(name: "FILE", help: "a TopicRule document or a template", repeatable: true, isFile: true)
    ],
    example: "trucksensor rules check rules/truckAnalyze.json template.yaml",
    exitCodes: [(.success, "all valid"), (.dataError, "a document is invalid")])

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
        for entry in try RuleFiles.entries(in: path) {
          switch entry.rule {
          case .success(let rule):
            show(rule, path)
            for omission in rule.omissions {
              isValid = false
              StandardError.error("\(omission)")
            }
          case .failure(let error):
            isValid = false
            StandardError.error("\(error)")
          }
        }
      } catch {
        isValid = false
        StandardError.error("\(error)")
      }
    }
    return isValid ? .success : .dataError
  }

  private static func show(_ rule: RuleDocument, _ path: String) {
    let source =
      rule.statement.filter.map { "FROM '\($0)'" } ?? "Basic Ingest ($aws/rules/\(rule.name)/…)"
    StandardOutput.shared.print(
      "\(path): rule \(rule.name), SQL \(rule.statement.version.rawValue), \(source)"
        + (rule.isDisabled ? ", disabled" : ""))
    for error in rule.unsupported { StandardOutput.shared.print("  can't be run here: \(error.message)") }
    for action in rule.actions { StandardOutput.shared.print("  action: \(action.summary)") }
    if let action = rule.errorAction { StandardOutput.shared.print("  error action: \(action.summary)") }
    for warning in rule.warnings { StandardOutput.shared.print("  warning: \(warning)") }
  }
}
