import CommandLine
import Files
import Store
import Time

/// `trucksensor store export`: a table as CSV.
enum StoreExportCommand: Command {
  static let description = CommandDescription(
    name: "store export", summary: "Prints a table as CSV that 'store import' can read.",
    positionals: [.init(name: "TABLE", help: "the table", required: false)],
    options: StoreOptions.existing + [
      .value("from", "TIME", "start of the range (ISO 8601)"),
      .value("to", "TIME", "end of the range (exclusive)"),
      .value("output", "FILE", short: "o", "write to a file, which appears whole or not at all", file: true),
    ], example: "trucksensor store export truck01_sensors --from 2024-10-23 -o trip.csv",
    exitCodes: [(.success, "done"), (.unavailable, "no such store or table"), (.interrupted, "interrupted")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let reader = try StoreReader(path: StoreOptions.file(arguments))
    let table = try reader.table(arguments.positionals.first ?? "truck01_sensors")
    var conditions: [String] = []
    for (option, sign) in [("from", ">="), ("to", "<")] {
      let time = try arguments.parsed(option) { text throws(UsageError) in
        guard let time = Timestamp.parse(text) else { throw arguments.error("is not an ISO 8601 time") }
        return time
      }
      if let time { conditions.append("time \(sign) \(time)") }
    }
    let file = try arguments.string("output").map { try AtomicFile($0) }
    func print(_ line: String) {
      if let file {
        file.append(Array((line + "\n").utf8))
      } else {
        StandardOutput.shared.line(Array(line.utf8))
      }
    }
    Interruption.watch()
    var columns: [StoreReader.Column] = []
    let types = Dictionary(uniqueKeysWithValues: table.wideMeasures.map { ($0.name, $0.type) })
    let name = "\"" + (table.name + "_wide").replacing("\"", with: "\"\"") + "\""
    try reader.query(
      "SELECT * FROM \(name)" + (conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")),
      isCancelled: { Interruption.isRequested },
      columns: {
        columns = $0
        print($0.map { QueryOutput.csv($0.name) }.joined(separator: ","))
      },
      row: { values in
        print(
          zip(columns, values).map { column, value in
            switch value {
            case .integer(let number):
              // Booleans are stored as 0 and 1, times as numbers; read back they must be what they were.
              switch types[column.name] {
              case .timestamp: Timestamp.iso8601(number)
              case .boolean: number == 0 ? "false" : "true"
              default: column.isTime(value) ? Timestamp.iso8601(number) : String(number)
              }
            case .real(let number): String(number)
            case .text(let text): QueryOutput.csv(text)
            case .null, .blob: ""
            }
          }.joined(separator: ","))
        return !StandardOutput.shared.isClosed
      })
    try file?.commit()
    return .success
  }
}
