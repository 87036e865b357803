import Files
import Glibc
import Numbers

/// Creates and deletes tables and databases explicitly, not as a result of writing.
extension LocalStore {
  /// The names of the tables, sorted.
  public func tableNames() throws(StoreError) -> [String] { try TableCatalog.all(connection).map(\.name) }

  /// How long a table keeps its records; nil if there is no such table.
  public func retention(of table: String) throws(StoreError) -> Retention? {
    try TableCatalog.all(connection).first { $0.name == table }.map {
      Retention(memoryHours: $0.memoryHours, magneticDays: $0.magneticDays, takesLate: $0.takesLate)
    }
  }

  /// Makes an empty table. Throws `StoreError.invalid` for a name that is invalid or in use.
  public func createTable(_ name: String, _ retention: Retention) throws {
    try transaction { [self] in
      if let problem = RecordLimits.problem(withTable: name) { throw StoreError(.invalid, problem) }
      if let taken = try tableNames().first(where: { $0.lowercased() == name.lowercased() }) {
        throw StoreError(.invalid, "the table '\(taken)' already exists")
      }
      try makeTable(name)
      try setRetention(retention, of: name)
    }
  }

  /// Deletes a table and all that it has.
  public func deleteTable(_ name: String) throws {
    try transaction { [self] in
      let table = try catalog(name)
      // Numbers aren't reused, so that what readers and other writers remember about this table fits no other table.
      try setState(Schema.lastTable, String(max(table.id, Int64(state(Schema.lastTable) ?? "") ?? 0)))
      try connection.run(
        """
        DROP VIEW IF EXISTS \(Schema.quoted(name));
        DROP VIEW IF EXISTS \(Schema.quoted(name + "_wide"));
        DROP TABLE ts_data_\(table.id);
        DROP TABLE ts_rollup_\(table.id);
        DELETE FROM ts_tables WHERE id = \(table.id);
        DELETE FROM ts_measures WHERE table_id = \(table.id);
        DELETE FROM ts_dimensions WHERE table_id = \(table.id);
        DELETE FROM ts_series WHERE table_id = \(table.id);
        DELETE FROM ts_versions WHERE table_id = \(table.id);
        """)
    }
    forget()
  }

  /// Deletes the file, which only this store may have open. The store can't be used afterwards.
  ///
  /// Throws `StoreError.locked` if another connection has it open: its readings would vanish with the file.
  public func deleteFile() throws(StoreError) {
    forget()
    connection.forgetStatements()
    // Leaving the write-ahead log requires exclusive access to the file; other connections keep a shared lock on it.
    guard case .text("delete")? = try connection.value("PRAGMA journal_mode = DELETE") else {
      throw StoreError(.locked, "\(path) is in use by another process")
    }
    do throws(FileError) {
      try Files.remove(path)
    } catch {
      throw StoreError(.system, error.description)
    }
  }
}
