import Identity
import JSON

extension IoTService {
  private static let properties = Shape.structure([
    .init("thingTypeDescription", .description), .init("searchableAttributes", .list(.attributeName)),
    .init(
      "mqtt5Configuration",
      .structure([
        .init(
          "propagatingAttributes",
          .list(
            .structure([
              .init(
                "userPropertyKey",
                .text(length: 0...128, pattern: .characters("[a-zA-Z0-9:$.]+", extra: ":$."))),
              .init("thingAttribute", .attributeName),
              .init(
                "connectionAttribute",
                .text(length: 0...128, pattern: .characters("[a-zA-Z0-9:.]+", extra: ":."))),
            ])))
      ])),
  ])

  var thingTypeOperations: [RESTOperation] {
    let name = RESTOperation.Member.path("thingTypeName", .name)
    let properties = RESTOperation.Member.body("thingTypeProperties", Self.properties)
    return [
      RESTOperation(
        "CreateThingType", "POST /thing-types/{thingTypeName}", [name, properties, .body("tags", .tags)],
        action: createThingType),
      RESTOperation(
        "DescribeThingType", "GET /thing-types/{thingTypeName}", [name], action: describeThingType),
      RESTOperation(
        "ListThingTypes", "GET /thing-types", .pages + [.query("thingTypeName", .name)],
        action: listThingTypes),
      RESTOperation(
        "UpdateThingType", "PATCH /thing-types/{thingTypeName}", [name, properties], action: updateThingType),
      RESTOperation(
        "DeprecateThingType", "POST /thing-types/{thingTypeName}/deprecate",
        [name, .body("undoDeprecate", .flag)], action: deprecateThingType),
      RESTOperation(
        "DeleteThingType", "DELETE /thing-types/{thingTypeName}", [name], action: deleteThingType),
    ]
  }

  private static func properties(_ request: RESTRequest) throws(AWSFault) -> ThingType.Properties {
    let given = request["thingTypeProperties"]
    guard given?["mqtt5Configuration"] == nil else {
      throw .invalidRequest("mqtt5Configuration is not available in trucksensor's local cloud")
    }
    return ThingType.Properties(
      thingTypeDescription: given?["thingTypeDescription"]?.text,
      searchableAttributes: given?["searchableAttributes"]?.elements.compactMap(\.text) ?? [])
  }

  private func createThingType(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = request.required("thingTypeName")
    let properties = try Self.properties(request)
    let arn = request.arn("thingtype", name)
    let type = try change { registry throws(AWSFault) -> ThingType? in
      if let present = registry.thingType(name), present.thingTypeProperties != properties {
        throw AWSFault(
          "ResourceAlreadyExistsException", status: 409,
          "Thing Type \(name) already exists in current account with different properties",
          members: [("resourceId", present.thingTypeId), ("resourceArn", arn)])
      }
      try attempt { () throws(IdentityError) in
        try registry.createThingType(
          name, description: properties.thingTypeDescription,
          searchableAttributes: properties.searchableAttributes)
      }
      try Self.setTags(request["tags"], of: "thingtype/\(name)", in: &registry)
      return registry.thingType(name)
    }
    return .json {
      $0.member("thingTypeName", name)
      $0.member("thingTypeArn", arn)
      $0.member("thingTypeId", type?.thingTypeId ?? "")
    }
  }

  private func describeThingType(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let type = try thingType(request, in: registry())
    return .json {
      $0.member("thingTypeId", type.thingTypeId)
      Self.write(type, request, to: &$0)
    }
  }

  private func thingType(_ request: RESTRequest, in registry: Registry) throws(AWSFault) -> ThingType {
    let name = request.required("thingTypeName")
    guard let type = registry.thingType(name) else {
      throw .resourceNotFound("Thing type \(name) does not exist")
    }
    return type
  }

  private static func write(_ type: ThingType, _ request: RESTRequest, to json: inout JSONWriter) {
    json.member("thingTypeName", type.thingTypeName)
    json.member("thingTypeArn", request.arn("thingtype", type.thingTypeName))
    json.object("thingTypeProperties") {
      $0.member("thingTypeDescription", ifAny: type.thingTypeProperties.thingTypeDescription)
      $0.member("searchableAttributes", type.thingTypeProperties.searchableAttributes)
    }
    json.object("thingTypeMetadata") {
      $0.member("deprecated", type.thingTypeMetadata.deprecated)
      $0.member("deprecationDate", time: type.thingTypeMetadata.deprecationDate)
      $0.member("creationDate", time: type.thingTypeMetadata.creationDate)
    }
  }

  private func listThingTypes(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let prefix = request.text("thingTypeName")
    let types = try registry().thingTypesInOrder.filter {
      prefix.map($0.thingTypeName.hasPrefix) ?? true
    }
    return try .page(types, request, "thingTypes", key: \.thingTypeName) { type, json in
      json.object { Self.write(type, request, to: &$0) }
    }
  }

  private func updateThingType(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      var properties = try thingType(request, in: registry).thingTypeProperties
      let given = try Self.properties(request)
      if let text = given.thingTypeDescription { properties.thingTypeDescription = text }
      if request["thingTypeProperties"]?["searchableAttributes"] != nil {
        properties.searchableAttributes = given.searchableAttributes
      }
      try attempt { () throws(IdentityError) in
        try registry.updateThingType(request.required("thingTypeName"), properties)
      }
    }
    return .nothing
  }

  private func deprecateThingType(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      let type = try thingType(request, in: registry)
      try attempt { () throws(IdentityError) in
        try registry.deprecateThingType(type.thingTypeName, undo: request.flag("undoDeprecate"))
      }
    }
    return .nothing
  }

  /// AWS also refuses to delete a type in the first five minutes after its deprecation; here it is deleted at once.
  private func deleteThingType(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      let type = try thingType(request, in: registry)
      let name = type.thingTypeName
      guard type.thingTypeMetadata.deprecated else {
        throw .invalidRequest("Cannot delete thing type \(name): it must be deprecated first")
      }
      if let thing = registry.thingsInOrder.first(where: { $0.thingTypeName == name }) {
        throw .invalidRequest("Cannot delete thing type \(name): thing \(thing.thingName) has it")
      }
      try attempt { () throws(IdentityError) in try registry.deleteThingType(name) }
      registry.setTags([:], of: "thingtype/\(name)")
    }
    return .nothing
  }
}

extension RESTAnswer {
  /// A page of a list, in the newer operations' form.
  static func page<Element>(
    _ all: [Element], _ request: RESTRequest, _ name: String, key: (Element) -> String,
    write: (Element, inout JSONWriter) -> Void
  ) throws(AWSFault) -> RESTAnswer {
    let page = try Page(all, token: request.text("nextToken"), size: request.integer("maxResults"), key: key)
    return .json {
      $0.array(name) { for element in page.elements { write(element, &$0) } }
      $0.member("nextToken", ifAny: page.next)
    }
  }

  /// A page of a list, in the older operations' form: with a `marker`, and in reverse order unless the request or the operation
  /// asks for ascending order.
  static func markedPage<Element>(
    _ all: [Element], _ request: RESTRequest, _ name: String, isAscending: Bool = false,
    key: (Element) -> String, write: (Element, inout JSONWriter) -> Void
  ) throws(AWSFault) -> RESTAnswer {
    let list = isAscending || request.flag("ascendingOrder") ? all : all.reversed()
    let page = try Page(list, token: request.text("marker"), size: request.integer("pageSize"), key: key)
    return .json {
      $0.array(name) { for element in page.elements { write(element, &$0) } }
      $0.member("nextMarker", ifAny: page.next)
    }
  }
}
