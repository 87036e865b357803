import Files
import FoundationEssentials
import JSON
import Numbers
import Text

/// The cloud's registry of thing types, things, groups, certificates and policies' versions: `data/registry.json`.
///
/// A value: it is read, changed and written as a whole. Limits and names are those of AWS IoT ("AWS IoT Core thing
/// resource limits and quotas", API reference).
public struct Registry: Sendable, Equatable {
  private var typesByName = NamedEntries<ThingType>()
  private var thingsByName = NamedEntries<Thing>()
  var groupsByName = NamedEntries<ThingGroup>()
  var billingGroupsByName = NamedEntries<BillingGroup>()
  var policiesByName = NamedEntries<PolicyVersions>()
  /// Tags by resource, such as `thinggroup/fleet`.
  var tags: [String: [String: String]] = [:]
  /// The indexing configuration as JSON; nil before the first UpdateIndexingConfiguration.
  package var indexingConfiguration: String?
  /// In the order in which they were added.
  public internal(set) var certificates: [RegisteredCertificate] = []
  private var certificateIndex: [String: Int] = [:]

  /// An empty registry.
  public init() {}

  /// By name.
  public var thingTypes: [ThingType] { typesByName.byName }
  /// By name.
  public var things: [Thing] { thingsByName.byName }
  /// By name.
  public var thingGroups: [ThingGroup] { groupsByName.byName }
  /// In the order in which they were added.
  package var thingTypesInOrder: [ThingType] { typesByName.inOrder }
  /// In the order in which they were added.
  package var thingsInOrder: [Thing] { thingsByName.inOrder }
  /// In the order in which they were added.
  package var thingGroupsInOrder: [ThingGroup] { groupsByName.inOrder }
  /// In the order in which they were added.
  package var billingGroupsInOrder: [BillingGroup] { billingGroupsByName.inOrder }

  /// The maximum size of the file, in bytes: a hundred thousand things.
  private static let sizeLimit = 1 << 28

  // MARK: The file

  /// Reads the file; empty if there is none. Throws `invalidRegistry` if it is damaged or has a newer version.
  public static func read(_ path: String) throws(IdentityError) -> Registry {
    guard Files.exists(path) else { return Registry() }
    return try Registry(Files.contents(of: path, role: .registry, limit: sizeLimit).bytes, file: path)
  }

  /// Reads the file's text; `file` names it in errors.
  init(_ text: [UInt8], file: String) throws(IdentityError) {
    do throws(RegistryReader.Damage) {
      var reader = try RegistryReader(text)
      switch try reader.string("version", as: .number) {
      case "1", "2": break
      case let version:
        throw RegistryReader.Damage(
          "it has version \(version), and this trucksensor reads versions 1 and 2; use a newer trucksensor",
          isNewer: true)
      }
      for var entry in try reader.objects("thingTypes") {
        let type = try ThingType(from: &entry)
        try entry.insert(type, type.thingTypeName, &typesByName)
      }
      for var entry in try reader.objects("things") {
        let thing = try Thing(from: &entry)
        try entry.insert(thing, thing.thingName, &thingsByName)
      }
      for var entry in try reader.objects("thingGroups") {
        let group = try ThingGroup(from: &entry)
        try entry.insert(group, group.thingGroupName, &groupsByName)
      }
      for var entry in try reader.objects("certificates") {
        let certificate = try RegisteredCertificate(from: &entry)
        try entry.insert(certificates.count, certificate.certificateId, &certificateIndex)
        certificates.append(certificate)
      }
      for var entry in try reader.optionalObjects("billingGroups") {
        let group = try BillingGroup(from: &entry)
        try entry.insert(group, group.billingGroupName, &billingGroupsByName)
      }
      for var entry in try reader.optionalObjects("policies") {
        let policy = try PolicyVersions(from: &entry)
        try entry.insert(policy, policy.policyName, &policiesByName)
      }
      if var entries = try reader.optionalObject("tags") { tags = try entries.dictionaries() }
      indexingConfiguration = try reader.optionalString("indexingConfiguration")
      try reader.finish()
    } catch {
      throw IdentityError(
        .invalidRegistry, path: file,
        error.isNewer
          ? "\(file): \(error.message)"
          : "\(file) is damaged: \(error.message); fix it, or remove it: 'run' registers its devices again")
    }
  }

