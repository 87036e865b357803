import Numbers
import Time

/// How long a table keeps its records.
public struct Retention: Sendable, Hashable {
  /// Hours of the memory store; nil for no limit.
  public var memoryHours: Int64?
  /// Days of the magnetic store; nil for no limit.
  public var magneticDays: Int64?
  /// Whether records older than the memory store are taken (magnetic store writes).
  public var takesLate: Bool

  /// A table's retention.
  public init(memoryHours: Int64? = nil, magneticDays: Int64? = nil, takesLate: Bool = true) {
    self.memoryHours = memoryHours
    self.magneticDays = magneticDays
    self.takesLate = takesLate
  }
}

extension LocalStore {
  func catalog(_ name: String) throws(StoreError) -> TableCatalog {
    let all = try TableCatalog.all(connection)
    guard let found = all.first(where: { $0.name == name }) else {
      throw StoreError(
        .missing, "\(path) has no table '\(name)'; it has: \(all.map(\.name).joined(separator: ", "))")
    }
    return found
  }

  /// Sets how long a table keeps its records; `prune` deletes what is older.
  public func setRetention(_ retention: Retention, of table: String) throws(StoreError) {
    let id = try catalog(table).id
    let update = try connection.statement(
      "UPDATE ts_tables SET memory_hours = ?, magnetic_days = ?, takes_late = ? WHERE id = ?")
    update.bind(1, retention.memoryHours)
    update.bind(2, retention.magneticDays)
    update.bind(3, Int64(retention.takesLate ? 1 : 0))
    update.bind(4, id)
    try update.run()
    forget()
  }

  /// How many readings `prune` would delete.
  public func prunable(table name: String, before time: Int64? = nil) throws(StoreError) -> Int64 {
    let table = try catalog(name)
    guard let limit = time ?? table.oldestMagnetic(at: Timestamp.now) else { return 0 }
    var count: Int64 = 0
    let select = try Statement(
      connection, "SELECT count(*) FROM ts_data_\(table.id) WHERE series = ? AND time < ?")
    for id in try series(of: table) {
      select.bind(1, id)
      select.bind(2, limit.floored(to: RollupLevel.hour))
      if try select.step() { count = count.saturatingAdd(select.integer(0)) }
      select.reset()
    }
    return count
  }

  /// Deletes readings older than the magnetic store's days, or than `time` (nanoseconds since 1970), in whole hours;
  /// returns how many. Each series' month is a transaction of its own, so that writers needn't wait long.
  public func prune(table name: String, before time: Int64? = nil) throws(StoreError) -> Int {
    let table = try catalog(name)
    guard let limit = time ?? table.oldestMagnetic(at: Timestamp.now) else { return 0 }
    let cut = limit.floored(to: RollupLevel.hour)
    var deleted = 0
    for id in try series(of: table) {
      while true {
        let count = try connection.transaction { () throws(StoreError) -> Int? in
          let first = try connection.value("SELECT min(time) FROM ts_data_\(table.id) WHERE series = \(id)")
          guard case .integer(let start)? = first, start < cut else { return nil }
          let month = start.floored(to: RollupLevel.hour).saturatingAdd(720 * RollupLevel.hour)
          return try prune(table, series: id, before: min(cut, month))
        }
        guard let count else { break }
        // Otherwise this would never end.
        guard count > 0 else { throw connection.damaged("the readings of '\(name)' are out of order") }
        deleted += count
      }
    }
    forget()
    return deleted
  }

  private func prune(_ table: TableCatalog, series: Int64, before end: Int64) throws(StoreError) -> Int {
    let statements =
      [
        "DELETE FROM ts_data_\(table.id) WHERE series = ? AND time < ?",
        "DELETE FROM ts_versions WHERE table_id = \(table.id) AND series = ? AND time < ?",
      ]
      + RollupLevel.all.map {
        "DELETE FROM ts_rollup_\(table.id) WHERE level = \($0) AND series = ? AND time < ?"
      }
    var readings: Int?
    for text in statements {
      let delete = try connection.statement(text)
      delete.bind(1, series)
      delete.bind(2, end)
      try delete.run()
      readings = readings ?? connection.changes
    }
    return readings ?? 0
  }

  private func series(of table: TableCatalog) throws(StoreError) -> [Int64] {
    let select = try Statement(connection, "SELECT id FROM ts_series WHERE table_id = \(table.id)")
    var series: [Int64] = []
    while try select.step() { series.append(select.integer(0)) }
    return series
  }

