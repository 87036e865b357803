import Identity
import JSON

/// Fleet indexing over the registry: it is always up to date, because every search reads the registry.
extension IoTService {
  /// The maximum number of hits on a page, as in AWS.
  private static let pageLimit = 500
  private static let things = "AWS_Things"
  private static let groups = "AWS_ThingGroups"

  private static let fields = Shape.list(
    .structure([
      .init("name", .text()), .init("type", .text(words: ["Number", "String", "Boolean"])),
    ]))

  private static let thingIndexing = Shape.structure([
    .init(
      "thingIndexingMode", .text(words: ["OFF", "REGISTRY", "REGISTRY_AND_SHADOW"]), required: true),
    .init("thingConnectivityIndexingMode", .text(words: ["OFF", "STATUS"])),
    .init("deviceDefenderIndexingMode", .text(words: ["OFF", "VIOLATIONS"])),
    .init("namedShadowIndexingMode", .text(words: ["OFF", "ON"])),
    .init("managedFields", fields), .init("customFields", fields),
    .init(
      "filter",
      .structure([
        .init("namedShadowNames", .list(.shadowName)),
        .init(
          "connectivity",
          .structure([
            .init("includeSocketInformation", .list(.text(words: ["GET_THING_CONNECTIVITY_DATA"])))
          ])),
        .init(
          "geoLocations",
          .list(
            .structure([.init("name", .text()), .init("order", .text(words: ["LatLon", "LonLat"]))]))),
      ])),
  ])

  private static let groupIndexing = Shape.structure([
    .init("thingGroupIndexingMode", .text(words: ["OFF", "ON"]), required: true),
    .init("managedFields", fields), .init("customFields", fields),
  ])

  var searchOperations: [RESTOperation] {
    [
      RESTOperation(
        "SearchIndex", "POST /indices/search",
        [
          .body("indexName", .name), .body("queryString", .text(length: 1...Int.max), required: true),
          .body("nextToken", .text()), .body("maxResults", .integer(1...Int.max)),
          .body("queryVersion", .text()),
        ], action: searchIndex),
      RESTOperation(
        "DescribeIndex", "GET /indices/{indexName}", [.path("indexName", .name)], action: describeIndex),
      RESTOperation(
        "ListIndices", "GET /indices",
        [.query("nextToken", .text()), .query("maxResults", .integer(1...500))], action: listIndices),
      RESTOperation("GetIndexingConfiguration", "GET /indexing/config", action: getIndexing),
      RESTOperation(
        "UpdateIndexingConfiguration", "POST /indexing/config",
        [
          .body("thingIndexingConfiguration", Self.thingIndexing),
          .body("thingGroupIndexingConfiguration", Self.groupIndexing),
        ], action: updateIndexing),
    ]
  }

  // MARK: Configuration

  /// The present configuration. Unlike in AWS, the indexes are on until they are switched off: they cost nothing here.
  private func configuration(_ registry: Registry) -> [String: JSONElement] {
    let given = registry.indexingConfiguration.flatMap { try? JSONElement(Array($0.utf8)) }?.members ?? [:]
    let usual: [String: JSONElement] = [
      "thingIndexingConfiguration": .object([
        "thingIndexingMode": .string("REGISTRY"), "thingConnectivityIndexingMode": .string("OFF"),
      ]),
      "thingGroupIndexingConfiguration": .object(["thingGroupIndexingMode": .string("ON")]),
    ]
    return usual.merging(given) { _, given in given }
  }

  private func isOn(_ index: String, _ registry: Registry) -> Bool {
    let configuration = configuration(registry)
    let mode =
      index == Self.things
      ? configuration["thingIndexingConfiguration"]?["thingIndexingMode"]
      : configuration["thingGroupIndexingConfiguration"]?["thingGroupIndexingMode"]
    return mode?.text != "OFF"
  }

