import Numbers
import Testing

@testable import RulesEngine

/// Rules in CloudFormation and SAM templates.
@Suite struct TemplateTests {
  private static let template = """
    AWSTemplateFormatVersion: '2010-09-09'
    Transform: AWS::Serverless-2016-10-31
    Parameters:
      Prefix: {Type: String, Default: fleet}
      Stage: {Type: String}
    Conditions:
      IsProduction: !Equals [!Ref Stage, prod]
    Mappings:
      Tables:
        us-east-1: {Name: readings}
    Resources:
      Role:
        Type: AWS::IAM::Role
      StatusRule:
        Type: AWS::IoT::TopicRule
        Properties:
          RuleName: !Sub "${Prefix}_status"
          TopicRulePayload:
            RuleDisabled: "false"
            AwsIotSqlVersion: 2016-03-23
            Sql: !Sub >-
              SELECT *, topic(3) AS thing FROM '${Prefix}/+/+/${AWS::Region}'
              WHERE on <> true
            Actions:
              - Lambda:
                  FunctionArn: !GetAtt Function.Arn
              - S3:
                  RoleArn: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/s3"
                  BucketName: !Ref Bucket
                  Key: !Sub
                    - "${P}/${!topic(2)}/${!timestamp()}.json"
                    - P: !Ref Prefix
              - !If [IsProduction, {Sqs: {QueueUrl: !Ref Queue, RoleArn: !GetAtt Role.Arn, UseBase64: true}}, !Ref AWS::NoValue]
              - Timestream:
                  RoleArn: !GetAtt Role.Arn
                  DatabaseName: !Ref Role
                  TableName: !FindInMap [Tables, !Ref AWS::Region, Name]
                  Dimensions:
                    - {Name: device, Value: '${clientid()}'}
            ErrorAction:
              CloudwatchLogs:
                LogGroupName: !Join ["/", [aws, iot, !Ref Stage]]
                RoleArn: !GetAtt Role.Arn
      Function:
        Type: AWS::Serverless::Function
        Properties:
          Events:
            Motion:
              Type: IoTRule
              Properties:
                Sql: "SELECT * FROM 'sensors/+/motion' WHERE event = 'motion_detected'"
                AwsIotSqlVersion: '2016-03-23'
    """

