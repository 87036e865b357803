import Identity
import JSON

extension IoTService {
  var billingGroupOperations: [RESTOperation] {
    let name = RESTOperation.Member.path("billingGroupName", .name)
    let properties = Shape.structure([.init("billingGroupDescription", .description)])
    let membership: [RESTOperation.Member] = [
      .body("billingGroupName", .name), .body("billingGroupArn", .text()), .body("thingName", .name),
      .body("thingArn", .text()),
    ]
    return [
      RESTOperation(
        "CreateBillingGroup", "POST /billing-groups/{billingGroupName}",
        [name, .body("billingGroupProperties", properties), .body("tags", .tags)],
        action: createBillingGroup),
      RESTOperation(
        "DescribeBillingGroup", "GET /billing-groups/{billingGroupName}", [name],
        action: describeBillingGroup),
      RESTOperation(
        "UpdateBillingGroup", "PATCH /billing-groups/{billingGroupName}",
        [
          name, .body("billingGroupProperties", properties, required: true),
          .body("expectedVersion", .integer()),
        ], action: updateBillingGroup),
      RESTOperation(
        "ListBillingGroups", "GET /billing-groups", .pages + [.query("namePrefixFilter", .name)],
        action: listBillingGroups),
      RESTOperation(
        "DeleteBillingGroup", "DELETE /billing-groups/{billingGroupName}",
        [name, .query("expectedVersion", .integer())], action: deleteBillingGroup),
      RESTOperation(
        "AddThingToBillingGroup", "PUT /billing-groups/addThingToBillingGroup", membership,
        action: addToBillingGroup),
      RESTOperation(
        "RemoveThingFromBillingGroup", "PUT /billing-groups/removeThingFromBillingGroup", membership,
        action: removeFromBillingGroup),
      RESTOperation(
        "ListThingsInBillingGroup", "GET /billing-groups/{billingGroupName}/things", [name] + .pages,
        action: listThingsInBillingGroup),
    ]
  }

  /// The billing group of that name; throws if it doesn't exist.
  func billingGroup(_ name: String, in registry: Registry) throws(AWSFault) -> BillingGroup {
    guard let group = registry.billingGroup(name) else {
      throw .resourceNotFound("Billing group \(name) does not exist in your account")
    }
    return group
  }

  private static func description(_ request: RESTRequest) -> String? {
    request["billingGroupProperties"]?["billingGroupDescription"]?.text
  }

  private func createBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("billingGroupName")
    let arn = request.arn("billinggroup", name)
    let group = try change { registry throws(AWSFault) -> BillingGroup in
      if let present = registry.billingGroup(name) {
        throw AWSFault(
          "ResourceAlreadyExistsException", status: 409,
          "Billing Group \(name) already exists in current account",
          members: [("resourceId", present.billingGroupId), ("resourceArn", arn)])
      }
      try attempt { () throws(IdentityError) in
        try registry.setBillingGroup(name, description: Self.description(request))
      }
      try Self.setTags(request["tags"], of: "billinggroup/\(name)", in: &registry)
      return try billingGroup(name, in: registry)
    }
    return .json {
      $0.member("billingGroupName", name)
      $0.member("billingGroupArn", arn)
      $0.member("billingGroupId", group.billingGroupId)
    }
  }

  private func describeBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let group = try billingGroup(request.required("billingGroupName"), in: registry())
    return .json {
      $0.member("billingGroupName", group.billingGroupName)
      $0.member("billingGroupId", group.billingGroupId)
      $0.member("billingGroupArn", request.arn("billinggroup", group.billingGroupName))
      $0.member("version", group.version)
      $0.object("billingGroupProperties") {
        $0.member("billingGroupDescription", ifAny: group.description)
      }
      $0.object("billingGroupMetadata") { $0.member("creationDate", time: group.creationDate) }
    }
  }

  private func updateBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("billingGroupName")
    let version = try change { registry throws(AWSFault) -> Int in
      let group = try billingGroup(name, in: registry)
      try Self.check(request.integer("expectedVersion"), is: group.version, of: "billing group \(name)")
      try attempt { () throws(IdentityError) in
        try registry.setBillingGroup(name, description: Self.description(request))
      }
      return try billingGroup(name, in: registry).version
    }
    return .json { $0.member("version", version) }
  }

  private func listBillingGroups(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let prefix = request.text("namePrefixFilter")
    let groups = try registry().billingGroupsInOrder.filter {
      prefix.map($0.billingGroupName.hasPrefix) ?? true
    }
    return try .page(groups, request, "billingGroups", key: \.billingGroupName) { group, json in
      Self.write("billinggroup", group.billingGroupName, request, to: &json)
    }
  }

  private func deleteBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("billingGroupName")
    try change { registry throws(AWSFault) in
      let group = try billingGroup(name, in: registry)
      try Self.check(request.integer("expectedVersion"), is: group.version, of: "billing group \(name)")
      guard !registry.thingsInOrder.contains(where: { $0.billingGroupName == name }) else {
        throw .invalidRequest("Cannot delete billing group \(name): it has things")
      }
      registry.deleteBillingGroup(name)
      registry.setTags([:], of: "billinggroup/\(name)")
    }
    return .nothing
  }

  // MARK: Members

  private func addToBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let (group, thing) = try membership(request)
    try change { registry throws(AWSFault) in
      _ = try billingGroup(group, in: registry)
      _ = try self.thing(thing, in: registry)
      try attempt { () throws(IdentityError) in try registry.setBillingGroup(group, ofThing: thing) }
    }
    return .nothing
  }

  private func removeFromBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let (group, thing) = try membership(request)
    try change { registry throws(AWSFault) in
      _ = try billingGroup(group, in: registry)
      guard try self.thing(thing, in: registry).billingGroupName == group else { return }
      try attempt { () throws(IdentityError) in try registry.setBillingGroup(nil, ofThing: thing) }
    }
    return .nothing
  }

  private func membership(_ request: RESTRequest) throws(AWSFault) -> (group: String, thing: String) {
    (
      try name(request, "billingGroupName", arn: "billingGroupArn", kind: "billinggroup"),
      try name(request, "thingName", arn: "thingArn", kind: "thing")
    )
  }

  private func listThingsInBillingGroup(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let group = try billingGroup(request.required("billingGroupName"), in: registry)
    let things = registry.thingsInOrder.filter { $0.billingGroupName == group.billingGroupName }
    return try .page(things.map(\.thingName), request, "things", key: { $0 }) { thing, json in
      json.value(thing)
    }
  }
}
