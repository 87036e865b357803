import FoundationEssentials

/// A thing type, with the names of `aws iot describe-thing-type`.
public struct ThingType: Codable, Sendable, Equatable {
  /// `thingTypeProperties`.
  public struct Properties: Codable, Sendable, Equatable {
    /// What the type is for.
    public var thingTypeDescription: String?
    /// At most three.
    public var searchableAttributes: [String]
  }
  /// `thingTypeMetadata`.
  public struct Metadata: Codable, Sendable, Equatable {
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
public struct Thing: Codable, Sendable, Equatable {
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
public struct ThingGroup: Codable, Sendable, Equatable {
  /// The name.
  public var thingGroupName: String
  /// Its things' names.
  public var things: [String]
}

/// A certificate, with the names of `aws iot describe-certificate`, and what is attached to it.
public struct RegisteredCertificate: Codable, Sendable, Equatable {
  /// What the certificate may be used for.
  public enum Status: String, Codable, Sendable, CaseIterable {
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
  /// In hexadecimal, for the revocation list.
  public var serialNumber: String
  /// The names of the things that it is attached to.
  public var things: [String]
  /// The names of its policies.
  public var policies: [String]
}
