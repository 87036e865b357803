internal import CSQLite
import Files
import Numbers
import Time
import TimestreamSQL

/// Reads a store's file without being able to change it; used on one thread at a time, while others write.
public final class StoreReader {
  /// The file.
  public let path: String
  let connection: Connection
  /// The name of the file's database, as statements write it.
  public let databaseName: String
  /// The same in SQL, quoted.
  let database: String
  /// Other stores of the folder whose databases a statement has named.
  private var attached: Set<String> = []
  private let limit = Limit()
  private let clock = QueryFunctions.Clock()
  /// The most bytes of one value, a statement, a pattern; the most columns of a result.
  private static let limits: [(Int32, Int32)] = [
    (SQLITE_LIMIT_LENGTH, 16 << 20), (SQLITE_LIMIT_SQL_LENGTH, 2 << 20),
    // Nothing can interrupt LIKE; its time is the text's length by that of the pattern.
    (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256), (SQLITE_LIMIT_COLUMN, 2000), (SQLITE_LIMIT_EXPR_DEPTH, 200),
  ]

  /// SQLite attaches ten files at most; one is the reader's own.
  private static let otherDatabases = 9

  /// Shared with the handler that SQLite calls while a statement runs.
  private final class Limit {
    var deadline: MonotonicTime?
    var isCancelled: () -> Bool = { false }
  }

  /// Whether the file is there.
  private let exists: Bool

  /// Opens a store; its database has the file's name, `sensorDB` for `data/sensorDB.sqlite`.
  ///
  /// Throws `StoreError` if it is something else, or if there is none, unless it `mayBeMissing`: then statements see the other
  /// stores of its folder.
  public init(path: String, mayBeMissing: Bool = false) throws(StoreError) {
    self.path = path
    exists = !mayBeMissing || Files.exists(path)
    if exists, try Schema.check(Connection(path, readOnly: true)) == nil {
      throw StoreError(.notAStore, "\(path) is empty; 'trucksensor run' creates a store")
    }
    // The main database is empty and in memory: the file gets its database's name, as statements write it.
    connection = try Connection(inMemoryFor: path)
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let name = file.hasSuffix(".sqlite") ? String(file.dropLast(7)) : file
    databaseName = ["main", "temp"].contains(name.lowercased()) ? "store" : name
    database = Schema.quoted(databaseName)
    if exists { try attach(path, as: databaseName) }
    try connection.run("PRAGMA cache_size = -65536")
    for (limit, value) in Self.limits { sqlite3_limit(connection.handle, limit, value) }
    sqlite3_progress_handler(
      connection.handle, 2000,
      { data in
        guard let data else { return 0 }
        let limit = Unmanaged<Limit>.fromOpaque(data).takeUnretainedValue()
        return limit.deadline.map { MonotonicTime.now() > $0 } ?? false || limit.isCancelled() ? 1 : 0
      }, Unmanaged.passUnretained(limit).toOpaque())
    QueryFunctions.add(to: connection, clock)
    UnnestModule.add(to: connection)
    TableRollups.addFunction(to: connection)
    protect()
  }

  /// Restricts statements to reading.
  private func protect() {
    sqlite3_set_authorizer(
      connection.handle,
      { _, action, one, two, _, _ in
        switch action {
        case SQLITE_SELECT, SQLITE_READ, SQLITE_RECURSIVE: return SQLITE_OK
        // So json_each() declares its columns. Writing statements are also refused before they run.
        case SQLITE_UPDATE:
          guard let one, String(cString: one) == "sqlite_master" else { return SQLITE_DENY }
          return SQLITE_OK
        case SQLITE_FUNCTION:
          guard let two else { return SQLITE_DENY }
          return ["load_extension", "fts3_tokenizer"].contains(String(cString: two).lowercased())
            ? SQLITE_DENY : SQLITE_OK
        case SQLITE_PRAGMA:
          guard let one else { return SQLITE_DENY }
          return ["data_version", "database_list", "table_info"].contains(String(cString: one))
            ? SQLITE_OK : SQLITE_DENY
        default: return SQLITE_DENY
        }
      }, nil)
  }