  /// Returns the space of deleted records to the file system.
  public func vacuum() throws(StoreError) {
    forget()
    try connection.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
  }

  /// The problems of the file, one sentence each; empty if there are none. Checks SQLite's structure and the readings'
  /// times, and compares the rollups with the readings; with `repairs`, rollups that differ are rebuilt.
  public func verify(repairs: Bool = false, progress: (String) -> Void = { _ in }) throws(StoreError)
    -> [String]
  {
    var problems: [String] = []
    let check = try Statement(connection, "PRAGMA integrity_check(20)")
    while try check.step() {
      let text = check.text(0)
      if text != "ok" { problems.append("\(path): \(text)") }
    }
    guard problems.isEmpty else { return problems }
    for table in try TableCatalog.all(connection) {
      for id in try series(of: table) {
        progress("\(table.name): series \(id)")
        let impossible = try connection.integer(
          "SELECT count(*) FROM ts_data_\(table.id) WHERE series = \(id) AND NOT (\(Self.isPossibleTime))")
        if impossible > 0 {
          problems.append(
            "\(table.name): \(impossible) reading\(impossible == 1 ? "" : "s") of series \(id) before 1970 or after 2115: "
              + "export the valid readings with 'store export', and import them into another file")
        }
        for level in RollupLevel.all {
          for start in try differing(table, id, level) {
            problems.append(
              "\(table.name): the rollup of series \(id) at \(Timestamp.text(start)) differs from its readings"
            )
            guard repairs else { continue }
            try connection.transaction { () throws(StoreError) in
              try RollupWriter.rebuild(table.id, id, level, start, table.measures, connection)
            }
          }
        }
      }
    }
    if repairs { forget() }
    return problems
  }

  private static let isPossibleTime =
    "time >= \(RecordLimits.times.lowerBound) AND time < \(RecordLimits.times.upperBound)"

  /// The starts of rollups that differ from their readings.
  private func differing(_ table: TableCatalog, _ series: Int64, _ level: Int64) throws(StoreError) -> [Int64]
  {
    let numeric = table.measures.filter(\.type.isNumeric)
    guard !numeric.isEmpty else { return [] }
    let columns = numeric.map { "count(m\($0.id)), min(m\($0.id)), max(m\($0.id)), total(m\($0.id))" }
    // These times aren't negative, so the division rounds down; the key's order makes the grouping a walk.
    let computed = try Statement(
      connection,
      "SELECT time / \(level) * \(level) AS start, \(columns.joined(separator: ", ")) FROM ts_data_\(table.id) "
        + "WHERE series = \(series) AND \(Self.isPossibleTime) GROUP BY start ORDER BY start")
    let stored = try Statement(
      connection,
      "SELECT time, cells FROM ts_rollup_\(table.id) WHERE series = \(series) AND level = \(level) ORDER BY time"
    )
    var wrong: [Int64] = []
    var hasStored = try stored.step()
    while try computed.step() {
      let start = computed.integer(0)
      while hasStored, stored.integer(0) < start {
        wrong.append(stored.integer(0))
        hasStored = try stored.step()
      }
      let hasCells = hasStored && stored.integer(0) == start
      let cells = hasCells ? RollupCell.cells(stored.blob(1)) : []
      if !isSame(cells, numeric, computed) { wrong.append(start) }
      if hasCells { hasStored = try stored.step() }
    }
    while hasStored {
      wrong.append(stored.integer(0))
      hasStored = try stored.step()
    }
    return wrong
  }

  /// Whether the cells of a rollup are what `computed` says: four columns a measure from the second on.
  private func isSame(_ cells: [RollupCell]?, _ measures: [MeasureInfo], _ computed: Statement) -> Bool {
    guard let cells, cells.count <= measures.count else { return false }
    return measures.enumerated().allSatisfy { index, measure in
      let place = Int32(clamping: 1 + index * 4)
      let count = computed.integer(place)
      guard let cell = cells.first(where: { $0.measure == measure.id }) else { return count == 0 }
      let (low, high, sum) = (
        computed.double(place + 1), computed.double(place + 2), computed.double(place + 3)
      )
      let size = Double(count) * max(low.magnitude, high.magnitude)
      return Int64(cell.count) == count && cell.min == low && cell.max == high
        && (cell.sum == sum || (cell.sum - sum).magnitude <= 1e-9 * max(1, sum.magnitude, size))
    }
  }
}
