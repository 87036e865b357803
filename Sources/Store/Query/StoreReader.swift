internal import CSQLite
import Synchronization
import Time

/// Reads a store's file without being able to change it; used on one thread at a time, while others write.
public final class StoreReader {
  /// The file.
  public let path: String
  let connection: Connection
  /// The attached file's name in SQL, quoted.
  let database: String
  private let limit = Limit()

  /// Shared with the handler that SQLite calls while a statement runs.
  private final class Limit {
    var deadline: Int64 = .max
    var isCancelled: () -> Bool = { false }
  }

  /// Opens a store; its database has the file's name, `sensorDB` for `data/sensorDB.sqlite`.
  ///
  /// Throws `StoreError` where there is none, or it is something else.
  public init(path: String) throws(StoreError) {
    self.path = path
    // An own, empty main database: the file gets its database's name, as statements write it.
    let checked = try Connection(path, readOnly: true)
    guard try Schema.check(checked) != nil else {
      throw StoreError(.notAStore, "\(path) is empty; 'trucksensor run' makes a store")
    }
    connection = try Connection(":memory:", readOnly: false, creates: true)
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let name = file.hasSuffix(".sqlite") ? String(file.dropLast(7)) : file
    database = Schema.quoted(["main", "temp"].contains(name) ? "store" : name)
    let attach = try Statement(connection, "ATTACH ? AS \(database)")
    attach.bind(1, "file:" + Self.percentEncoded(path) + "?mode=ro")
    try attach.run()
    try connection.run("PRAGMA cache_size = -65536")
    sqlite3_limit(connection.handle, SQLITE_LIMIT_LENGTH, 64 << 20)
    sqlite3_limit(connection.handle, SQLITE_LIMIT_EXPR_DEPTH, 200)
    sqlite3_progress_handler(
      connection.handle, 2000,
      { data in
        guard let data else { return 0 }
        let limit = Unmanaged<Limit>.fromOpaque(data).takeUnretainedValue()
        return Timestamp.now > limit.deadline || limit.isCancelled() ? 1 : 0
      }, Unmanaged.passUnretained(limit).toOpaque())
    QueryFunctions.add(to: connection, now: Timestamp.now)
    sqlite3_set_authorizer(
      connection.handle,
      { _, action, one, two, _, _ in
        switch action {
        case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return SQLITE_OK
        // So json_each() declares its columns. A statement that would write is refused before it runs, besides.
        case SQLITE_UPDATE:
          guard let one, String(cString: one) == "sqlite_master" else { return SQLITE_DENY }
          return SQLITE_OK
        case SQLITE_FUNCTION:
          guard let two else { return SQLITE_DENY }
          return ["load_extension", "fts3_tokenizer"].contains(String(cString: two)) ? SQLITE_DENY : SQLITE_OK
        case SQLITE_PRAGMA:
          guard let one else { return SQLITE_DENY }
          return ["data_version", "database_list", "table_info"].contains(String(cString: one))
            ? SQLITE_OK : SQLITE_DENY
        default: return SQLITE_DENY
        }
      }, nil)
  }

  deinit { sqlite3_progress_handler(connection.handle, 0, nil, nil) }

  /// A path as SQLite's file URIs have it.
  private static func percentEncoded(_ path: String) -> String {
    path.replacing("%", with: "%25").replacing("?", with: "%3f").replacing("#", with: "%23")
  }

  /// A column of a query's result.
  public struct Column: Sendable {
    /// Its name.
    public let name: String
    /// Whether it holds times, as nanoseconds since 1970.
    public fileprivate(set) var isTime: Bool
    /// Whether it can't be known from the statement alone: then it holds times where they look like some.
    fileprivate let isComputed: Bool

    fileprivate init(name: String, isTime: Bool, isComputed: Bool) {
      self.name = name
      self.isTime = isTime
      self.isComputed = isComputed
    }

    /// A column of texts, as a server gives them.
    public init(name: String) { self.init(name: name, isTime: false, isComputed: false) }

    /// Whether `value` is a time of this column.
    public func isTime(_ value: SQLValue) -> Bool {
      if isTime { return true }
      // Nanoseconds of 1973 to 2116: no computed number of a truck comes near.
      guard isComputed, case .integer(let number) = value else { return false }
      return (100_000_000_000_000_000..<4_611_686_018_427_387_904).contains(number)
    }
  }

