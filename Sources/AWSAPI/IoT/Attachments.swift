import Files
import Identity
import JSON

/// Policies attached to certificates and groups, certificates attached to things.
extension IoTService {
  var attachmentOperations: [RESTOperation] {
    let policy = RESTOperation.Member.path("policyName", .policyName)
    let target = RESTOperation.Member.body("target", .text(), required: true)
    let oldPrincipal = RESTOperation.Member.header(
      "principal", .text(), as: "x-amzn-iot-principal", required: true)
    let thing = RESTOperation.Member.path("thingName", .name)
    let principal = RESTOperation.Member.header("principal", .text(), as: "x-amzn-principal", required: true)
    let type = RESTOperation.Member.query("thingPrincipalType", .principalType)
    return [
      RESTOperation(
        "AttachPolicy", "PUT /target-policies/{policyName}", [policy, target], action: attachPolicy),
      RESTOperation(
        "DetachPolicy", "POST /target-policies/{policyName}", [policy, target], action: detachPolicy),
      RESTOperation(
        "ListAttachedPolicies", "POST /attached-policies/{target}",
        [.path("target", .text()), .query("recursive", .flag)] + .markers, action: listAttachedPolicies),
      RESTOperation(
        "ListTargetsForPolicy", "POST /policy-targets/{policyName}", [policy] + .markers,
        action: listTargets),
      RESTOperation(
        "AttachPrincipalPolicy", "PUT /principal-policies/{policyName}", [policy, oldPrincipal],
        action: attachPrincipalPolicy),
      RESTOperation(
        "DetachPrincipalPolicy", "DELETE /principal-policies/{policyName}", [policy, oldPrincipal],
        action: detachPrincipalPolicy),
      RESTOperation(
        "ListPrincipalPolicies", "GET /principal-policies", [oldPrincipal] + .markers + .ascending,
        action: listPrincipalPolicies),
      RESTOperation(
        "ListPolicyPrincipals", "GET /policy-principals",
        [.header("policyName", .policyName, as: "x-amzn-iot-policy", required: true)] + .markers
          + .ascending, action: listPolicyPrincipals),
      RESTOperation(
        "AttachThingPrincipal", "PUT /things/{thingName}/principals", [thing, principal, type],
        action: attachThing),
      RESTOperation(
        "DetachThingPrincipal", "DELETE /things/{thingName}/principals", [thing, principal],
        action: detachThing),
      RESTOperation(
        "ListThingPrincipals", "GET /things/{thingName}/principals", [thing] + .pages,
        action: listThingPrincipals),
      RESTOperation(
        "ListThingPrincipalsV2", "GET /things/{thingName}/principals-v2", [thing, type] + .pages,
        action: listThingPrincipalsV2),
      RESTOperation(
        "ListPrincipalThings", "GET /principals/things", [principal] + .pages, action: listPrincipalThings),
      RESTOperation(
        "ListPrincipalThingsV2", "GET /principals/things-v2", [principal, type] + .pages,
        action: listPrincipalThingsV2),
    ]
  }

  // MARK: Policies

