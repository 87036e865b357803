/// A truck as charts see it: the series of one label.
package struct ChartTruck: Sendable {
  /// The dimension's value, or all dimensions where there are several.
  package let label: String
  /// The times of its first and last reading, nanoseconds since 1970, within `RecordLimits.times`.
  package let span: ClosedRange<Int64>
  /// Its series, if the source has series.
  let series: Series?

  /// The part of a window in which it has readings, at a server whose times are multiples of `precision`.
  func occupied(_ window: Range<Int64>, precision: Int64) -> Range<Int64> {
    window.clamped(to: span.lowerBound..<span.upperBound + precision)
  }
}

/// What charts, cards and reports read: one table of the local store, or of a server. Used on one thread at a time.
package protocol ChartSource: AnyObject {
  /// A value that changes when there is something new; nil if only a query can tell.
  func stamp() throws(StoreError) -> Int64?
  /// The measures that can be drawn.
  func measures() throws(StoreError) -> [MeasureInfo]
  /// The trucks that have readings.
  func trucks() throws(StoreError) -> [ChartTruck]
  /// A measure over a window in about `count` buckets; see `StoreReader.buckets`.
  func buckets(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>, count: Int)
    throws(StoreError)
    -> [Bucket]
  /// Statistics over a window; nil if it has no number.
  func statistics(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>) throws(StoreError)
    -> Statistics?
  /// The last value.
  func latest(_ measure: MeasureInfo, of truck: ChartTruck) throws(StoreError) -> Sample?
  /// How often a measure rose from 0 within a window.
  func rises(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>) throws(StoreError) -> Int
  /// Readings after a moment in the order of time, a number or nil for each of `measures`.
  func readings(_ measures: [MeasureInfo], of truck: ChartTruck, after time: Int64, limit: Int)
    throws(StoreError)
    -> [(time: Int64, values: [Double?])]
  /// The cursor behind everything that is stored: where to begin to follow.
  func newestArrival() throws(StoreError) -> ArrivalCursor
  /// What arrived after a cursor, at most `limit` readings, in the order of arrival, whatever their times are.
  func arrivals(_ measures: [MeasureInfo], after cursor: ArrivalCursor, limit: Int) throws(StoreError)
    -> Arrivals
}

/// A table of the local store.
package final class LocalChartSource: ChartSource {
  private let reader: StoreReader
  private let name: String
  private var known: StoreReader.Table?
  /// The labels of the series that are known.
  private var labels: [Int64: String] = [:]

  /// The table of that name, which may appear later.
  package init(_ reader: StoreReader, table: String) {
    self.reader = reader
    name = table
  }

  private func table() throws(StoreError) -> StoreReader.Table {
    let table = try reader.table(name)
    // It was deleted and created again.
    if known?.id != table.id { labels.removeAll() }
    known = table
    return table
  }

  private func series(_ truck: ChartTruck) throws(StoreError) -> Series {
    guard let series = truck.series else { throw StoreError(.missing, "there is no device '\(truck.label)'") }
    return series
  }

  private func present() throws(StoreError) -> StoreReader.Table {
    if let known { return known }
    return try table()
  }

  /// SQLite's own count of others' commits.
  package func stamp() throws(StoreError) -> Int64? { try reader.dataVersion() }

  package func measures() throws(StoreError) -> [MeasureInfo] {
    try table().measures.filter(\.type.isNumeric)
  }

  package func trucks() throws(StoreError) -> [ChartTruck] {
    let table = try table()
    var trucks: [ChartTruck] = []
    for series in try reader.series(of: table) {
      guard let span = try reader.span(of: series, in: table) else { continue }
      trucks.append(ChartTruck(label: series.label, span: span, series: series))
    }
    return trucks
  }

  package func buckets(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>, count: Int)
    throws(StoreError) -> [Bucket]
  { try reader.buckets(measure, of: series(truck), in: present(), window: window, count: count) }

  package func statistics(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>)
    throws(StoreError)
    -> Statistics?
  { try reader.statistics(measure, of: series(truck), in: present(), window: window) }

  package func latest(_ measure: MeasureInfo, of truck: ChartTruck) throws(StoreError) -> Sample? {
    try reader.latest(measure, of: series(truck), in: present())
  }

  package func rises(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>) throws(StoreError)
    -> Int
  {
    try reader.rises(measure, of: series(truck), in: present(), window: window)
  }

  package func readings(_ measures: [MeasureInfo], of truck: ChartTruck, after time: Int64, limit: Int)
    throws(StoreError) -> [(time: Int64, values: [Double?])]
  { try reader.readings(of: series(truck), measures: measures, in: present(), after: time, limit: limit) }

  package func newestArrival() throws(StoreError) -> ArrivalCursor { try reader.newestArrival() }

  package func arrivals(_ measures: [MeasureInfo], after cursor: ArrivalCursor, limit: Int)
    throws(StoreError) -> Arrivals
  {
    let table = try table()
    return try reader.arrivals(measures, in: table, after: cursor, limit: limit) { id throws(StoreError) in
      if let known = labels[id] { return known }
      for series in try reader.series(of: table) { labels[series.id] = series.label }
      return labels[id]
    }
  }
}

extension ChartSource {
  /// Statistics from one bucket, for sources that have no faster way.
  func statisticsOfBucket(_ measure: MeasureInfo, _ truck: ChartTruck, _ window: Range<Int64>)
    throws(StoreError)
    -> Statistics?
  {
    guard let bucket = try buckets(measure, of: truck, window: window, count: 1).first else { return nil }
    return Statistics(
      count: bucket.count, min: bucket.min, max: bucket.max, average: bucket.average, last: bucket.last,
      lastTime: bucket.lastTime)
  }
}
