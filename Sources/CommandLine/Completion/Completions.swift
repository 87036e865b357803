/// Shell completion scripts made from the commands' tables.
package enum Completions {
  package static let shells = ["bash", "zsh", "fish"]

  /// The script for one of `shells`; nil for any other.
  package static func script(for shell: String, commands: [CommandDescription]) -> String? {
    switch shell {
    case "bash": BashCompletion.script(commands)
    case "zsh": ZshCompletion.script(commands)
    case "fish": FishCompletion.script(commands)
    default: nil
    }
  }

  /// Names that only the folder knows, which a script asks `trucksensor completions` for.
  package enum Names: String, CaseIterable, Sendable { case devices, rules, tables }

  /// What the value of an option is the name of.
  static func names(_ option: CommandDescription.Option) -> Names? {
    switch (option.name, option.placeholder) {
    case ("device", _), ("principal", _): .devices
    case ("rule", _): .rules
    case ("table", _): .tables
    default: nil
    }
  }

  /// What a command's argument is the name of.
  static func names(_ command: CommandDescription) -> Names? {
    for positional in command.positionals {
      switch (positional.name, command.words[0]) {
      case ("NAME", "run"), ("NAME", "doctor"), ("NAME", "broker"), ("NAME", "provision"), ("DEVICE", _),
        ("CERTIFICATE", _):
        return .devices
      case ("TABLE", _): return .tables
      default: break
      }
    }
    return nil
  }

  /// The first words of all commands, each once, in the table's order.
  package static func firstWords(_ commands: [CommandDescription]) -> [(word: String, summary: String)] {
    var seen: Set<String> = []
    return commands.compactMap { command in
      let words = command.words
      guard seen.insert(words[0]).inserted else { return nil }
      guard words.count == 2 else { return (words[0], command.summary) }
      let members = groups(commands).first { $0.name == words[0] }?.members ?? []
      return (words[0], members.map { $0.words[1] }.joined(separator: ", "))
    }
  }

  /// The commands of two words by their first, in the table's order.
  package static func groups(_ commands: [CommandDescription]) -> [(
    name: String, members: [CommandDescription]
  )] {
    var groups: [(name: String, members: [CommandDescription])] = []
    for command in commands where command.words.count == 2 {
      if let index = groups.firstIndex(where: { $0.name == command.words[0] }) {
        groups[index].members.append(command)
      } else {
        groups.append((command.words[0], [command]))
      }
    }
    return groups
  }

  /// All ways to write an option on a command line.
  package static func spellings(_ option: CommandDescription.Option) -> [String] {
    (option.short.map { ["-\($0)"] } ?? []) + ["--\(option.name)"]
  }
}
