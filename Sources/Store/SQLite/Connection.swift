internal import CSQLite
import Files
import Glibc
import TimestreamSQL

/// A value of SQL.
public enum SQLValue: Sendable, Hashable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])
}

/// One connection to a SQLite file; used on one thread at a time.
final class Connection {
  let handle: OpaquePointer
  /// The file that the connection is about, for messages.
  let path: String
  private var cached: [String: Statement] = [:]
  /// More than the store's own prepared statements; statements whose text depends on a payload's names can't make it
  /// grow.
  private static let statementsKept = 256

  /// Opens the file `path`; throws if there is none and `creates` is false.
  convenience init(_ path: String, readOnly: Bool, creates: Bool = false) throws(StoreError) {
    let writing = SQLITE_OPEN_READWRITE | (creates ? SQLITE_OPEN_CREATE : 0)
    try self.init(path, about: path, flags: readOnly ? SQLITE_OPEN_READONLY : writing)
  }

  /// An empty database in memory, to which the file `path` is attached by a URI.
  convenience init(inMemoryFor path: String) throws(StoreError) {
    try self.init(
      ":memory:", about: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI)
  }

  private init(_ name: String, about path: String, flags: Int32) throws(StoreError) {
    self.path = path
    guard !Files.isFolder(path) else {
      throw StoreError(
        .notAStore,
        "\(path) is a folder, not a store; name its file, such as \(Files.join(path, "sensorDB.sqlite"))")
    }
    StatementMemory.install
    var opened: OpaquePointer?
    // FULLMUTEX isn't needed: a connection belongs to one thread at a time.
    let code = sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard let opened else { throw StoreError(.system, "no memory for \(path)") }
    // From here on 'deinit' closes it, also if this throws.
    handle = opened
    sqlite3_extended_result_codes(handle, 1)
    guard code == SQLITE_OK else { throw error(code) }
    sqlite3_busy_timeout(handle, 2000)
    ts_sqlite3_harden(handle)
    // Damaged pages are found when they are read, not when their cells are used.
    try run("PRAGMA cell_size_check = ON")
  }

  deinit {
    cached.removeAll()
    // Statements that others hold still live until they are freed, too.
    sqlite3_close_v2(handle)
  }

  /// Runs statements that return nothing.
  func run(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code) }
  }

  /// A prepared statement, kept for the next use; it must not be used while it is still being stepped.
  func statement(_ sql: String) throws(StoreError) -> Statement {
    if let known = cached[sql] { return known }
    let new = try Statement(self, sql)
    if cached.count >= Self.statementsKept { cached.removeAll(keepingCapacity: true) }
    cached[sql] = new
    return new
  }

  /// Gives up the prepared statements.
  func forgetStatements() { cached.removeAll() }

  /// How many prepared statements are kept.
  var cachedStatements: Int { cached.count }

  /// The first column of the first row.
  func value(_ sql: String) throws(StoreError) -> SQLValue? {
    let statement = try Statement(self, sql)
    return try statement.step() ? statement.value(0) : nil
  }

  /// The integer in the first column of the first row; 0 if there is none.
  func integer(_ sql: String) throws(StoreError) -> Int64 {
    if case .integer(let value)? = try self.value(sql) { value } else { 0 }
  }

  /// Runs `work` in a transaction that takes the write lock at once.
  func transaction<Result>(_ work: () throws(StoreError) -> Result) throws(StoreError) -> Result {
    try run("BEGIN IMMEDIATE")
    do throws(StoreError) {
      let result = try work()
      try run("COMMIT")
      return result
    } catch {
      rollBack()
      throw error
    }
  }

  /// Undoes the open transaction; some failures have done so already.
  func rollBack() {
    if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }

  /// The error of the last call, with what to do about it. If a user's statement fails, the statement is wrong; if one
  /// of the store's own fails, the file doesn't have the store's layout.
  func error(_ code: Int32, isUsers: Bool = false) -> StoreError {
    // It can quote the whole statement.
    let text = String(String(cString: sqlite3_errmsg(handle)).prefix(500))
    let recover =
      "copy what can be read with 'sqlite3 \(path) .recover | sqlite3 recovered.sqlite', or move the file away to start with an empty one"
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED:
      return StoreError(.locked, "\(path) is locked by another process; try again")
    case SQLITE_FULL:
      return StoreError(.full, "\(path): no space left; free some, or run 'trucksensor store prune'")
    case SQLITE_READONLY:
      return StoreError(
        .readOnly, "\(path) can't be written; check the permissions of the file and its folder")
    case SQLITE_CORRUPT:
      return StoreError(
        .damaged, "\(path) is damaged (\(text)): \(recover); 'trucksensor store verify' shows the damage")
    case SQLITE_NOTADB:
      return StoreError(.notAStore, "\(path) is not a SQLite database; name another file with --store")
    case SQLITE_CANTOPEN:
      if access(path, F_OK) != 0 {
        return StoreError(
          .missing,
          "the store \(path) doesn't exist; 'trucksensor run' creates one, or name another with --store")
      }
      return StoreError(.system, "\(path) can't be opened: \(text)")
    case SQLITE_INTERRUPT: return StoreError(.interrupted, "the query was stopped")
    case SQLITE_IOERR:
      // A limit on file sizes, or a quota, shows as a write that failed.
      guard code == ts_sqlite3_ioerr_write() else { return StoreError(.system, "\(path): \(text)") }
      return StoreError(
        .full,
        "\(path) can't grow: the disk is full or failing, or a quota or file size limit is reached; free some space"
      )
    case SQLITE_AUTH: return StoreError(.statement, "only statements that read are allowed here (\(text))")
    case SQLITE_NOMEM, SQLITE_TOOBIG:
      return StoreError(.statement, "\(path): the statement needs too much memory (\(text))")
    default:
      return isUsers
        ? StoreError(.statement, text)
        : StoreError(.damaged, "\(path) doesn't have a store's layout (\(text)): \(recover)")
    }
  }

  /// The error of a file whose content contradicts itself.
  func damaged(_ what: String) -> StoreError {
    StoreError(.damaged, "\(path) is damaged: \(what); 'trucksensor store verify' shows the damage")
  }

  /// The error of a rollup that no readings can have led to.
  func damagedRollup(of table: Int64) -> StoreError {
    StoreError(
      .damaged,
      "\(path) is damaged: a rollup in ts_rollup_\(table); 'trucksensor store verify --repair' rebuilds it from the readings"
    )
  }

  /// Where the last error is in the statement's text, in bytes; nil if it isn't known.
  var errorOffset: Int? {
    let offset = sqlite3_error_offset(handle)
    return offset < 0 ? nil : Int(offset)
  }

  var changes: Int { Int(sqlite3_changes(handle)) }
}

