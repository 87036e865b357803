import JSON

/// A thing type, with the names of `aws iot describe-thing-type`.
public struct ThingType: Sendable, Equatable {
  /// `thingTypeProperties`.
  public struct Properties: Sendable, Equatable {
    /// What the type is for.
    public var thingTypeDescription: String?
    /// At most three.
    public var searchableAttributes: [String]

    package init(thingTypeDescription: String?, searchableAttributes: [String]) {
      self.thingTypeDescription = thingTypeDescription
      self.searchableAttributes = searchableAttributes
    }
  }
  /// `thingTypeMetadata`.
  public struct Metadata: Sendable, Equatable {
    /// No new thing may get a deprecated type.
    public var deprecated: Bool
    /// ISO 8601; nil unless it is deprecated.
    public var deprecationDate: String?
    /// ISO 8601.
    public var creationDate: String
  }
  /// The name.
  public var thingTypeName: String
  /// Distinguishes it from an earlier type of the same name.
  public var thingTypeId: String
  /// Description and searchable attributes.
  public var thingTypeProperties: Properties
  /// State and date.
  public var thingTypeMetadata: Metadata
}

/// A thing, with the names of `aws iot describe-thing`.
public struct Thing: Sendable, Equatable {
  /// The name, which is also its client identifier.
  public var thingName: String
  /// Distinguishes it from an earlier thing of the same name.
  public var thingId: String
  /// Its type.
  public var thingTypeName: String?
  /// Its billing group.
  public var billingGroupName: String?
  /// At most 3 without a type, 50 with one.
  public var attributes: [String: String]
  /// Rises with each change.
  public var version: Int

  /// Creates a thing with version 1.
  public init(thingName: String, thingTypeName: String? = nil, attributes: [String: String] = [:]) {
    self.thingName = thingName
    thingId = StableID.of("thing/\(thingName)")
    self.thingTypeName = thingTypeName
    self.attributes = attributes
    version = 1
  }
}

/// Identifiers of resources that an earlier version of trucksensor registered without one.
enum StableID {
  /// An identifier in the form of a UUID, always the same for the same name.
  static func of(_ name: String) -> String {
    let digits = Array(Digest.sha256(Array(name.utf8)))
    return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
      .map { String($0) }.joined(separator: "-")
  }
}

/// A group of things, with the names of `aws iot describe-thing-group`.
public struct ThingGroup: Sendable, Equatable {
  /// The name.
  public var thingGroupName: String
  /// Distinguishes it from an earlier group of the same name.
  public var thingGroupId: String
  /// The group that it is in.
  public var parentGroupName: String?
  /// What the group is for.
  public var description: String?
  /// Names and values.
  public var attributes: [String: String]
  /// Rises with each change.
  public var version: Int
  /// ISO 8601.
  public var creationDate: String
  /// Its things' names.
  public var things: [String]
  /// The policies that its things and the things of its child groups inherit.
  public var policies: [String]
}

/// A billing group, with the names of `aws iot describe-billing-group`. Its things refer to it.
public struct BillingGroup: Sendable, Equatable {
  /// The name.
  public var billingGroupName: String
  /// Distinguishes it from an earlier group of the same name.
  public var billingGroupId: String
  /// What the group is for.
  public var description: String?
  /// Rises with each change.
  public var version: Int
  /// ISO 8601.
  public var creationDate: String
}

/// The versions of a policy. The default version's document is always the policy's file, even if the copy here differs.
public struct PolicyVersions: Sendable, Equatable {
  /// One version.
  public struct Version: Sendable, Equatable {
    /// A number that was never used before for this policy.
    public var versionId: Int
    /// The document as received.
    public var document: String
    /// ISO 8601.
    public var creationDate: String

    package init(versionId: Int, document: String, creationDate: String) {
      self.versionId = versionId
      self.document = document
      self.creationDate = creationDate
    }
  }
  /// The policy's name.
  public var policyName: String
  /// Distinguishes it from an earlier policy of the same name.
  public var generationId: String
  /// ISO 8601.
  public var creationDate: String
  /// ISO 8601.
  public var lastModifiedDate: String
  /// The version in force.
  public var defaultVersionId: Int
  /// The number of the newest version so far.
  public var lastVersionId: Int
  /// In order.
  public var versions: [Version]
}

