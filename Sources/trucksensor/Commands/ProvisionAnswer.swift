import CommandLine
import FoundationEssentials
import Identity
import LocalCloud

/// What the provisioning commands share.
enum ProvisionAnswer {
  static let exitCodes: [(ExitCode, String)] = [
    (.success, "done"), (.usage, "wrong usage"), (.dataError, "refused: a name, a limit, what isn't there"),
  ]

  static func word(_ index: Int, _ name: String, _ arguments: ParsedArguments) throws -> String {
    guard arguments.positionals.count > index else {
      throw arguments.error("'\(arguments.positionals[0])' needs \(name)")
    }
    return arguments.positionals[index]
  }

  static func keyKind(_ arguments: ParsedArguments) throws -> KeyKind {
    switch arguments.string("key") {
    case nil, "ecP256": return .ecP256
    case "rsa2048": return .rsa2048
    case let text?: throw arguments.error("--key takes ecP256 or rsa2048, not '\(text)'")
    }
  }

  static func attributes(_ arguments: ParsedArguments) throws -> [String: String] {
    var attributes: [String: String] = [:]
    for text in arguments.strings("attribute") {
      guard let sign = text.firstIndex(of: "=") else {
        throw arguments.error("--attribute takes NAME=VALUE, not '\(text)'")
      }
      attributes[String(text[..<sign])] = String(text[text.index(after: sign)...])
    }
    return attributes
  }

  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    StandardOutput.shared.print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  static func list<Element: Encodable>(
    _ elements: [Element], _ arguments: ParsedArguments, _ text: (Element) -> String
  ) throws {
    if arguments.has("json") { return try json(elements) }
    for element in elements { StandardOutput.shared.print(text(element)) }
  }
}
