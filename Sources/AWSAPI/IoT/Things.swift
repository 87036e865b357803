import Identity
import JSON

extension IoTService {
  var thingOperations: [RESTOperation] {
    let name = RESTOperation.Member.path("thingName", .name)
    let version = RESTOperation.Member.query("expectedVersion", .integer())
    return [
      RESTOperation(
        "CreateThing", "POST /things/{thingName}",
        [
          name, .body("thingTypeName", .name), .body("attributePayload", .attributes),
          .body("billingGroupName", .name),
        ], action: createThing),
      RESTOperation("DescribeThing", "GET /things/{thingName}", [name], action: describeThing),
      RESTOperation(
        "UpdateThing", "PATCH /things/{thingName}",
        [
          name, .body("thingTypeName", .name), .body("attributePayload", .attributes),
          .body("expectedVersion", .integer()), .body("removeThingType", .flag),
        ], action: updateThing),
      RESTOperation(
        "ListThings", "GET /things",
        .pages + [
          .query("attributeName", .attributeName), .query("attributeValue", .attributeValue),
          .query("thingTypeName", .name), .query("usePrefixAttributeValue", .flag),
        ], action: listThings),
      RESTOperation("DeleteThing", "DELETE /things/{thingName}", [name, version], action: deleteThing),
    ]
  }

  /// The thing of that name; throws if it doesn't exist.
  func thing(_ name: String, in registry: Registry) throws(AWSFault) -> Thing {
    guard let thing = registry.thing(name) else {
      throw .resourceNotFound("Thing \(name) does not exist in your account")
    }
    return thing
  }

  /// The attributes that a payload gives, without those that are empty: an empty value removes an attribute.
  static func attributes(_ payload: JSONElement?) -> [String: String] {
    (payload?["attributes"]?.texts ?? [:]).filter { !$0.value.isEmpty }
  }

  /// The present attributes after a payload is applied to them.
  static func merged(_ payload: JSONElement, into attributes: [String: String]) -> [String: String] {
    guard payload["merge"]?.isTrue == true else { return Self.attributes(payload) }
    return attributes.merging(payload["attributes"]?.texts ?? [:]) { _, new in new }.filter {
      !$0.value.isEmpty
    }
  }

  /// Throws unless `expected` is nil or the current version.
  static func check(_ expected: Int?, is version: Int, of what: String) throws(AWSFault) {
    guard let expected, expected != version else { return }
    throw AWSFault(
      "VersionConflictException", status: 409,
      "The version for \(what) does not match the expected version: it is \(version), not \(expected)")
  }

  private func createThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingName")
    let type = request.text("thingTypeName")
    let billingGroup = request.text("billingGroupName")
    let attributes = Self.attributes(request["attributePayload"])
    let arn = request.arn("thing", name)
    let thing = try change { registry throws(AWSFault) -> Thing in
      if let present = registry.thing(name) {
        guard present.thingTypeName == type, present.attributes == attributes,
          present.billingGroupName == billingGroup
        else {
          throw AWSFault(
            "ResourceAlreadyExistsException", status: 409,
            "Thing \(name) already exists in current account with different properties",
            members: [("resourceId", present.thingId), ("resourceArn", arn)])
        }
        return present
      }
      if let billingGroup { _ = try self.billingGroup(billingGroup, in: registry) }
      try attempt { () throws(IdentityError) in
        try registry.createThing(name, type: type, attributes: attributes)
        if billingGroup != nil { try registry.setBillingGroup(billingGroup, ofThing: name) }
      }
      return try self.thing(name, in: registry)
    }
    return .json {
      $0.member("thingName", name)
      $0.member("thingArn", arn)
      $0.member("thingId", thing.thingId)
    }
  }

  private func describeThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let thing = try thing(request.required("thingName"), in: registry())
    return .json {
      $0.member("defaultClientId", thing.thingName)
      $0.member("thingName", thing.thingName)
      $0.member("thingId", thing.thingId)
      $0.member("thingArn", request.arn("thing", thing.thingName))
      $0.member("thingTypeName", ifAny: thing.thingTypeName)
      $0.member("attributes", thing.attributes)
      $0.member("version", thing.version)
      $0.member("billingGroupName", ifAny: thing.billingGroupName)
    }
  }

  private func updateThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingName")
    try change { registry throws(AWSFault) in
      let thing = try self.thing(name, in: registry)
      try Self.check(request.integer("expectedVersion"), is: thing.version, of: "thing \(name)")
      let removesType = request.flag("removeThingType")
      guard !removesType || request.text("thingTypeName") == nil else {
        throw .invalidRequest("thingTypeName can't be given together with removeThingType")
      }
      let type = removesType ? nil : request.text("thingTypeName") ?? thing.thingTypeName
      let attributes =
        request["attributePayload"].map { Self.merged($0, into: thing.attributes) } ?? thing.attributes
      try attempt { () throws(IdentityError) in
        try registry.updateThing(
          name, type: type, attributes: attributes, billingGroup: thing.billingGroupName)
      }
    }
    return .nothing
  }

  private func listThings(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let type = request.text("thingTypeName")
    let attribute = request.text("attributeName")
    let value = request.text("attributeValue")
    let usesPrefix = request.flag("usePrefixAttributeValue")
    guard value == nil || attribute != nil else {
      throw .invalidRequest("attributeValue needs an attributeName")
    }
    let things = try registry().thingsInOrder.filter { thing in
      if let type, thing.thingTypeName != type { return false }
      guard let attribute else { return true }
      guard let present = thing.attributes[attribute] else { return false }
      guard let value else { return true }
      return usesPrefix ? present.hasPrefix(value) : present == value
    }
    return try .page(things, request, "things", key: \.thingName) { thing, json in
      json.object {
        $0.member("thingName", thing.thingName)
        $0.member("thingTypeName", ifAny: thing.thingTypeName)
        $0.member("thingArn", request.arn("thing", thing.thingName))
        $0.member("attributes", thing.attributes)
        $0.member("version", thing.version)
      }
    }
  }

  private func deleteThing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingName")
    try change { registry throws(AWSFault) in
      // Deleting a thing that doesn't exist succeeds, so that clean-up scripts can run again.
      guard let thing = registry.thing(name) else { return }
      try Self.check(request.integer("expectedVersion"), is: thing.version, of: "thing \(name)")
      guard !registry.certificates.contains(where: { $0.things.contains(name) }) else {
        throw .invalidRequest("Cannot delete. Thing \(name) is still attached to one or more principals")
      }
      try attempt { () throws(IdentityError) in try registry.deleteThing(name) }
    }
    return .nothing
  }
}
