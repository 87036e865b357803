import Files
import FoundationEssentials
import Numbers
import Text

/// Policies' versions. The document that counts is always the file `policies/NAME.json`, which people edit, too.
extension Registry {
  /// The versions of the policies that have more than their file, in the order in which they came.
  package var policies: [PolicyVersions] { policiesByName.inOrder }

  /// The versions of a policy whose file has `document`; a policy that was only a file so far has one version.
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

  /// CreatePolicy: notes when a policy was made.
  package mutating func createPolicy(_ name: String, document: String, now: Date = Date())
    throws(IdentityError)
  {
    try Self.check(policyName: name)
    let date = now.iso8601
    var policy = versions(ofPolicy: name, document: document, fileDate: date)
    policy.generationId = UniqueID.make()
    policiesByName[name] = policy
  }

  /// Replaces what is known of a policy's versions.
  package mutating func setVersions(_ policy: PolicyVersions) { policiesByName[policy.policyName] = policy }

  /// DeletePolicy.
  package mutating func forgetPolicy(_ name: String) { policiesByName[name] = nil }
}
