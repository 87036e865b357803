internal import CPostgreSQL
import Glibc
import JSON
import Numbers
import Time

/// Writes points to PostgreSQL, a row a reading keyed by series and time; with TimescaleDB the tables are hypertables.
///
/// Times have microseconds there. What is there already stays: a point written again changes nothing.
public final class PostgresStore: PointStore {
  private let handle: OpaquePointer
  /// The columns of the tables, as this connection has seen them.
  private var columns: [String: Set<String>] = [:]

  /// Connects; `url` is libpq's.
  ///
  /// Throws `StoreError` where libpq isn't installed, the server can't be reached, or refuses.
  public init(_ url: String) throws(StoreError) {
    guard let handle = ts_pg_new(url) else {
      throw StoreError(.system, "libpq isn't installed; 'apt-get install libpq5' does that")
    }
    self.handle = handle
    guard ts_pg_is_connected(handle) != 0 else {
      let text = String(cString: ts_pg_error(handle)).split(separator: "\n").joined(separator: " ")
      let refused = text.contains("authentication failed") || text.contains("no pg_hba.conf")
      ts_pg_free(handle)
      throw StoreError(refused ? .refused : .unreachable, "PostgreSQL: \(text)")
    }
    // Notices of tables that are there already are no news.
    _ = try run("SET client_min_messages = warning")
  }

  deinit { ts_pg_free(handle) }

  /// A statement's result as texts, nil for NULL.
  struct Rows {
    var columns: [(name: String, type: UInt32)] = []
    var values: [[String?]] = []
  }

  private struct Failure: Error {
    let state: String
    let text: String

    /// Whether the data is wrong, not the server: data exceptions, violated constraints, wrong types.
    var isAboutData: Bool { state.hasPrefix("22") || state.hasPrefix("23") || state.hasPrefix("42804") }

    var error: StoreError {
      let kind: StoreError.Kind =
        switch state.prefix(2) {
        case "28": .refused
        case "42" where state == "42501": .refused
        case "42", "22", "23", "25": .statement
        case "53": .full
        case "57": .interrupted
        default: .unreachable
        }
      return StoreError(kind, "PostgreSQL: \(text)")
    }
  }

  func run(_ sql: String, _ values: [String?] = []) throws(StoreError) -> Rows {
    do throws(Failure) {
      return try execute(sql, values)
    } catch {
      throw error.error
    }
  }

  private func execute(_ sql: String, _ values: [String?]) throws(Failure) -> Rows {
    let pointers = values.map { value in value.map { UnsafePointer(strdup($0)) } ?? nil }
    defer { for pointer in pointers { free(UnsafeMutableRawPointer(mutating: pointer)) } }
    guard let result = ts_pg_run(handle, sql, Int32(values.count), pointers) else {
      throw Failure(state: "08006", text: String(cString: ts_pg_error(handle)))
    }
    defer { ts_pg_result_free(result) }
    if let state = ts_pg_sqlstate(result) {
      let text = String(cString: ts_pg_result_error(result)).split(separator: "\n").joined(separator: " ")
      throw Failure(state: String(cString: state), text: text)
    }
    var rows = Rows()
    for column in 0..<ts_pg_columns(result) {
      rows.columns.append((String(cString: ts_pg_name(result, column)), ts_pg_type(result, column)))
    }
    for row in 0..<ts_pg_rows(result) {
      rows.values.append(
        rows.columns.indices.map { ts_pg_value(result, row, Int32($0)).map { String(cString: $0) } })
    }
    return rows
  }

  // MARK: Writing

  /// Writes records, each batch of the same columns in one statement; what the server refuses of it is found by halving.
  public func write(_ requests: [WriteRequest]) throws(StoreError) -> [Rejection] {
    let now = Timestamp.now
    var rejections: [Rejection] = []
    var batches: [[String]: [(index: Int, request: WriteRequest)]] = [:]
    var order: [[String]] = []
    for (index, request) in requests.enumerated() {
      if let problem = RecordLimits.problem(withTable: request.table)
        ?? RecordLimits.problem(with: request.record, now: now)
      {
        rejections.append(Rejection(index: index, reason: problem))
        continue
      }
      let key =
        [request.table] + request.record.dimensions.map { "d" + $0.name }
        + request.record.measures.map { "m" + $0.name }
      if batches[key] == nil { order.append(key) }
      batches[key, default: []].append((index, request))
    }
    for key in order {
      let batch = batches[key] ?? []
      if let first = batch.first { try makeTable(first.request) }
      var rest = batch[...]
      while !rest.isEmpty {
        let part = rest.prefix(500)
        rest = rest.dropFirst(500)
        try insert(part, &rejections)
      }
    }
    return rejections.sorted { $0.index < $1.index }
  }

