import CommandLine
import JSON
import Store

/// `trucksensor store tables`.
enum StoreTablesCommand: Command {
  static let description = CommandDescription(
    name: "store tables", summary: "Lists the store's tables, or sets a table's retention.",
    positionals: [.init(name: "TABLE", help: "the table whose retention is set", required: false)],
    options: StoreOptions.existing + [
      .value("memory-hours", "H", "retention of the memory store, in hours"),
      .value(
        "magnetic-days", "D", "retention of the magnetic store, in days; 'store prune' deletes older records"),
      .flag(
        "refuse-late", "refuse records older than the memory store's retention (no magnetic store writes)"),
      .flag("json", "print the tables as JSON"),
    ], example: "trucksensor store tables\ntrucksensor store tables truck01_sensors --magnetic-days 365",
    exitCodes: [(.success, "done"), (.unavailable, "no such store or table")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let hours = try arguments.integer("memory-hours", in: 1...1_000_000)
    let days = try arguments.integer("magnetic-days", in: 1...73_000)
    if let name = arguments.positionals.first {
      try LocalStore(path: path, creates: false).setRetention(
        Retention(
          memoryHours: hours.map(Int64.init), magneticDays: days.map(Int64.init),
          takesLate: !arguments.has("refuse-late")), of: name)
    } else if hours != nil || days != nil || arguments.has("refuse-late") {
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

  static func columns(of table: StoreReader.Table) -> String {
    let columns =
      table.dimensions.map { "\($0) VARCHAR (dimension)" } + ["time TIMESTAMP"]
      + table.wideMeasures.map { "\($0.name) \($0.type.rawValue)" }
    return "\(table.name): \(columns.joined(separator: ", "))"
  }
}
