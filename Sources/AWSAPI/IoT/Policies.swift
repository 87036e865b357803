import Files
import Identity
import JSON
import Time

extension IoTService {
  /// The maximum number of versions of a policy, as in AWS.
  private static let versionLimit = 5

  var policyOperations: [RESTOperation] {
    let name = RESTOperation.Member.path("policyName", .policyName)
    let version = RESTOperation.Member.path("policyVersionId", .policyVersion)
    let document = RESTOperation.Member.body("policyDocument", .text(length: 0...404_600), required: true)
    let numbered = "/policies/{policyName}/version/{policyVersionId}"
    return [
      RESTOperation(
        "CreatePolicy", "POST /policies/{policyName}", [name, document, .body("tags", .tags)],
        action: createPolicy),
      RESTOperation("GetPolicy", "GET /policies/{policyName}", [name], action: getPolicy),
      RESTOperation("ListPolicies", "GET /policies", .markers + .ascending, action: listPolicies),
      RESTOperation("DeletePolicy", "DELETE /policies/{policyName}", [name], action: deletePolicy),
      RESTOperation(
        "CreatePolicyVersion", "POST /policies/{policyName}/version",
        [name, document, .query("setAsDefault", .flag)], action: createVersion),
      RESTOperation(
        "ListPolicyVersions", "GET /policies/{policyName}/version", [name], action: listVersions),
      RESTOperation("GetPolicyVersion", "GET \(numbered)", [name, version], action: getVersion),
      RESTOperation("DeletePolicyVersion", "DELETE \(numbered)", [name, version], action: deleteVersion),
      RESTOperation(
        "SetDefaultPolicyVersion", "PATCH \(numbered)", [name, version], action: setDefaultVersion),
    ]
  }

  /// The versions of a policy; throws if it doesn't exist. The file always holds the default version.
  func policy(_ name: String, in registry: Registry) throws(AWSFault) -> PolicyVersions {
    let file = cloud.policies.file(of: name)
    guard let stamp = Files.stamp(of: file) else { throw .resourceNotFound("Policy not found") }
    do throws(FileError) {
      return registry.versions(
        ofPolicy: name, document: try Files.readText(file),
        fileDate: Timestamp.iso8601(stamp.seconds.saturatingMultiply(1_000_000_000)))
    } catch {
      throw AWSFault(error)
    }
  }

  private func version(
    _ request: RESTRequest, of policy: PolicyVersions
  ) throws(AWSFault) -> PolicyVersions.Version {
    let text = request.required("policyVersionId")
    guard let number = Int(text), let found = policy.versions.first(where: { $0.versionId == number }) else {
      throw .resourceNotFound("The policy version \(text.prefix(20)) of \(policy.policyName) does not exist")
    }
    return found
  }

  /// Throws `MalformedPolicyException` for a document that can't be enforced.
  private func check(_ document: String) throws(AWSFault) {
    try attempt { () throws(IdentityError) in
      _ = try PolicyDocument(Array(document.utf8), file: "policyDocument")
    }
  }

  private func write(_ document: String, of name: String) throws(AWSFault) {
    do throws(FileError) {
      try Files.makeFolder(cloud.policies.path)
      try Files.write(Array(document.utf8), to: cloud.policies.file(of: name))
    } catch {
      throw AWSFault(error)
    }
  }

