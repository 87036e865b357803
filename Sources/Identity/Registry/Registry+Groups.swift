import FoundationEssentials
import Numbers
import Text

/// Groups of things, billing groups and tags, as in AWS IoT's API.
extension Registry {
  // MARK: Thing groups

  /// The thing group of that name.
  package func thingGroup(_ name: String) -> ThingGroup? { groupsByName[name] }

  /// CreateThingGroup, in another group or at the top. Creating it again changes nothing.
  package mutating func createThingGroup(
    _ name: String, parent: String?, description: String?, attributes: [String: String], now: Date = Date()
  ) throws(IdentityError) {
    try Names.thing.check(name, "thing group")
    if let parent, groupsByName[parent] == nil { throw .notFound("thing group", parent) }
    try Self.check(description, attributes)
    guard groupsByName[name] == nil else { return }
    groupsByName[name] = ThingGroup(
      thingGroupName: name, thingGroupId: UniqueID.make(), parentGroupName: parent, description: description,
      attributes: attributes, version: 1, creationDate: now.iso8601, things: [], policies: [])
  }

  /// UpdateThingGroup.
  package mutating func updateThingGroup(
    _ name: String, description: String?, attributes: [String: String]
  ) throws(IdentityError) {
    guard var group = groupsByName[name] else { throw .notFound("thing group", name) }
    try Self.check(description, attributes)
    (group.description, group.attributes) = (description, attributes)
    group.version = group.version.saturatingAdd(1)
    groupsByName[name] = group
  }

  private static func check(_ description: String?, _ attributes: [String: String]) throws(IdentityError) {
    if let description { try Names.description.check(description, "description") }
    guard attributes.count <= 50 else {
      throw .limit("a thing group has at most 50 attributes, not \(attributes.count)")
    }
    for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
      try Names.attribute.check(name, "attribute")
      try Names.value.check(value, "value of the attribute '\(name)'")
    }
  }

  /// The groups that a group is in, from the top to its parent.
  package func ancestors(of group: ThingGroup) -> [ThingGroup] {
    var found: [ThingGroup] = []
    var name = group.parentGroupName
    // An edited file may contain a cycle.
    while let parent = name.flatMap({ groupsByName[$0] }),
      !found.contains(where: { $0.thingGroupName == parent.thingGroupName })
    {
      found.append(parent)
      name = parent.parentGroupName
    }
    return found.reversed()
  }

  /// The groups that contain a thing directly.
  package func groups(ofThing thing: String) -> [ThingGroup] {
    groupsByName.inOrder.filter { $0.things.contains(thing) }
  }

  /// AttachPolicy, DetachPolicy for a thing group.
  package mutating func setPolicy(
    _ policy: String, ofGroup name: String, _ isAttached: Bool
  ) throws(IdentityError) {
    try Self.check(policyName: policy)
    guard var group = groupsByName[name] else { throw .notFound("thing group", name) }
    group.policies.removeAll { $0 == policy }
    if isAttached { group.policies.append(policy) }
    guard group.policies.count <= 10 else { throw .limit("a thing group has at most 10 policies") }
    groupsByName[name] = group
  }

  /// The thing groups to which a policy is attached directly.
  package func groups(withPolicy policy: String) -> [ThingGroup] {
    groupsByName.inOrder.filter { $0.policies.contains(policy) }
  }

  /// The policies that a thing inherits from its groups, and from the groups that they are in.
  package func groupPolicies(ofThing thing: String) -> [String] {
    var names: [String] = []
    for group in groups(ofThing: thing) {
      for name in group.policies + ancestors(of: group).flatMap(\.policies) where !names.contains(name) {
        names.append(name)
      }
    }
    return names
  }

  /// The policies that things inherit from their groups, by thing; things without any are left out.
  func groupPolicies() -> [String: [String]] {
    var policies: [String: [String]] = [:]
    for group in groupsByName.inOrder {
      let names = group.policies + ancestors(of: group).flatMap(\.policies)
      guard !names.isEmpty else { continue }
      for thing in group.things {
        for name in names where !policies[thing, default: []].contains(name) {
          policies[thing, default: []].append(name)
        }
      }
    }
    return policies
  }

  /// The policies of a certificate that connects with a client identifier: its own, and those that the thing of that name
  /// inherits from its groups, if the thing is attached to the certificate.
  package func policies(of certificate: RegisteredCertificate, clientID: String?) -> [String] {
    guard let clientID, certificate.things.contains(clientID) else { return certificate.policies }
    let inherited = groupPolicies(ofThing: clientID)
    return certificate.policies + inherited.filter { !certificate.policies.contains($0) }
  }

  // MARK: Billing groups

  /// The billing group of that name.
  package func billingGroup(_ name: String) -> BillingGroup? { billingGroupsByName[name] }

  /// CreateBillingGroup, or UpdateBillingGroup if the group exists; an update raises its version.
  package mutating func setBillingGroup(
    _ name: String, description: String?, now: Date = Date()
  ) throws(IdentityError) {
    try Names.thing.check(name, "billing group")
    if let description { try Names.description.check(description, "description") }
    if var group = billingGroupsByName[name] {
      group.description = description
      group.version = group.version.saturatingAdd(1)
      billingGroupsByName[name] = group
    } else {
      billingGroupsByName[name] = BillingGroup(
        billingGroupName: name, billingGroupId: UniqueID.make(), description: description, version: 1,
        creationDate: now.iso8601)
    }
  }

  /// DeleteBillingGroup.
  package mutating func deleteBillingGroup(_ name: String) { billingGroupsByName[name] = nil }

  // MARK: Tags

  /// The tags of a resource, such as `thinggroup/fleet`.
  package func tags(of resource: String) -> [String: String] { tags[resource] ?? [:] }

  /// Replaces the tags of a resource.
  package mutating func setTags(_ tags: [String: String], of resource: String) {
    self.tags[resource] = tags.isEmpty ? nil : tags
  }
}