/// A certificate, with the names of `aws iot describe-certificate`, and what is attached to it.
public struct RegisteredCertificate: Sendable, Equatable {
  /// What the certificate may be used for.
  public enum Status: String, Sendable, CaseIterable {
    /// May sign in.
    case active = "ACTIVE"
    /// May not sign in for now.
    case inactive = "INACTIVE"
    /// May never sign in again.
    case revoked = "REVOKED"
  }
  /// SHA-256 of the DER form in hexadecimal.
  public var certificateId: String
  /// `arn:aws:iot:local:000000000000:cert/ID`.
  public var certificateArn: String
  /// Whether it may sign in.
  public var status: Status
  /// ISO 8601.
  public var creationDate: String
  /// ISO 8601.
  public var lastModifiedDate: String
  /// Whether it was registered without its CA (`SNI_ONLY`).
  public var isWithoutCA: Bool
  /// The subject's common name, by which the broker identifies it.
  public var commonName: String
  /// In hexadecimal.
  public var serialNumber: String
  /// The names of the things that it is attached to.
  public var things: [String]
  /// The names of its policies.
  public var policies: [String]
}

// MARK: JSON

/// An entry of the registry, whose JSON has AWS's names.
package protocol RegistryEntry {
  /// Writes the entry as one object.
  func write(to json: inout JSONWriter)
}

extension JSONWriter {
  fileprivate mutating func member(_ name: String, _ texts: [String]) {
    array(name) { for text in texts { $0.value(text) } }
  }
}

extension ThingType: RegistryEntry {
  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    let name = try reader.string("thingTypeName")
    thingTypeName = name
    thingTypeId = try reader.optionalString("thingTypeId") ?? StableID.of("thingtype/\(name)")
    var properties = try reader.object("thingTypeProperties")
    thingTypeProperties = Properties(
      thingTypeDescription: try properties.optionalString("thingTypeDescription"),
      searchableAttributes: try properties.strings("searchableAttributes"))
    try properties.finish()
    var metadata = try reader.object("thingTypeMetadata")
    thingTypeMetadata = Metadata(
      deprecated: try metadata.boolean("deprecated"),
      deprecationDate: try metadata.optionalString("deprecationDate"),
      creationDate: try metadata.string("creationDate"))
    try metadata.finish()
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("thingTypeName", thingTypeName)
      $0.member("thingTypeId", thingTypeId)
      $0.object("thingTypeProperties") {
        if let text = thingTypeProperties.thingTypeDescription { $0.member("thingTypeDescription", text) }
        $0.member("searchableAttributes", thingTypeProperties.searchableAttributes)
      }
      $0.object("thingTypeMetadata") {
        $0.member("deprecated", thingTypeMetadata.deprecated)
        if let date = thingTypeMetadata.deprecationDate { $0.member("deprecationDate", date) }
        $0.member("creationDate", thingTypeMetadata.creationDate)
      }
    }
  }
}

extension Thing: RegistryEntry {
  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    let name = try reader.string("thingName")
    thingName = name
    thingId = try reader.optionalString("thingId") ?? StableID.of("thing/\(name)")
    billingGroupName = try reader.optionalString("billingGroupName")
    thingTypeName = try reader.optionalString("thingTypeName")
    attributes = try reader.dictionary("attributes")
    version = try reader.integer("version")
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("thingName", thingName)
      $0.member("thingId", thingId)
      if let billingGroupName { $0.member("billingGroupName", billingGroupName) }
      if let thingTypeName { $0.member("thingTypeName", thingTypeName) }
      $0.object("attributes") {
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { $0.member(name, value) }
      }
      $0.member("version", version)
    }
  }
}

extension ThingGroup: RegistryEntry {
  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    let name = try reader.string("thingGroupName")
    thingGroupName = name
    thingGroupId = try reader.optionalString("thingGroupId") ?? StableID.of("thinggroup/\(name)")
    parentGroupName = try reader.optionalString("parentGroupName")
    description = try reader.optionalString("description")
    attributes = try reader.optionalDictionary("attributes")
    version = try reader.optionalInteger("version") ?? 1
    creationDate = try reader.optionalString("creationDate") ?? RegistryReader.unknownDate
    things = try reader.strings("things")
    policies = try reader.optionalStrings("policies")
    try reader.checkPolicies(policies)
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("thingGroupName", thingGroupName)
      $0.member("thingGroupId", thingGroupId)
      if let parentGroupName { $0.member("parentGroupName", parentGroupName) }
      if let description { $0.member("description", description) }
      $0.object("attributes") {
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { $0.member(name, value) }
      }
      $0.member("version", version)
      $0.member("creationDate", creationDate)
      $0.member("things", things)
      $0.member("policies", policies)
    }
  }
}

