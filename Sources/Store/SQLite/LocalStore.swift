import Files
import JSON
import Numbers
import Time

/// Where points go: the local file, or a server. Used on one thread at a time.
public protocol PointStore: AnyObject {
  /// Writes records so that they survive a power failure, and returns which were refused and why. What was written before is
  /// neither an error nor written again.
  ///
  /// Throws `StoreError` if nothing was written, or, at a server, perhaps a part of it: writing the same again
  /// does no harm.
  func write(_ requests: [WriteRequest]) throws(StoreError) -> [Rejection]

  /// Whether `transaction` can undo what its work has written.
  var isTransactional: Bool { get }

  /// Runs work that writes several times. If the store is transactional, all of it becomes visible at the end, or, if the
  /// work throws, nothing; other writers wait meanwhile. Otherwise what was written stays.
  func transaction<Result>(_ work: () throws -> Result) throws -> Result

  /// Throws what keeps it from being written, as far as that can be known without writing. An open file or connection
  /// is all that most stores need.
  func check() throws(StoreError)
}

extension PointStore {
  /// See `PointStore`.
  public func check() throws(StoreError) {}
}

/// A database: one SQLite file with tables of series, for one writer and many readers.
///
/// Each write is one transaction with `synchronous=FULL` in a write-ahead log. Not safe for use by two threads at once;
/// other processes may read, and write in turn.
public final class LocalStore: PointStore {
  /// The path of the file.
  public let path: String
  let connection: Connection
  private var tables: [String: OpenTable] = [:]
  private var isInTransaction = false
  /// Changes when another connection has committed.
  private var dataVersion: Int64 = -1
  /// Sets of measures whose statement is kept, and series that are kept by their dimensions, of each table.
  private static let preparedInserts = 64
  private static let knownSeries = 50_000

  /// A table's catalog, and what a writer keeps of it.
  private struct OpenTable {
    var catalog: TableCatalog
    /// The places of single measures and of MULTI records' by their names.
    var measureIndex: [String: Int] = [:]
    var multiIndex: [String: Int] = [:]
    var series: [SeriesKey: Int64] = [:]
    var inserts: [[Int32]: Statement] = [:]
    var rollup: RollupWriter
    var arrivals: ArrivalWriter
    /// Whether the catalog has columns that the views haven't.
    var viewsAreOld = false

    init(_ catalog: TableCatalog) {
      self.catalog = catalog
      for (index, measure) in catalog.measures.enumerated() {
        if measure.isMulti { multiIndex[measure.name] = index } else { measureIndex[measure.name] = index }
      }
      rollup = RollupWriter(table: catalog.id)
      arrivals = ArrivalWriter(table: catalog.id)
    }
  }

  /// What tells a table's series apart.
  private struct SeriesKey: Hashable {
    let dimensions: [Dimension]
    let measureName: String?
  }

  /// A store's file for a database of that name: `data/sensorDB.sqlite`.
  public static func path(ofDatabase name: String, in folder: String = Workspace.current.data) -> String {
    Files.join(folder, "\(name).sqlite")
  }

  /// The file that is open.
  private let inode: UInt64?

  /// Opens a store for writing, and makes it and its folder if there is none.
  ///
  /// Throws `StoreError` if the file isn't a store, is from a newer version, or can't be written.
  public init(path: String, creates: Bool = true) throws(StoreError) {
    self.path = path
    if creates, let slash = path.lastIndex(of: "/") {
      do throws(FileError) {
        try Files.makeFolder(String(path[..<slash]))
      } catch {
        throw StoreError(.system, error.description)
      }
    }
    connection = try Connection(path, readOnly: false, creates: creates)
    try connection.run("PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; PRAGMA foreign_keys = OFF")
    try Schema.prepare(connection)
    try ArrivalJournal.prepare(connection)
    inode = Files.stamp(of: path)?.inode
  }

  // MARK: Writing

  /// Writes records in one transaction; see `PointStore`.
  public func write(_ requests: [WriteRequest]) throws(StoreError) -> [Rejection] {
    guard !requests.isEmpty else { return [] }
    // SQLite would go on writing to a file that has no name any more.
    guard Files.stamp(of: path)?.inode == inode else {
      throw StoreError(
        .missing, "\(path) was deleted or replaced while it was open; what was stored there is gone")
    }
    let now = Timestamp.now
    do throws(StoreError) {
      return isInTransaction
        ? try put(requests, now: now)
        : try connection.transaction { () throws(StoreError) in try put(requests, now: now) }
    } catch {
      // What is held in memory may be ahead of the file now.
      forget()
      throw error
    }
  }

