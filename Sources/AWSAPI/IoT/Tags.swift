import Files
import Identity
import JSON

extension IoTService {
  /// The maximum number of tags of a resource, as in AWS.
  private static let tagLimit = 50

  var tagOperations: [RESTOperation] {
    [
      RESTOperation(
        "TagResource", "POST /tags",
        [.body("resourceArn", .text(), required: true), .body("tags", .tags, required: true)],
        action: tagResource),
      RESTOperation(
        "UntagResource", "POST /untag",
        [
          .body("resourceArn", .text(), required: true), .body("tagKeys", .list(.tagKey), required: true),
        ], action: untagResource),
      RESTOperation(
        "ListTagsForResource", "GET /tags",
        [.query("resourceArn", .text(), required: true), .query("nextToken", .text())], action: listTags),
    ]
  }

  /// Adds the tags of a request to a resource such as `thinggroup/fleet`, and replaces those with the same key.
  static func setTags(
    _ list: JSONElement?, of resource: String, in registry: inout Registry
  ) throws(AWSFault) {
    guard let list else { return }
    var tags = registry.tags(of: resource)
    for tag in list.elements {
      guard let key = tag["Key"]?.text else { continue }
      tags[key] = tag["Value"]?.text ?? ""
    }
    guard tags.count <= tagLimit else {
      throw AWSFault("LimitExceededException", status: 410, "A resource has at most \(tagLimit) tags")
    }
    registry.setTags(tags, of: resource)
  }

  /// The resource that an ARN names, such as `thinggroup/fleet`; throws if it doesn't exist.
  private func resource(_ request: RESTRequest, in registry: Registry) throws(AWSFault) -> String {
    let arn = request.required("resourceArn")
    let kinds: [(kind: String, exists: (String) -> Bool)] = [
      ("thingtype", { registry.thingType($0) != nil }), ("thinggroup", { registry.thingGroup($0) != nil }),
      ("billinggroup", { registry.billingGroup($0) != nil }),
      ("cert", { name in registry.certificates.contains { $0.certificateId == name } }),
      ("policy", { (try? self.cloud.policies.names().contains($0)) ?? false }),
      ("rule", { (try? TopicRuleFile.find($0, in: self.cloud.rulesFolder)) != nil }),
    ]
    for (kind, exists) in kinds {
      guard let name = Self.name(inARN: arn, of: kind) else { continue }
      guard exists(name) else { throw .resourceNotFound("The resource \(arn.prefix(300)) does not exist") }
      return "\(kind)/\(name)"
    }
    throw .invalidRequest("'\(arn.prefix(300))' is not the ARN of a resource that can have tags")
  }

  private func tagResource(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      try Self.setTags(request["tags"], of: resource(request, in: registry), in: &registry)
    }
    return .nothing
  }

  private func untagResource(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      let resource = try resource(request, in: registry)
      let keys = request.texts("tagKeys")
      registry.setTags(registry.tags(of: resource).filter { !keys.contains($0.key) }, of: resource)
    }
    return .nothing
  }

  private func listTags(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let tags = try registry.tags(of: resource(request, in: registry))
    return .json {
      $0.array("tags") {
        for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
          $0.object {
            $0.member("Key", key)
            $0.member("Value", value)
          }
        }
      }
    }
  }
}
