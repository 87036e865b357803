import TimestreamSQL

internal import CSQLite

/// The table-valued function behind UNNEST: a row for each element of up to eight arrays, side by side.
///
/// Columns: `n` from 1, `v0` to `v7`, and hidden ones for the arrays.
enum UnnestModule {
  /// Adds it to a connection.
  static func add(to connection: Connection) {
    sqlite3_create_module_v2(connection.handle, UnnestColumns.function, &module, nil, nil)
  }

  private static let firstHidden = Int32(clamping: 1 + UnnestColumns.limit)

  private static let declaration: String = {
    let numbers = 0..<UnnestColumns.limit
    return "CREATE TABLE x(n, \(numbers.map { "v\($0)" }.joined(separator: ", ")), "
      + "\(numbers.map { "a\($0) HIDDEN" }.joined(separator: ", ")))"
  }()

  private struct Cursor {
    var base = sqlite3_vtab_cursor()
    var rows: Unmanaged<Rows>
  }

  private final class Rows {
    var arrays: [[Datum]] = []
    var index = 0
    var count: Int { arrays.map(\.count).max() ?? 0 }
  }

  // SQLite reads it and keeps its address; it is never written.
  nonisolated(unsafe) private static var module: sqlite3_module = {
    var module = sqlite3_module()
    module.xConnect = { database, _, _, _, table, _ in
      let code = sqlite3_declare_vtab(database, UnnestModule.declaration)
      guard code == SQLITE_OK,
        let memory = sqlite3_malloc64(UInt64(clamping: MemoryLayout<sqlite3_vtab>.size))
      else {
        return code == SQLITE_OK ? SQLITE_NOMEM : code
      }
      memory.initializeMemory(as: sqlite3_vtab.self, repeating: sqlite3_vtab(), count: 1)
      table?.pointee = memory.assumingMemoryBound(to: sqlite3_vtab.self)
      return SQLITE_OK
    }
    module.xDisconnect = { table in
      sqlite3_free(table)
      return SQLITE_OK
    }
    module.xBestIndex = { _, info in
      guard let info else { return SQLITE_ERROR }
      var next: Int32 = 0
      for index in 0..<Int(info.pointee.nConstraint) {
        let constraint = info.pointee.aConstraint[index]
        guard constraint.iColumn >= UnnestModule.firstHidden,
          constraint.op == UInt8(SQLITE_INDEX_CONSTRAINT_EQ)
        else {
          continue
        }
        // An array of a table that isn't read yet: another order of the loops is needed.
        guard constraint.usable != 0 else { return SQLITE_CONSTRAINT }
        next += 1
        info.pointee.aConstraintUsage[index].argvIndex = next
        info.pointee.aConstraintUsage[index].omit = 1
      }
      info.pointee.estimatedCost = 100
      info.pointee.estimatedRows = 100
      return SQLITE_OK
    }
    module.xOpen = { _, cursor in
      guard let memory = sqlite3_malloc64(UInt64(clamping: MemoryLayout<Cursor>.size)) else {
        return SQLITE_NOMEM
      }
      memory.initializeMemory(
        as: Cursor.self, repeating: Cursor(rows: Unmanaged.passRetained(Rows())), count: 1)
      cursor?.pointee = memory.assumingMemoryBound(to: sqlite3_vtab_cursor.self)
      return SQLITE_OK
    }
    module.xClose = { cursor in
      UnnestModule.unmanaged(cursor)?.release()
      sqlite3_free(cursor)
      return SQLITE_OK
    }
    module.xFilter = { cursor, _, _, count, values in
      guard let rows = UnnestModule.rows(cursor), let values else { return SQLITE_OK }
      // The constraints come in the order of the hidden columns, which is that of the arguments.
      rows.arrays = (0..<Int(count)).map { index in
        if case .list(let elements) = SQLDatum.value(values[index], .unknown) { elements } else { [] }
      }
      rows.index = 0
      return SQLITE_OK
    }
    module.xNext = { cursor in
      UnnestModule.rows(cursor)?.index += 1
      return SQLITE_OK
    }
    module.xEof = { cursor in
      guard let rows = UnnestModule.rows(cursor) else { return 1 }
      return rows.index < rows.count ? 0 : 1
    }
    module.xColumn = { cursor, context, column in
      guard let rows = UnnestModule.rows(cursor) else { return SQLITE_OK }
      if column == 0 {
        sqlite3_result_int64(context, Int64(rows.index) + 1)
      } else if column < UnnestModule.firstHidden {
        let place = Int(column) - 1
        let array = place < rows.arrays.count ? rows.arrays[place] : []
        SQLDatum.result(context, rows.index < array.count ? array[rows.index] : .null)
      } else {
        sqlite3_result_null(context)
      }
      return SQLITE_OK
    }
    module.xRowid = { cursor, identifier in
      identifier?.pointee = Int64(UnnestModule.rows(cursor)?.index ?? 0)
      return SQLITE_OK
    }
    return module
  }()

  private static func unmanaged(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> Unmanaged<Rows>? {
    guard let cursor else { return nil }
    return UnsafeMutableRawPointer(cursor).assumingMemoryBound(to: Cursor.self).pointee.rows
  }

  private static func rows(_ cursor: UnsafeMutablePointer<sqlite3_vtab_cursor>?) -> Rows? {
    unmanaged(cursor)?.takeUnretainedValue()
  }
}