  private func put(_ requests: [WriteRequest], now: Int64) throws(StoreError) -> [Rejection] {
    try refresh()
    var rejections: [Rejection] = []
    for (index, request) in requests.enumerated() {
      if let refusal = try put(request, now: now) {
        rejections.append(
          Rejection(index: index, reason: refusal.reason, existingVersion: refusal.existingVersion))
      }
    }
    for name in Array(tables.keys) {
      if let table = tables[name], table.viewsAreOld {
        try Schema.makeViews(connection, table.catalog)
        tables[name]?.viewsAreOld = false
      }
      try tables[name]?.rollup.flush(connection)
      try tables[name]?.arrivals.flush(connection)
    }
    return rejections
  }

  /// See `PointStore`.
  public var isTransactional: Bool { true }

  /// See `PointStore`.
  public func transaction<Result>(_ work: () throws -> Result) throws -> Result {
    try connection.run("BEGIN IMMEDIATE")
    isInTransaction = true
    defer { isInTransaction = false }
    do {
      let result = try work()
      try connection.run("COMMIT")
      return result
    } catch {
      connection.rollBack()
      forget()
      throw error
    }
  }

  /// Forgets what is held in memory; the next write reads it again.
  func forget() {
    tables.removeAll()
    dataVersion = -1
  }

  /// Reads the catalog again if another process has written.
  private func refresh() throws(StoreError) {
    let version = try connection.statement("PRAGMA data_version")
    let present = try version.step() ? version.integer(0) : 0
    version.reset()
    guard present != dataVersion else { return }
    dataVersion = present
    tables.removeAll()
    for catalog in try TableCatalog.all(connection) { tables[catalog.name] = OpenTable(catalog) }
  }

  /// Nil, or why the record was refused.
  private func put(_ request: WriteRequest, now: Int64) throws(StoreError) -> Refusal? {
    let record = request.record
    if let problem = RecordLimits.problem(with: record, now: now) { return Refusal(problem) }
    if tables[request.table] == nil {
      if let problem = RecordLimits.problem(withTable: request.table) { return Refusal(problem) }
      // Its views couldn't be told apart.
      if let other = tables.keys.first(where: { $0.lowercased() == request.table.lowercased() }) {
        return Refusal("its table '\(request.table)' differs from '\(other)' in case only")
      }
      try makeTable(request.table)
    }
    guard var table = tables[request.table] else { return nil }
    // Held by this function alone while it is changed.
    tables[request.table] = nil
    defer { tables[request.table] = table }
    if let oldest = table.catalog.oldestMagnetic(at: now), record.time < oldest {
      return Refusal(
        "\(Rejection.timeReason), \(Timestamp.text(record.time)), is before the magnetic store's \(table.catalog.magneticDays ?? 0) days"
      )
    }
    if let oldest = table.catalog.oldestTaken(at: now), record.time < oldest {
      return Refusal(
        "\(Rejection.timeReason), \(Timestamp.text(record.time)), is before the memory store's \(table.catalog.memoryHours ?? 0) hours"
      )
    }
    var columns: [Int32] = []
    columns.reserveCapacity(record.measures.count)
    var values: [MeasureValue] = []
    values.reserveCapacity(record.measures.count)
    let isMulti = record.measureName != nil
    for (name, value) in record.measures {
      if let index = isMulti ? table.multiIndex[name] : table.measureIndex[name] {
        let measure = table.catalog.measures[index]
        guard let fitting = fit(value, measure.type, strict: request.isStrict) else {
          return Refusal(
            "its measure '\(name)' is \(value.type.rawValue), but \(measure.type.rawValue) in the table")
        }
        if fitting.widens { try widen(&table, index) }
        columns.append(measure.id)
        values.append(fitting.value)
      } else {
        if let problem = RecordLimits.problem(withName: name) { return Refusal(problem) }
        let limit = isMulti ? RecordLimits.multiMeasures : RecordLimits.tableMeasures
        guard (isMulti ? table.multiIndex : table.measureIndex).count < limit else {
          return Refusal("the table already has \(limit) measures, the limit; '\(name)' would be one more")
        }
        // Both would be columns of the table.
        if isMulti, table.catalog.dimensions.contains(name) {
          return Refusal("its measure '\(name)' is a dimension of the table")
        }
        columns.append(try addMeasure(&table, name, value.type, isMulti: isMulti))
        values.append(value)
      }
    }
    if Set(columns).count < columns.count { return Refusal("it has the same measure twice") }
    let series: Int64
    switch try self.series(&table, SeriesKey(dimensions: record.dimensions, measureName: record.measureName))
    {
    case .success(let id): series = id
    case .failure(let refusal): return refusal
    }
    return try insert(&table, series, record, columns, values)
  }

