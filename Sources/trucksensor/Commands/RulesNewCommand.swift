import CommandLine
import Files
import RulesEngine

/// `trucksensor rules new`: a first document and its test.
enum RulesNewCommand: Command {
  static let description = CommandDescription(
    name: "rules new", summary: "Writes a rule document to begin with, and a test case of it that passes.",
    discussion:
      "Writes rules/NAME.json and rules/cases/NAME.json, and never overwrites a file. The case's message has the "
      + "attributes that the statement names, with values that WHERE lets through where they can be found; the case expects "
      + "what the statement makes of it.",
    positionals: [.init(name: "NAME", help: "the rule's name: letters, digits and underscores")],
    options: [.value("sql", "STATEMENT", "the statement", default: "one that shows the dialect")],
    example: "trucksensor rules new hotTrucks --sql \"SELECT temp FROM 'truck/+' WHERE temp > 8\"\n"
      + "trucksensor rules test rules/cases/hotTrucks.json",
    exitCodes: [
      (.success, "both files are written"), (.usage, "wrong usage, or a file is there already"),
      (.dataError, "a wrong statement"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let name = arguments.positionals[0]
    let isName = name.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isName, (1...128).contains(name.utf8.count) else {
      throw arguments.error("a rule's name has letters, digits and underscores, at most 128, not '\(name)'")
    }
    let rule: NewRule
    do throws(SQLError) {
      rule = try NewRule(name: name, sql: arguments.string("sql") ?? NewRule.statement(for: name))
    } catch {
      StandardError.print("trucksensor: --sql: \(error)\n\(error.excerpt)")
      return .dataError
    }
    let folder = Files.join(RuleFiles.folder, "cases")
    let document = Files.join(RuleFiles.folder, name + ".json")
    let cases = Files.join(folder, name + ".json")
    for path in [document, cases] where Files.exists(path) {
      throw arguments.error("\(path) is there already")
    }
    try Files.makeFolder(RuleFiles.folder)
    try Files.makeFolder(folder)
    try Files.write(rule.document + [0x0A], to: document)
    try Files.write(rule.cases + [0x0A], to: cases)
    StandardOutput.shared.print(explanation(name, document, cases, rule))
    return .success
  }

  private static func explanation(_ name: String, _ document: String, _ cases: String, _ rule: NewRule)
    -> String
  {
    """
    \(document) is what 'aws iot create-topic-rule --rule-name \(name) --topic-rule-payload file://\(document)' takes:
      sql               what is taken from which messages; 'trucksensor rules eval --rule \(name) --explain' shows how
      awsIotSqlVersion  2016-03-23; without it, AWS and this engine take 2015-10-08
      description       for people
      ruleDisabled      true keeps the rule without running it
      actions           what is done with each result, 10 at most; docs/rules.md has all of them
      errorAction       what is done when an action fails
      roleArn           the role that AWS needs for an action; this engine needs none
    \(rule.matches
      ? "\(cases) has a message and what the rule makes of it:"
      : "No message was found that WHERE lets through; \(cases) has one that it rejects. Write one that matches:")
      topic    \(rule.example.topic)
      payload  \(rule.example.payload)
    Next:
      trucksensor rules check \(document)
      trucksensor rules test \(cases)
      trucksensor rules run
    """
  }
}