  /// The file's text.
  var text: [UInt8] {
    var json = JSONWriter(indented: true)
    json.object {
      $0.member("version", 2)
      $0.array("thingTypes") { for type in typesByName.inOrder { type.write(to: &$0) } }
      $0.array("things") { for thing in thingsByName.inOrder { thing.write(to: &$0) } }
      $0.array("thingGroups") { for group in groupsByName.inOrder { group.write(to: &$0) } }
      $0.array("billingGroups") { for group in billingGroupsByName.inOrder { group.write(to: &$0) } }
      $0.array("certificates") { for certificate in certificates { certificate.write(to: &$0) } }
      $0.array("policies") { for policy in policiesByName.inOrder { policy.write(to: &$0) } }
      $0.object("tags") {
        for (resource, tags) in tags.sorted(by: { $0.key < $1.key }) {
          $0.object(resource) {
            for (key, value) in tags.sorted(by: { $0.key < $1.key }) { $0.member(key, value) }
          }
        }
      }
      if let indexingConfiguration { $0.member("indexingConfiguration", indexingConfiguration) }
    }
    json.newline()
    return json.bytes
  }

  /// Changes the file as one step: other writers wait, and readers never see a partial change.
  @discardableResult
  public static func update<Result>(
    _ path: String, _ change: (inout Registry) throws(IdentityError) -> Result
  ) throws(IdentityError) -> Result {
    let folder = try LockedFolder.lock(Files.folder(of: path))
    var registry = try read(path)
    let before = registry
    let result = try change(&registry)
    guard registry != before || !Files.exists(path) else { return result }
    try folder.write([(Files.name(of: path), registry.text, 0o600)])
    return result
  }

  /// A resource's ARN, with this machine's region and account.
  package static func arn(_ kind: String, _ name: String) -> String {
    "arn:aws:iot:local:000000000000:\(kind)/\(name)"
  }

  // MARK: Thing types

  /// CreateThingType. Creating it again with the same properties changes nothing.
  public mutating func createThingType(
    _ name: String, description: String? = nil, searchableAttributes: [String] = [], now: Date = Date()
  ) throws(IdentityError) {
    try Names.thing.check(name, "thing type")
    let properties = ThingType.Properties(
      thingTypeDescription: description, searchableAttributes: searchableAttributes)
    try Self.check(properties)
    if let present = typesByName[name] {
      guard present.thingTypeProperties == properties else {
        throw .conflict("the thing type '\(name)' exists with other properties; types can't be changed")
      }
      return
    }
    typesByName[name] = ThingType(
      thingTypeName: name, thingTypeId: UniqueID.make(), thingTypeProperties: properties,
      thingTypeMetadata: .init(deprecated: false, creationDate: now.iso8601))
  }

  /// DeprecateThingType, or its reversal.
  public mutating func deprecateThingType(
    _ name: String, undo: Bool = false, now: Date = Date()
  ) throws(IdentityError) {
    guard typesByName[name] != nil else { throw .notFound("thing type", name) }
    typesByName[name]?.thingTypeMetadata.deprecated = !undo
    typesByName[name]?.thingTypeMetadata.deprecationDate = undo ? nil : now.iso8601
  }

  /// UpdateThingType: another description or other searchable attributes.
  package mutating func updateThingType(
    _ name: String, _ properties: ThingType.Properties
  ) throws(IdentityError) {
    guard typesByName[name] != nil else { throw .notFound("thing type", name) }
    try Self.check(properties)
    typesByName[name]?.thingTypeProperties = properties
  }

  private static func check(_ properties: ThingType.Properties) throws(IdentityError) {
    let count = properties.searchableAttributes.count
    guard count <= 3 else {
      throw .limit("a thing type has at most 3 searchable attributes, not \(count)")
    }
    for attribute in properties.searchableAttributes { try Names.attribute.check(attribute, "attribute") }
    if let description = properties.thingTypeDescription {
      try Names.description.check(description, "description")
    }
  }

  /// DeleteThingType. The type must be deprecated and unused.
  public mutating func deleteThingType(_ name: String) throws(IdentityError) {
    guard let type = typesByName[name] else { throw .notFound("thing type", name) }
    if let user = things.first(where: { $0.thingTypeName == name }) {
      throw .inUse("the thing '\(user.thingName)' has the type '\(name)'; delete it first")
    }
    guard type.thingTypeMetadata.deprecated else {
      throw .inUse("only a deprecated type can be deleted; run 'provision type revoke \(name)' first")
    }
    typesByName[name] = nil
  }