  private struct Refusal: Error {
    let reason: String
    var existingVersion: Int64?
    init(_ reason: String, existingVersion: Int64? = nil) {
      self.reason = reason
      self.existingVersion = existingVersion
    }
  }

  /// A value as its measure's type keeps it; nil if it doesn't fit.
  private func fit(_ value: MeasureValue, _ type: MeasureType, strict: Bool) -> (
    value: MeasureValue, widens: Bool
  )? {
    if value.type == type { return (value, false) }
    guard !strict else { return nil }
    switch (value, type) {
    // Exact as long as a double distinguishes neighboring whole numbers.
    case (.bigint(let number), .double) where number.magnitude <= 1 << 53:
      return (.double(Double(number)), false)
    case (.double, .bigint): return (value, true)
    default: return nil
    }
  }

  private func widen(_ table: inout OpenTable, _ index: Int) throws(StoreError) {
    let measure = table.catalog.measures[index]
    // The integers that are there stay as they are: the views read them as decimals.
    try connection.run(
      "UPDATE ts_measures SET type = 'DOUBLE' WHERE table_id = \(table.catalog.id) AND id = \(measure.id)")
    table.catalog.measures[index].type = .double
    table.viewsAreOld = true
  }

  func makeTable(_ name: String) throws(StoreError) {
    let insert = try connection.statement(
      "INSERT INTO ts_tables(id, name) VALUES (1 + max(coalesce((SELECT max(id) FROM ts_tables), 0), "
        + "coalesce((SELECT CAST(value AS INTEGER) FROM ts_state WHERE name = '\(Schema.lastTable)'), 0)), ?) RETURNING id"
    )
    insert.bind(1, name)
    guard try insert.step() else { return }
    let id = insert.integer(0)
    insert.reset()
    let catalog = TableCatalog(id: id, name: name, takesLate: true)
    try Schema.makeTables(connection, table: id)
    try Schema.makeViews(connection, catalog)
    tables[name] = OpenTable(catalog)
  }

  private func addMeasure(
    _ table: inout OpenTable, _ name: String, _ type: MeasureType, isMulti: Bool
  ) throws(StoreError) -> Int32 {
    let id = Int32(clamping: table.catalog.measures.count + 1)
    try connection.run("ALTER TABLE ts_data_\(table.catalog.id) ADD COLUMN m\(id) ANY")
    let insert = try connection.statement(
      "INSERT INTO ts_measures(table_id, id, name, type, is_multi) VALUES (?, ?, ?, ?, ?)")
    insert.bind(1, table.catalog.id)
    insert.bind(2, Int64(id))
    insert.bind(3, name)
    insert.bind(4, type.rawValue)
    insert.bind(5, Int64(isMulti ? 1 : 0))
    try insert.run()
    if isMulti {
      table.multiIndex[name] = table.catalog.measures.count
    } else {
      table.measureIndex[name] = table.catalog.measures.count
    }
    table.catalog.measures.append(MeasureInfo(id: id, name: name, type: type, isMulti: isMulti))
    table.viewsAreOld = true
    return id
  }

