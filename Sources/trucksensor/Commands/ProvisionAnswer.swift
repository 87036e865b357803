import CommandLine
import Identity
import JSON
import LocalCloud

/// Helpers of the provisioning commands.
enum ProvisionAnswer {
  static let exitCodes: [(ExitCode, String)] = [
    (.success, "done"), (.usage, "wrong usage"),
    (.dataError, "refused: an invalid name, a limit, or something that doesn't exist"),
  ]

  /// The option for a new key's type. `--key` of other commands is a file.
  static func key(_ help: String) -> CommandDescription.Option {
    .value("key", "ecP256|rsa2048", help, default: "ecP256").scoped(.command)
  }

  /// Says what would change, and changes nothing.
  static let dryRun = CommandDescription.Option.flag("dry-run", "only print what would change").scoped(.never)

  /// Changes the registry and says so, or with `--dry-run` only finds out whether the change is possible.
  /// - Parameter done: What is true after the change, without a period.
  static func change(
    _ arguments: ParsedArguments, _ done: String,
    _ change: (inout Registry) throws(IdentityError) -> Void
  ) throws(IdentityError) {
    guard arguments.has("dry-run") else {
      try Registry.update(LocalCloud.registryFile, change)
      return StandardError.print("\(done).")
    }
    var registry = try Registry.read(LocalCloud.registryFile)
    let before = registry
    try change(&registry)
    tellDryRun(registry == before ? "nothing would change" : "the registry would change")
  }

  static func tellDryRun(_ text: String) { StandardError.print("\(text) (--dry-run: nothing was done)") }

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