/// A prepared statement of a connection.
final class Statement {
  let handle: OpaquePointer
  // The connection keeps its statements; one that outlives it can only be freed.
  private unowned let connection: Connection
  private let isUsers: Bool

  /// Prepares a statement of the store's own, or of a user's.
  init(_ connection: Connection, _ sql: String, isUsers: Bool = false) throws(StoreError) {
    self.connection = connection
    self.isUsers = isUsers
    var prepared: OpaquePointer?
    var hasMore = false
    let code = sql.withCString { text in
      var rest: UnsafePointer<CChar>?
      let code = sqlite3_prepare_v2(connection.handle, text, -1, &prepared, &rest)
      // What follows the first statement would be ignored silently.
      if code == SQLITE_OK, let rest, rest.pointee != 0 {
        var next: OpaquePointer?
        hasMore = sqlite3_prepare_v2(connection.handle, rest, -1, &next, nil) != SQLITE_OK || next != nil
        sqlite3_finalize(next)
      }
      return code
    }
    guard code == SQLITE_OK else { throw connection.error(code, isUsers: isUsers) }
    guard let prepared else { throw StoreError(.statement, "an empty statement") }
    handle = prepared
    // From here on 'deinit' frees it.
    if hasMore { throw StoreError(.statement, "only one statement is allowed; ';' may only end it") }
  }

  deinit { sqlite3_finalize(handle) }

  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }
  func bind(_ index: Int32, _ value: Int64?) {
    if let value { bind(index, value) } else { sqlite3_bind_null(handle, index) }
  }
  func bind(_ index: Int32, _ value: Double) { sqlite3_bind_double(handle, index, value) }
  func bind(_ index: Int32, _ value: String) {
    var value = value
    _ = value.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        ts_sqlite3_bind_text(handle, index, $0.baseAddress, UInt64(clamping: $0.count))
      }
    }
  }
  func bind(_ index: Int32, _ value: String?) {
    if let value { bind(index, value) } else { sqlite3_bind_null(handle, index) }
  }
  func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
    ts_sqlite3_bind_blob(handle, index, bytes.baseAddress, UInt64(clamping: bytes.count))
  }

  func bind(_ index: Int32, _ value: MeasureValue) {
    switch value {
    case .bigint(let number): bind(index, number)
    case .double(let number): bind(index, number)
    case .boolean(let isTrue): bind(index, isTrue ? 1 : 0 as Int64)
    case .varchar(let text): bind(index, text)
    case .timestamp(let time): bind(index, time)
    }
  }

  func bind(_ index: Int32, _ datum: Datum) {
    switch datum {
    case .null: sqlite3_bind_null(handle, index)
    case .boolean(let value): bind(index, value ? 1 : 0 as Int64)
    case .integer(let value): bind(index, value)
    case .double(let value): bind(index, value)
    case .text(let value): bind(index, value)
    case .list: DatumCoding.encode(datum).withUnsafeBytes { bind(index, $0) }
    }
  }

  /// True if there is a row.
  func step() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    switch code {
    case SQLITE_ROW: return true
    case SQLITE_DONE: return false
    default:
      let error = connection.error(code, isUsers: isUsers)
      sqlite3_reset(handle)
      throw error
    }
  }

  /// Runs it to its end and makes it ready for the next use.
  func run() throws(StoreError) {
    while try step() {}
    reset()
  }

  func reset() { sqlite3_reset(handle) }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }
  func text(_ column: Int32) -> String {
    guard let text = sqlite3_column_text(handle, column) else { return "" }
    let count = Int(sqlite3_column_bytes(handle, column))
    return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
  }
  /// Valid until the next step.
  func blob(_ column: Int32) -> UnsafeRawBufferPointer {
    let bytes = sqlite3_column_blob(handle, column)
    return UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column)))
  }
  /// The remaining rows of a reading's time and `count` numbers.
  func rows(_ count: Int) throws(StoreError) -> [(time: Int64, values: [Double?])] {
    var rows: [(time: Int64, values: [Double?])] = []
    while try step() {
      // A damaged page can hold what the statement's condition denies.
      guard RecordLimits.times.contains(integer(0)) else {
        throw connection.damaged("a reading's time is out of range")
      }
      rows.append((integer(0), (0..<Int32(clamping: count)).map { isNull($0 + 1) ? nil : double($0 + 1) }))
    }
    return rows
  }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func value(_ column: Int32) -> SQLValue {
    switch sqlite3_column_type(handle, column) {
    case SQLITE_INTEGER: .integer(integer(column))
    case SQLITE_FLOAT: .real(double(column))
    case SQLITE_TEXT: .text(text(column))
    case SQLITE_BLOB: .blob(Array(blob(column)))
    default: .null
    }
  }
}
