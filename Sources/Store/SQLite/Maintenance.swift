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
  private func catalog(_ name: String) throws(StoreError) -> TableCatalog {
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
    let hours = retention.memoryHours.map(String.init) ?? "NULL"
    let days = retention.magneticDays.map(String.init) ?? "NULL"
    try connection.run(
      "UPDATE ts_tables SET memory_hours = \(hours), magnetic_days = \(days), "
        + "takes_late = \(retention.takesLate ? 1 : 0) WHERE id = \(id)")
    forget()
  }

  /// Deletes readings from before the magnetic store's days, or before `time` (nanoseconds since 1970), in whole hours,
  /// and says how many. Each series' month is a transaction of its own, so that writers needn't wait long.
  public func prune(table name: String, before time: Int64? = nil) throws(StoreError) -> Int {
    let table = try catalog(name)
    guard let limit = time ?? table.magneticDays.map({ Timestamp.now - $0 * 24 * RollupLevel.hour }) else {
      return 0
    }
    let cut = limit.floored(to: RollupLevel.hour)
    var series: [Int64] = []
    let select = try Statement(connection, "SELECT id FROM ts_series WHERE table_id = \(table.id)")
    while try select.step() { series.append(select.integer(0)) }
    var deleted = 0
    for id in series {
      while true {
        let first = try connection.value("SELECT min(time) FROM ts_data_\(table.id) WHERE series = \(id)")
        guard case .integer(let start)? = first, start < cut else { break }
        let end = min(cut, start.floored(to: RollupLevel.hour) + 720 * RollupLevel.hour)
        try connection.transaction { () throws(StoreError) in
          try connection.run("DELETE FROM ts_data_\(table.id) WHERE series = \(id) AND time < \(end)")
          deleted += connection.changes
          try connection.run(
            "DELETE FROM ts_versions WHERE table_id = \(table.id) AND series = \(id) AND time < \(end)")
          for level in RollupLevel.all {
            try connection.run(
              "DELETE FROM ts_rollup_\(table.id) WHERE series = \(id) AND level = \(level) AND time < \(end)")
          }
        }
      }
    }
    forget()
    return deleted
  }

  /// Gives the space of deleted records back to the file system.
  public func vacuum() throws(StoreError) {
    forget()
    try connection.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
  }

  /// What is wrong in the file, a sentence each; empty for a sound one. Looks at SQLite's structure, and compares the
  /// rollups with the readings; with `repairs`, rollups that differ are made anew.
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
      var series: [Int64] = []
      let select = try Statement(connection, "SELECT id FROM ts_series WHERE table_id = \(table.id)")
      while try select.step() { series.append(select.integer(0)) }
      for id in series {
        progress("\(table.name): series \(id)")
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

  /// The starts of rollups that aren't what the readings say.
  private func differing(_ table: TableCatalog, _ series: Int64, _ level: Int64) throws(StoreError) -> [Int64]
  {
    let numeric = table.measures.filter { $0.type != .varchar }
    guard !numeric.isEmpty else { return [] }
    let columns = numeric.map { "count(m\($0.id)), min(m\($0.id)), max(m\($0.id)), total(m\($0.id))" }
    // Times aren't negative, so the division rounds down; the key's order makes the grouping a walk.
    let computed = try Statement(
      connection,
      "SELECT time / \(level) * \(level) AS start, \(columns.joined(separator: ", ")) FROM ts_data_\(table.id) "
        + "WHERE series = \(series) GROUP BY start ORDER BY start")
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
      let cells = hasStored && stored.integer(0) == start ? RollupCell.cells(stored.blob(1)) : []
      var isSame = true
      for (index, measure) in numeric.enumerated() {
        let place = Int32(1 + index * 4)
        let count = computed.integer(place)
        guard let cell = cells.first(where: { $0.measure == measure.id }) else {
          isSame = isSame && count == 0
          continue
        }
        let sum = computed.double(place + 3)
        isSame =
          isSame && Int64(cell.count) == count && cell.min == computed.double(place + 1)
          && cell.max == computed.double(place + 2)
          && abs(cell.sum - sum) <= 1e-9 * max(1, abs(sum), Double(count) * max(abs(cell.min), abs(cell.max)))
      }
      if !isSame { wrong.append(start) }
      if !cells.isEmpty { hasStored = try stored.step() }
    }
    while hasStored {
      wrong.append(stored.integer(0))
      hasStored = try stored.step()
    }
    return wrong
  }
}
