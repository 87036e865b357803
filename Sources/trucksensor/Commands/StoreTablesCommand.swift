import CommandLine
import JSON
import Store

/// `trucksensor store tables`.
enum StoreTablesCommand: Command {
  static let description = CommandDescription(
    name: "store tables", summary: "Lists the store's tables, or sets a table's retention.",
    positionals: [.init(name: "TABLE", help: "the table whose retention is set", required: false)],
    options: StoreOptions.existing + [
      .value("memory-hours", "H|unlimited", "retention of the memory store, in hours"),
      .value(
        "magnetic-days", "D|unlimited",
        "retention of the magnetic store, in days; 'store prune' deletes older records"),
      .flag(
        "refuse-late", "refuse records older than the memory store's retention (no magnetic store writes)",
        group: "late"),
      .flag(
        "take-late",
        "accept records older than the memory store's retention (the default, except for tables that AWS clients create)",
        group: "late"),
      .flag("json", "print the tables as JSON"),
    ], example: "trucksensor store tables\ntrucksensor store tables truck01_sensors --magnetic-days 365",
    exitCodes: [(.success, "done"), (.unavailable, "no such store or table")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let hours = try limit("memory-hours", in: 1...1_000_000, arguments)
    let days = try limit("magnetic-days", in: 1...73_000, arguments)
    let changesLate = arguments.has("refuse-late") || arguments.has("take-late")
    let changes = hours != nil || days != nil || changesLate
    if changes, let name = arguments.positionals.first {
      let store = try LocalStore(path: path, creates: false)
      let present = try StoreReader(path: path).tables().first { $0.name == name }
      try store.setRetention(
        Retention(
          memoryHours: hours ?? present?.memoryHours, magneticDays: days ?? present?.magneticDays,
          takesLate: changesLate ? arguments.has("take-late") : present?.takesLate ?? true), of: name)
      let older = try store.prunable(table: name)
      if older > 0 {
        StandardError.print(
          "\(name): \(StorePruneCommand.readings(Int(clamping: older))) of it are older than that; 'trucksensor store "
            + "prune \(name)' would delete them.")
      }
    } else if changes {
      throw arguments.error("which table? 'store tables TABLE --magnetic-days 365'")
    }
    let reader = try StoreReader(path: path)
    for table in try reader.tables() {
      var readings: Int64 = 0
      try reader.query(
        "SELECT count(*) FROM \"\(table.name.replacing("\"", with: "\"\""))_wide\"", isCancelled: { false },
        columns: { _ in },
        row: {
          if case .integer(let count)? = $0.first { readings = count }; return true
        })
      let series = try reader.series(of: table).count
      if arguments.has("json") {
        var json = JSONWriter()
        json.object {
          $0.member("table", table.name)
          $0.member("readings", readings)
          $0.member("series", series)
          $0.array("dimensions") { for name in table.dimensions { $0.value(name) } }
          $0.object("measures") {
            for measure in table.wideMeasures { $0.member(measure.name, measure.type.rawValue) }
          }
          $0.member("memoryHours", orNull: table.memoryHours)
          $0.member("magneticDays", orNull: table.magneticDays)
        }
        StandardOutput.shared.line(json.bytes)
      } else {
        StandardOutput.shared.print(
          "\(columns(of: table))\n  \(readings) readings in \(series) series; memory store "
            + (table.memoryHours.map { "\($0) h" } ?? "unlimited") + ", magnetic store "
            + (table.magneticDays.map { "\($0) days" } ?? "unlimited")
            + (table.takesLate ? "" : ", late records refused"))
      }
    }
    return .success
  }

  /// The number that an option gives; `.some(nil)` for `unlimited`, nil without the option.
  private static func limit(_ name: String, in range: ClosedRange<Int>, _ arguments: ParsedArguments)
    throws(UsageError) -> Int64??
  {
    if arguments.string(name) == "unlimited" { return .some(nil) }
    return try arguments.integer(name, in: range).map { Int64($0) }
  }

  static func columns(of table: StoreReader.Table) -> String {
    let columns =
      table.dimensions.map { "\($0) VARCHAR (dimension)" } + ["time TIMESTAMP"]
      + table.wideMeasures.map { "\($0.name) \($0.type.rawValue)" }
    return "\(table.name): \(columns.joined(separator: ", "))"
  }
}