extension BillingGroup: RegistryEntry {
  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    billingGroupName = try reader.string("billingGroupName")
    billingGroupId = try reader.string("billingGroupId")
    description = try reader.optionalString("description")
    version = try reader.integer("version")
    creationDate = try reader.string("creationDate")
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("billingGroupName", billingGroupName)
      $0.member("billingGroupId", billingGroupId)
      if let description { $0.member("description", description) }
      $0.member("version", version)
      $0.member("creationDate", creationDate)
    }
  }
}

extension PolicyVersions: RegistryEntry {
  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    policyName = try reader.string("policyName")
    try reader.check(Registry.isPolicyName(policyName), "policyName", "the name of a policy")
    generationId = try reader.string("generationId")
    creationDate = try reader.string("creationDate")
    lastModifiedDate = try reader.string("lastModifiedDate")
    defaultVersionId = try reader.integer("defaultVersionId")
    lastVersionId = try reader.integer("lastVersionId")
    versions = []
    for var entry in try reader.objects("versions") {
      versions.append(
        Version(
          versionId: try entry.integer("versionId"), document: try entry.string("document"),
          creationDate: try entry.string("creationDate")))
      try entry.finish()
    }
    let numbers = versions.map(\.versionId)
    try reader.check(numbers.contains(defaultVersionId), "defaultVersionId", "one of the versions")
    try reader.check(
      numbers.allSatisfy { $0 > 0 && $0 <= lastVersionId } && lastVersionId < 1 << 53, "lastVersionId",
      "at least as large as each versionId")
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("policyName", policyName)
      $0.member("generationId", generationId)
      $0.member("creationDate", creationDate)
      $0.member("lastModifiedDate", lastModifiedDate)
      $0.member("defaultVersionId", defaultVersionId)
      $0.member("lastVersionId", lastVersionId)
      $0.array("versions") {
        for version in versions {
          $0.object {
            $0.member("versionId", version.versionId)
            $0.member("document", version.document)
            $0.member("creationDate", version.creationDate)
          }
        }
      }
    }
  }
}

extension RegisteredCertificate: RegistryEntry {
  static let commonNameLimit = 65_535

  /// Whether the broker's files can hold the name.
  static func isUsable(commonName name: String) -> Bool {
    let scalars = name.unicodeScalars
    guard let first = scalars.first, let last = scalars.last, name.utf8.count <= commonNameLimit else {
      return false
    }
    return !first.properties.isWhitespace && !last.properties.isWhitespace
      && !scalars.contains(where: \.isUnsafe)
  }

  /// Whether it is hexadecimal, at most 20 bytes long, with an optional sign.
  static func isUsable(serialNumber text: String) -> Bool {
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    return (1...40).contains(digits.utf8.count) && digits.allSatisfy { $0.isASCII && $0.isHexDigit }
  }

  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    certificateId = try reader.string("certificateId")
    certificateArn = try reader.string("certificateArn")
    let names = Status.allCases.map(\.rawValue).joined(separator: ", ")
    let text = try reader.string("status")
    guard let status = Status(rawValue: text) else { throw reader.damage("status", "one of \(names)") }
    self.status = status
    let date = try reader.string("creationDate")
    creationDate = date
    lastModifiedDate = try reader.optionalString("lastModifiedDate") ?? date
    isWithoutCA = try reader.optionalBoolean("isWithoutCA") ?? false
    commonName = try reader.string("commonName")
    try reader.check(
      Self.isUsable(commonName: commonName), "commonName", "a name without control characters")
    serialNumber = try reader.string("serialNumber")
    try reader.check(
      Self.isUsable(serialNumber: serialNumber), "serialNumber", "1 to 40 hexadecimal digits")
    things = try reader.strings("things")
    policies = try reader.strings("policies")
    try reader.checkPolicies(policies)
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("certificateId", certificateId)
      $0.member("certificateArn", certificateArn)
      $0.member("status", status.rawValue)
      $0.member("creationDate", creationDate)
      $0.member("lastModifiedDate", lastModifiedDate)
      if isWithoutCA { $0.member("isWithoutCA", isWithoutCA) }
      $0.member("commonName", commonName)
      $0.member("serialNumber", serialNumber)
      $0.member("things", things)
      $0.member("policies", policies)
    }
  }
}