  deinit { sqlite3_progress_handler(connection.handle, 0, nil, nil) }

  /// A path as SQLite's URIs of files have it.
  private static func uri(_ path: String) -> String {
    let encoded = path.replacing("%", with: "%25").replacing("?", with: "%3f").replacing("#", with: "%23")
    // An absolute path stands behind an empty authority.
    return "file:" + (path.hasPrefix("/") ? "//" : "") + encoded + "?mode=ro"
  }

  /// A column of a query's result.
  public struct Column: Sendable {
    /// Its name.
    public let name: String
    /// Whether it holds times, as nanoseconds since 1970.
    public fileprivate(set) var isTime: Bool
    /// Whether only its values tell what it holds: it is computed.
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

  /// Plans a statement of Timestream's query language; throws `QueryError` with line and column.
  ///
  /// The other stores of the file's folder are databases, too.
  public func plan(_ statement: String, now: Int64 = Timestamp.now) throws -> QueryPlan {
    try plan(statement, now: now, usesRollups: true)
  }

  /// The same; unless it `usesRollups`, the plan reads nothing but readings, which tests compare with.
  package func plan(_ statement: String, now: Int64, usesRollups: Bool) throws -> QueryPlan {
    let catalog = StoreCatalog(self, tables: try tables())
    let plan = Result { () throws(QueryError) in
      try QueryPlan.make(statement, catalog: catalog, now: now, usesRollups: usesRollups)
    }
    // A damaged store is a better reason than that it has no such table.
    if let failure = catalog.failure { throw failure }
    return try plan.get()
  }

  private func attach(_ path: String, as name: String) throws(StoreError) {
    let attach = try Statement(connection, "ATTACH ? AS \(Schema.quoted(name))")
    attach.bind(1, Self.uri(path))
    try attach.run()
  }

  /// The databases of the folder: the names of its stores.
  var databases: [String] {
    let files = (try? Files.list(Files.folder(of: path), suffix: ".sqlite")) ?? []
    let names = files.map { String(Files.name(of: $0).dropLast(7)) }
    // SQLite has databases of these names itself.
    return Set(
      names.filter { !["main", "temp"].contains($0.lowercased()) } + (exists ? [databaseName] : [])
    ).sorted()
  }

  /// The tables of another database of the folder; nil if there is none of the name.
  func tables(inOther database: String) throws(StoreError) -> [Table]? {
    guard databases.contains(database) else { return nil }
    if !attached.contains(database) {
      let path = Files.join(Files.folder(of: path), database + ".sqlite")
      guard try Schema.check(Connection(path, readOnly: true)) != nil else { return [] }
      guard attached.count < Self.otherDatabases else {
        throw StoreError(.statement, "a connection reads at most \(Self.otherDatabases) other databases")
      }
      sqlite3_set_authorizer(connection.handle, nil, nil)
      defer { protect() }
      try attach(path, as: database)
      attached.insert(database)
    }
    return try TableCatalog.all(connection, in: database).map(Table.init)
  }

  /// The measure names of a table's MULTI records, sorted.
  func multiNames(of table: Table, in database: String) throws(StoreError) -> [String] {
    let select = try Statement(
      connection,
      "SELECT DISTINCT measure_name FROM \(Schema.quoted(database)).ts_series WHERE table_id = \(table.id) "
        + "AND measure_name IS NOT NULL ORDER BY measure_name")
    var names: [String] = []
    while try select.step() { names.append(select.text(0)) }
    return names
  }

