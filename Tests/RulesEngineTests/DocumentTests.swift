import Foundation
import JSON
import Testing

@testable import RulesEngine

/// Documents that AWS takes, in all the shapes in which users have them.
@Suite struct DocumentTests {
  private static let role = #""roleArn":"arn:aws:iam::123456789012:role/r""#
  /// Each of AWS's actions with what it requires, and templates where they are allowed.
  static let actions: [(type: String, body: String)] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("actions.json")
    guard let text = try? Data(contentsOf: file),
      case .object(let actions)? = try? JSONDocument.value(of: Array(text))
    else { return [] }
    return zip(actions.keys, actions.values).map {
      ($0, String(($1.asString ?? "{}").dropFirst().dropLast()))
    }
  }()

  private static func document(_ actions: String) -> [UInt8] {
    Array(
      #"{"sql":"SELECT temp FROM 'truck/+'","awsIotSqlVersion":"2016-03-23","actions":[\#(actions)]}"#.utf8)
  }

  private func error(_ text: some Sequence<UInt8>, file: String = "r.json") -> String {
    do {
      let rules = try RuleDocument.rules(in: Array(text), file: file)
      return rules.flatMap(\.omissions).first?.description ?? "none"
    } catch {
      return error.description
    }
  }

  @Test func `AWS has 24 actions, and each is known`() {
    #expect(Self.actions.count == 24)
    #expect(ActionShape.all.map(\.name) == Self.actions.map(\.type))
  }

  @Test(arguments: actions)
  func `an action with what AWS requires loads and says whether it runs here`(type: String, body: String)
    throws
  {
    let rule = try RuleDocument(Self.document("{\"\(type)\":{\(body)}}"), file: "r.json")
    #expect(rule.omissions.isEmpty, "\(rule.omissions)")
    #expect(rule.unsupported.isEmpty)
    let action = try #require(rule.actions.first)
    #expect(action.type == type)
    #expect(action.summary.contains("not run here") == !action.runsHere)
  }

  @Test(arguments: actions)
  func `a member that AWS doesn't know is refused`(type: String, body: String) {
    let error = error(Self.document("{\"\(type)\":{\(body),\"extra\":1}}"))
    #expect(error.contains("actions[0].\(type).extra: is not a known member"))
  }

  @Test(arguments: actions)
  func `an action without its members is refused, and what is missing is named`(type: String, body: String) {
    #expect(
      error(Self.document("{\"\(type)\":{}}")).contains(
        /: line 1, column \d+: actions\[0\]\.\w+\.\w+: (is missing|needs)/))
  }

  @Test(arguments: [
    (#"{"dynamodb":{}}"#, "actions[0].dynamodb: there is no action 'dynamodb'; did you mean 'dynamoDB'?"),
    (#"{"sqs":{"queueUrl":"https://q"}}"#, "actions[0].sqs.roleArn: is missing; AWS requires it"),
    (#"{"republish":{"topic":"out"}}"#, "actions[0].republish.roleArn: is missing; AWS requires it"),
    (
      #"{"sns":{"roleArn":"my-role","targetArn":"arn:aws:sns:us-east-1:1:t"}}"#,
      "actions[0].sns.roleArn: must be an ARN such as arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE, not 'my-role'"
    ),
    (#"{"lambda":{"functionArn":"f"}}"#, "actions[0].lambda.functionArn: must be an ARN"),
    (
      #"{"sqs":{"queueUrl":"ftp://q"}}"#,
      "actions[0].sqs.queueUrl: must begin with https:// or http://, not 'ftp://q'"
    ),
    (
      #"{"firehose":{"deliveryStreamName":"d","separator":";"}}"#,
      #"actions[0].firehose.separator: must be one of "\n", "\t", "\r\n", ",", not ";""#
    ),
    (
      #"{"http":{"url":"https://h","batchConfig":{"maxBatchSize":11}}}"#,
      "actions[0].http.batchConfig.maxBatchSize: must be 2 to 10, not 11"
    ),
    (
      #"{"s3":{"bucketName":"b","key":"${topic("}}"#,
      "actions[0].s3.key: line 1, column 1: a substitution template"
    ),
    (
      #"{"iotSiteWise":{"putAssetPropertyValueEntries":[{"assetId":"a","propertyValues":[{"value":{},"timestamp":{"timeInSeconds":"1"}}]}]}}"#,
      "actions[0].iotSiteWise.putAssetPropertyValueEntries[0]: needs propertyAlias, or both assetId and propertyId"
    ),
    (#"{"lambda":{},"sqs":{}}"#, "actions[0]: must hold one action, not 2"),
  ])
  func `an error in an action has its place`(action: String, message: String) {
    #expect(error(Self.document(action)).contains(message), "\(error(Self.document(action)))")
  }

  @Test(arguments: [
    #"{"ruleName":"hot","topicRulePayload":{"sql":"SELECT a FROM 't'","actions":[]}}"#,
    #"{"topicRulePayload":{"ruleName":"hot","sql":"SELECT a FROM 't'","actions":[],"errorAction":null}}"#,
    #"{"ruleArn":"arn:aws:iot:us-east-1:123456789012:rule/hot","rule":{"ruleName":"hot","sql":"SELECT a FROM 't'","description":"","createdAt":"2025-04-11T11:09:02+00:00","actions":[],"ruleDisabled":false,"awsIotSqlVersion":"2016-03-23"}}"#,
    #"{"Resources":{"Rule":{"Type":"AWS::IoT::TopicRule","Properties":{"RuleName":"hot","TopicRulePayload":{"Sql":"SELECT a FROM 't'","Actions":[]}}}}}"#,
  ])
  func `a rule is read in the shapes in which AWS gives and takes it`(text: String) throws {
    let rules = try RuleDocument.rules(in: Array(text.utf8), file: "r.json")
    #expect(rules.map(\.name) == ["hot"])
    #expect(rules.map(\.sql) == ["SELECT a FROM 't'"])
  }

  @Test func `a rule's name has no space`() {
    let text = #"{"ruleName":"hot trucks","topicRulePayload":{"sql":"SELECT a FROM 't'","actions":[]}}"#
    #expect(error(text.utf8).hasPrefix("r.json: line 1, column 13: ruleName: a rule's name has letters"))
    #expect(error(Self.document(""), file: "hot trucks.json").contains("'hot trucks' doesn't fit"))
    #expect(error(Self.document(""), file: "hot-trucks.json") == "none")
  }

  @Test func `functions of other services are checked, and refused when the rule is run`() throws {
    let text =
      #"{"sql":"SELECT aws_lambda('f', *) AS r FROM 't'","actions":[{"s3":{\#(Self.role),"bucketName":"b","key":"${get_secret('s','SecretString','r')}"}}]}"#
    let rule = try RuleDocument(Array(text.utf8), file: "r.json")
    #expect(rule.unsupported.map(\.place) == ["sql"])
    let error = #expect(throws: RuleError.self) { try rule.requireRunnable() }
    #expect(error?.description.contains("aws_lambda() needs AWS Lambda") == true)
  }

  @Test func `a rule without what AWS warns of has no warning`() throws {
    let text =
      #"{"sql":"SELECT temp FROM 'truck/+'","awsIotSqlVersion":"2016-03-23","actions":[{"lambda":{"functionArn":"arn:aws:lambda:us-east-1:123456789012:function:f"}}],"errorAction":{"republish":{\#(Self.role),"topic":"errors"}}}"#
    #expect(try RuleDocument(Array(text.utf8), file: "r.json").warnings == [])
  }

  @Test(arguments: [
    ("SELECT * FROM '#'", "the filter '#' matches every message"),
    ("SELECT * FROM 'naïve/t'", "non-ASCII characters"),
    ("SELECT * FROM 'a/*'", "'*' in the filter 'a/*' is not a wildcard"),
    ("SELECT * FROM 't' WHERE a != 1", "'!=' isn't in AWS's guide"),
    ("SELECT * FROM 't';", "a ';' at the end isn't in AWS's guide"),
    ("SELECT a, a FROM 't'", "'a' is selected twice"),
    ("SELECT a", "only Basic Ingest reaches the rule"),
    ("SELECT a FROM 't'", "the SQL version is 2015-10-08"),
    ("SELECT a FROM 't'", "no error action"),
    (
      "SET @a=1,@b=1,@c=1,@d=1,@e=1,@f=1,@g=1,@h=1,@i=1,@j=1,@k=1 SELECT @a AS a FROM 't'",
      "the statement sets 11 variables; AWS may allow 10"
    ),
  ])
  func `what AWS warns of is warned of`(sql: String, warning: String) throws {
    let text = #"{"sql":"\#(sql)","actions":[{"log":{}}]}"#
    let rule = try RuleDocument(Array(text.utf8), file: "r.json")
    #expect(rule.warnings.contains { $0.contains(warning) }, "\(rule.warnings)")
  }

  @Test func `a loop is a warning where it is allowed`() throws {
    let text = #"{"sql":"SELECT * FROM 'a/#'","actions":[{"republish":{\#(Self.role),"topic":"a/b"}}]}"#
    #expect(error(text.utf8).contains("a loop; --hop-limit allows it"))
    let rule = try RuleDocument(Array(text.utf8), file: "r.json", mayLoop: true)
    #expect(rule.warnings.contains { $0.hasSuffix("a loop") })
  }

  @Test func `a new rule has a case that passes, whatever the statement`() throws {
    for sql in [
      NewRule.statement(for: "hot"), "SELECT temp FROM 'truck/+/x/#' WHERE temp > 8",
      "SELECT newuuid() AS id FROM 't'",
      "SELECT (SELECT v FROM rows WHERE v = 1) AS r, a.b.c FROM '#'", "SELECT * WHERE name = 'nobody'",
      "SELECT VALUE encode(*, 'base64') FROM 't'", "SELECT * FROM 't' WHERE open AND NOT closed",
    ] {
      let new = try NewRule(name: "hot", sql: sql)
      let rule = try RuleDocument(new.document, file: "rules/hot.json")
      #expect(rule.omissions.isEmpty)
      let cases = try RuleCase.cases(in: new.cases)
      #expect(cases.count == 1)
      for example in cases { #expect(example.run { _ in rule } == .passed, "\(sql)") }
      #expect(new.matches, "\(sql)")
    }
  }

  @Test func `a new rule's message satisfies what WHERE compares with literals, or says that none was found`()
    throws
  {
    for (sql, matches) in [
      ("SELECT * FROM 't' WHERE status = 'alarm' AND level >= 3 AND NOT (unit = 'C')", true),
      ("SELECT * FROM 't' WHERE 8 < cast(temp AS Decimal) AND door IN ['open', 'ajar'] AND x <> 5", true),
      ("SELECT * FROM 't' WHERE temp < -18.5", true), ("SELECT * FROM 't' WHERE a > 5 AND a < 3", false),
    ] {
      let new = try NewRule(name: "hot", sql: sql)
      #expect(new.matches == matches, "\(sql)")
      #expect(String(decoding: new.cases, as: UTF8.self).contains("WHERE rejects this message") == !matches)
    }
  }

  @Test(arguments: [
    ("truck/analyze", "truck/analyze"), ("truck/${topic(2)}/analyze", "truck/+/analyze"),
    ("a/${topic(2)}x", "#"), ("a/${name}", "#"), ("a/${topic()}", "#"), ("${topic(1)}", "+"), ("a/#", "#"),
  ])
  func `a template's topics have the narrowest filter`(template: String, filter: String) throws {
    #expect(try Template(template).topicFilter == filter)
  }
}
