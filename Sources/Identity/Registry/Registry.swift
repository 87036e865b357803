import FoundationEssentials
import Glibc
import JSON

/// The cloud's register of thing types, things, groups and certificates: `data/registry.json`.
///
/// A value: it is read, changed and written as a whole. Limits and names are those of AWS IoT ("AWS IoT Core thing
/// resource limits and quotas", API reference).
public struct Registry: Codable, Sendable, Equatable {
  private var version = 1
  /// By name.
  public private(set) var thingTypes: [ThingType] = []
  /// By name.
  public private(set) var things: [Thing] = []
  /// By name.
  public private(set) var thingGroups: [ThingGroup] = []
  /// In the order in which they came.
  public private(set) var certificates: [RegisteredCertificate] = []

  /// An empty registry.
  public init() {}

  private enum CodingKeys: CodingKey { case version, thingTypes, things, thingGroups, certificates }
  /// A hundred thousand things.
  private static let sizeLimit = 1 << 28

  // MARK: The file

  /// Reads the file; empty if there is none. Throws `invalidRegistry` for one that is damaged or of a newer version.
  public static func read(_ path: String) throws(IdentityError) -> Registry {
    guard FileContents.exists(path) else { return Registry() }
    let bytes = try FileContents(path: path, role: .registry, limit: sizeLimit).bytes
    do {
      let registry = try JSONDecoder().decode(Registry.self, from: Data(bytes))
      guard registry.version == 1 else {
        throw IdentityError(
          .invalidRegistry, path: path,
          "\(path) is of version \(registry.version); this trucksensor reads version 1: use a newer one")
      }
      return registry
    } catch let error as IdentityError {
      throw error
    } catch {
      let reason = Self.reason(error, bytes)
      throw IdentityError(
        .invalidRegistry, path: path,
        "\(path) is damaged: \(reason); mend it, or remove it: 'run' registers its devices again")
    }
  }

