import TimestreamSQL

internal import CSQLite

/// A table's rollups as statements read them, and the function that reads their cells.
enum TableRollups {
  /// What of a cell `ts_cell(cells, measure, part)` gives.
  private enum Part: Int64 {
    case count, least, greatest, sum, first, last
    /// Whether least, greatest and sum are exact for whole numbers: cells hold doubles.
    case isExact
  }

  private static let function = "ts_cell"

  /// The rollups of a table; nil if it has MULTI records, whose rows hold several measures.
  static func of(_ table: StoreReader.Table, in database: String) -> QueryTable.Rollups? {
    guard !table.measures.contains(where: \.isMulti) else { return nil }
    let database = Schema.quoted(database)
    let dimensions = table.dimensions.enumerated().map { "s.d\($0 + 1) AS \(Schema.quoted($1)), " }.joined()
    let measures = table.measures.filter(\.type.isNumeric).map { measure in
      let isWhole = measure.type == .bigint
      let column = "measure_value::\(measure.type.rawValue.lowercased())"
      // EXPLAIN shows the rollups' name.
      let source: @Sendable (Int64) -> (name: String, sql: String) = { length in
        let name = length == RollupLevel.hour ? "hour_rollups" : "minute_rollups"
        return (
          name,
          "FROM \(database).ts_series AS s CROSS JOIN \(database).ts_rollup_\(table.id) AS \(name) "
            + "ON \(name).series = s.id AND \(name).level = \(length)"
        )
      }
      let condition = "WHERE s.table_id = \(table.id)"
      let head = "SELECT \(dimensions)\(Schema.literal(measure.name)) AS measure_name, "
      @Sendable func cell(_ rollups: String, _ part: Part) -> String {
        let value = "\(function)(\(rollups).cells, \(measure.id), \(part.rawValue))"
        return isWhole && [.least, .greatest, .sum].contains(part) ? "CAST(\(value) AS INTEGER)" : value
      }
      let spans: @Sendable (Int64) -> String = { length in
        let (rollups, source) = source(length)
        let parts: [(Part, String)] = [
          (.count, SpanColumns.count), (.least, SpanColumns.least), (.greatest, SpanColumns.greatest),
          (.sum, SpanColumns.sum), (.first, SpanColumns.first), (.last, SpanColumns.last),
        ]
        let list = parts.map { ", \(cell(rollups, $0)) AS \(Schema.quoted($1))" }.joined()
        return "\(head)\(rollups).time AS time\(list) \(source) \(condition) AND "
          + (isWhole ? cell(rollups, .isExact) : "\(cell(rollups, .count)) IS NOT NULL")
      }
      let readings: @Sendable (Int64) -> String = { length in
        let (rollups, source) = source(length)
        let data =
          "CROSS JOIN \(database).ts_data_\(table.id) AS d ON d.series = s.id AND d.time >= \(rollups).time "
          + "AND d.time < \(rollups).time + \(length)"
        return
          "\(head)d.time AS time, \(rollups).time AS \(Schema.quoted(SpanColumns.start)), d.m\(measure.id) AS \(Schema.quoted(column)) "
          + "\(source) \(data) \(condition) AND NOT \(cell(rollups, .isExact)) AND d.m\(measure.id) IS NOT NULL"
      }
      return QueryTable.Rollups.Measure(
        name: measure.name, column: column, spans: spans, readings: isWhole ? readings : nil)
    }
    return QueryTable.Rollups(lengths: RollupLevel.all.reversed(), measures: measures)
  }

  /// Adds `ts_cell` to a connection; it gives NULL if the measure has no cell.
  static func addFunction(to connection: Connection) {
    sqlite3_create_function_v2(
      connection.handle, function, 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nil,
      { context, _, values in
        guard let values, sqlite3_value_type(values[0]) == SQLITE_BLOB else { return }
        let bytes = UnsafeRawBufferPointer(
          start: sqlite3_value_blob(values[0]), count: Int(sqlite3_value_bytes(values[0])))
        let measure = sqlite3_value_int64(values[1])
        let part = Part(rawValue: sqlite3_value_int64(values[2]))
        let isSound = RollupCell.forEach(bytes) { cell in
          guard Int64(cell.measure) == measure else { return true }
          TableRollups.give(part, of: cell, context)
          return false
        }
        if !isSound {
          sqlite3_result_error(
            context, "a rollup is damaged; 'trucksensor store verify --repair' rebuilds it from the readings",
            -1)
        }
      }, nil, nil, nil)
  }

  private static func give(_ part: Part?, of cell: RollupCell, _ context: OpaquePointer?) {
    switch part {
    case .count: sqlite3_result_int64(context, Int64(cell.count))
    case .least: sqlite3_result_double(context, cell.min)
    case .greatest: sqlite3_result_double(context, cell.max)
    case .sum: sqlite3_result_double(context, cell.sum)
    case .first: sqlite3_result_int64(context, cell.firstTime)
    case .last: sqlite3_result_int64(context, cell.lastTime)
    case .isExact:
      // All sums on the way are below 2^53, too.
      let greatest = max(cell.min.magnitude, cell.max.magnitude)
      sqlite3_result_int64(context, greatest * Double(cell.count) < 0x1p53 ? 1 : 0)
    case nil: sqlite3_result_null(context)
    }
  }
}
