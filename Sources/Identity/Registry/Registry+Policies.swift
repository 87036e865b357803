import Files
import FoundationEssentials
import Numbers
import Text

/// Policies' versions. The document in force is always the file `policies/NAME.json`, which people edit, too.
extension Registry {
  /// The versions of the policies that are more than a file, in the order in which they were added.
  package var policies: [PolicyVersions] { policiesByName.inOrder }

  /// The versions of a policy whose file holds `document`; a policy that is only a file has one version.
  package func versions(ofPolicy name: String, document: String, fileDate: String) -> PolicyVersions {
    guard var policy = policiesByName[name] else {
      return PolicyVersions(
        policyName: name, generationId: StableID.of("policy/\(name)"), creationDate: fileDate,
        lastModifiedDate: fileDate, defaultVersionId: 1, lastVersionId: 1,
        versions: [.init(versionId: 1, document: document, creationDate: fileDate)])
    }
    for index in policy.versions.indices where policy.versions[index].versionId == policy.defaultVersionId {
      policy.versions[index].document = document
    }
    return policy
  }

  /// CreatePolicy: records when a policy was created.
  package mutating func createPolicy(_ name: String, document: String, now: Date = Date())
    throws(IdentityError)
  {
    try Self.check(policyName: name)
    let date = now.iso8601
    var policy = versions(ofPolicy: name, document: document, fileDate: date)
    policy.generationId = UniqueID.make()
    policiesByName[name] = policy
  }

  /// Replaces the recorded versions of a policy.
  package mutating func setVersions(_ policy: PolicyVersions) { policiesByName[policy.policyName] = policy }

  /// DeletePolicy.
  package mutating func forgetPolicy(_ name: String) { policiesByName[name] = nil }
}
