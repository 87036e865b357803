import CommandLine
import Files
import Glibc
import Simulator
import Store
import Time

/// `trucksensor store import`: CSV into a table.
enum StoreImportCommand: Command {
  static let description = CommandDescription(
    name: "store import", summary: "Writes a CSV's rows into a table of the store, or of a server.",
    discussion:
      "The column 'time' (ISO 8601, or epoch seconds to nanoseconds) says when; --start puts a column 'uptime' in "
      + "seconds in its place. Columns named by --dimension are dimensions, all others measures: whole numbers "
      + "BIGINT until a decimal comes, decimals DOUBLE, true and false BOOLEAN, other texts VARCHAR. An empty field isn't stored. A line that is there "
      + "already is neither an error nor stored again.",
    positionals: [.init(name: "FILE", help: "the CSV, with a header", isFile: true)],
    options: StoreOptions.existing + [
      .value("table", "TABLE", "the table", default: "truck01_sensors"),
      .value(
        "device", "NAME", "the dimension 'device' of rows without such a column", default: "truckSensor01"),
      .value("dimension", "COLUMN", "a column that is a dimension; 'device' is one", repeatable: true),
      .value("start", "TIME", "the moment of uptime 0, for a file with an 'uptime' column and no 'time'"),
      .value("version", "N", "the records' version: a higher one replaces other values", default: "1"),
    ], example: "trucksensor store import TruckSensorFiles/trucksensordata.csv --start 2024-10-23T14:00:00Z",
    exitCodes: [
      (.success, "all rows are in"), (.failed, "rows were rejected"), (.dataError, "a wrong file"),
      (.unavailable, "the store can't be written"), (.interrupted, "interrupted; what was written stays"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let table = arguments.string("table") ?? "truck01_sensors"
    let version = try arguments.integer("version", in: 1...Int.max) ?? 1
    let start = try arguments.parsed("start") { text throws(UsageError) in
      guard let time = ImportTime.parse(text) else { throw arguments.error("is no ISO 8601 time") }
      return time
    }
    let path = arguments.positionals[0]
    let reader = try CSVReader(path: path)
    guard try reader.next() else { throw InputError("\(path) is empty") }
    let names = (0..<reader.fieldCount).map(reader.text)
    let dimensions = Set(arguments.strings("dimension") + ["device"])
    for name in arguments.strings("dimension") where !names.contains(name) {
      throw arguments.error("\(path) has no column '\(name)'; it has: \(names.joined(separator: ", "))")
    }
    let hasTime = names.contains("time")
    guard
      let timeColumn = names.firstIndex(of: "time") ?? (start == nil ? nil : names.firstIndex(of: "uptime"))
    else {
      throw StoreError(
        .invalid,
        "\(path):1: there is no column 'time'"
          + (names.contains("uptime") ? "; --start TIME says when uptime was 0" : ""))
    }
    Interruption.watch()
    let store = try StoreOptions.location(arguments).open()
    let device = arguments.string("device") ?? "truckSensor01"
    var batch: [WriteRequest] = []
    var lines: [Int] = []
    var count = 0
    var rejected = 0
    func write() throws {
      for rejection in try store.write(batch) {
        rejected += 1
        if rejected <= 10 {
          StandardError.print("\(path):\(lines[rejection.index]): rejected: \(rejection.reason)")
        }
      }
      count += batch.count
      batch.removeAll(keepingCapacity: true)
      lines.removeAll(keepingCapacity: true)
      if StandardError.isTerminal { StandardError.write("\r\u{1B}[K\(count) rows") }
    }
    while try reader.next(), !Interruption.isRequested {
      let text = reader.text(timeColumn)
      let place = reader.place(of: timeColumn)
      guard !text.isEmpty else {
        throw StoreError(.invalid, "\(path):\(place.line):\(place.column): the time is missing")
      }
      var time = hasTime ? ImportTime.parse(text) : nil
      if !hasTime, let start, let seconds = Double(text), seconds.isFinite, abs(seconds) < 1e9 {
        time = start + Int64((seconds * 1e9).rounded())
      }
      guard let time else {
        throw StoreError(
          .invalid,
          "\(path):\(place.line):\(place.column): '\(text)' is no \(hasTime ? "time" : "number of seconds")")
      }
      var record = Record(dimensions: [], time: time, measures: [], version: Int64(version))
      for index in names.indices where index != timeColumn {
        let field = reader.text(index)
        if field.isEmpty { continue }
        if dimensions.contains(names[index]) {
          record.dimensions.append(Dimension(names[index], field))
        } else {
          let value = ImportTime.value(field)
          if case .double(let number) = value, !number.isFinite {
            let place = reader.place(of: index)
            throw StoreError(
              .invalid, "\(path):\(place.line):\(place.column): '\(field)' is no number to store")
          }
          record.measures.append((names[index], value))
        }
      }
      if !names.contains("device") { record.dimensions.append(Dimension("device", device)) }
      batch.append(WriteRequest(table: table, record: record))
      lines.append(place.line)
      if batch.count >= 5000 { try write() }
    }
    try write()
    if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
    StandardError.print("\(table): \(count - rejected) rows are in, \(rejected) rejected")
    if Interruption.isRequested { return .interrupted }
    return rejected == 0 ? .success : .failed
  }
}

/// Times and values of an imported CSV.
private enum ImportTime {
  /// ISO 8601, or a number: seconds, from 1e11 on milliseconds, from 1e14 on microseconds, from 1e17 on nanoseconds.
  static func parse(_ text: String) -> Int64? {
    if let time = Timestamp.parse(text) { return time }
    // Whole numbers stay exact.
    if let number = Int64(text) {
      let factor: Int64 =
        switch number.magnitude {
        case 100_000_000_000_000_000...: 1
        case 100_000_000_000_000...: 1000
        case 100_000_000_000...: 1_000_000
        default: 1_000_000_000
        }
      let (time, overflow) = number.multipliedReportingOverflow(by: factor)
      return overflow ? nil : time
    }
    guard let seconds = Moment.epochSeconds(text), seconds.isFinite, abs(seconds) < 9e9 else { return nil }
    // A double of epoch seconds knows microseconds.
    return Int64((seconds * 1e6).rounded()) * 1000
  }

  static func value(_ text: String) -> MeasureValue {
    if let number = Int64(text) { return .bigint(number) }
    if let number = Double(text) { return .double(number) }
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default: return .varchar(text)
    }
  }
}

/// `trucksensor store export`: a table as CSV.
enum StoreExportCommand: Command {
  static let description = CommandDescription(
    name: "store export", summary: "Prints a table's readings as CSV, which 'store import' reads back.",
    positionals: [.init(name: "TABLE", help: "the table", required: false)],
    options: StoreOptions.existing + [
      .value("from", "TIME", "the first moment (ISO 8601)"),
      .value("to", "TIME", "the first moment that is too late"),
      .value("output", "FILE", short: "o", "write to a file, which appears whole or not at all", file: true),
    ], example: "trucksensor store export truck01_sensors --from 2024-10-23 -o trip.csv",
    exitCodes: [(.success, "done"), (.unavailable, "no such store or table"), (.interrupted, "interrupted")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let reader = try StoreReader(path: StoreOptions.file(arguments))
    let table = try reader.table(arguments.positionals.first ?? "truck01_sensors")
    var conditions: [String] = []
    for (option, sign) in [("from", ">="), ("to", "<")] {
      let time = try arguments.parsed(option) { text throws(UsageError) in
        guard let time = Timestamp.parse(text) else { throw arguments.error("is no ISO 8601 time") }
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
              // Booleans are stored as 0 and 1; read back they must be what they were.
              column.isTime(value)
                ? Timestamp.iso8601(number)
                : table.measures.contains { $0.name == column.name && $0.type == .boolean }
                  ? (number == 0 ? "false" : "true") : String(number)
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
