import Numbers
import Time

/// Writes points to PostgreSQL, one row per reading, keyed by series and time; with TimescaleDB the tables are hypertables.
///
/// Times have microseconds there. Existing points stay: writing a point again changes nothing.
public final class PostgresStore: PointStore {
  let connection: PostgresConnection
  /// The columns of the tables, as this connection has seen them.
  private var columns: [String: Set<String>] = [:]
  private var isInTransaction = false
  /// PostgreSQL cuts longer names off (NAMEDATALEN).
  private static let nameLimit = 63

  /// Connects.
  ///
  /// Throws `StoreError` if libpq isn't installed, or the server can't be reached or refuses.
  public init(_ server: PostgresServer) throws(StoreError) {
    connection = try PostgresConnection(server)
    // Otherwise PostgreSQL sends a notice for each table that already exists.
    _ = try connection.run("SET client_min_messages = warning")
  }

  // MARK: Writing

  /// Writes records, each batch of the same columns in one statement; what the server refuses of it is found by halving.
  public func write(_ requests: [WriteRequest]) throws(StoreError) -> [Rejection] {
    let now = Timestamp.now
    var rejections: [Rejection] = []
    var batches: [[String]: [(index: Int, request: WriteRequest)]] = [:]
    var order: [[String]] = []
    for (index, request) in requests.enumerated() {
      if let problem = RecordLimits.problem(withRequest: request, now: now) ?? Self.problem(with: request) {
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
      if let first = batch.first, let problem = try makeTable(first.request) {
        rejections += batch.map { Rejection(index: $0.index, reason: problem) }
        continue
      }
      var rest = batch[...]
      while !rest.isEmpty {
        let part = rest.prefix(500)
        rest = rest.dropFirst(500)
        try insert(part, &rejections)
      }
    }
    return rejections.sorted { $0.index < $1.index }
  }

  /// Why PostgreSQL can't keep a record; nil if it can.
  private static func problem(with request: WriteRequest) -> String? {
    let names = request.record.dimensions.map(\.name) + request.record.measures.map(\.name)
    for name in names + [request.table] where name.utf8.count > nameLimit {
      return "the name '\(name.prefix(20))…' is longer than \(nameLimit) bytes"
    }
    return names.contains("series") ? "the name 'series' is reserved" : nil
  }

  /// Makes a table and its columns if they are missing; returns why the server refuses the names or types.
  private func makeTable(_ request: WriteRequest, triesAgain: Bool = true) throws(StoreError) -> String? {
    do throws(PostgresConnection.Failure) {
      try savingPoint { () throws(PostgresConnection.Failure) in try makeColumns(request) }
      return nil
    } catch {
      columns[request.table] = nil
      if triesAgain, error.isAboutNewObject { return try makeTable(request, triesAgain: false) }
      guard error.isAboutData else { throw error.error }
      return error.text
    }
  }

  private func makeColumns(_ request: WriteRequest) throws(PostgresConnection.Failure) {
    let table = Schema.quoted(request.table)
    if columns[request.table] == nil {
      _ = try connection.execute(
        "CREATE TABLE IF NOT EXISTS \(table)(series text NOT NULL, time timestamptz NOT NULL, PRIMARY KEY(series, time))"
      )
      if try !connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").values.isEmpty {
        _ = try connection.execute(
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
        case .timestamp: "bigint"
        }
      wanted.append((name, type))
    }
    for (name, type) in wanted where columns[request.table]?.contains(name) != true {
      _ = try connection.execute(
        "ALTER TABLE \(table) ADD COLUMN IF NOT EXISTS \(Schema.quoted(name)) \(type)")
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
      let series = Dimension.json(record.dimensions)
      let time = Timestamp.text(record.time.floored(to: 1000)) + "+00"
      guard seen.insert(series + time).inserted else { continue }
      let row: [String?] =
        [series, time] + record.dimensions.map(\.value) + record.measures.map { Self.text($0.value) }
      places.append("(" + row.indices.map { "$\(values.count + $0 + 1)" }.joined(separator: ", ") + ")")
      values += row
    }
    let table = Schema.quoted(first.request.table)
    let sets = quoted.map { "\($0) = COALESCE(t.\($0), EXCLUDED.\($0))" }.joined(separator: ", ")
    do throws(PostgresConnection.Failure) {
      try savingPoint { () throws(PostgresConnection.Failure) in
        _ = try connection.execute(
          "INSERT INTO \(table) AS t(series, time, \(quoted.joined(separator: ", "))) VALUES \(places.joined(separator: ", ")) "
            + "ON CONFLICT (series, time) DO UPDATE SET \(sets)", values)
      }
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
    case .bigint(let number), .timestamp(let number): "\(number)"
    case .double(let number): "\(number)"
    case .boolean(let isTrue): isTrue ? "true" : "false"
    case .varchar(let text): text
    }
  }

  // MARK: Transactions

  /// See `PointStore`.
  public var isTransactional: Bool { true }

  /// See `PointStore`.
  public func transaction<Result>(_ work: () throws -> Result) throws -> Result {
    _ = try connection.run("BEGIN")
    isInTransaction = true
    defer { isInTransaction = false }
    do {
      let result = try work()
      _ = try connection.run("COMMIT")
      return result
    } catch {
      // If it fails, the connection is lost, and the transaction with it.
      _ = try? connection.run("ROLLBACK")
      columns.removeAll()
      throw error
    }
  }

  /// Runs `work`. Within a transaction, which a failed statement would end, a failure undoes only this work.
  private func savingPoint(_ work: () throws(PostgresConnection.Failure) -> Void)
    throws(PostgresConnection.Failure)
  {
    guard isInTransaction else { return try work() }
    _ = try connection.execute("SAVEPOINT work")
    do throws(PostgresConnection.Failure) {
      try work()
      _ = try connection.execute("RELEASE SAVEPOINT work")
    } catch {
      _ = try connection.execute("ROLLBACK TO SAVEPOINT work")
      throw error
    }
  }

  // MARK: Reading

  /// Runs a statement in PostgreSQL's SQL in a transaction that only reads; the values as texts, nil for NULL.
  public func query(_ sql: String, timeLimit: Double?) throws(StoreError) -> (
    columns: [String], rows: [[String?]]
  ) {
    // 0 means no limit.
    let limit = timeLimit.map { Int64(saturated: ($0 * 1000).rounded(.up)).clamped(to: 1...Int64(Int32.max)) }
    _ = try connection.run("SET statement_timeout = \(limit ?? 0)")
    _ = try connection.run("BEGIN READ ONLY")
    defer { _ = try? connection.run("ROLLBACK") }
    let rows = try connection.run(sql)
    return (rows.columns, rows.values)
  }
}