  /// Runs a statement in Timestream's or SQLite's SQL, and calls `row` for each row until that returns false.
  ///
  /// `timeLimit` is in seconds; `isCancelled` is asked often, and ends the query with `StoreError.interrupted`.
  public func query(
    _ sql: String, timeLimit: Double? = nil, isCancelled: @escaping () -> Bool = { false },
    columns: ([Column]) -> Void, row: ([SQLValue]) -> Bool
  ) throws(StoreError) {
    let now = Timestamp.now
    limit.deadline =
      timeLimit.map { now.addingReportingOverflow(Int64(min($0, 1e9) * 1e9)).partialValue } ?? .max
    limit.isCancelled = isCancelled
    defer { limit.deadline = .max; limit.isCancelled = { false } }
    QueryFunctions.add(to: connection, now: now)
    do throws(StoreError) {
      let statement = try prepared(sql)
      guard sqlite3_stmt_readonly(statement.handle) != 0 else {
        throw StoreError(.statement, "only statements that read are allowed here")
      }
      let count = sqlite3_column_count(statement.handle)
      columns(
        (0..<count).map { index in
          let name = sqlite3_column_name(statement.handle, index).map { String(cString: $0) } ?? ""
          let origin = sqlite3_column_origin_name(statement.handle, index).map { String(cString: $0) }
          let table = sqlite3_column_table_name(statement.handle, index).map { String(cString: $0) } ?? ""
          return Column(
            name: name, isTime: origin == "time" && table.hasPrefix("ts_data_"), isComputed: origin == nil)
        })
      while try statement.step() {
        guard row((0..<count).map { statement.value($0) }) else { return }
      }
    } catch  where error.kind == .interrupted {
      throw StoreError(
        .interrupted,
        isCancelled()
          ? "the query was stopped"
          : "the query took longer than \(timeLimit ?? 0) s; --time-limit allows more")
    }
  }

  /// The statement, or an error that says where it is wrong, if the rewriting hasn't moved that.
  private func prepared(_ sql: String) throws(StoreError) -> Statement {
    let rewritten = TimestreamSQL.rewritten(sql)
    do throws(StoreError) {
      return try Statement(connection, rewritten)
    } catch {
      guard error.kind == .statement, rewritten == sql, let offset = connection.errorOffset else {
        throw error
      }
      let before = sql.utf8.prefix(offset)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
      throw StoreError(.statement, "line \(line), column \(column): \(error.message)")
    }
  }

  // MARK: Tables

  /// A table of the store, with what is in it.
  public struct Table: Sendable {
    /// Its name.
    public let name: String
    /// Its measures, in the order in which they came.
    public let measures: [MeasureInfo]
    /// Its dimensions.
    public let dimensions: [String]
    /// Hours of the memory store, nil for no limit.
    public let memoryHours: Int64?
    /// Days of the magnetic store, nil for no limit.
    public let magneticDays: Int64?
    /// Whether records older than the memory store are taken.
    public let takesLate: Bool
    let id: Int64
  }

  /// The tables, by name.
  public func tables() throws(StoreError) -> [Table] {
    try TableCatalog.all(connection).map { catalog in
      Table(
        name: catalog.name, measures: catalog.measures, dimensions: catalog.dimensions,
        memoryHours: catalog.memoryHours,
        magneticDays: catalog.magneticDays, takesLate: catalog.takesLate, id: catalog.id)
    }
  }

  /// The table of that name; throws where there is none.
  public func table(_ name: String) throws(StoreError) -> Table {
    let all = try tables()
    guard let table = all.first(where: { $0.name == name }) else {
      throw StoreError(
        .missing, "\(path) has no table '\(name)'; it has: \(all.map(\.name).joined(separator: ", "))")
    }
    return table
  }

  /// A text kept under a name beside the tables; nil if there is none.
  public func state(_ name: String) throws(StoreError) -> String? {
    let select = try connection.statement("SELECT value FROM ts_state WHERE name = ?")
    defer { select.reset() }
    select.bind(1, name)
    return try select.step() ? select.text(0) : nil
  }
}