  private func series(_ table: inout OpenTable, _ key: SeriesKey) throws(StoreError) -> Result<
    Int64, Refusal
  > {
    if let known = table.series[key] { return .success(known) }
    let dimensions = key.dimensions
    let sorted = dimensions.sorted { $0.name < $1.name }
    for (one, next) in zip(sorted, sorted.dropFirst()) where one.name == next.name {
      return .failure(Refusal("it has the dimension '\(one.name)' twice"))
    }
    for dimension in dimensions where !table.catalog.dimensions.contains(dimension.name) {
      if let problem = RecordLimits.problem(withName: dimension.name) {
        return .failure(Refusal(problem))
      }
      if table.multiIndex[dimension.name] != nil {
        return .failure(Refusal("its dimension '\(dimension.name)' is a measure of the table"))
      }
      guard table.catalog.dimensions.count < RecordLimits.dimensions else {
        return .failure(Refusal("the table has \(RecordLimits.dimensions) dimensions already"))
      }
      let insert = try connection.statement("INSERT INTO ts_dimensions(table_id, id, name) VALUES (?, ?, ?)")
      insert.bind(1, table.catalog.id)
      insert.bind(2, Int64(table.catalog.dimensions.count + 1))
      insert.bind(3, dimension.name)
      try insert.run()
      table.catalog.dimensions.append(dimension.name)
      let column = "d\(table.catalog.dimensions.count)"
      // The series of all tables are in one table.
      if try connection.integer(
        "SELECT count(*) FROM pragma_table_info('ts_series') WHERE name = '\(column)'") == 0
      {
        try connection.run("ALTER TABLE ts_series ADD COLUMN \(column) TEXT")
      }
      table.viewsAreOld = true
    }
    let insert = try connection.statement(
      "INSERT INTO ts_series(table_id, dimensions, measure_name) VALUES (?, ?, ?) "
        + "ON CONFLICT DO UPDATE SET table_id = table_id RETURNING id")
    insert.bind(1, table.catalog.id)
    insert.bind(2, Dimension.json(dimensions, measureName: key.measureName))
    insert.bind(3, key.measureName)
    guard try insert.step() else { return .failure(Refusal("its series can't be created")) }
    let id = insert.integer(0)
    insert.reset()
    for dimension in sorted {
      guard let place = table.catalog.dimensions.firstIndex(of: dimension.name) else { continue }
      let update = try connection.statement("UPDATE ts_series SET d\(place + 1) = ? WHERE id = ?")
      update.bind(1, dimension.value)
      update.bind(2, id)
      try update.run()
    }
    if table.series.count >= Self.knownSeries { table.series.removeAll() }
    table.series[key] = id
    return .success(id)
  }

  private func insert(
    _ table: inout OpenTable, _ series: Int64, _ record: Record, _ columns: [Int32], _ values: [MeasureValue]
  ) throws(StoreError) -> Refusal? {
    try table.arrivals.prepare(series: series, connection)
    let statement: Statement
    if let known = table.inserts[columns] {
      statement = known
    } else {
      let names = columns.map { ", m\($0)" }.joined()
      let places = columns.map { _ in ", ?" }.joined()
      statement = try Statement(
        connection,
        "INSERT INTO ts_data_\(table.catalog.id)(series, time\(names)) VALUES (?, ?\(places)) ON CONFLICT DO NOTHING"
      )
      if table.inserts.count >= Self.preparedInserts { table.inserts.removeAll() }
      table.inserts[columns] = statement
    }
    statement.bind(1, series)
    statement.bind(2, record.time)
    for (index, value) in values.enumerated() { statement.bind(Int32(clamping: index + 3), compact(value)) }
    try statement.run()
    guard connection.changes == 1 else { return try merge(&table, series, record, columns, values) }
    table.arrivals.add(series: series, time: record.time)
    for (column, value) in zip(columns, values) {
      guard let number = value.number else { continue }
      try table.rollup.add(number, series: series, measure: column, time: record.time, connection)
    }
    if record.version != 1 { for column in columns { try setVersion(table, series, record, column) } }
    return nil
  }

  /// A whole number of a DOUBLE measure takes less space as an integer; the views make it a decimal again.
  private func compact(_ value: MeasureValue) -> MeasureValue {
    guard case .double(let number) = value, let whole = Int64(exactly: number), whole.magnitude < 1 << 53,
      whole != 0 || number.sign == .plus
    else { return value }
    return .bigint(whole)
  }

