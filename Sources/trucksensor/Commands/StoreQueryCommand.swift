import CEditLine
import CommandLine
import Glibc
import Store
import TimestreamSQL

/// `trucksensor store query`: the query editor.
enum StoreQueryCommand: Command {
  static let description = CommandDescription(
    name: "store query", summary: "Runs a query in Timestream's SQL, or opens the query editor.",
    discussion:
      "A table has Timestream's columns: its dimensions, measure_name, time, and measure_value::double and the other types; "
      + "TABLE_wide has one column for each measure. docs/store.md lists the functions.\n\nWithout a statement, it reads "
      + "statements from the terminal, each ending with ';', and keeps a history. Tab completes names, functions and keywords; "
      + ".tables, .schema and .quit are commands. A result that doesn't fit the terminal is shown page by page, or by the "
      + "program named by PAGER.\n\n"
      + "--dialect sqlite passes the statement to SQLite. With a server, the statement is in the server's language.",
    positionals: [.init(name: "SQL", help: "the statement", required: false)],
    options: StoreOptions.existing + [
      CommandDescription.Option.value(
        "format", "table|csv|json|ndjson", "how to print", default: "table on a terminal, otherwise csv"
      ).scoped(.command),
      .value("time-limit", "SECONDS", "stop the query after this time", default: "no limit"),
      .flag("no-pager", "don't page results that don't fit the terminal"),
      .value("dialect", "timestream|sqlite", "the language of the statement", default: "timestream"),
    ],
    example: "trucksensor store query 'SELECT * FROM truck01_sensors ORDER BY time DESC LIMIT 6'\n"
      + "trucksensor store query \"SELECT bin(time, 1m) AS minute, avg(measure_value::double) FROM truck01_sensors "
      + "WHERE measure_name = 'temp' GROUP BY 1\"",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.dataError, "an invalid statement, or a damaged store"),
      (.unavailable, "no store"), (.interrupted, "stopped by Ctrl-C or the time limit"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let isTerminal = isatty(1) == 1
    let format = try arguments.parsed("format") { text throws(UsageError) in
      guard let format = QueryFormat(rawValue: text) else {
        throw arguments.error("takes table, csv, json or ndjson")
      }
      return format
    }
    let limit = try arguments.number("time-limit", in: 0.001...31_536_000)
    let dialect = arguments.string("dialect") ?? "timestream"
    guard ["timestream", "sqlite"].contains(dialect) else {
      throw arguments.error("--dialect takes timestream or sqlite, not '\(dialect)'")
    }
    Interruption.watch()
    let session = try QuerySession(
      StoreOptions.location(arguments), format: format ?? (isTerminal ? .table : .csv), timeLimit: limit,
      isSQLite: dialect == "sqlite", pages: !arguments.has("no-pager"))
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
  private let isSQLite: Bool
  private let pages: Bool

  init(_ location: StoreLocation, format: QueryFormat, timeLimit: Double?, isSQLite: Bool, pages: Bool) throws
  {
    self.pages = pages
    self.isSQLite = isSQLite
    self.format = format
    self.timeLimit = timeLimit
    switch location {
    case .file(let path): (reader, postgres, server) = (try StoreReader(path: path), nil, nil)
    case .postgres(let target): (reader, postgres, server) = (nil, try PostgresStore(target), nil)
    case .lineProtocol(let target): (reader, postgres, server) = (nil, nil, try LineProtocolStore(target))
    }
  }

  func run(_ statement: String) throws {
    let pager = pages ? Pager() : nil
    // Also after an error, so that no program stays behind.
    defer { pager?.finish() }
    let output = QueryOutput(format, pager: pager)
    if let reader, !isSQLite {
      let plan = try planned(statement, reader)
      output.begin(plan.columns.map { StoreReader.Column(name: $0.name) })
      try reader.run(plan, timeLimit: timeLimit, isCancelled: { Interruption.isRequested }) { values in
        output.row(zip(values, plan.columns).map { SQLValue($0, as: $1.type) })
      }
      output.end()
    } else if let reader {
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

  /// The plan of a statement; an error shows the statement's line with a caret, and what may have been meant.
  private func planned(_ statement: String, _ reader: StoreReader) throws -> QueryPlan {
    do {
      return try reader.plan(statement)
    } catch let error as QueryError {
      var text = error.description
      let lines = statement.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      if error.line >= 1, error.line <= lines.count, lines[error.line - 1].count < 500 {
        text += "\n\(lines[error.line - 1])\n" + String(repeating: " ", count: max(0, error.column - 1)) + "^"
      }
      if let suggestion = error.suggestion { text += "\n" + suggestion }
      throw StoreError(.statement, text)
    }
  }

  /// Statements from a pipe, each ended by `;`.
  func runAll(_ text: String) throws -> ExitCode {
    let (complete, rest) = Self.statements(in: text)
    for statement in complete + [rest] where !statement.allSatisfy(\.isWhitespace) {
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
    if let reader { QueryCompletion.start(try reader.tables()) }
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
      guard let reader else {
        return StandardError.print(".tables and .schema work only with a store in a file")
      }
      for table in try reader.tables() where parts.count < 2 || table.name == parts[1] {
        StandardOutput.shared.print(
          parts[0] == ".tables" ? "\(table.name)\n\(table.name)_wide" : StoreTablesCommand.columns(of: table))
      }
    default:
      StandardError.print(
        "unknown command '\(parts[0])'; the commands are .tables, .schema [TABLE] and .quit")
    }
    StandardOutput.shared.flush()
  }
}

extension SQLValue {
  /// A value as the editor prints it: numbers as such, all else as Timestream writes it.
  fileprivate init(_ datum: Datum, as type: SQLType) {
    switch (datum, type) {
    case (.null, _): self = .null
    case (.integer(let value), .integer), (.integer(let value), .bigint): self = .integer(value)
    case (.double(let value), _) where value.isFinite: self = .real(value)
    default: self = .text(datum.text(as: type))
    }
  }
}