  private func attachPolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setPolicy(request, target: "target", true)
  }

  private func detachPolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setPolicy(request, target: "target", false)
  }

  private func attachPrincipalPolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setPolicy(request, target: "principal", true)
  }

  private func detachPrincipalPolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setPolicy(request, target: "principal", false)
  }

  private func setPolicy(
    _ request: RESTRequest, target: String, _ isAttached: Bool
  ) throws(AWSFault) -> RESTAnswer {
    let name = request.required("policyName")
    let target = request.required(target)
    try change { registry throws(AWSFault) in
      guard Files.exists(cloud.policies.file(of: name)) else {
        throw .resourceNotFound("Policy not found (name=\(name))")
      }
      if let group = try groupTarget(target, in: registry) {
        try requireAttached(isAttached || group.policies.contains(name), name, target)
        try attempt { () throws(IdentityError) in
          try registry.setPolicy(name, ofGroup: group.thingGroupName, isAttached)
        }
        return
      }
      let certificate = try certificate(principal: target, in: registry)
      let isThere = certificate.policies.contains(name)
      try requireAttached(isAttached || isThere, name, target)
      guard isAttached != isThere else { return }
      try attempt { () throws(IdentityError) in
        try registry.setPolicy(name, ofCertificate: certificate.certificateId, isAttached)
      }
    }
    return .nothing
  }

  private func requireAttached(_ isThere: Bool, _ policy: String, _ target: String) throws(AWSFault) {
    guard isThere else {
      throw .resourceNotFound("The policy \(policy) is not attached to \(target.prefix(200))")
    }
  }

  /// The thing group that a target's ARN names; nil if the ARN names something else. Throws if the group doesn't exist.
  private func groupTarget(_ target: String, in registry: Registry) throws(AWSFault) -> ThingGroup? {
    guard let name = Self.name(inARN: target, of: "thinggroup") else { return nil }
    guard let group = registry.thingGroup(name) else {
      throw .resourceNotFound("The thing group \(target.prefix(300)) does not exist")
    }
    return group
  }

  private func listAttachedPolicies(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let target = request.required("target")
    var names: [String]
    if let group = try groupTarget(target, in: registry) {
      names = group.policies
      if request.flag("recursive") {
        for name in registry.ancestors(of: group).flatMap(\.policies) where !names.contains(name) {
          names.append(name)
        }
      }
    } else {
      let certificate = try certificate(principal: target, in: registry)
      names = certificate.policies
      if request.flag("recursive") {
        for name in certificate.things.flatMap({ registry.groupPolicies(ofThing: $0) })
        where !names.contains(name) {
          names.append(name)
        }
      }
    }
    return try .markedPage(names, request, "policies", isAscending: true, key: { $0 }) { name, json in
      Self.write(policy: name, request, to: &json)
    }
  }

  private func listPrincipalPolicies(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let names = try certificate(principal: request.required("principal"), in: registry()).policies
    return try .markedPage(names, request, "policies", key: { $0 }) { name, json in
      Self.write(policy: name, request, to: &json)
    }
  }

  private func listTargets(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let name = request.required("policyName")
    _ = try policy(name, in: registry)
    let targets =
      registry.targets(ofPolicy: name).map { request.arn("cert", $0.certificateId) }
      + registry.groups(withPolicy: name).map { request.arn("thinggroup", $0.thingGroupName) }
    return try .markedPage(targets, request, "targets", isAscending: true, key: { $0 }) { arn, json in
      json.value(arn)
    }
  }

  private func listPolicyPrincipals(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let name = request.required("policyName")
    _ = try policy(name, in: registry)
    let arns = registry.targets(ofPolicy: name).map { request.arn("cert", $0.certificateId) }
    return try .markedPage(arns, request, "principals", key: { $0 }) { arn, json in json.value(arn) }
  }

  // MARK: Things

  private func attachThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setThing(request, true)
  }

  private func detachThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setThing(request, false)
  }

  private func setThing(_ request: RESTRequest, _ isAttached: Bool) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingName")
    guard request.text("thingPrincipalType") != "EXCLUSIVE_THING" else {
      throw .invalidRequest("EXCLUSIVE_THING is not available in trucksensor's local cloud")
    }
    try change { registry throws(AWSFault) in
      _ = try thing(name, in: registry)
      let certificate = try certificate(principal: request.required("principal"), in: registry)
      try attempt { () throws(IdentityError) in
        try registry.setThing(name, ofCertificate: certificate.certificateId, isAttached)
      }
    }
    return .nothing
  }

  private func principals(_ request: RESTRequest) throws(AWSFault) -> [String] {
    let registry = try registry()
    let name = request.required("thingName")
    guard registry.thing(name) != nil else {
      throw .resourceNotFound(
        "Failed to list principals for thing \(name) because the thing does not exist in your account")
    }
    return registry.certificates.filter { $0.things.contains(name) }.map {
      request.arn("cert", $0.certificateId)
    }
  }

  private func listThingPrincipals(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try .page(principals(request), request, "principals", key: { $0 }) { arn, json in json.value(arn) }
  }

  private func listThingPrincipalsV2(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let arns = try principals(request)
    let shown = request.text("thingPrincipalType") == "EXCLUSIVE_THING" ? [] : arns
    return try .page(shown, request, "thingPrincipalObjects", key: { $0 }) { arn, json in
      json.object {
        $0.member("principal", arn)
        $0.member("thingPrincipalType", "NON_EXCLUSIVE_THING")
      }
    }
  }

  private func listPrincipalThings(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let things = try certificate(principal: request.required("principal"), in: registry()).things
    return try .page(things, request, "things", key: { $0 }) { thing, json in json.value(thing) }
  }

  private func listPrincipalThingsV2(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let things = try certificate(principal: request.required("principal"), in: registry()).things
    let shown = request.text("thingPrincipalType") == "EXCLUSIVE_THING" ? [] : things
    return try .page(shown, request, "principalThingObjects", key: { $0 }) { thing, json in
      json.object {
        $0.member("thingName", thing)
        $0.member("thingPrincipalType", "NON_EXCLUSIVE_THING")
      }
    }
  }
}