  private func getIndexing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let configuration = configuration(try registry())
    return .json {
      for (name, value) in configuration.sorted(by: { $0.key < $1.key }) {
        $0.key(name)
        $0.value(value)
      }
    }
  }

  private func updateIndexing(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    try change { registry throws(AWSFault) in
      var members = configuration(registry)
      for name in ["thingIndexingConfiguration", "thingGroupIndexingConfiguration"] {
        if let given = request[name] { members[name] = given }
      }
      var json = JSONWriter()
      json.value(.object(members))
      registry.indexingConfiguration = json.text
    }
    return .nothing
  }

  private func listIndices(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let names = [Self.things, Self.groups].filter { isOn($0, registry) }
    return try .page(names, request, "indexNames", key: { $0 }) { name, json in json.value(name) }
  }

  private func describeIndex(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let name = try index(request.required("indexName"), in: registry())
    return .json {
      $0.member("indexName", name)
      $0.member("indexStatus", "ACTIVE")
      $0.member("schema", name == Self.things ? "REGISTRY" : "THING_GROUPS")
    }
  }

  /// The name of an index; throws if it doesn't exist or is switched off.
  private func index(_ name: String, in registry: Registry) throws(AWSFault) -> String {
    guard [Self.things, Self.groups].contains(name) else {
      throw .resourceNotFound("Index \(name) does not exist")
    }
    guard isOn(name, registry) else {
      throw AWSFault("IndexNotReadyException", "The index \(name) is switched off")
    }
    return name
  }

  // MARK: Searching

  private func searchIndex(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let registry = try registry()
    let index = try index(request.text("indexName") ?? Self.things, in: registry)
    let query = try SearchQuery.parse(request.required("queryString"))
    let size = min(request.integer("maxResults") ?? 100, Self.pageLimit)
    let token = request.text("nextToken")
    guard index == Self.things else {
      let groups = registry.thingGroupsInOrder.filter { group in
        query?.matches(Self.fields(of: group, registry)) ?? false
      }
      let page = try Page(groups, token: token, size: size, key: \.thingGroupName)
      return .json {
        $0.array("things") { _ in }
        $0.array("thingGroups") { for group in page.elements { Self.write(group, registry, to: &$0) } }
        $0.member("nextToken", ifAny: page.next)
      }
    }
    var memberships: [String: [String]] = [:]
    for group in registry.thingGroupsInOrder {
      for thing in group.things { memberships[thing, default: []].append(group.thingGroupName) }
    }
    let things = registry.thingsInOrder.filter { thing in
      query?.matches(Self.fields(of: thing, memberships[thing.thingName] ?? [])) ?? false
    }
    let page = try Page(things, token: token, size: size, key: \.thingName)
    return .json {
      $0.array("things") {
        for thing in page.elements { Self.write(thing, memberships[thing.thingName] ?? [], to: &$0) }
      }
      $0.array("thingGroups") { _ in }
      $0.member("nextToken", ifAny: page.next)
    }
  }

  private static func fields(of thing: Thing, _ groups: [String]) -> [String: [String]] {
    var fields = ["thingName": [thing.thingName], "thingId": [thing.thingId], "thingGroupNames": groups]
    if let type = thing.thingTypeName { fields["thingTypeName"] = [type] }
    if let group = thing.billingGroupName { fields["thingGroupNames", default: []].append(group) }
    for (name, value) in thing.attributes { fields["attributes.\(name)"] = [value] }
    return fields
  }

  private static func fields(of group: ThingGroup, _ registry: Registry) -> [String: [String]] {
    var fields = [
      "thingGroupName": [group.thingGroupName], "thingGroupId": [group.thingGroupId],
      "parentGroupNames": registry.ancestors(of: group).map(\.thingGroupName),
    ]
    if let description = group.description { fields["description"] = [description] }
    for (name, value) in group.attributes { fields["attributes.\(name)"] = [value] }
    return fields
  }

  private static func write(_ thing: Thing, _ groups: [String], to json: inout JSONWriter) {
    json.object {
      $0.member("thingName", thing.thingName)
      $0.member("thingId", thing.thingId)
      $0.member("thingTypeName", ifAny: thing.thingTypeName)
      $0.member("thingGroupNames", groups)
      $0.member("attributes", thing.attributes)
    }
  }

  private static func write(_ group: ThingGroup, _ registry: Registry, to json: inout JSONWriter) {
    json.object {
      $0.member("thingGroupName", group.thingGroupName)
      $0.member("thingGroupId", group.thingGroupId)
      $0.member("thingGroupDescription", ifAny: group.description)
      $0.member("attributes", group.attributes)
      $0.member("parentGroupNames", registry.ancestors(of: group).map(\.thingGroupName))
    }
  }
}
