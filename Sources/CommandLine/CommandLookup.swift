import Text

/// Finds the command that a command line begins with.
package enum CommandLookup {
  /// The command's place in `commands`, and the words after its name.
  package static func find(_ words: [String], among commands: [CommandDescription]) throws(UsageError)
    -> (index: Int, rest: [String])
  {
    for length in [2, 1] where words.count >= length {
      if let index = commands.firstIndex(where: { $0.words == Array(words[..<length]) }) {
        return (index, Array(words[length...]))
      }
    }
    guard let first = words.first else { throw UsageError(message: "a command is missing") }
    let members = commands.map(\.words).filter { $0.count == 2 && $0[0] == first }.map { $0[1] }
    if members.isEmpty {
      let kind = first.hasPrefix("-") ? "option" : "command"
      let known = first.hasPrefix("-") ? ["--help", "--version"] : commands.map { $0.words[0] }
      throw unknown(kind, first, NearestName.of(first, among: known))
    }
    guard words.count > 1, !words[1].hasPrefix("-") else {
      let names = members.map { "'\(first) \($0)'" }.joined(separator: ", ")
      throw UsageError(message: "'\(first)' needs a subcommand: \(names)", command: first)
    }
    throw unknown(
      "command", "\(first) \(words[1])", NearestName.of(words[1], among: members).map { "\(first) \($0)" })
  }

  private static func unknown(_ kind: String, _ name: String, _ nearest: String?) -> UsageError {
    UsageError(message: "unknown \(kind) '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
  }
}