  private func makeTable(_ request: WriteRequest) throws(StoreError) {
    let table = Schema.quoted(request.table)
    if columns[request.table] == nil {
      _ = try run(
        "CREATE TABLE IF NOT EXISTS \(table)(series text NOT NULL, time timestamptz NOT NULL, PRIMARY KEY(series, time))"
      )
      if try !run("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").values.isEmpty {
        _ = try run(
          "SELECT create_hypertable($1, 'time', if_not_exists => true, migrate_data => true)", [table])
      }
      columns[request.table] = []
    }
    var wanted = request.record.dimensions.map { ($0.name, "text") }
    for (name, value) in request.record.measures {
      let type =
        switch value {
        // As in line protocol: without strict types all numbers are of one type.
        case .bigint where request.isStrict: "bigint"
        case .bigint, .double: "double precision"
        case .boolean: "boolean"
        case .varchar: "text"
        }
      wanted.append((name, type))
    }
    for (name, type) in wanted where columns[request.table]?.contains(name) != true {
      _ = try run("ALTER TABLE \(table) ADD COLUMN IF NOT EXISTS \(Schema.quoted(name)) \(type)")
      columns[request.table]?.insert(name)
    }
  }

  private func insert(
    _ batch: ArraySlice<(index: Int, request: WriteRequest)>, _ rejections: inout [Rejection]
  )
    throws(StoreError)
  {
    guard let first = batch.first else { return }
    let names = first.request.record.dimensions.map(\.name) + first.request.record.measures.map(\.name)
    let quoted = names.map(Schema.quoted)
    var values: [String?] = []
    var places: [String] = []
    // One statement must not touch a row twice.
    var seen: Set<String> = []
    for (_, request) in batch {
      let record = request.record
      let sorted = record.dimensions.sorted { $0.name < $1.name }
      let series = sorted.map { "\(JSONText.quoted($0.name)):\(JSONText.quoted($0.value))" }.joined(
        separator: ",")
      let time = Timestamp.text(record.time.floored(to: 1000)) + "+00"
      guard seen.insert(series + time).inserted else { continue }
      let row: [String?] =
        ["{\(series)}", time] + record.dimensions.map(\.value) + record.measures.map { Self.text($0.value) }
      places.append("(" + row.indices.map { "$\(values.count + $0 + 1)" }.joined(separator: ", ") + ")")
      values += row
    }
    let table = Schema.quoted(first.request.table)
    let sets = quoted.map { "\($0) = COALESCE(t.\($0), EXCLUDED.\($0))" }.joined(separator: ", ")
    do throws(Failure) {
      _ = try execute(
        "INSERT INTO \(table) AS t(series, time, \(quoted.joined(separator: ", "))) VALUES \(places.joined(separator: ", ")) "
          + "ON CONFLICT (series, time) DO UPDATE SET \(sets)", values)
    } catch {
      guard error.isAboutData else {
        columns.removeAll()
        throw error.error
      }
      guard batch.count > 1 else {
        rejections.append(Rejection(index: first.index, reason: error.text))
        return
      }
      let middle = batch.startIndex + batch.count / 2
      try insert(batch[..<middle], &rejections)
      try insert(batch[middle...], &rejections)
    }
  }

  private static func text(_ value: MeasureValue) -> String {
    switch value {
    case .bigint(let number): "\(number)"
    case .double(let number): "\(number)"
    case .boolean(let isTrue): isTrue ? "true" : "false"
    case .varchar(let text): text
    }
  }

  // MARK: Reading

  /// Runs a statement in PostgreSQL's SQL in a transaction that only reads; the values as texts, nil for NULL.
  public func query(_ sql: String, timeLimit: Double?) throws(StoreError) -> (
    columns: [String], rows: [[String?]]
  ) {
    _ = try run("SET statement_timeout = \(Int((timeLimit ?? 0) * 1000))")
    _ = try run("BEGIN READ ONLY")
    defer { _ = try? run("ROLLBACK") }
    let rows = try run(sql)
    return (rows.columns.map(\.name), rows.values)
  }
}