  // MARK: Things

  /// The thing of that name.
  public func thing(_ name: String) -> Thing? { thingsByName[name] }

  /// The thing type of that name.
  public func thingType(_ name: String) -> ThingType? { typesByName[name] }

  /// CreateThing. Creating it again with the same properties changes nothing.
  public mutating func createThing(
    _ name: String, type: String? = nil, attributes: [String: String] = [:]
  ) throws(IdentityError) {
    try ConnectionKit.validate(deviceName: name)
    try checkUsable(type: type)
    try Self.check(attributes, type: type)
    if let present = thing(name) {
      guard present.thingTypeName == type, present.attributes == attributes else {
        throw .conflict("the thing '\(name)' exists with another type or attributes; delete it first")
      }
      return
    }
    var thing = Thing(thingName: name, thingTypeName: type, attributes: attributes)
    thing.thingId = UniqueID.make()
    thingsByName[name] = thing
  }

  /// UpdateThing: replaces a thing's type, attributes and billing group, and raises its version.
  package mutating func updateThing(
    _ name: String, type: String?, attributes: [String: String], billingGroup: String?
  ) throws(IdentityError) {
    guard var thing = thing(name) else { throw .notFound("thing", name) }
    if thing.thingTypeName != type { try checkUsable(type: type) }
    try Self.check(attributes, type: type)
    (thing.thingTypeName, thing.attributes, thing.billingGroupName) = (type, attributes, billingGroup)
    thing.version = thing.version.saturatingAdd(1)
    thingsByName[name] = thing
  }

  /// AddThingToBillingGroup; nil removes the thing from its billing group.
  package mutating func setBillingGroup(_ group: String?, ofThing name: String) throws(IdentityError) {
    guard var thing = thing(name) else { throw .notFound("thing", name) }
    thing.billingGroupName = group
    thingsByName[name] = thing
  }

  private func checkUsable(type: String?) throws(IdentityError) {
    guard let type else { return }
    guard let found = typesByName[type] else { throw .notFound("thing type", type) }
    guard !found.thingTypeMetadata.deprecated else {
      throw .invalid("the thing type '\(type)' is deprecated; choose another")
    }
  }

  private static func check(_ attributes: [String: String], type: String?) throws(IdentityError) {
    let limit = type == nil ? 3 : 50
    guard attributes.count <= limit else {
      throw .limit(
        "a thing \(type == nil ? "without a type" : "with a type") has at most \(limit) attributes, not \(attributes.count)"
      )
    }
    for (attribute, value) in attributes.sorted(by: { $0.key < $1.key }) {
      try Names.attribute.check(attribute, "attribute")
      try Names.value.check(value, "value of the attribute '\(attribute)'")
    }
  }

  /// DeleteThing. All certificates attached to it must be revoked.
  public mutating func deleteThing(_ name: String) throws(IdentityError) {
    guard thing(name) != nil else { throw .notFound("thing", name) }
    if let principal = certificates.first(where: { $0.things.contains(name) && $0.status != .revoked }) {
      throw .inUse(
        "the certificate \(principal.certificateId.prefix(12))… is attached to '\(name)'; detach or revoke it first"
      )
    }
    for certificate in certificates.indices { certificates[certificate].things.removeAll { $0 == name } }
    groupsByName.forEach { group in group.things.removeAll { $0 == name } }
    thingsByName[name] = nil
  }

  // MARK: Groups

  /// CreateThingGroup. Creating it again changes nothing.
  public mutating func createThingGroup(_ name: String) throws(IdentityError) {
    try createThingGroup(name, parent: nil, description: nil, attributes: [:])
  }

  /// AddThingToThingGroup, RemoveThingFromThingGroup.
  public mutating func setMember(_ thing: String, of group: String, _ isMember: Bool) throws(IdentityError) {
    guard var changed = groupsByName[group] else { throw .notFound("thing group", group) }
    guard self.thing(thing) != nil else { throw .notFound("thing", thing) }
    changed.things.removeAll { $0 == thing }
    if isMember { changed.things.append(thing) }
    changed.things.sort()
    groupsByName[group] = changed
  }

