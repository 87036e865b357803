import CommandLine
import Files
import RulesEngine

/// `trucksensor rules new`: a first document and its test.
enum RulesNewCommand: Command {
  static let description = CommandDescription(
    name: "rules new", summary: "Writes a new rule document, and a test case for it.",
    discussion:
      "Writes rules/NAME.json and rules/cases/NAME.json; never overwrites a file. The test case's message has the "
      + "attributes that the statement names, with values that satisfy WHERE if such values can be found; it expects "
      + "the statement's result.",
    positionals: [.init(name: "NAME", help: "the rule's name: letters, digits and underscores")],
    options: [.value("sql", "STATEMENT", "the statement", default: "an example of the dialect")],
    example: "trucksensor rules new hotTrucks --sql \"SELECT temp FROM 'truck/+' WHERE temp > 8\"\n"
      + "trucksensor rules test rules/cases/hotTrucks.json",
    exitCodes: [
      (.success, "both files are written"), (.usage, "wrong usage, or a file already exists"),
      (.dataError, "an invalid statement"),
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
      StandardError.error("--sql: \(error)\n\(error.excerpt)")
      return .dataError
    }
    let folder = Files.join(RuleFiles.folder, "cases")
    let document = Files.join(RuleFiles.folder, name + ".json")
    let cases = Files.join(folder, name + ".json")
    for path in [document, cases] where Files.exists(path) {
      throw arguments.error("\(path) already exists")
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
    \(document) is ready: a run in this folder applies it, and for AWS there is
    'aws iot create-topic-rule --rule-name \(name) --topic-rule-payload file://\(document)'. Its members:
      sql               selects messages and their content; 'trucksensor rules eval --rule \(name) --explain' shows how
      awsIotSqlVersion  2016-03-23; if it is missing, AWS and this engine use 2015-10-08
      description       a text for readers
      ruleDisabled      true keeps the rule without running it
      actions           what to do with each result, at most 10; docs/rules.md lists them all
      errorAction       what to do if an action fails
      roleArn           the role that AWS needs for an action; this engine needs none
    \(rule.matches
      ? "\(cases) has a message and the rule's result:"
      : "No message that satisfies WHERE was found; \(cases) has one that doesn't. Write one that does:")
      topic    \(rule.example.topic)
      payload  \(rule.example.payload)
    Next:
      trucksensor rules check \(document)
      trucksensor rules test \(cases)
      trucksensor rules run
    """
  }
}