  @Test func `all rules of a template are read, with what the template says of their names`() throws {
    let rules = try RuleDocument.rules(in: Array(Self.template.utf8), file: "template.yaml")
    #expect(rules.map(\.name) == ["fleet_status", "FunctionMotion"])
    let rule = rules[0]
    #expect(rule.sql == "SELECT *, topic(3) AS thing FROM 'fleet/+/+/us-east-1' WHERE on <> true")
    #expect(rule.statement.version == .v2016)
    #expect(!rule.isDisabled)
    #expect(
      rule.actions.map(\.summary) == [
        "lambda: functionArn <Function.Arn> (not run here: it needs AWS Lambda)",
        "s3: bucketName <Bucket>, key fleet/${topic(2)}/${timestamp()}.json (not run here: it needs Amazon S3)",
        "sqs: queueUrl <Queue> (not run here: it needs Amazon SQS)",
        "timestream to Role.readings, dimensions device=${clientid()}",
      ])
    #expect(
      rule.errorAction?.summary
        == "cloudwatchLogs: logGroupName aws/iot/<Stage> (not run here: it needs Amazon CloudWatch Logs)")
    #expect(rule.omissions.isEmpty)
    #expect(
      Array(rule.warnings.prefix(7)) == [
        "'<Function.Arn>' is a placeholder for a value that is known only at deployment",
        "'<Bucket>' is a placeholder for a value that is known only at deployment",
        "the condition 'IsProduction' is assumed to be true",
        "'<Queue>' is a placeholder for a value that is known only at deployment",
        "'<Role.Arn>' is a placeholder for a value that is known only at deployment",
        "'Role' is a placeholder for the name that the deployment gives to that resource",
        "'<Stage>' is a placeholder for a value that is known only at deployment",
      ])
  }

  @Test(arguments: [
    ("a: 1\n\tb: 2\n", "line 2, column 1: found a tab character"),
    ("a: 1\na: 2\n", "line 2, column 1: the key 'a' appears twice"),
    ("a: *x\n", "line 1, column 4: the alias '*x' refers to an anchor that doesn't precede it"),
    ("a: &x [*x]\n", "the alias '*x' refers to an anchor that doesn't precede it"),
    ("", "the file is empty"),
    ("a: 1\n---\nb: 1\n", "more than one document"),
    ("Resources: {}\n", "line 1, column 12: Resources: has no resource of the type AWS::IoT::TopicRule"),
    ("? [a]\n: 1\n", "line 1, column 3: a key must be a text"),
    ("just text\n", "the document is not a JSON object"),
    (
      "Resources:\n  R:\n    Type: AWS::IoT::TopicRule\n    Properties:\n      TopicRulePayload:\n        Sql: SELECT * FROM 't'\n        Actions:\n          - Sqs:\n              QueueUrl: http://q\n              UseBase64: maybe\n",
      "line 10, column 26: Resources.R.Properties.TopicRulePayload.Actions[0].Sqs.UseBase64: must be true or false"
    ),
    (
      "Resources:\n  R:\n    Type: AWS::IoT::TopicRule\n    Properties:\n      TopicRulePayload:\n        Sql: SELECT * FORM 't'\n        Actions: []\n",
      "line 6, column 14: Resources.R.Properties.TopicRulePayload.Sql: line 1, column 10: 'FORM'"
    ),
  ])
  func `an error in a template has its place`(text: String, message: String) {
    let error = #expect(throws: RuleError.self) {
      try RuleDocument.rules(in: Array(text.utf8), file: "t.yaml")
    }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func `an error in one rule of a template leaves the others, each found by its name or logical ID`()
    throws
  {
    func resource(_ id: String, _ properties: String, _ sql: String) -> String {
      "  \(id):\n    Type: AWS::IoT::TopicRule\n    Properties:\n\(properties)      TopicRulePayload:\n"
        + "        Sql: \(sql)\n        Actions: []\n"
    }
    let text =
      "Resources:\n" + resource("First", "", "SELECT * FORM 't'")
      + resource("Second", "      RuleName: hot\n", "SELECT * FROM 't'")
      + resource("Third", "      Rulename: x\n", "SELECT * FROM 't'")
    let entries = try RuleDocument.entries(in: Array(text.utf8), file: "t.yaml")
    #expect(entries.map(\.names) == [["First", "First"], ["hot", "Second"], ["Third"]])
    let isRead = entries.map { if case .success = $0.rule { true } else { false } }
    #expect(isRead == [false, true, false])
  }

  @Test func `aliases that repeat each other and deep nesting are refused`() {
    var bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      bomb +=
        "l\(level): &l\(level) [" + (0..<10).map { _ in "*l\(level - 1)" }.joined(separator: ", ") + "]\n"
    }
    for (text, message) in [
      (bomb, "more than 100000 values"), (String(repeating: "[", count: 50_000), "more than 100 levels"),
      (String(repeating: "- ", count: 50_000), "more than 100 levels"),
    ] {
      let error = #expect(throws: RuleError.self) {
        try RuleDocument.rules(in: Array(text.utf8), file: "t.yaml")
      }
      #expect(error?.description.contains(message) == true, "\(String(describing: error))")
    }
  }

  @Test func `a template that is cut or changed anywhere has an answer`() {
    var random = SplitMix64(seed: 15)
    let text = Array(Self.template.utf8)
    for _ in 0..<400 {
      var bytes = text
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + 9))
        default: bytes.insert(contentsOf: "&a *a !Sub ${ [ { - ".utf8, at: place)
        }
      }
      _ = try? RuleDocument.rules(in: bytes, file: "t.yaml")
    }
  }
}