  /// Adds to an existing reading, or replaces its values where the version is higher.
  private func merge(
    _ table: inout OpenTable, _ series: Int64, _ record: Record, _ columns: [Int32], _ values: [MeasureValue]
  ) throws(StoreError) -> Refusal? {
    let id = table.catalog.id
    let select = try connection.statement(
      "SELECT \(columns.map { "m\($0)" }.joined(separator: ", ")) FROM ts_data_\(id) WHERE series = ? AND time = ?"
    )
    select.bind(1, series)
    select.bind(2, record.time)
    guard try select.step() else { return nil }
    let present = columns.indices.map { select.value(Int32(clamping: $0)) }
    select.reset()
    var changed: [Int] = []
    var replaces = false
    for index in columns.indices {
      let isSame = present[index] == stored(values[index])
      // The same in version 1 came twice.
      if isSame, record.version == 1 { continue }
      if present[index] != .null {
        let version = try self.version(table, series, record.time, columns[index])
        if isSame, record.version == version { continue }
        guard record.version > version else {
          let name = record.measures[index].name
          return Refusal(
            "its measure '\(name)' already has another value at that time, with version \(version); a higher version replaces it",
            existingVersion: version)
        }
        if isSame {
          try setVersion(table, series, record, columns[index])
          continue
        }
        replaces = true
      }
      changed.append(index)
    }
    guard !changed.isEmpty else { return nil }
    let update = try connection.statement(
      "UPDATE ts_data_\(id) SET \(changed.map { "m\(columns[$0]) = ?" }.joined(separator: ", ")) WHERE series = ? AND time = ?"
    )
    for (place, index) in changed.enumerated() {
      update.bind(Int32(clamping: place + 1), compact(values[index]))
    }
    update.bind(Int32(clamping: changed.count + 1), series)
    update.bind(Int32(clamping: changed.count + 2), record.time)
    try update.run()
    table.arrivals.add(series: series, time: record.time)
    if record.version != 1 { for index in changed { try setVersion(table, series, record, columns[index]) } }
    if replaces {
      try table.rollup.rebuild(
        series: series, time: record.time, measures: table.catalog.measures, connection)
    } else {
      for index in changed {
        guard let number = values[index].number else { continue }
        try table.rollup.add(number, series: series, measure: columns[index], time: record.time, connection)
      }
    }
    return nil
  }

  /// A value as the file gives it back.
  private func stored(_ value: MeasureValue) -> SQLValue {
    switch compact(value) {
    case .bigint(let number): .integer(number)
    case .double(let number): .real(number)
    case .boolean(let isTrue): .integer(isTrue ? 1 : 0)
    case .varchar(let text): .text(text)
    case .timestamp(let time): .integer(time)
    }
  }

  private func version(_ table: OpenTable, _ series: Int64, _ time: Int64, _ measure: Int32)
    throws(StoreError) -> Int64
  {
    let select = try connection.statement(
      "SELECT version FROM ts_versions WHERE table_id = ? AND series = ? AND time = ? AND measure = ?")
    defer { select.reset() }
    select.bind(1, table.catalog.id)
    select.bind(2, series)
    select.bind(3, time)
    select.bind(4, Int64(measure))
    return try select.step() ? select.integer(0) : 1
  }

  private func setVersion(_ table: OpenTable, _ series: Int64, _ record: Record, _ measure: Int32)
    throws(StoreError)
  {
    let insert = try connection.statement(
      "INSERT OR REPLACE INTO ts_versions(table_id, series, time, measure, version) VALUES (?, ?, ?, ?, ?)")
    insert.bind(1, table.catalog.id)
    insert.bind(2, series)
    insert.bind(3, record.time)
    insert.bind(4, Int64(measure))
    insert.bind(5, record.version)
    try insert.run()
  }

  // MARK: State

  /// A text kept under a name beside the tables; nil if there is none.
  public func state(_ name: String) throws(StoreError) -> String? {
    let select = try connection.statement("SELECT value FROM ts_state WHERE name = ?")
    defer { select.reset() }
    select.bind(1, name)
    return try select.step() ? select.text(0) : nil
  }

  /// Keeps a text under a name.
  public func setState(_ name: String, _ value: String) throws(StoreError) {
    let insert = try connection.statement("INSERT OR REPLACE INTO ts_state(name, value) VALUES (?, ?)")
    insert.bind(1, name)
    insert.bind(2, value)
    try insert.run()
  }
}
