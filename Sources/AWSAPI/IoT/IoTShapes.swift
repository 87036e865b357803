/// Shapes of AWS IoT's service model that several operations use.
extension Shape {
  private static let nameCharacters = Pattern.characters("[a-zA-Z0-9:_-]+", extra: ":_-")

  /// A ThingName, ThingTypeName, ThingGroupName, BillingGroupName or IndexName.
  static let name = Shape.text(length: 1...128, pattern: nameCharacters)
  static let attributeName = Shape.text(
    length: 0...128, pattern: .characters("[a-zA-Z0-9_.,@/:#-]+", extra: "_.,@/:#-"))
  static let attributeValue = Shape.text(
    length: 0...800,
    pattern: .characters("[a-zA-Z0-9_.,@/:#=\\[\\]-]*", extra: "_.,@/:#=[]-", mayBeEmpty: true))
  static let attributes = Shape.structure([
    .init("attributes", .map(attributeValue, keys: attributeName)), .init("merge", .flag),
  ])
  static let description = Shape.text(
    length: 0...2028,
    pattern: Pattern(text: "[\\p{Graph}\\x20]*") { text in text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    })
  static let policyName = Shape.text(
    length: 1...128, pattern: .characters("[\\w+=,.@-]+", extra: "_+=,.@-"))
  static let policyVersion = Shape.text(
    pattern: Pattern(text: "[0-9]+") { text in
      !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    })
  static let certificateId = Shape.text(
    length: 64...64,
    pattern: Pattern(text: "(0x)?[a-fA-F0-9]+") { text in
      let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
      return !digits.isEmpty && digits.unicodeScalars.allSatisfy { $0.isASCII && $0.properties.isHexDigit }
    })
  static let certificateStatus = Shape.text(words: [
    "ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "REGISTER_INACTIVE", "PENDING_ACTIVATION",
  ])
  static let certificatePEM = Shape.text(length: 1...65_536)
  static let shadowName = Shape.text(
    length: 1...64, pattern: .characters("[$a-zA-Z0-9:_-]+", extra: "$:_-"))
  static let principalType = Shape.text(words: ["EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"])
  static let ruleName = Shape.text(length: 1...128, pattern: .characters("^[a-zA-Z0-9_]+$", extra: "_"))
  static let tagKey = Shape.text(
    length: 1...128,
    pattern: Pattern(text: "^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$") { text in
      text.unicodeScalars.allSatisfy {
        switch $0.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
          .spaceSeparator, .lineSeparator, .paragraphSeparator, .decimalNumber, .letterNumber, .otherNumber:
          true
        default: "_.:/=+-@".unicodeScalars.contains($0)
        }
      }
    })
  static let tags = Shape.list(
    .structure([.init("Key", tagKey, required: true), .init("Value", .text(length: 0...256))]))
  static let maxResults = Shape.integer(1...250)
  static let marker = Shape.text(
    length: 0...1024,
    pattern: Pattern(text: "[A-Za-z0-9+/]+={0,2}") { text in
      let padding = text.reversed().prefix { $0 == "=" }.count
      let body = text.dropLast(padding)
      return padding <= 2 && !body.isEmpty
        && body.unicodeScalars.allSatisfy { $0.isLetterOrDigit || $0 == "+" || $0 == "/" }
    })
}

extension [RESTOperation.Member] {
  /// The paging members of the newer operations.
  static let pages: Self = [.query("nextToken", .text()), .query("maxResults", .maxResults)]
  /// The paging members of the older operations.
  static let markers: Self = [.query("marker", .marker), .query("pageSize", .maxResults)]
  /// The list order of the older operations.
  static let ascending: Self = [.query("ascendingOrder", .flag, as: "isAscendingOrder")]
}
