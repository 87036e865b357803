import CommandLine
import Identity
import JSON

/// What the provisioning commands share.
enum ProvisionAnswer {
  static let exitCodes: [(ExitCode, String)] = [
    (.success, "done"), (.usage, "wrong usage"),
    (.dataError, "refused: an invalid name, a limit, or something that doesn't exist"),
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

  /// Prints an entry as AWS names its members.
  static func json(_ entry: some RegistryEntry) {
    var json = JSONWriter(indented: true)
    entry.write(to: &json)
    StandardOutput.shared.print(json.text)
  }

  /// Prints entries as lines, or with `--json` as an array.
  static func list<Entry: RegistryEntry>(
    _ entries: [Entry], _ arguments: ParsedArguments, _ text: (Entry) -> String
  ) {
    if arguments.has("json") {
      var json = JSONWriter(indented: true)
      json.array { for entry in entries { entry.write(to: &$0) } }
      StandardOutput.shared.print(json.text)
    } else {
      for entry in entries { StandardOutput.shared.print(text(entry)) }
    }
  }
}
