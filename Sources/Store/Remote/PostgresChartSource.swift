import Numbers

/// A table in PostgreSQL. Times are microseconds there.
package final class PostgresChartSource: ChartSource {
  private let store: PostgresStore
  private let table: String

  /// A table at libpq's URL.
  package init(_ url: String, table: String) throws(StoreError) {
    store = try PostgresStore(url)
    if let problem = RecordLimits.problem(withTable: table) { throw StoreError(.invalid, problem) }
    self.table = Schema.quoted(table)
  }

  private static let epoch = "(extract(epoch FROM time) * 1000000)::bigint"
  private static let inside =
    "device = $1 AND time >= to_timestamp($2::bigint / 1000000.0) AND time < to_timestamp($3::bigint / 1000000.0)"

  package func stamp() throws(StoreError) -> Int64? { nil }

  package func measures() throws(StoreError) -> [MeasureInfo] {
    let rows = try store.run(
      "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped "
        + "AND atttypid IN ('float8'::regtype, 'int8'::regtype, 'bool'::regtype) ORDER BY attnum", [table])
    return rows.values.enumerated().map { MeasureInfo(id: Int32($0 + 1), name: $1[0] ?? "", type: .double) }
  }

  package func trucks() throws(StoreError) -> [ChartTruck] {
    try store.run(
      "SELECT device, min(\(Self.epoch)), max(\(Self.epoch)) FROM \(table) WHERE device IS NOT NULL GROUP BY device ORDER BY device"
    ).values.compactMap { row in
      guard let name = row[0], let first = Self.time(row[1]), let last = Self.time(row[2]), first <= last
      else { return nil }
      return ChartTruck(label: name, span: first...last, series: nil)
    }
  }

  private static func time(_ text: String?) -> Int64? {
    guard let value = text.flatMap({ Int64($0) }), value.magnitude < 9_000_000_000_000_000 else { return nil }
    return value * 1000
  }

  private static func microseconds(_ time: Int64) -> String {
    String(Swift.max(0, Swift.min(time, 8_000_000_000_000_000_000)).floored(to: 1000) / 1000)
  }

  private func value(_ measure: MeasureInfo) -> String {
    // A boolean is 0 or 1.
    "(CASE \(Schema.quoted(measure.name))::text WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE \(Schema.quoted(measure.name))::text::float8 END)"
  }

  package func buckets(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>, count: Int)
    throws(StoreError) -> [Bucket]
  {
    let from = Swift.max(window.lowerBound, truck.span.lowerBound)
    let to = Swift.min(window.upperBound, truck.span.upperBound + 1000)
    guard from < to else { return [] }
    let width = Swift.max(1000, (to - from) / Int64(Swift.max(1, count)) + 1).floored(to: 1000)
    let number = value(measure)
    let rows = try store.run(
      "SELECT (\(Self.epoch) - $2::bigint) / \(width / 1000), count(v), min(v), max(v), sum(v), (array_agg(v ORDER BY time))[1], "
        + "(array_agg(v ORDER BY time DESC))[1], min(\(Self.epoch)), max(\(Self.epoch)) FROM "
        + "(SELECT time, \(number) AS v FROM \(table) WHERE \(Self.inside) AND \(Schema.quoted(measure.name)) IS NOT NULL) AS r "
        + "GROUP BY 1 ORDER BY 1", [truck.label, Self.microseconds(from), Self.microseconds(to)])
    return rows.values.compactMap { row in
      let numbers = row[2...6].compactMap { $0.flatMap(Double.init) }
      guard let index = row[0].flatMap({ Int64($0) }), let count = row[1].flatMap({ Int32($0) }),
        numbers.count == 5,
        let first = Self.time(row[7]), let last = Self.time(row[8])
      else { return nil }
      var cell = RollupCell(measure: measure.id, numbers[3], at: first)
      (cell.count, cell.min, cell.max, cell.sum, cell.last) = (
        count, numbers[0], numbers[1], numbers[2], numbers[4]
      )
      cell.lastTime = last
      return Bucket(start: from.floored(to: 1000) + index * width, cell)
    }
  }

  package func statistics(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>)
    throws(StoreError)
    -> Statistics?
  { try statisticsOfBucket(measure, truck, window) }

  package func latest(_ measure: MeasureInfo, of truck: ChartTruck) throws(StoreError) -> Sample? {
    let row = try store.run(
      "SELECT \(Self.epoch), \(value(measure)) FROM \(table) WHERE device = $1 AND \(Schema.quoted(measure.name)) IS NOT NULL "
        + "ORDER BY time DESC LIMIT 1", [truck.label]
    ).values.first
    guard let row, let time = Self.time(row[0]), let number = row[1].flatMap(Double.init) else { return nil }
    return Sample(time: time, value: number)
  }

  package func rises(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>) throws(StoreError)
    -> Int
  {
    let rows = try store.run(
      "SELECT count(*) FROM (SELECT \(value(measure)) AS v, lag(\(value(measure))) OVER (ORDER BY time) AS b FROM \(table) "
        + "WHERE \(Self.inside)) AS r WHERE v <> 0 AND b = 0",
      [truck.label, Self.microseconds(window.lowerBound), Self.microseconds(window.upperBound)])
    return rows.values.first?[0].flatMap { Int($0) } ?? 0
  }

  package func readings(_ measures: [MeasureInfo], of truck: ChartTruck, after time: Int64, limit: Int)
    throws(StoreError) -> [(time: Int64, values: [Double?])]
  {
    let columns = measures.map { ", \(value($0))" }.joined()
    return try store.run(
      "SELECT \(Self.epoch)\(columns) FROM \(table) WHERE device = $1 AND time > to_timestamp($2::bigint / 1000000.0) "
        + "ORDER BY time LIMIT \(limit)", [truck.label, Self.microseconds(time)]
    ).values.compactMap { row in
      Self.time(row[0]).map { time in (time, row.dropFirst().map { $0.flatMap(Double.init) }) }
    }
  }
}