  private static func reason(_ error: any Error, _ bytes: [UInt8]) -> String {
    do throws(JSONError) {
      _ = try JSONElement(bytes)
    } catch {
      return "\(error)"
    }
    guard let error = error as? DecodingError else { return "\(error)" }
    let (path, what): ([any CodingKey], String) =
      switch error {
      case .keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
      case .typeMismatch(_, let context), .valueNotFound(_, let context):
        (context.codingPath, "has a wrong type")
      case .dataCorrupted(let context): (context.codingPath, "has a wrong value")
      @unknown default: ([], "can't be read")
      }
    return path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".") + " " + what
  }

  /// Changes the file as one step: others that do the same wait, and nobody sees half of it.
  @discardableResult
  public static func update<Result>(
    _ path: String, _ change: (inout Registry) throws(IdentityError) -> Result
  ) throws(IdentityError) -> Result {
    let slash = path.lastIndex(of: "/")
    let folder = try Folder(slash.map { String(path[..<$0]) } ?? ".")
    var registry = try read(path)
    let before = registry
    let result = try change(&registry)
    guard registry != before || !FileContents.exists(path) else { return result }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(registry) else { throw .cryptography("encode the registry") }
    var files = FileTransaction()
    try files.stage(Array(data) + [0x0A], at: path, mode: 0o600)
    try files.commit(in: folder)
    return result
  }

  // MARK: Thing types

  /// CreateThingType. One that exists alike is no error.
  public mutating func createThingType(
    _ name: String, description: String? = nil, searchableAttributes: [String] = [], now: Date = Date()
  ) throws(IdentityError) {
    try Names.thing.check(name, "thing type")
    guard searchableAttributes.count <= 3 else {
      throw .limit("a thing type has at most 3 searchable attributes, not \(searchableAttributes.count)")
    }
    for attribute in searchableAttributes { try Names.attribute.check(attribute, "attribute") }
    if let description { try Names.description.check(description, "description") }
    let properties = ThingType.Properties(
      thingTypeDescription: description, searchableAttributes: searchableAttributes)
    if let present = thingTypes.first(where: { $0.thingTypeName == name }) {
      guard present.thingTypeProperties == properties else {
        throw .conflict("the thing type '\(name)' exists with other properties; types can't be changed")
      }
      return
    }
    thingTypes.append(
      ThingType(
        thingTypeName: name, thingTypeProperties: properties,
        thingTypeMetadata: .init(deprecated: false, creationDate: now.ISO8601Format())))
    thingTypes.sort { $0.thingTypeName < $1.thingTypeName }
  }

  /// DeprecateThingType, or undoes it.
  public mutating func deprecateThingType(_ name: String, undo: Bool = false) throws(IdentityError) {
    guard let index = thingTypes.firstIndex(where: { $0.thingTypeName == name }) else {
      throw .notFound("thing type", name)
    }
    thingTypes[index].thingTypeMetadata.deprecated = !undo
  }

  /// DeleteThingType: a deprecated one that no thing has.
  public mutating func deleteThingType(_ name: String) throws(IdentityError) {
    guard let index = thingTypes.firstIndex(where: { $0.thingTypeName == name }) else {
      throw .notFound("thing type", name)
    }
    if let user = things.first(where: { $0.thingTypeName == name }) {
      throw .inUse("the thing '\(user.thingName)' has the type '\(name)'; delete it first")
    }
    guard thingTypes[index].thingTypeMetadata.deprecated else {
      throw .inUse("only a deprecated type can be deleted; run 'provision type revoke \(name)' first")
    }
    thingTypes.remove(at: index)
  }

  // MARK: Things

  /// The thing of that name.
  public func thing(_ name: String) -> Thing? { things.first { $0.thingName == name } }

  /// CreateThing. One that exists alike is no error.
  public mutating func createThing(
    _ name: String, type: String? = nil, attributes: [String: String] = [:]
  ) throws(IdentityError) {
    try ConnectionKit.validate(deviceName: name)
    if let type {
      guard let found = thingTypes.first(where: { $0.thingTypeName == type }) else {
        throw .notFound("thing type", type)
      }
      guard !found.thingTypeMetadata.deprecated else {
        throw .invalid("the thing type '\(type)' is deprecated; choose another")
      }
    }
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
    if let present = thing(name) {
      guard present.thingTypeName == type, present.attributes == attributes else {
        throw .conflict("the thing '\(name)' exists with another type or attributes; delete it first")
      }
      return
    }
    things.append(Thing(thingName: name, thingTypeName: type, attributes: attributes))
    things.sort { $0.thingName < $1.thingName }
  }

  /// DeleteThing: one without certificates.
  public mutating func deleteThing(_ name: String) throws(IdentityError) {
    guard let index = things.firstIndex(where: { $0.thingName == name }) else {
      throw .notFound("thing", name)
    }
    if let principal = certificates.first(where: { $0.things.contains(name) && $0.status != .revoked }) {
      throw .inUse(
        "the certificate \(principal.certificateId.prefix(12))… is attached to '\(name)'; detach or revoke it first"
      )
    }
    for certificate in certificates.indices { certificates[certificate].things.removeAll { $0 == name } }
    for group in thingGroups.indices { thingGroups[group].things.removeAll { $0 == name } }
    things.remove(at: index)
  }

  // MARK: Groups

  /// CreateThingGroup; one that exists is no error.
  public mutating func createThingGroup(_ name: String) throws(IdentityError) {
    try Names.thing.check(name, "thing group")
    guard !thingGroups.contains(where: { $0.thingGroupName == name }) else { return }
    thingGroups.append(ThingGroup(thingGroupName: name, things: []))
    thingGroups.sort { $0.thingGroupName < $1.thingGroupName }
  }

  /// AddThingToThingGroup, RemoveThingFromThingGroup.
  public mutating func setMember(_ thing: String, of group: String, _ isMember: Bool) throws(IdentityError) {
    guard let index = thingGroups.firstIndex(where: { $0.thingGroupName == group }) else {
      throw .notFound("thing group", group)
    }
    guard self.thing(thing) != nil else { throw .notFound("thing", thing) }
    thingGroups[index].things.removeAll { $0 == thing }
    if isMember { thingGroups[index].things.append(thing) }
    thingGroups[index].things.sort()
  }

  /// DeleteThingGroup.
  public mutating func deleteThingGroup(_ name: String) throws(IdentityError) {
    guard thingGroups.contains(where: { $0.thingGroupName == name }) else {
      throw .notFound("thing group", name)
    }
    thingGroups.removeAll { $0.thingGroupName == name }
  }

  // MARK: Certificates

  /// RegisterCertificate. One that is registered already keeps its state.
  @discardableResult
  public mutating func register(
    _ certificate: CertificateSummary, status: RegisteredCertificate.Status = .active, now: Date = Date()
  ) throws(IdentityError) -> RegisteredCertificate {
    if let present = certificates.first(where: { $0.certificateId == certificate.fingerprint }) {
      return present
    }
    guard let name = certificate.commonName, !name.isEmpty else {
      throw .invalid("the certificate has no common name, by which the broker would know it")
    }
    let registered = RegisteredCertificate(
      certificateId: certificate.fingerprint,
      certificateArn: "arn:aws:iot:local:000000000000:cert/\(certificate.fingerprint)", status: status,
      creationDate: now.ISO8601Format(), commonName: name, serialNumber: certificate.serialNumber, things: [],
      policies: [])
    certificates.append(registered)
    return registered
  }

  /// The certificate of that identifier, of which twelve digits are enough, or the newest that isn't revoked of the
  /// thing of that name.
  public func certificate(_ name: String) throws(IdentityError) -> RegisteredCertificate {
    certificates[try index(ofCertificate: name)]
  }

  private func index(ofCertificate name: String) throws(IdentityError) -> Int {
    let text = name.hasPrefix("arn:") ? String(name.split(separator: "/").last ?? "") : name
    if let index = certificates.firstIndex(where: {
      $0.certificateId == text || (text.utf8.count >= 12 && $0.certificateId.hasPrefix(text))
    }) {
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
    _ status: RegisteredCertificate.Status, of name: String
  ) throws(IdentityError) {
    let index = try index(ofCertificate: name)
    guard certificates[index].status != .revoked || status == .revoked else {
      throw .invalid("a revoked certificate can't be used again; make a new one with 'provision cert rotate'")
    }
    certificates[index].status = status
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

  /// AttachPolicy, DetachPolicy; AWS allows ten.
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

  /// DeleteCertificate: one that isn't active and has nothing attached.
  public mutating func deleteCertificate(_ name: String) throws(IdentityError) {
    let index = try index(ofCertificate: name)
    guard certificates[index].status == .inactive else {
      throw .inUse("only an inactive certificate can be deleted, so that a revoked one stays refused")
    }
    guard certificates[index].things.isEmpty, certificates[index].policies.isEmpty else {
      throw .inUse("the certificate has things or policies; detach them first")
    }
    certificates.remove(at: index)
  }

  /// The certificates that have the policy.
  public func targets(ofPolicy policy: String) -> [RegisteredCertificate] {
    certificates.filter { $0.policies.contains(policy) }
  }
}

/// What AWS takes for a name.
private struct Names {
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

  func check(_ text: String, _ noun: String) throws(IdentityError) {
    let scalars = text.unicodeScalars
    guard (minimum...limit).contains(scalars.count), scalars.allSatisfy(isAllowed) else {
      throw IdentityError(
        .invalidName,
        "\(quoted(text)) can't be a \(noun); use \(minimum) to \(limit) of the characters \(characters)")
    }
  }
}

extension IdentityError {
  static func notFound(_ kind: String, _ name: String) -> IdentityError {
    IdentityError(
      .notFound, "there is no \(kind) \(quoted(name)) (ResourceNotFoundException); see 'provision list'")
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
