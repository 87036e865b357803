import CommandLine
import Store
import Time

/// `trucksensor store prune`.
enum StorePruneCommand: Command {
  static let description = CommandDescription(
    name: "store prune",
    summary: "Deletes readings older than the table's retention, or than a time.",
    discussion: "Lists what it will delete, and asks for confirmation.",
    positionals: [.init(name: "TABLE", help: "only this table", required: false)],
    options: StoreOptions.existing + [
      .value("before", "TIME", "delete readings before this time (ISO 8601, whole hours)")
    ] + Confirmation.options,
    example: "trucksensor store prune truck01_sensors --before 2024-10-01 --dry-run",
    exitCodes: [
      (.success, "done, or nothing to delete"), (.usage, "wrong usage, or not confirmed"),
      (.unavailable, "no such store or table, or it can't be written"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let before = try arguments.parsed("before") { text throws(UsageError) in
      guard let time = Timestamp.parse(text) else { throw arguments.error("is not an ISO 8601 time") }
      return time
    }
    let store = try LocalStore(path: path, creates: false)
    let tables = try StoreReader(path: path).tables().map(\.name)
    var doomed: [String] = []
    for name in arguments.positionals.isEmpty ? tables : arguments.positionals {
      let count = try store.prunable(table: name, before: before)
      StandardError.print("\(name): \(readings(Int(clamping: count))) to delete")
      if count > 0 { doomed.append(name) }
    }
    guard !doomed.isEmpty, try Confirmation.isGiven(arguments, "Delete them for good?") else {
      return .success
    }
    for name in doomed {
      StandardError.print("\(name): \(readings(try store.prune(table: name, before: before))) deleted")
    }
    return .success
  }

  static func readings(_ count: Int) -> String { "\(count) reading\(count == 1 ? "" : "s")" }
}