  /// DeleteThingGroup.
  public mutating func deleteThingGroup(_ name: String) throws(IdentityError) {
    guard groupsByName[name] != nil else { throw .notFound("thing group", name) }
    if let child = groupsByName.inOrder.first(where: { $0.parentGroupName == name }) {
      throw .invalid("the thing group '\(child.thingGroupName)' is in '\(name)'; delete it first")
    }
    groupsByName[name] = nil
  }

  // MARK: Certificates

  /// RegisterCertificate. A certificate that is already registered keeps its state.
  @discardableResult
  public mutating func register(
    _ certificate: CertificateSummary, status: RegisteredCertificate.Status = .active,
    isWithoutCA: Bool = false, now: Date = Date()
  ) throws(IdentityError) -> RegisteredCertificate {
    if let present = registered(certificate) { return present }
    guard let name = certificate.commonName, !name.isEmpty else {
      throw .invalid("the certificate has no common name; the broker identifies a device by it")
    }
    guard RegisteredCertificate.isUsable(commonName: name) else {
      throw .invalid(
        "the certificate's common name \(quoted(name)) has control characters, leading or trailing blanks, or more than "
          + "\(RegisteredCertificate.commonNameLimit) bytes; the broker can't identify a device by it")
    }
    guard RegisteredCertificate.isUsable(serialNumber: certificate.serialNumber) else {
      throw .invalid("the certificate's serial number has more than 20 bytes (RFC 5280 section 4.1.2.2)")
    }
    let registered = RegisteredCertificate(
      certificateId: certificate.fingerprint,
      certificateArn: Self.arn("cert", certificate.fingerprint), status: status,
      creationDate: now.iso8601, lastModifiedDate: now.iso8601, isWithoutCA: isWithoutCA, commonName: name,
      serialNumber: certificate.serialNumber, things: [],
      policies: [])
    certificateIndex[registered.certificateId] = certificates.count
    certificates.append(registered)
    return registered
  }

  /// The entry of a certificate; nil if it isn't registered.
  public func registered(_ certificate: CertificateSummary) -> RegisteredCertificate? {
    certificateIndex[certificate.fingerprint].map { certificates[$0] }
  }

  /// The certificate with that ARN or identifier, of which the first 12 digits are enough, or the newest one of the thing of that
  /// name that isn't revoked, or else the newest one with that thing or common name.
  public func certificate(_ name: String) throws(IdentityError) -> RegisteredCertificate {
    certificates[try index(ofCertificate: name)]
  }

  private func index(ofCertificate name: String) throws(IdentityError) -> Int {
    let text = name.hasPrefix("arn:") ? String(name.split(separator: "/").last ?? "") : name
    if let index = certificateIndex[text] { return index }
    if text.utf8.count >= 12, let index = certificates.firstIndex(where: { $0.certificateId.hasPrefix(text) })
    {
      return index
    }
    if let index = certificates.lastIndex(where: { $0.things.contains(name) && $0.status != .revoked })
      ?? certificates.lastIndex(where: { $0.things.contains(name) || $0.commonName == name })
    {
      return index
    }
    throw .notFound("certificate or thing", name)
  }

  /// UpdateCertificate. A revoked certificate stays revoked.
  public mutating func setStatus(
    _ status: RegisteredCertificate.Status, of name: String, now: Date = Date()
  ) throws(IdentityError) {
    let index = try index(ofCertificate: name)
    guard certificates[index].status != .revoked || status == .revoked else {
      throw .invalid("a revoked certificate can't be used again; make a new one with 'provision cert rotate'")
    }
    guard certificates[index].status != status else { return }
    certificates[index].status = status
    certificates[index].lastModifiedDate = now.iso8601
  }

  /// AttachThingPrincipal, DetachThingPrincipal.
  public mutating func setThing(
    _ thing: String, ofCertificate name: String, _ isAttached: Bool
  ) throws(IdentityError) {
    guard self.thing(thing) != nil else { throw .notFound("thing", thing) }
    let index = try index(ofCertificate: name)
    certificates[index].things.removeAll { $0 == thing }
    if isAttached { certificates[index].things.append(thing) }
  }

