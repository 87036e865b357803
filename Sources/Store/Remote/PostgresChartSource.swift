import Numbers

/// A table in PostgreSQL. Times are microseconds there.
package final class PostgresChartSource: ChartSource {
  private let connection: PostgresConnection
  private let table: String

  /// A table at a server.
  package init(_ server: PostgresServer, table: String) throws(StoreError) {
    connection = try PostgresConnection(server)
    if let problem = RecordLimits.problem(withTable: table) { throw StoreError(.invalid, problem) }
    self.table = Schema.quoted(table)
  }

  private static let epoch = "(extract(epoch FROM time) * 1000000)::bigint"
  private static let inside =
    "device = $1 AND isfinite(time) AND time >= to_timestamp($2::bigint / 1000000.0) AND time < to_timestamp($3::bigint / 1000000.0)"

  package func stamp() throws(StoreError) -> Int64? { nil }

  package func measures() throws(StoreError) -> [MeasureInfo] {
    let rows = try connection.run(
      "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped "
        + "AND atttypid IN ('float8'::regtype, 'int8'::regtype, 'bool'::regtype) ORDER BY attnum", [table])
    return rows.values.compactMap { Row($0)[0] }.enumerated().map {
      MeasureInfo(id: Int32(clamping: $0 + 1), name: $1, type: .double)
    }
  }

  package func trucks() throws(StoreError) -> [ChartTruck] {
    try connection.run(
      "SELECT device, min(\(Self.epoch)), max(\(Self.epoch)) FROM \(table) WHERE device IS NOT NULL AND isfinite(time) GROUP BY device ORDER BY device"
    ).values.compactMap { row in
      let row = Row(row)
      guard let name = row[0], let first = Self.time(row[1]), let last = Self.time(row[2]), first <= last
      else { return nil }
      return ChartTruck(label: name, span: first...last, series: nil)
    }
  }

  /// A row's values by their place, nil also for columns that an answer lacks.
  private struct Row {
    let values: [String?]
    init(_ values: [String?]) { self.values = values }
    subscript(index: Int) -> String? { values[ifPresent: index] ?? nil }
    /// A number; PostgreSQL has NaN and infinities, JSON and charts don't.
    func number(_ index: Int) -> Double? { self[index].flatMap { NumberText.double($0) } }
  }

  /// Nanoseconds of the microseconds of an answer; nil for times that a reading can't have.
  private static func time(_ text: String?) -> Int64? {
    guard let time = text.flatMap({ Int64($0) })?.checkedMultiply(1000), RecordLimits.times.contains(time)
    else {
      return nil
    }
    return time
  }

  private static func microseconds(_ time: Int64) -> String {
    String(time.clamped(to: 0...RecordLimits.times.upperBound).floored(to: 1000) / 1000)
  }

  private func value(_ measure: MeasureInfo) -> String {
    // A boolean is 0 or 1.
    "(CASE \(Schema.quoted(measure.name))::text WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE \(Schema.quoted(measure.name))::text::float8 END)"
  }

  private static func isFinite(_ value: String) -> String {
    "(\(value)) BETWEEN '\(-Double.greatestFiniteMagnitude)'::float8 AND '\(Double.greatestFiniteMagnitude)'::float8"
  }

  package func buckets(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>, count: Int)
    throws(StoreError) -> [Bucket]
  {
    let window = truck.occupied(window, precision: 1000)
    let (from, to) = (window.lowerBound, window.upperBound)
    guard from < to else { return [] }
    let width = Swift.max(1000, (to - from) / Int64(Swift.max(1, count)) + 1).floored(to: 1000)
    let number = value(measure)
    let rows = try connection.run(
      "SELECT (\(Self.epoch) - $2::bigint) / \(width / 1000), count(v), min(v), max(v), sum(v), (array_agg(v ORDER BY time))[1], "
        + "(array_agg(v ORDER BY time DESC))[1], min(\(Self.epoch)), max(\(Self.epoch)) FROM "
        + "(SELECT time, \(number) AS v FROM \(table) WHERE \(Self.inside) AND \(Schema.quoted(measure.name)) IS NOT NULL) AS r "
        + "WHERE \(Self.isFinite("v")) GROUP BY 1 ORDER BY 1",
      [truck.label, Self.microseconds(from), Self.microseconds(to)])
    return rows.values.compactMap { row in
      let row = Row(row)
      guard let index = row[0].flatMap({ Int64($0) }), let count = row[1].flatMap({ Int64($0) }), count > 0,
        let min = row.number(2), let max = row.number(3), let sum = row.number(4), let start = row.number(5),
        let end = row.number(6), let first = Self.time(row[7]), let last = Self.time(row[8]),
        let offset = index.checkedMultiply(width), window.contains(from.saturatingAdd(offset))
      else { return nil }
      var cell = RollupCell(measure: measure.id, start, at: first)
      (cell.count, cell.min, cell.max, cell.sum, cell.last) = (Int32(clamping: count), min, max, sum, end)
      cell.lastTime = last
      return Bucket(start: from.floored(to: 1000) + offset, cell)
    }
  }

  package func statistics(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>)
    throws(StoreError)
    -> Statistics?
  { try statisticsOfBucket(measure, truck, window) }

  package func latest(_ measure: MeasureInfo, of truck: ChartTruck) throws(StoreError) -> Sample? {
    let row = try connection.run(
      "SELECT \(Self.epoch), \(value(measure)) FROM \(table) WHERE device = $1 AND \(Schema.quoted(measure.name)) IS NOT NULL "
        + "AND isfinite(time) AND \(Self.isFinite(value(measure))) ORDER BY time DESC LIMIT 1", [truck.label]
    ).values.first.map { Row($0) }
    guard let row, let time = Self.time(row[0]), let number = row.number(1) else { return nil }
    return Sample(time: time, value: number)
  }

  package func rises(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>) throws(StoreError)
    -> Int
  {
    let rows = try connection.run(
      "SELECT count(*) FROM (SELECT \(value(measure)) AS v, lag(\(value(measure))) OVER (ORDER BY time) AS b FROM \(table) "
        + "WHERE \(Self.inside)) AS r WHERE v <> 0 AND b = 0",
      [truck.label, Self.microseconds(window.lowerBound), Self.microseconds(window.upperBound)])
    return rows.values.first.flatMap { Row($0)[0] }.flatMap { Int($0) } ?? 0
  }

  package func readings(_ measures: [MeasureInfo], of truck: ChartTruck, after time: Int64, limit: Int)
    throws(StoreError) -> [(time: Int64, values: [Double?])]
  {
    let columns = measures.map { ", \(value($0))" }.joined()
    return try connection.run(
      "SELECT \(Self.epoch)\(columns) FROM \(table) WHERE device = $1 AND isfinite(time) AND time > to_timestamp($2::bigint / 1000000.0) "
        + "ORDER BY time LIMIT \(limit)", [truck.label, Self.microseconds(time)]
    ).values.compactMap { row in
      let row = Row(row)
      return Self.time(row[0]).map { time in (time, measures.indices.map { row.number($0 + 1) }) }
    }
  }
}
