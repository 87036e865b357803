import Text

/// The policy variables and condition keys of AWS IoT ("AWS IoT Core policy variables", developer guide) and those of all AWS
/// policies that a device's request has. An unknown one has no value, and its statement matches nothing in AWS.
enum PolicyKeys {
  private static let known: [String] = {
    let attributes = [
      "DistinguishedNameQualifier", "Country", "Organization", "OrganizationalUnit", "State", "CommonName",
      "SerialNumber", "Title", "Surname", "GivenName", "Initials", "Pseudonym", "GenerationQualifier",
    ]
    let alternatives = [
      "RFC822Name", "DNSName", "DirectoryName", "UniformResourceIdentifier", "IPAddress",
    ]
    return ["iot:ClientId", "iot:DomainName"]
      + ["ThingName", "ThingTypeName", "IsAttached"].map { "iot:Connection.Thing.\($0)" }
      + attributes.flatMap { ["iot:Certificate.Subject.\($0)", "iot:Certificate.Issuer.\($0)"] }
      + alternatives.flatMap {
        ["iot:Certificate.Subject.AlternativeName.\($0)", "iot:Certificate.Issuer.AlternativeName.\($0)"]
      } + ["iot:Certificate.SerialNumber", "iot:Certificate.AvailableKeyUsage"]
      + ["aws:SourceIp", "aws:CurrentTime", "aws:EpochTime", "aws:SecureTransport", "aws:UserAgent"]
  }()

  /// Why a name never has a value, as part of a sentence; nil if it may have one.
  static func problem(with name: String) -> String? {
    if name.hasPrefix("iot:Connection.Thing.Attributes["), name.hasSuffix("]") { return nil }
    var base = name
    // An attribute may end in `.List`, or in the number of one of its values.
    if let dot = base.lastIndex(of: ".") {
      let last = base[base.index(after: dot)...]
      if last == "List" || Int(last) != nil { base = String(base[..<dot]) }
    }
    if known.contains(where: { $0.lowercased() == base.lowercased() }) { return nil }
    let advice = NearestName.of(base, among: known).map { "; did you mean '\($0)'?" } ?? ""
    return "'\(name)' is not a policy variable or condition key of AWS IoT and has no value\(advice)"
  }

  /// The names in a text's `${…}`, without `*`, `?` and `$`, which stand for these characters.
  static func variables(in text: String) -> [String] {
    text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { part in
      guard let end = part.firstIndex(of: "}") else { return nil }
      let name = String(part[..<end])
      return ["*", "?", "$"].contains(name) ? nil : name
    }
  }
}
