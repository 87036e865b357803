import CEditLine
import CommandLine
import Glibc
import JSON
import Simulator
import Store
import Time

/// `trucksensor store query`: the query editor.
enum StoreQueryCommand: Command {
  static let description = CommandDescription(
    name: "store query", summary: "Asks the store in Timestream's SQL; the query editor.",
    discussion:
      "A table has Timestream's columns: its dimensions, measure_name, time, measure_value::double and the other types; "
      + "TABLE_wide has a column a measure. Besides SQLite's functions there are ago(15m), bin(time, 30s), now(), "
      + "from_milliseconds(), date_trunc(), max_by() and more: docs/store.md. Without a statement it reads statements "
      + "from the terminal, each ended by ';', with history; .tables, .schema and .quit are commands. With a server, the "
      + "statement is in the server's language.",
    positionals: [.init(name: "SQL", help: "the statement", required: false)],
    options: StoreOptions.existing + [
      .value("format", "table|csv|json|ndjson", "how to print", default: "table on a terminal, else csv"),
      .value("time-limit", "SECONDS", "end the query after that time", default: "no limit"),
    ],
    example: "trucksensor store query 'SELECT * FROM truck01_sensors ORDER BY time DESC LIMIT 6'\n"
      + "trucksensor store query \"SELECT bin(time, 1m) AS minute, avg(measure_value::double) FROM truck01_sensors "
      + "WHERE measure_name = 'temp' GROUP BY 1\"",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.dataError, "a wrong statement, or a damaged store"),
      (.unavailable, "no store"), (.interrupted, "stopped, by Ctrl-C or the time limit"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let isTerminal = isatty(1) == 1
    let format = try arguments.parsed("format") { text throws(UsageError) in
      guard let format = QueryFormat(rawValue: text) else {
        throw arguments.error("is none of table, csv, json, ndjson")
      }
      return format
    }
    let limit = try arguments.number("time-limit", in: 0.001...31_536_000)
    Interruption.watch()
    let session = try QuerySession(
      StoreOptions.location(arguments), format: format ?? (isTerminal ? .table : .csv), timeLimit: limit)
    if let statement = arguments.positionals.first {
      try session.run(statement)
      return .success
    }
    return try isatty(0) == 1 ? session.edit() : session.runAll(StandardInput.text())
  }
}

/// Statements over one store.
private final class QuerySession {
  private let reader: StoreReader?
  private let postgres: PostgresStore?
  private let server: LineProtocolStore?
  private let format: QueryFormat
  private let timeLimit: Double?

  init(_ location: StoreLocation, format: QueryFormat, timeLimit: Double?) throws {
    self.format = format
    self.timeLimit = timeLimit
    switch location {
    case .file(let path): (reader, postgres, server) = (try StoreReader(path: path), nil, nil)
    case .postgres(let url): (reader, postgres, server) = (nil, try PostgresStore(url), nil)
    case .lineProtocol(let target): (reader, postgres, server) = (nil, nil, try LineProtocolStore(target))
    }
  }

  func run(_ statement: String) throws {
    let output = QueryOutput(format)
    if let reader {
      try reader.query(
        statement, timeLimit: timeLimit, isCancelled: { Interruption.isRequested }, columns: output.begin,
        row: output.row)
      output.end()
    } else if let postgres {
      let (columns, rows) = try postgres.query(statement, timeLimit: timeLimit)
      output.begin(columns.map { StoreReader.Column(name: $0) })
      for row in rows where !output.row(row.map { $0.map(SQLValue.text) ?? .null }) { break }
      output.end()
    } else if let server {
      StandardOutput.shared.print(try server.query(statement))
    }
    StandardOutput.shared.flush()
  }

  /// Statements from a pipe, each ended by `;`.
  func runAll(_ text: String) throws -> ExitCode {
    for statement in Self.statements(in: text).complete + [Self.statements(in: text).rest]
    where !statement.allSatisfy(\.isWhitespace) {
      try run(statement)
    }
    return .success
  }

  /// The statements of a text, and what follows the last `;` outside quotation marks.
  private static func statements(in text: String) -> (complete: [String], rest: String) {
    var complete: [String] = []
    var present = ""
    var quote: Character?
    for character in text {
      if let open = quote {
        if character == open { quote = nil }
      } else if character == "'" || character == "\"" {
        quote = character
      } else if character == ";" {
        complete.append(present)
        present = ""
        continue
      }
      present.append(character)
    }
    return (complete, present)
  }

  func edit() throws -> ExitCode {
    StandardError.print(
      "Statements end with ';'. .tables lists the tables, .schema their columns, .quit ends.")
    let history = getenv("HOME").map { String(cString: $0) + "/.trucksensor_history" }
    using_history()
    if let history { read_history(history) }
    stifle_history(1000)
    defer { if let history { write_history(history) } }
    var text = ""
    while true {
      // At a prompt Ctrl-C clears the line that is being written; while a query runs it stops it.
      Interruption.clear()
      guard let line = readline(text.isEmpty ? "trucksensor> " : "         ...> ") else {
        if Interruption.isRequested {
          text = ""
          StandardError.print("")
          continue
        }
        StandardError.print("")
        return .success
      }
      defer { free(line) }
      let words = String(cString: line)
      if words.allSatisfy(\.isWhitespace) { continue }
      add_history(line)
      if text.isEmpty, words.hasPrefix(".") {
        if words.hasPrefix(".quit") || words.hasPrefix(".exit") { return .success }
        tell { try self.command(words) }
        continue
      }
      text += words + "\n"
      let (complete, rest) = Self.statements(in: text)
      text = rest.allSatisfy(\.isWhitespace) ? "" : rest
      for statement in complete { tell { try self.run(statement) } }
    }
  }