  private func createPolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("policyName")
    let document = request.required("policyDocument")
    let arn = request.arn("policy", name)
    try check(document)
    try change { registry throws(AWSFault) in
      guard !Files.exists(cloud.policies.file(of: name)) else {
        throw AWSFault(
          "ResourceAlreadyExistsException", status: 409,
          "Policy cannot be created - name already exists (name=\(name))",
          members: [("resourceId", name), ("resourceArn", arn)])
      }
      registry.forgetPolicy(name)
      try attempt { () throws(IdentityError) in try registry.createPolicy(name, document: document) }
      try Self.setTags(request["tags"], of: "policy/\(name)", in: &registry)
      try write(document, of: name)
    }
    return .json {
      $0.member("policyName", name)
      $0.member("policyArn", arn)
      $0.member("policyDocument", document)
      $0.member("policyVersionId", "1")
    }
  }

  private func getPolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let policy = try policy(request.required("policyName"), in: registry())
    let present = policy.versions.first { $0.versionId == policy.defaultVersionId }
    return .json {
      $0.member("policyName", policy.policyName)
      $0.member("policyArn", request.arn("policy", policy.policyName))
      $0.member("policyDocument", present?.document ?? "")
      $0.member("defaultVersionId", "\(policy.defaultVersionId)")
      $0.member("creationDate", time: policy.creationDate)
      $0.member("lastModifiedDate", time: policy.lastModifiedDate)
      $0.member("generationId", policy.generationId)
    }
  }

  private func listPolicies(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let names: [String]
    do throws(FileError) {
      names = try cloud.policies.names()
    } catch {
      throw AWSFault(error)
    }
    return try .markedPage(names, request, "policies", key: { $0 }) { name, json in
      Self.write(policy: name, request, to: &json)
    }
  }

  /// A policy's name and ARN.
  static func write(policy name: String, _ request: RESTRequest, to json: inout JSONWriter) {
    json.object {
      $0.member("policyName", name)
      $0.member("policyArn", request.arn("policy", name))
    }
  }

  private func deletePolicy(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("policyName")
    try change { registry throws(AWSFault) in
      let policy = try policy(name, in: registry)
      guard registry.targets(ofPolicy: name).isEmpty, registry.groups(withPolicy: name).isEmpty else {
        throw AWSFault(
          "DeleteConflictException", status: 409,
          "The policy cannot be deleted as the policy is attached to one or more principals (name=\(name))")
      }
      guard policy.versions.count == 1 else {
        throw AWSFault(
          "DeleteConflictException", status: 409,
          "Cannot delete the policy because it has one or more policy versions attached to it (name=\(name))")
      }
      registry.forgetPolicy(name)
      registry.setTags([:], of: "policy/\(name)")
      do throws(FileError) {
        try Files.remove(cloud.policies.file(of: name))
      } catch {
        throw AWSFault(error)
      }
    }
    return .nothing
  }

  // MARK: Versions

  private func createVersion(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("policyName")
    let document = request.required("policyDocument")
    let isDefault = request.flag("setAsDefault")
    let number = try change { registry throws(AWSFault) in
      var policy = try policy(name, in: registry)
      try check(document)
      guard policy.versions.count < Self.versionLimit else {
        throw AWSFault(
          "VersionsLimitExceededException", status: 409,
          "The policy \(name) already has the maximum number of versions (\(Self.versionLimit))")
      }
      let now = Timestamp.iso8601(Timestamp.now)
      policy.lastVersionId = policy.lastVersionId.saturatingAdd(1)
      policy.lastModifiedDate = now
      policy.versions.append(
        .init(versionId: policy.lastVersionId, document: document, creationDate: now))
      if isDefault {
        policy.defaultVersionId = policy.lastVersionId
        try write(document, of: name)
      }
      registry.setVersions(policy)
      return policy.lastVersionId
    }
    return .json {
      $0.member("policyArn", request.arn("policy", name))
      $0.member("policyDocument", document)
      $0.member("policyVersionId", "\(number)")
      $0.member("isDefaultVersion", isDefault)
    }
  }

  private func listVersions(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let policy = try policy(request.required("policyName"), in: registry())
    return .json {
      $0.array("policyVersions") {
        for version in policy.versions {
          $0.object {
            $0.member("versionId", "\(version.versionId)")
            $0.member("isDefaultVersion", version.versionId == policy.defaultVersionId)
            $0.member("createDate", time: version.creationDate)
          }
        }
      }
    }
  }

  private func getVersion(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let policy = try policy(request.required("policyName"), in: registry())
    let version = try version(request, of: policy)
    return .json {
      $0.member("policyArn", request.arn("policy", policy.policyName))
      $0.member("policyName", policy.policyName)
      $0.member("policyDocument", version.document)
      $0.member("policyVersionId", "\(version.versionId)")
      $0.member("isDefaultVersion", version.versionId == policy.defaultVersionId)
      $0.member("creationDate", time: version.creationDate)
      $0.member("lastModifiedDate", time: version.creationDate)
      $0.member("generationId", policy.generationId)
    }
  }

  private func deleteVersion(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      var policy = try policy(request.required("policyName"), in: registry)
      let version = try version(request, of: policy)
      guard version.versionId != policy.defaultVersionId else {
        throw AWSFault(
          "DeleteConflictException", status: 409, "Cannot delete the default version of a policy")
      }
      policy.versions.removeAll { $0.versionId == version.versionId }
      policy.lastModifiedDate = Timestamp.iso8601(Timestamp.now)
      registry.setVersions(policy)
    }
    return .nothing
  }

  private func setDefaultVersion(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      var policy = try policy(request.required("policyName"), in: registry)
      let version = try version(request, of: policy)
      guard version.versionId != policy.defaultVersionId else { return }
      policy.defaultVersionId = version.versionId
      policy.lastModifiedDate = Timestamp.iso8601(Timestamp.now)
      registry.setVersions(policy)
      try write(version.document, of: policy.policyName)
    }
    return .nothing
  }
}
