import CommandLine
import Store
import Time

/// `trucksensor store prune`.
enum StorePruneCommand: Command {
  static let description = CommandDescription(
    name: "store prune",
    summary: "Deletes readings that are older than the magnetic store's retention, or than a time.",
    positionals: [.init(name: "TABLE", help: "only this table", required: false)],
    options: StoreOptions.existing + [
      .value("before", "TIME", "delete readings before this time (ISO 8601, whole hours)")
    ], example: "trucksensor store prune truck01_sensors --before 2024-10-01",
    exitCodes: [(.success, "done"), (.unavailable, "no such store or table, or it can't be written")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let before = try arguments.parsed("before") { text throws(UsageError) in
      guard let time = Timestamp.parse(text) else { throw arguments.error("is not an ISO 8601 time") }
      return time
    }
    let store = try LocalStore(path: path, creates: false)
    let tables = try StoreReader(path: path).tables().map(\.name)
    for name in arguments.positionals.isEmpty ? tables : arguments.positionals {
      let count = try store.prune(table: name, before: before)
      StandardError.print("\(name): \(count) reading\(count == 1 ? "" : "s") deleted")
    }
    return .success
  }
}
