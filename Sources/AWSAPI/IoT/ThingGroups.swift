import Identity
import JSON

extension IoTService {
  private static let properties = Shape.structure([
    .init("thingGroupDescription", .description), .init("attributePayload", .attributes),
  ])

  var thingGroupOperations: [RESTOperation] {
    let name = RESTOperation.Member.path("thingGroupName", .name)
    let membership: [RESTOperation.Member] = [
      .body("thingGroupName", .name), .body("thingGroupArn", .text()), .body("thingName", .name),
      .body("thingArn", .text()),
    ]
    return [
      RESTOperation(
        "CreateThingGroup", "POST /thing-groups/{thingGroupName}",
        [
          name, .body("parentGroupName", .name), .body("thingGroupProperties", Self.properties),
          .body("tags", .tags),
        ], action: createThingGroup),
      RESTOperation(
        "DescribeThingGroup", "GET /thing-groups/{thingGroupName}", [name], action: describeThingGroup),
      RESTOperation(
        "UpdateThingGroup", "PATCH /thing-groups/{thingGroupName}",
        [
          name, .body("thingGroupProperties", Self.properties, required: true),
          .body("expectedVersion", .integer()),
        ], action: updateThingGroup),
      RESTOperation(
        "ListThingGroups", "GET /thing-groups",
        .pages + [
          .query("parentGroup", .name), .query("namePrefixFilter", .name), .query("recursive", .flag),
        ], action: listThingGroups),
      RESTOperation(
        "DeleteThingGroup", "DELETE /thing-groups/{thingGroupName}",
        [name, .query("expectedVersion", .integer())], action: deleteThingGroup),
      RESTOperation(
        "AddThingToThingGroup", "PUT /thing-groups/addThingToThingGroup",
        membership + [.body("overrideDynamicGroups", .flag)], action: addThing),
      RESTOperation(
        "RemoveThingFromThingGroup", "PUT /thing-groups/removeThingFromThingGroup", membership,
        action: removeThing),
      RESTOperation(
        "UpdateThingGroupsForThing", "PUT /thing-groups/updateThingGroupsForThing",
        [
          .body("thingName", .name), .body("thingGroupsToAdd", .list(.name)),
          .body("thingGroupsToRemove", .list(.name)), .body("overrideDynamicGroups", .flag),
        ], action: updateGroupsForThing),
      RESTOperation(
        "ListThingsInThingGroup", "GET /thing-groups/{thingGroupName}/things",
        [name, .query("recursive", .flag)] + .pages, action: listThingsInGroup),
      RESTOperation(
        "ListThingGroupsForThing", "GET /things/{thingName}/thing-groups",
        [.path("thingName", .name)] + .pages, action: listGroupsForThing),
    ]
  }

  /// The thing group of that name; throws if it doesn't exist.
  func thingGroup(_ name: String, in registry: Registry) throws(AWSFault) -> ThingGroup {
    guard let group = registry.thingGroup(name) else {
      throw .resourceNotFound("Thing group \(name) does not exist in your account")
    }
    return group
  }