  private func tell(_ work: () throws -> Void) {
    do {
      try work()
    } catch {
      StandardOutput.shared.flush()
      StandardError.print("\(error)")
    }
  }

  private func command(_ words: String) throws {
    let parts = words.split(separator: " ").map(String.init)
    switch parts[0] {
    case ".tables", ".schema":
      guard let reader else { return StandardError.print("this server has its own way to list tables") }
      for table in try reader.tables() where parts.count < 2 || table.name == parts[1] {
        StandardOutput.shared.print(
          parts[0] == ".tables" ? "\(table.name)\n\(table.name)_wide" : StoreTablesCommand.columns(of: table))
      }
    default: StandardError.print("'\(parts[0])' is no command; there are .tables, .schema [TABLE] and .quit")
    }
    StandardOutput.shared.flush()
  }
}

/// `trucksensor store tables`.
enum StoreTablesCommand: Command {
  static let description = CommandDescription(
    name: "store tables", summary: "Lists the store's tables, or sets how long one keeps its records.",
    positionals: [.init(name: "TABLE", help: "the table whose retention to set", required: false)],
    options: StoreOptions.existing + [
      .value("memory-hours", "H", "hours of the memory store"),
      .value("magnetic-days", "D", "days of the magnetic store; 'store prune' deletes what is older"),
      .flag("refuse-late", "refuse records older than the memory store (no magnetic store writes)"),
      .flag("json", "as JSON"),
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
        let measures = table.measures.map {
          "\(JSONText.quoted($0.name)):\(JSONText.quoted($0.type.rawValue))"
        }
        StandardOutput.shared.print(
          "{\"table\":\(JSONText.quoted(table.name)),\"readings\":\(readings),\"series\":\(series),"
            + "\"dimensions\":[\(table.dimensions.map(JSONText.quoted).joined(separator: ","))],"
            + "\"measures\":{\(measures.joined(separator: ","))},"
            + "\"memoryHours\":\(table.memoryHours.map(String.init) ?? "null"),"
            + "\"magneticDays\":\(table.magneticDays.map(String.init) ?? "null")}")
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
    "\(table.name): \((table.dimensions.map { "\($0) VARCHAR (dimension)" } + ["time TIMESTAMP"] + table.measures.map { "\($0.name) \($0.type.rawValue)" }).joined(separator: ", "))"
  }
}

/// `trucksensor store prune`.
enum StorePruneCommand: Command {
  static let description = CommandDescription(
    name: "store prune", summary: "Deletes what is older than the magnetic store's days, or than a time.",
    positionals: [.init(name: "TABLE", help: "only this table", required: false)],
    options: StoreOptions.existing + [
      .value("before", "TIME", "delete what is older than this moment (ISO 8601), in whole hours")
    ], example: "trucksensor store prune truck01_sensors --before 2024-10-01",
    exitCodes: [(.success, "done"), (.unavailable, "no such store or table, or it can't be written")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let before = try arguments.parsed("before") { text throws(UsageError) in
      guard let time = Timestamp.parse(text) else { throw arguments.error("is no ISO 8601 time") }
      return time
    }
    let store = try LocalStore(path: path, creates: false)
    let tables = try StoreReader(path: path).tables().map(\.name)
    for name in arguments.positionals.isEmpty ? tables : arguments.positionals {
      let count = try store.prune(table: name, before: before)
      StandardError.print("\(name): \(count) readings deleted")
    }
    return .success
  }
}

/// `trucksensor store vacuum`.
enum StoreVacuumCommand: Command {
  static let description = CommandDescription(
    name: "store vacuum", summary: "Gives the space of deleted records back to the file system.",
    options: StoreOptions.existing, example: "trucksensor store vacuum",
    exitCodes: [(.success, "done"), (.unavailable, "no store, or it can't be written")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let before = size(path)
    try LocalStore(path: path, creates: false).vacuum()
    StandardError.print("\(path): \(before) bytes before, \(size(path)) now")
    return .success
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}

/// `trucksensor store verify`.
enum StoreVerifyCommand: Command {
  static let description = CommandDescription(
    name: "store verify", summary: "Looks for damage: the file's structure, and rollups against readings.",
    options: StoreOptions.existing + [.flag("repair", "make rollups that differ anew")],
    example: "trucksensor store verify",
    exitCodes: [(.success, "sound, or repaired"), (.dataError, "damaged"), (.unavailable, "no store")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let store = try LocalStore(path: path, creates: false)
    let repairs = arguments.has("repair")
    let problems = try store.verify(repairs: repairs) {
      if StandardError.isTerminal { StandardError.write("\r\u{1B}[K\($0)") }
    }
    if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
    for problem in problems { StandardOutput.shared.print(problem) }
    guard !problems.isEmpty else {
      StandardError.print("\(path): sound")
      return .success
    }
    let left = repairs ? try store.verify() : problems
    if left.isEmpty {
      StandardError.print("\(path): repaired")
      return .success
    }
    StandardError.print(
      "\(path): \(left.count) problem\(left.count == 1 ? "" : "s"). '--repair' makes rollups anew; a damaged structure is "
        + "recovered by 'sqlite3 \(path) .recover | sqlite3 recovered.sqlite'")
    return .dataError
  }
}
