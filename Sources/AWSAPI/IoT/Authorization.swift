import Identity
import JSON

extension IoTService {
  var authorizationOperations: [RESTOperation] {
    let principal = RESTOperation.Member.body("principal", .text())
    let pool = RESTOperation.Member.body("cognitoIdentityPoolId", .text())
    let authInfo = Shape.structure([
      .init("actionType", .text(words: Self.actions.map(\.type))),
      .init("resources", .list(.text(length: 0...2048)), required: true),
    ])
    return [
      RESTOperation(
        "TestAuthorization", "POST /test-authorization",
        [
          principal, pool, .body("authInfos", .list(authInfo, count: 1...10), required: true),
          .query("clientId", .text()), .body("policyNamesToAdd", .list(.policyName)),
          .body("policyNamesToSkip", .list(.policyName)),
        ], action: testAuthorization),
      RESTOperation(
        "GetEffectivePolicies", "POST /effective-policies",
        [principal, pool, .query("thingName", .name)], action: effectivePolicies),
    ]
  }

  private static let actions: [(type: String, action: String)] = [
    ("PUBLISH", "iot:Publish"), ("SUBSCRIBE", "iot:Subscribe"), ("RECEIVE", "iot:Receive"),
    ("CONNECT", "iot:Connect"),
  ]

  private func testAuthorization(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let clientID = request.text("clientId")
    var context = PolicyContext(clientID: clientID)
    var names: [String] = []
    if let principal = request.text("principal") {
      let certificate = try certificate(principal: principal, in: registry)
      context = Provisioning.context(of: certificate, clientID: clientID, in: registry)
      names = registry.policies(of: certificate, clientID: clientID)
    } else if request["cognitoIdentityPoolId"] != nil {
      throw .invalidRequest("Cognito is not available in trucksensor's local cloud")
    }
    for name in request.texts("policyNamesToAdd") where !names.contains(name) {
      _ = try policy(name, in: registry)
      names.append(name)
    }
    let skipped = request.texts("policyNamesToSkip")
    // A policy that can't be read allows nothing, as at the broker.
    let policies = names.filter { !skipped.contains($0) }.compactMap { try? cloud.policies.policy($0) }
    return .json {
      $0.array("authResults") {
        for info in request["authInfos"]?.elements ?? [] {
          Self.write(Verdict(info, policies, context), of: info, request, to: &$0)
        }
      }
    }
  }

  /// The policies' decision on an action for several resources: it is allowed only if it is allowed for each of them.
  private struct Verdict {
    var outcome = PolicyDecision.Outcome.allowed
    var allowing: [String] = []
    var denying: [String] = []

    init(_ info: JSONElement, _ policies: [PolicyDocument], _ context: PolicyContext) {
      let type = info["actionType"]?.text
      let action = IoTService.actions.first { $0.type == type }?.action ?? ""
      for resource in info["resources"]?.elements.compactMap(\.text) ?? [] {
        let decision = PolicyDocument.evaluate(
          action: action, resource: resource, policies: policies, context: context)
        switch (decision.outcome, outcome) {
        case (.explicitDeny, _): outcome = .explicitDeny
        case (.implicitDeny, .allowed): outcome = .implicitDeny
        default: break
        }
        // The policies that decided are those that have this outcome on their own.
        for policy in policies {
          let own = PolicyDocument.evaluate(
            action: action, resource: resource, policies: [policy], context: context)
          if own.outcome == .allowed, !allowing.contains(policy.name) { allowing.append(policy.name) }
          if own.outcome == .explicitDeny, !denying.contains(policy.name) { denying.append(policy.name) }
        }
      }
    }
  }

  private static func write(
    _ verdict: Verdict, of info: JSONElement, _ request: RESTRequest, to json: inout JSONWriter
  ) {
    func policies(_ names: [String], _ json: inout JSONWriter) {
      json.object { json in
        json.array("policies") { for name in names { write(policy: name, request, to: &$0) } }
      }
    }
    json.object {
      $0.key("authInfo")
      $0.value(info)
      $0.key("allowed")
      policies(verdict.allowing, &$0)
      $0.object("denied") {
        $0.key("implicitDeny")
        policies([], &$0)
        $0.key("explicitDeny")
        policies(verdict.denying, &$0)
      }
      $0.member("authDecision", verdict.outcome.rawValue)
      $0.array("missingContextValues") { _ in }
    }
  }

  private func effectivePolicies(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let thingName = request.text("thingName")
    if let thingName { _ = try thing(thingName, in: registry) }
    var names: [String] = []
    if let principal = request.text("principal") {
      names = try certificate(principal: principal, in: registry).policies
    }
    if let thingName {
      for name in registry.groupPolicies(ofThing: thingName) where !names.contains(name) {
        names.append(name)
      }
    }
    var found: [(name: String, document: String)] = []
    for name in names {
      let policy = try policy(name, in: registry)
      let present = policy.versions.first { $0.versionId == policy.defaultVersionId }
      found.append((name, present?.document ?? ""))
    }
    return .json {
      $0.array("effectivePolicies") {
        for (name, document) in found {
          $0.object {
            $0.member("policyName", name)
            $0.member("policyArn", request.arn("policy", name))
            $0.member("policyDocument", document)
          }
        }
      }
    }
  }
}
