import ColdChain
import CommandLine
import Dashboard
import Diagnosing
import Numbers
import Simulator
import Store
import Time

/// `trucksensor store import`: CSV into a table.
enum StoreImportCommand: Command {
  static let description = CommandDescription(
    name: "store import", summary: "Imports the rows of a CSV file into a table.",
    discussion:
      "The time is in the column 'time' (or timestamp, datetime, date; ISO 8601, or epoch seconds to nanoseconds), or, with --start, "
      + "in the column 'uptime' in seconds. Columns named by --dimension are dimensions, all others are measures: whole numbers "
      + "become BIGINT (DOUBLE from the first decimal on), decimals DOUBLE, true and false BOOLEAN, and other text VARCHAR. "
      + "An empty field isn't stored. A row that is already in the table is skipped. An import is one transaction; "
      + "other writers wait for it, and after an error or Ctrl-C nothing is stored. Servers that use line protocol "
      + "(influx+…) have no transactions; there, the command reports how many rows were written. "
      + "The alert rules in rules/alerts.json then run over the imported rows.",
    positionals: [.init(name: "FILE", help: "the CSV file, with a header", isFile: true)],
    options: StoreOptions.existing + [
      .value("table", "TABLE", "the table", default: "truck01_sensors"),
      .value(
        "device", "NAME", "the dimension 'device', if the file has no such column", default: "truckSensor01"),
      .value("dimension", "COLUMN", "a column that is a dimension, besides 'device'", repeatable: true),
      .value("map", "NEW=COLUMN", "rename a column; the others keep their names", repeatable: true),
      .value("start", "TIME", "the time at uptime 0, for a file with 'uptime' instead of 'time'"),
      .value("version", "N", "the records' version; a higher version replaces existing values", default: "1"),
      .flag("no-alerts", "don't run the alert rules over the imported rows"),
    ], example: "trucksensor store import TruckSensorFiles/trucksensordata.csv --start 2024-10-23T14:00:00Z",
    exitCodes: [
      (.success, "all rows were written"), (.failed, "some rows were rejected, the others written"),
      (.dataError, "an invalid file; nothing was stored"), (.unavailable, "the store can't be written"),
      (.interrupted, "interrupted; nothing was stored"),
    ])

  /// The error that undoes the transaction.
  private struct Interrupted: Error {}
  private static let rowsAtOnce = 5000
  /// Further rejections are only counted.
  private static let rejectionsShown = 10

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = arguments.positionals[0]
    var settings = StoreImportFile.Settings()
    settings.table = arguments.string("table") ?? settings.table
    settings.device = arguments.string("device") ?? settings.device
    settings.map = try RecordOptions.map(arguments)
    settings.dimensions.formUnion(arguments.strings("dimension"))
    settings.version = Int64(try arguments.integer("version", in: 1...Int.max) ?? 1)
    settings.start = try arguments.parsed("start") { text throws(UsageError) in
      guard let time = StoreImportFile.time(text) else { throw arguments.error("is not an ISO 8601 time") }
      return time
    }
    let file = try StoreImportFile(path, settings)
    for name in arguments.strings("dimension") where !file.columns.contains(name) {
      throw arguments.error(
        "\(path) has no column '\(name)'; it has: \(file.columns.joined(separator: ", "))")
    }
    Interruption.watch()
    let location = try StoreOptions.location(arguments)
    let store = try location.open()
    var spans: [String: ClosedRange<Int64>] = [:]
    var stored = 0
    var rejected = 0
    defer { clearProgress() }
    do {
      try store.transaction {
        while true {
          let rows = try file.next(rowsAtOnce)
          if Interruption.isRequested { throw Interrupted() }
          if rows.isEmpty { break }
          let rejections = try store.write(rows.map(\.request))
          for rejection in rejections {
            rejected += 1
            guard rejected <= rejectionsShown, let row = rows[ifPresent: rejection.index] else { continue }
            clearProgress()
            StandardError.print("\(path):\(row.line): rejected: \(rejection.reason)")
          }
          stored += rows.count - rejections.count
          for row in rows { row.request.record.widen(&spans) }
          StandardError.show(status: "\(stored) rows")
        }
      }
    } catch {
      clearProgress()
      StandardError.print(
        store.isTransactional
          ? "nothing of \(path) was stored"
          : "\(stored) rows of \(path) were written, and perhaps some of the next \(rowsAtOnce)")
      if error is Interrupted { return .interrupted }
      throw error
    }
    clearProgress()
    let ofDevice = file.columns.contains("device") ? "" : " for device \(settings.device)"
    StandardError.print(
      "\(settings.table): \(stored) row\(stored == 1 ? "" : "s") written\(ofDevice), \(rejected) rejected")
    if settings.table == StoreImportFile.Settings().table { advise(file.columns, settings) }
    if !arguments.has("no-alerts") {
      let alerts = try StoredAlerts.find(
        in: location, table: settings.table, spans: spans, rules: try AlertRule.rules(at: AlertFile.path))
      for alert in alerts {
        let end = alert.ended.map { "until \(Timestamp.iso8601($0))" } ?? "ongoing"
        StandardError.print(
          "alert: \(alert.title), \(alert.device), since \(Timestamp.iso8601(alert.began)), \(end)")
      }
    }
    return rejected == 0 ? .success : .failed
  }

  /// Says what the dashboard, the alerts and the report can't read as it is.
  private static func advise(_ columns: [String], _ settings: StoreImportFile.Settings) {
    if !["temp", "volts", "door"].contains(where: columns.contains) {
      let likely = StoreColumns(columns).temp.map { "'\(columns[$0])'" } ?? "COLUMN"
      StandardError.print(
        "No column is named temp, volts or door, which the dashboard and the alerts read. To name one, import with --map "
          + "temp=\(likely); the columns are \(columns.prefix(20).joined(separator: ", ")).",
        .warning)
    }
    let headers = settings.map.filter { $0.name == "temp" }.map(\.column)
    for header in headers where StoreColumns.isFahrenheit(header) {
      StandardError.print(
        "'\(header)' seems to be in degrees Fahrenheit, and was stored as it is; the dashboard, the alerts and the "
          + "limits take Celsius.", .warning)
    }
  }

  private static func clearProgress() {
    StandardError.show(status: nil)
  }
}

extension Record {
  /// Makes the span of this record's device contain its time.
  fileprivate func widen(_ spans: inout [String: ClosedRange<Int64>]) {
    guard let device = dimensions.first(where: { $0.name == "device" })?.value else { return }
    let known = spans[device] ?? time...time
    spans[device] = min(known.lowerBound, time)...max(known.upperBound, time)
  }
}