  /// Runs a plan, and calls `row` for each row until that returns false.
  ///
  /// `timeLimit` is in seconds; `isCancelled` is called often, and ends the query with `StoreError.interrupted`.
  public func run(
    _ plan: QueryPlan, timeLimit: Double? = nil, isCancelled: @escaping () -> Bool = { false },
    row: ([Datum]) -> Bool
  ) throws(StoreError) {
    let functions = PlanFunctions(plan, in: connection)
    // The functions outlive the statement that calls them.
    defer { withExtendedLifetime(functions) {} }
    try limited(timeLimit, isCancelled) { () throws(StoreError) in
      let statement = try Statement(
        connection, plan.isExplanation ? "EXPLAIN QUERY PLAN " + plan.sql : plan.sql, isUsers: true)
      for (index, parameter) in plan.parameters.enumerated() {
        statement.bind(Int32(clamping: index + 1), parameter)
      }
      // SQLite's steps, each below the one that it is a part of.
      var depths: [Int64: Int] = [:]
      while plan.isExplanation, try statement.step() {
        let depth = depths[statement.integer(1)].map { $0 + 1 } ?? 0
        depths[statement.integer(0)] = depth
        guard row([.text(String(repeating: "  ", count: depth) + statement.text(3))]) else { return }
      }
      while !plan.isExplanation, try statement.step() {
        let values = plan.columns.indices.map { index in
          SQLDatum.value(
            sqlite3_column_value(statement.handle, Int32(clamping: index)), plan.columns[index].type)
        }
        guard row(values) else { return }
      }
    }
  }

  /// Runs a statement in SQLite's SQL with some of Timestream's functions, and calls `row` for each row until that returns false.
  ///
  /// `timeLimit` is in seconds; `isCancelled` is called often, and ends the query with `StoreError.interrupted`.
  public func query(
    _ sql: String, timeLimit: Double? = nil, isCancelled: @escaping () -> Bool = { false },
    columns: ([Column]) -> Void, row: ([SQLValue]) -> Bool
  ) throws(StoreError) {
    clock.now = Timestamp.now
    try limited(timeLimit, isCancelled) { () throws(StoreError) in
      let statement = try prepared(sql)
      guard sqlite3_stmt_readonly(statement.handle) != 0 else {
        throw StoreError(.statement, "only reading statements are allowed here")
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
    }
  }

  /// Runs `work` under a time limit and until it is cancelled.
  private func limited(
    _ timeLimit: Double?, _ isCancelled: @escaping () -> Bool, _ work: () throws(StoreError) -> Void
  ) throws(StoreError) {
    limit.deadline = timeLimit.map { MonotonicTime.now().advanced(by: Int64(saturated: $0 * 1e9)) }
    limit.isCancelled = isCancelled
    defer { limit.deadline = nil; limit.isCancelled = { false } }
    do throws(StoreError) {
      try StatementMemory.limited(work)
    } catch  where error.kind == .interrupted {
      throw StoreError(
        .interrupted,
        isCancelled()
          ? "the query was stopped"
          : "the query took longer than \(timeLimit ?? 0) s; raise it with --time-limit")
    }
  }

  /// The statement, or an error that says where it is wrong, if the rewriting hasn't moved that.
  private func prepared(_ sql: String) throws(StoreError) -> Statement {
    guard sql.utf8.count < 1 << 20, !sql.utf8.contains(0) else {
      throw StoreError(.statement, "a statement has less than 1 MiB and no NUL character")
    }
    let rewritten = StatementRewriting.rewritten(sql)
    do throws(StoreError) {
      return try Statement(connection, rewritten, isUsers: true)
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
    /// The types of its single measures.
    let scalarTypes: [MeasureType]
    /// The measures of `…_wide`: a column for each name.
    public let wideMeasures: [MeasureInfo]

    fileprivate init(_ catalog: TableCatalog) {
      (name, measures, dimensions) = (catalog.name, catalog.measures, catalog.dimensions)
      (scalarTypes, wideMeasures) = (catalog.scalarTypes, catalog.wideMeasures)
      (memoryHours, magneticDays, takesLate) = (catalog.memoryHours, catalog.magneticDays, catalog.takesLate)
      id = catalog.id
    }
  }

  /// The tables, by name.
  public func tables() throws(StoreError) -> [Table] {
    guard exists else { return [] }
    return try TableCatalog.all(connection).map(Table.init)
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
