import Foundation
import Testing

@testable import Identity

/// The policies of the AWS IoT developer guide's pages "Publish/Subscribe policy examples", "Connect and publish policy
/// examples", "Basic policy variables", "Thing policy variables", "X.509 certificate policy variables", "AWS IoT Core
/// policies" and "MQTT and HTTP policies", and what the pages say of them.
@Suite struct PolicyTests {
  private static func policy(_ name: String, _ statements: String...) throws -> PolicyDocument {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [\(statements.joined(separator: ", "))]}"
    return try PolicyDocument(Array(text.utf8), file: "policies/\(name).json")
  }

  private static func statement(
    _ effect: String, _ actions: String, _ resources: [String], condition: String? = nil
  ) -> String {
    let list = resources.map { $0 == "*" ? "\"*\"" : "\"arn:aws:iot:us-east-1:123456789012:\($0)\"" }
    let names = actions.split(separator: " ").map { "\"\($0)\"" }
    return "{\"Effect\": \"\(effect)\", \"Action\": [\(names.joined(separator: ","))], \"Resource\": "
      + "[\(list.joined(separator: ","))]\(condition.map { ", \"Condition\": \($0)" } ?? "")}"
  }

  private static func allow(_ actions: String, _ resources: String..., condition: String? = nil) -> String {
    statement("Allow", actions, resources, condition: condition)
  }

  private static func deny(_ actions: String, _ resources: String...) -> String {
    statement("Deny", actions, resources)
  }

  /// A set of policies and what is asked of it; a request is `action resource`, with `@client` for another client.
  struct Example: Sendable, CustomTestStringConvertible {
    let name: String
    let statements: [String]
    var clientID = "truck1"
    var thing: Thing? = Thing(
      thingName: "truck1", thingTypeName: "truck", attributes: ["model": "freezer", "empty": ""])
    var isAttached = true
    var subject: [String: [String]] = ["CommonName": ["truck1"]]
    var allowed: [String] = []
    var implicitlyDenied: [String] = []
    var explicitlyDenied: [String] = []
    var testDescription: String { name }
  }

  static let examples: [Example] = [
    Example(
      name: "the wizard's policy: one client, one topic",
      statements: [
        allow("iot:Connect", "client/${iot:Connection.Thing.ThingName}"),
        allow("iot:Publish", "topic/truck/freezer"),
      ],
      allowed: ["iot:Connect client/truck1", "iot:Publish topic/truck/freezer"],
      implicitlyDenied: [
        "iot:Connect client/truck2", "iot:Publish topic/truck/freezer/a", "iot:Publish topic/truck",
        "iot:Subscribe topicfilter/truck/freezer", "iot:Receive topic/truck/freezer",
        "iot:RetainPublish topic/truck/freezer", "iot:Publish topicfilter/truck/freezer",
        "iot:Publish topic/Truck/freezer",
      ]),
    Example(
      name: "the wizard's policy without a thing: the variable is unknown",
      statements: [allow("iot:Connect", "client/${iot:Connection.Thing.ThingName}")], thing: nil,
      implicitlyDenied: [
        "iot:Connect client/truck1", "iot:Connect client/",
        "iot:Connect client/${iot:Connection.Thing.ThingName}",
      ]),
    Example(
      name: "a thing that isn't attached to the certificate",
      statements: [
        allow("iot:Connect", "client/${iot:Connection.Thing.ThingName}"),
        allow(
          "iot:Publish", "topic/a", condition: #"{"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}"#),
        allow(
          "iot:Publish", "topic/b", condition: #"{"Bool": {"iot:Connection.Thing.IsAttached": "false"}}"#),
      ], isAttached: false, allowed: ["iot:Publish topic/b"],
      implicitlyDenied: ["iot:Connect client/truck1", "iot:Publish topic/a"]),
    Example(
      name: "connect only where the thing is attached",
      statements: [
        allow("iot:Connect", "*", condition: #"{"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}}"#)
      ], allowed: ["iot:Connect client/truck1", "iot:Connect client/anything"],
      implicitlyDenied: ["iot:Publish topic/a"]),
    Example(
      name: "any client, any topic",
      statements: [allow("iot:*", "*")],
      allowed: [
        "iot:Connect client/x", "iot:Publish topic/a/b", "iot:Subscribe topicfilter/#", "iot:Receive topic/a",
        "iot:RetainPublish topic/a", "iot:GetThingShadow thing/truck1",
      ]),
    Example(
      name: "the client identifier in the topic",
      statements: [
        allow("iot:Publish iot:Receive", "topic/${iot:ClientId}", "topic/${iot:ClientId}/*"),
        allow("iot:Subscribe", "topicfilter/${iot:ClientId}/*"),
      ],
      allowed: [
        "iot:Publish topic/truck1", "iot:Publish topic/truck1/a/b", "iot:Receive topic/truck1/a",
        "iot:Subscribe topicfilter/truck1/#", "iot:Subscribe topicfilter/truck1/+/x",
        "iot:Publish topic/truck1/",
      ],
      implicitlyDenied: [
        "iot:Publish topic/truck2", "iot:Publish topic/truck10", "iot:Subscribe topicfilter/truck1",
        "iot:Subscribe topicfilter/#",
      ]),
    Example(
      name: "wildcards of MQTT are characters in a policy",
      statements: [
        allow("iot:Subscribe", "topicfilter/sensor/+/room1"), allow("iot:Receive", "topic/sensor/*/room1"),
        allow("iot:Publish", "topic/plain/#"),
      ],
      allowed: [
        "iot:Subscribe topicfilter/sensor/+/room1", "iot:Receive topic/sensor/a/room1",
        "iot:Receive topic/sensor/a/b/room1", "iot:Publish topic/plain/#",
      ],
      implicitlyDenied: [
        "iot:Subscribe topicfilter/sensor/a/room1", "iot:Subscribe topicfilter/sensor/#",
        "iot:Publish topic/plain/a", "iot:Receive topic/sensor/room1",
      ]),
    Example(
      name: "'*' and '?' in a resource",
      statements: [
        allow("iot:Publish", "topic/some_*", "topic/a?c", "topic/*/end"),
        allow("iot:Subscribe", "topicfilter/some/specific/topic*"),
      ],
      allowed: [
        "iot:Publish topic/some_", "iot:Publish topic/some_x/y", "iot:Publish topic/abc",
        "iot:Publish topic/x/y/end",
        "iot:Subscribe topicfilter/some/specific/topic", "iot:Subscribe topicfilter/some/specific/topics/#",
      ],
      implicitlyDenied: [
        "iot:Publish topic/some", "iot:Publish topic/ac", "iot:Publish topic/abbc", "iot:Publish topic/end",
        "iot:Subscribe topicfilter/some/specific",
      ]),
    Example(
      name: "deny over allow",
      statements: [
        allow("iot:Publish iot:Subscribe iot:Receive", "*"), deny("iot:Publish", "topic/restricted/*"),
        deny("iot:Subscribe", "topicfilter/restricted*"),
      ],
      allowed: ["iot:Publish topic/a", "iot:Publish topic/restricted", "iot:Receive topic/restricted/a"],
      explicitlyDenied: [
        "iot:Publish topic/restricted/a", "iot:Publish topic/restricted/a/b",
        "iot:Subscribe topicfilter/restricted/#",
        "iot:Subscribe topicfilter/restricted",
      ]),
    Example(
      name: "a denial beats an allowance however the two are ordered",
      statements: [deny("iot:*", "topic/a"), allow("iot:Publish", "topic/a")],
      explicitlyDenied: ["iot:Publish topic/a", "iot:Receive topic/a"]),
    Example(
      name: "the thing's type and attributes",
      statements: [
        allow("iot:Publish", "topic/${iot:Connection.Thing.ThingTypeName}/${iot:Connection.Thing.ThingName}"),
        allow("iot:Publish", "topic/m/${iot:Connection.Thing.Attributes[model]}"),
        allow("iot:Publish", "topic/x/${iot:Connection.Thing.Attributes[missing]}"),
        allow("iot:Publish", "topic/e/${iot:Connection.Thing.Attributes[empty]}"),
      ],
      allowed: ["iot:Publish topic/truck/truck1", "iot:Publish topic/m/freezer", "iot:Publish topic/e/"],
      implicitlyDenied: ["iot:Publish topic/truck/truck2", "iot:Publish topic/m/x", "iot:Publish topic/x/"]),
    Example(
      name: "the certificate's subject",
      statements: [
        allow("iot:Publish", "topic/${iot:Certificate.Subject.CommonName}"),
        allow("iot:Publish", "topic/o/${iot:Certificate.Subject.Organization}"),
        allow("iot:Publish", "topic/o0/${iot:Certificate.Subject.Organization.0}"),
        allow(
          "iot:Receive", "topic/g",
          condition:
            #"{"ForAnyValue:StringEquals": {"iot:Certificate.Subject.Organization.List": ["Ice", "Milk"]}}"#),
        allow(
          "iot:Receive", "topic/h",
          condition: #"{"ForAllValues:StringEquals": {"iot:Certificate.Subject.Organization.List": ["Ice"]}}"#
        ),
      ], subject: ["CommonName": ["truck1"], "Organization": ["Ice", "Cream"]],
      allowed: ["iot:Publish topic/truck1", "iot:Publish topic/o0/Ice", "iot:Receive topic/g"],
      implicitlyDenied: ["iot:Publish topic/o/Ice", "iot:Publish topic/o/Cream", "iot:Receive topic/h"]),
    Example(
      name: "conditions on strings",
      statements: [
        allow("iot:Publish", "topic/a", condition: #"{"StringEquals": {"iot:ClientId": ["x", "truck1"]}}"#),
        allow("iot:Publish", "topic/b", condition: #"{"StringNotEquals": {"iot:ClientId": "truck1"}}"#),
        allow("iot:Publish", "topic/c", condition: #"{"StringLike": {"iot:ClientId": "truck?"}}"#),
        allow("iot:Publish", "topic/d", condition: #"{"StringNotEquals": {"iot:Missing": "x"}}"#),
        allow("iot:Publish", "topic/e", condition: #"{"StringEquals": {"iot:Missing": "x"}}"#),
        allow("iot:Publish", "topic/f", condition: #"{"StringEqualsIfExists": {"iot:Missing": "x"}}"#),
        allow("iot:Publish", "topic/g", condition: #"{"Null": {"iot:Missing": "true"}}"#),
        allow(
          "iot:Publish", "topic/h", condition: #"{"StringEqualsIgnoreCase": {"iot:ClientId": "TRUCK1"}}"#),
        allow(
          "iot:Publish", "topic/i",
          condition:
            #"{"StringEquals": {"iot:ClientId": "truck1"}, "Bool": {"iot:Connection.Thing.IsAttached": "false"}}"#
        ),
        allow("iot:Publish", "topic/j", condition: #"{"StringEquals": {"iot:ClientId": "truck*"}}"#),
      ],
      allowed: [
        "iot:Publish topic/a", "iot:Publish topic/c", "iot:Publish topic/d", "iot:Publish topic/f",
        "iot:Publish topic/g", "iot:Publish topic/h",
      ],
      implicitlyDenied: [
        "iot:Publish topic/b", "iot:Publish topic/e", "iot:Publish topic/i", "iot:Publish topic/j",
      ]),
    Example(
      name: "conditions on the address and the time",
      statements: [
        allow(
          "iot:Publish", "topic/a",
          condition: #"{"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}}"#),
        allow("iot:Publish", "topic/b", condition: #"{"IpAddress": {"aws:sourceip": "203.0.113.8/29"}}"#),
        allow("iot:Publish", "topic/c", condition: #"{"NotIpAddress": {"aws:SourceIp": "203.0.113.7"}}"#),
        allow("iot:Publish", "topic/d", condition: #"{"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}"#),
        allow(
          "iot:Publish", "topic/e",
          condition: #"{"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}"#),
        allow(
          "iot:Publish", "topic/f",
          condition: #"{"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}"#),
        allow(
          "iot:Publish", "topic/g",
          condition: #"{"NumericGreaterThanEquals": {"aws:EpochTime": "1775001600"}}"#),
        allow(
          "iot:Publish", "topic/h", condition: #"{"DateEquals": {"aws:EpochTime": "2026-04-01T00:00:00Z"}}"#),
      ],
      allowed: [
        "iot:Publish topic/a", "iot:Publish topic/e", "iot:Publish topic/g", "iot:Publish topic/h",
      ],
      implicitlyDenied: [
        "iot:Publish topic/b", "iot:Publish topic/c", "iot:Publish topic/d", "iot:Publish topic/f",
      ]),
    Example(
      name: "actions with wildcards and without regard to case",
      statements: [allow("iot:*Publish", "topic/a"), allow("IOT:subscribe", "topicfilter/a")],
      allowed: ["iot:Publish topic/a", "iot:RetainPublish topic/a", "iot:Subscribe topicfilter/a"],
      implicitlyDenied: ["iot:Receive topic/a"]),
    Example(
      name: "all but",
      statements: [
        #"{"Effect": "Allow", "NotAction": "iot:Publish", "Resource": "*"}"#,
        #"{"Effect": "Allow", "Action": "iot:Publish", "NotResource": "arn:aws:iot:*:*:topic/secret/*"}"#,
      ],
      allowed: ["iot:Connect client/x", "iot:Publish topic/a"],
      implicitlyDenied: ["iot:Publish topic/secret/a"]),
    Example(
      name: "a value with a wildcard in it isn't a wildcard, and '${*}' is a star",
      statements: [allow("iot:Publish", "topic/${iot:ClientId}", "topic/s/${*}")], clientID: "truck*",
      thing: nil,
      allowed: ["iot:Publish topic/truck*", "iot:Publish topic/s/*"],
      implicitlyDenied: ["iot:Publish topic/truck1", "iot:Publish topic/s/a"]),
    Example(
      name: "whole ARNs with region and account",
      statements: [allow("iot:Publish", "topic/a")],
      allowed: ["iot:Publish arn:aws:iot:us-east-1:123456789012:topic/a"],
      implicitlyDenied: [
        "iot:Publish arn:aws:iot:eu-west-1:123456789012:topic/a",
        "iot:Publish arn:aws:iot:us-east-1:999999999999:topic/a",
      ]),
    Example(
      name: "no statement at all that matches", statements: [allow("iot:Receive", "topic/z")],
      implicitlyDenied: ["iot:Connect client/truck1"]),
  ]

  @Test func `there are at least eighty requests`() {
    let count = Self.examples.map { $0.allowed.count + $0.implicitlyDenied.count + $0.explicitlyDenied.count }
    #expect(count.reduce(0, +) >= 80)
  }

  @Test(arguments: examples) func `documented policies evaluate as documented`(example: Example) throws {
    // Each statement in a policy of its own gives the same as all in one.
    let one = try Self.wrapped(example.statements)
    let several = try example.statements.map { try Self.wrapped([$0]) }
    var context = PolicyContext(
      clientID: example.clientID, subject: example.subject, thing: example.thing,
      isAttached: example.isAttached)
    // 2026-04-01T00:00:00Z.
    context.setRequest(sourceIP: "203.0.113.7", epochSeconds: 1_775_001_600)
    func check(_ requests: [String], _ outcome: PolicyDecision.Outcome) {
      for request in requests {
        let words = request.split(separator: " ", maxSplits: 1).map(String.init)
        for policies in [[one], several] {
          let decision = PolicyDocument.evaluate(
            action: words[0], resource: words[1], policies: policies, context: context)
          #expect(decision.outcome == outcome, "\(request)")
          #expect(decision.decidedBy.isEmpty == (outcome == .implicitDeny))
        }
      }
    }
    check(example.allowed, .allowed)
    check(example.implicitlyDenied, .implicitDeny)
    check(example.explicitlyDenied, .explicitDeny)
  }

  private static func wrapped(_ statements: [String]) throws -> PolicyDocument {
    let text = "{\"Version\": \"2012-10-17\", \"Statement\": [\(statements.joined(separator: ", "))]}"
    return try PolicyDocument(Array(text.utf8), file: "policies/example.json")
  }

  @Test(arguments: [
    ("{", "is not valid JSON"), ("[]", "a policy is a JSON object"),
    (#"{"Statement": []}"#, "Version: is missing"),
    (#"{"Version": "2020-01-01", "Statement": []}"#, "Version: must be"),
    (#"{"Version": "2012-10-17"}"#, "Statement: is missing"),
    (#"{"Version": "2012-10-17", "Statement": []}"#, "Statement: is empty"),
    (#"{"Version": "2012-10-17", "Statement": [1]}"#, "Statement[0]: must be an object"),
    (#"{"Version": "2012-10-17", "Extra": 1, "Statement": []}"#, "Extra: is not an element"),
    (#"{"Version": "2012-10-17", "Statement": {"Effect": "allow"}}"#, "Statement[0].Effect: must be"),
    (
      #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*"}}"#,
      "Principal: is not an element of a statement; an IoT policy is attached"
    ),
    (#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow"}}"#, "Action: is missing"),
    (
      #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get", "Resource": "*"}}"#,
      "'s3:Get' is not an action of AWS IoT"
    ),
    (
      #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "topic/a"}}"#,
      "is not an ARN"
    ),
    (
      #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": [1, [2]], "Resource": "*"}}"#,
      "Action: must be a string or an array of strings"
    ),
    (
      #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "NotAction": "iot:*", "Resource": "*"}}"#,
      "NotAction: can't be combined with Action"
    ),
    (
      #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*", "Condition": {"Like": {"a": "b"}}}}"#,
      "unknown condition operator"
    ),
  ])
  func `a wrong document is refused with its place`(text: String, message: String) {
    let error = #expect(throws: IdentityError.self) {
      try PolicyDocument(Array(text.utf8), file: "policies/wrong.json")
    }
    #expect(error?.code == .invalidPolicy)
    #expect(error?.message.hasPrefix("policies/wrong.json: ") == true)
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `a document over AWS's size is refused, and no JSON has line and column`() throws {
    let long = String(repeating: "x", count: 2048)
    #expect(throws: IdentityError.self) {
      try Self.policy("long", Self.allow("iot:Publish", "topic/\(long)"))
    }
    let error = #expect(throws: IdentityError.self) {
      try PolicyDocument(Array("{\n  \"Version\": x\n}".utf8), file: "p.json")
    }
    #expect(error?.message.contains("line 2") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    (allow("iot:*", "*"), "allows every action"), (allow("iot:Publish", "topic/*"), "matches every topic"),
    (allow("iot:Connect", "client/*"), "any client identifier"),
    (
      allow("iot:Connect", "client/${iot:Connection.Thing.ThingNam}"),
      "did you mean 'iot:Connection.Thing.ThingName'?"
    ),
    (
      allow("iot:Publish", "topic/a", condition: #"{"StringEquals": {"iot:ClientID2": "x"}}"#),
      "did you mean 'iot:ClientId'?"
    ),
    (
      allow("iot:Publish", "topic/a", condition: #"{"IpAddress": {"aws:SourceIp": "10.0.0.0/33"}}"#),
      "'10.0.0.0/33' for aws:SourceIp is not an IP address"
    ),
    (
      allow("iot:Publish", "topic/a", condition: #"{"DateLessThan": {"aws:CurrentTime": "soon"}}"#),
      "'soon' for aws:CurrentTime is not a time"
    ),
    (allow("iot:Subscribe", "topicfilter/a"), "iot:Subscribe without iot:Receive"),
    (allow("iot:Receive", "topic/a"), "iot:Receive without iot:Subscribe"),
    (allow("iot:Publish", "topic/a/#"), "are plain characters"),
    (allow("iot:Subscribe", "topic/a"), "applies to 'topicfilter/…'"),
    (allow("iot:Publish", "topic/a"), "iot:Connect is not allowed"),
    (#"{"Effect": "Allow", "NotAction": "iot:Publish", "Resource": "*"}"#, "NotAction allows every action"),
    (
      allow("iot:Publsh", "topic/a"),
      "'iot:Publsh' is not an action of AWS IoT and matches nothing; did you mean 'iot:Publish'?"
    ),
    (#"{"Effect": "Deny", "Action": "iot:Recieve", "Resource": "*"}"#, "did you mean 'iot:Receive'?"),
    (
      #"{"Effect": "Deny", "NotAction": ["iot:Publish", "iotanalytics:x"], "Resource": "*"}"#,
      "'iotanalytics:x' is not"
    ),
    (allow("iot:Pub*x", "topic/a"), "'iot:Pub*x' is not an action"),
  ])
  func `what grants too much is warned of`(statement: String, warning: String) throws {
    let warnings = try Self.policy("w", statement).warnings
    #expect(warnings.contains { $0.contains(warning) }, "\(warnings)")
  }

  @Test(arguments: [
    "iot:Publish", "iot:publish", "iot:*", "*", "iot:*Publish", "iot:Get?hingShadow",
    "iotjobsdata:DescribeJobExecution",
    "iot:AssumeRoleWithCertificate",
  ])
  func `an action of AWS IoT is not warned of`(action: String) throws {
    let warnings = try Self.policy("w", Self.allow(action, "topic/a")).warnings
    #expect(!warnings.contains { $0.contains("not an action") }, "\(warnings)")
  }

  @Test(arguments: [
    (allow("iot:Publish", "topic/a/*"), ["write a/+/#"]), (allow("iot:Publish", "topic/*"), ["write #"]),
    (allow("iot:Publish", "topic/a*"), ["write a", "write a/+/#"]),
    (allow("iot:Publish", "topic/a/*/b"), ["write a/+/b"]), (allow("iot:Publish", "topic/a?"), []),
    (allow("iot:Publish", "topic/${iot:ClientId}"), ["write truck1"]),
    (allow("iot:Subscribe", "topicfilter/a/+"), []), (allow("iot:Receive", "topic/a"), []),
    (allow("iot:Subscribe iot:Receive", "topicfilter/a", "topic/a"), ["read a"]),
    (allow("iot:Subscribe iot:Receive", "topicfilter/a/#", "topic/a/*"), ["read a/#"]),
    (allow("iot:*", "*"), ["read #", "write #"]),
  ])
  func `a policy compiles to the broker's rules`(statement: String, rules: [String]) throws {
    let policy = try Self.policy("p", Self.allow("iot:Connect", "client/truck1"), statement)
    let access = PolicyAccess(
      policies: [policy], clientID: "truck1", context: PolicyContext(clientID: "truck1"))
    #expect(access.mayConnect)
    #expect(access.rules.map { "\($0.access.rawValue) \($0.topicFilter)" }.sorted() == rules)
  }

  @Test func `the repository's policy is what a run makes, and has no warning`() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("policies/truckSensor-policy.json").path
    let policy = try PolicyDocument(Array(Data(contentsOf: URL(fileURLWithPath: path))), file: path)
    #expect(policy.warnings == [])
  }
}