  private func createThingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingGroupName")
    let parent = request.text("parentGroupName")
    let properties = request["thingGroupProperties"]
    let description = properties?["thingGroupDescription"]?.text
    let attributes = Self.attributes(properties?["attributePayload"])
    let arn = request.arn("thinggroup", name)
    let group = try change { registry throws(AWSFault) -> ThingGroup in
      if let present = registry.thingGroup(name) {
        guard present.parentGroupName == parent, present.description == description,
          present.attributes == attributes
        else {
          throw AWSFault(
            "ResourceAlreadyExistsException", status: 409,
            "Thing Group \(name) already exists in current account with different properties",
            members: [("resourceId", present.thingGroupId), ("resourceArn", arn)])
        }
        return present
      }
      if let parent { _ = try thingGroup(parent, in: registry) }
      try attempt { () throws(IdentityError) in
        try registry.createThingGroup(name, parent: parent, description: description, attributes: attributes)
      }
      try Self.setTags(request["tags"], of: "thinggroup/\(name)", in: &registry)
      return try thingGroup(name, in: registry)
    }
    return .json {
      $0.member("thingGroupName", name)
      $0.member("thingGroupArn", arn)
      $0.member("thingGroupId", group.thingGroupId)
    }
  }

  private func describeThingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let group = try thingGroup(request.required("thingGroupName"), in: registry)
    return .json {
      $0.member("thingGroupName", group.thingGroupName)
      $0.member("thingGroupId", group.thingGroupId)
      $0.member("thingGroupArn", request.arn("thinggroup", group.thingGroupName))
      $0.member("version", group.version)
      $0.object("thingGroupProperties") {
        $0.member("thingGroupDescription", ifAny: group.description)
        if !group.attributes.isEmpty {
          $0.object("attributePayload") { $0.member("attributes", group.attributes) }
        }
      }
      $0.object("thingGroupMetadata") {
        $0.member("creationDate", time: group.creationDate)
        if let parent = group.parentGroupName {
          $0.member("parentGroupName", parent)
          $0.array("rootToParentThingGroups") {
            for ancestor in registry.ancestors(of: group) {
              Self.write("thinggroup", ancestor.thingGroupName, request, to: &$0)
            }
          }
        }
      }
    }
  }

  /// A group's name and ARN.
  static func write(_ kind: String, _ name: String, _ request: RESTRequest, to json: inout JSONWriter) {
    json.object {
      $0.member("groupName", name)
      $0.member("groupArn", request.arn(kind, name))
    }
  }

  private func updateThingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingGroupName")
    let properties = request["thingGroupProperties"]
    let version = try change { registry throws(AWSFault) -> Int in
      let group = try thingGroup(name, in: registry)
      try Self.check(request.integer("expectedVersion"), is: group.version, of: "thing group \(name)")
      let attributes =
        properties?["attributePayload"].map { Self.merged($0, into: group.attributes) } ?? group.attributes
      try attempt { () throws(IdentityError) in
        try registry.updateThingGroup(
          name, description: properties?["thingGroupDescription"]?.text ?? group.description,
          attributes: attributes)
      }
      return try thingGroup(name, in: registry).version
    }
    return .json { $0.member("version", version) }
  }

  private func listThingGroups(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let parent = request.text("parentGroup")
    if let parent { _ = try thingGroup(parent, in: registry) }
    let isRecursive = request["recursive"] == nil || request.flag("recursive")
    let prefix = request.text("namePrefixFilter")
    let groups = registry.thingGroupsInOrder.filter { group in
      if let prefix, !group.thingGroupName.hasPrefix(prefix) { return false }
      if !isRecursive { return group.parentGroupName == parent }
      guard let parent else { return true }
      return registry.ancestors(of: group).contains { $0.thingGroupName == parent }
    }
    return try .page(groups, request, "thingGroups", key: \.thingGroupName) { group, json in
      Self.write("thinggroup", group.thingGroupName, request, to: &json)
    }
  }

  private func deleteThingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingGroupName")
    try change { registry throws(AWSFault) in
      guard let group = registry.thingGroup(name) else { return }
      try Self.check(request.integer("expectedVersion"), is: group.version, of: "thing group \(name)")
      guard !registry.thingGroupsInOrder.contains(where: { $0.parentGroupName == name }) else {
        throw .invalidRequest(
          "Cannot delete thing group: \(name) when there are still child groups attached to it")
      }
      try attempt { () throws(IdentityError) in try registry.deleteThingGroup(name) }
      registry.setTags([:], of: "thinggroup/\(name)")
    }
    return .nothing
  }

  // MARK: Members

  /// The name of a resource that a request names by name, ARN or both; throws if it gives neither or they differ.
  func name(_ request: RESTRequest, _ name: String, arn: String, kind: String) throws(AWSFault) -> String {
    let named = request.text(name)
    guard let text = request.text(arn) else {
      guard let named else { throw .invalidRequest("Either \(name) or \(arn) must be given") }
      return named
    }
    guard let inARN = Self.name(inARN: text, of: kind), named == nil || named == inARN else {
      throw .invalidRequest("\(arn) is invalid, or contradicts \(name)")
    }
    return inARN
  }

  private func addThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setMember(request, true)
  }

  private func removeThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try setMember(request, false)
  }

  private func setMember(_ request: RESTRequest, _ isMember: Bool) throws(AWSFault) -> RESTAnswer {
    let group = try name(request, "thingGroupName", arn: "thingGroupArn", kind: "thinggroup")
    let thing = try name(request, "thingName", arn: "thingArn", kind: "thing")
    try change { registry throws(AWSFault) in
      try setMember(thing, of: group, isMember, in: &registry)
    }
    return .nothing
  }

  private func setMember(
    _ thing: String, of group: String, _ isMember: Bool, in registry: inout Registry
  ) throws(AWSFault) {
    _ = try thingGroup(group, in: registry)
    _ = try self.thing(thing, in: registry)
    try attempt { () throws(IdentityError) in try registry.setMember(thing, of: group, isMember) }
  }

  private func updateGroupsForThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    guard let thing = request.text("thingName") else { throw .invalidRequest("thingName must be given") }
    try change { registry throws(AWSFault) in
      for group in request.texts("thingGroupsToAdd") {
        try setMember(thing, of: group, true, in: &registry)
      }
      for group in request.texts("thingGroupsToRemove") {
        try setMember(thing, of: group, false, in: &registry)
      }
    }
    return .nothing
  }

  private func listThingsInGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let name = request.required("thingGroupName")
    var things = try thingGroup(name, in: registry).things
    if request.flag("recursive") {
      for group in registry.thingGroupsInOrder
      where registry.ancestors(of: group).contains(where: { $0.thingGroupName == name }) {
        things += group.things.filter { !things.contains($0) }
      }
    }
    return try .page(things, request, "things", key: { $0 }) { thing, json in json.value(thing) }
  }

  private func listGroupsForThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let thing = try thing(request.required("thingName"), in: registry)
    let groups = registry.groups(ofThing: thing.thingName)
    return try .page(groups, request, "thingGroups", key: \.thingGroupName) { group, json in
      Self.write("thinggroup", group.thingGroupName, request, to: &json)
    }
  }
}
