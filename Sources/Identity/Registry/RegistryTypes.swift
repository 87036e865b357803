import JSON

/// A thing type, with the names of `aws iot describe-thing-type`.
public struct ThingType: Sendable, Equatable {
  /// `thingTypeProperties`.
  public struct Properties: Sendable, Equatable {
    /// What the type is for.
    public var thingTypeDescription: String?
    /// At most three.
    public var searchableAttributes: [String]
  }
  /// `thingTypeMetadata`.
  public struct Metadata: Sendable, Equatable {
    /// No new thing may get a deprecated type.
    public var deprecated: Bool
    /// ISO 8601.
    public var creationDate: String
  }
  /// The name.
  public var thingTypeName: String
  /// Description and searchable attributes.
  public var thingTypeProperties: Properties
  /// State and date.
  public var thingTypeMetadata: Metadata
}

/// A thing, with the names of `aws iot describe-thing`.
public struct Thing: Sendable, Equatable {
  /// The name, which is its client identifier too.
  public var thingName: String
  /// Its type.
  public var thingTypeName: String?
  /// At most 3 without a type, 50 with one.
  public var attributes: [String: String]
  /// Rises with each change.
  public var version: Int

  /// A thing of the first version.
  public init(thingName: String, thingTypeName: String? = nil, attributes: [String: String] = [:]) {
    self.thingName = thingName
    self.thingTypeName = thingTypeName
    self.attributes = attributes
    version = 1
  }
}

/// A group of things, with the names of `aws iot describe-thing-group`.
public struct ThingGroup: Sendable, Equatable {
  /// The name.
  public var thingGroupName: String
  /// Its things' names.
  public var things: [String]
}

/// A certificate, with the names of `aws iot describe-certificate`, and what is attached to it.
public struct RegisteredCertificate: Sendable, Equatable {
  /// What the certificate may be used for.
  public enum Status: String, Sendable, CaseIterable {
    /// Signs in.
    case active = "ACTIVE"
    /// Doesn't, for now.
    case inactive = "INACTIVE"
    /// Never again.
    case revoked = "REVOKED"
  }
  /// SHA-256 of the DER form in hexadecimal.
  public var certificateId: String
  /// `arn:aws:iot:local:000000000000:cert/ID`.
  public var certificateArn: String
  /// Whether it signs in.
  public var status: Status
  /// ISO 8601.
  public var creationDate: String
  /// The subject's common name, by which the broker knows it.
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
    thingTypeName = try reader.string("thingTypeName")
    var properties = try reader.object("thingTypeProperties")
    thingTypeProperties = Properties(
      thingTypeDescription: try properties.optionalString("thingTypeDescription"),
      searchableAttributes: try properties.strings("searchableAttributes"))
    try properties.finish()
    var metadata = try reader.object("thingTypeMetadata")
    thingTypeMetadata = Metadata(
      deprecated: try metadata.boolean("deprecated"), creationDate: try metadata.string("creationDate"))
    try metadata.finish()
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("thingTypeName", thingTypeName)
      $0.object("thingTypeProperties") {
        if let text = thingTypeProperties.thingTypeDescription { $0.member("thingTypeDescription", text) }
        $0.member("searchableAttributes", thingTypeProperties.searchableAttributes)
      }
      $0.object("thingTypeMetadata") {
        $0.member("deprecated", thingTypeMetadata.deprecated)
        $0.member("creationDate", thingTypeMetadata.creationDate)
      }
    }
  }
}

extension Thing: RegistryEntry {
  init(from reader: inout RegistryReader) throws(RegistryReader.Damage) {
    thingName = try reader.string("thingName")
    thingTypeName = try reader.optionalString("thingTypeName")
    attributes = try reader.dictionary("attributes")
    version = try reader.integer("version")
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("thingName", thingName)
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
    thingGroupName = try reader.string("thingGroupName")
    things = try reader.strings("things")
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("thingGroupName", thingGroupName)
      $0.member("things", things)
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

  /// Whether it is hexadecimal, of at most 20 bytes and perhaps a sign.
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
    creationDate = try reader.string("creationDate")
    commonName = try reader.string("commonName")
    try reader.check(
      Self.isUsable(commonName: commonName), "commonName", "a name without control characters")
    serialNumber = try reader.string("serialNumber")
    try reader.check(
      Self.isUsable(serialNumber: serialNumber), "serialNumber", "1 to 40 hexadecimal digits")
    things = try reader.strings("things")
    policies = try reader.strings("policies")
    for policy in policies {
      try reader.check(Registry.isPolicyName(policy), "policies", "names of policies")
    }
  }

  package func write(to json: inout JSONWriter) {
    json.object {
      $0.member("certificateId", certificateId)
      $0.member("certificateArn", certificateArn)
      $0.member("status", status.rawValue)
      $0.member("creationDate", creationDate)
      $0.member("commonName", commonName)
      $0.member("serialNumber", serialNumber)
      $0.member("things", things)
      $0.member("policies", policies)
    }
  }
}