  /// AttachPolicy, DetachPolicy. AWS allows ten policies per certificate.
  public mutating func setPolicy(
    _ policy: String, ofCertificate name: String, _ isAttached: Bool
  ) throws(IdentityError) {
    try Names.policy.check(policy, "policy")
    let index = try index(ofCertificate: name)
    certificates[index].policies.removeAll { $0 == policy }
    if isAttached { certificates[index].policies.append(policy) }
    guard certificates[index].policies.count <= 10 else {
      throw .limit("a certificate has at most 10 policies")
    }
  }

  /// DeleteCertificate. The certificate must be inactive and have nothing attached.
  /// - Parameter mayBeRevoked: Whether a revoked certificate is deleted, too. If it is in a connection kit, the next run
  ///   registers it again.
  public mutating func deleteCertificate(_ name: String, mayBeRevoked: Bool = false) throws(IdentityError) {
    let index = try index(ofCertificate: name)
    let status = certificates[index].status
    guard status == .inactive || status == .revoked && mayBeRevoked else {
      throw .inUse("only an inactive certificate can be deleted, so that a revoked one stays refused")
    }
    guard certificates[index].things.isEmpty, certificates[index].policies.isEmpty else {
      throw .inUse("the certificate has things or policies; detach them first")
    }
    certificates.remove(at: index)
    certificateIndex = [:]
    for (index, certificate) in certificates.enumerated() {
      certificateIndex[certificate.certificateId] = index
    }
  }

  /// Throws `invalidName` unless AWS accepts the text as a policy's name.
  package static func check(policyName: String) throws(IdentityError) {
    try Names.policy.check(policyName, "policy")
  }

  /// Whether AWS accepts the text as a policy's name, which also names a file in the policies' folder.
  static func isPolicyName(_ text: String) -> Bool { Names.policy.allows(text) }

  /// The certificates that have the policy.
  public func targets(ofPolicy policy: String) -> [RegisteredCertificate] {
    certificates.filter { $0.policies.contains(policy) }
  }
}

/// AWS's rules for a kind of name.
struct Names {
  let limit: Int
  let minimum: Int
  let characters: String
  let isAllowed: @Sendable (Unicode.Scalar) -> Bool

  private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
  }

  private init(_ limit: Int, minimum: Int = 1, extra: String) {
    self.limit = limit
    self.minimum = minimum
    characters = "a-z, A-Z, 0-9 and \(extra)"
    let others = Set(extra.unicodeScalars)
    isAllowed = { Self.isAlphanumeric($0) || others.contains($0) }
  }

  static let thing = Names(128, extra: ":_-")
  static let attribute = Names(128, extra: "_.,@/:#-")
  static let value = Names(800, minimum: 0, extra: "_.,@/:#=[]-")
  static let policy = Names(128, extra: "_+=,.@-")
  static let description = Names(2028, minimum: 0, extra: " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

  func allows(_ text: String) -> Bool {
    let scalars = text.unicodeScalars
    return (minimum...limit).contains(scalars.count) && scalars.allSatisfy(isAllowed)
  }

  func check(_ text: String, _ noun: String) throws(IdentityError) {
    guard allows(text) else {
      throw IdentityError(
        .invalidName,
        "\(quoted(text)) can't be a \(noun); use \(minimum) to \(limit) of the characters \(characters)")
    }
  }
}

extension IdentityError {
  /// The command whose `list` shows the existing ones.
  private static func command(of kind: String) -> String {
    switch kind {
    case "thing type": "type"
    case "thing group": "group"
    case "thing": "thing"
    default: "cert"
    }
  }

  static func notFound(_ kind: String, _ name: String) -> IdentityError {
    IdentityError(
      .notFound,
      "there is no \(kind) \(quoted(name)) (ResourceNotFoundException); see 'provision \(Self.command(of: kind)) list'"
    )
  }
  static func conflict(_ message: String) -> IdentityError {
    IdentityError(.conflict, "\(message) (ResourceAlreadyExistsException)")
  }
  static func limit(_ message: String) -> IdentityError {
    IdentityError(.limitExceeded, "\(message) (LimitExceededException)")
  }
  static func invalid(_ message: String) -> IdentityError {
    IdentityError(.invalidRequest, "\(message) (InvalidRequestException)")
  }
  static func inUse(_ message: String) -> IdentityError {
    IdentityError(.inUse, "\(message) (DeleteConflictException)")
  }
}
