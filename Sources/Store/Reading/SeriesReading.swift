import Numbers

/// A series of a table: the readings of the same dimensions, or the MULTI records that have the same measure name, too.
public struct Series: Sendable, Hashable {
  let id: Int64
  /// The dimensions.
  public let dimensions: [Dimension]
  /// The measure name of its MULTI records.
  public let measureName: String?

  /// What people call it: the value of its dimension, or all dimensions if there are several, and the measure name of MULTI
  /// records.
  var label: String {
    let label =
      dimensions.count == 1
      ? dimensions[0].value : dimensions.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    return measureName.map { "\(label) (\($0))" } ?? label
  }

  /// The dimension's value; nil if the series hasn't that dimension.
  public subscript(name: String) -> String? { dimensions.first { $0.name == name }?.value }
}

/// A measure's summary for one span of a chart.
public struct Bucket: Sendable {
  /// The span's first nanosecond.
  public let start: Int64
  /// Numbers in it, at least one.
  public var count: Int
  /// The least of them.
  public var min: Double
  /// The greatest.
  public var max: Double
  /// Their sum.
  public var sum: Double
  /// The first in time.
  public var first: Double
  /// The last in time.
  public var last: Double
  /// When the first was measured, nanoseconds since 1970.
  public var firstTime: Int64
  /// When the last was measured, nanoseconds since 1970.
  public var lastTime: Int64
  /// The mean over time, each value holding until the next; only where it was asked for.
  public var timeWeightedAverage: Double?
  /// The mean of the numbers; the sum's rounding doesn't carry it beyond them.
  public var average: Double { Swift.min(max, Swift.max(min, sum / Double(count))) }

  init(start: Int64, _ cell: RollupCell) {
    self.start = start
    count = Int(cell.count)
    (min, max, sum, first, last) = (cell.min, cell.max, cell.sum, cell.first, cell.last)
    (firstTime, lastTime) = (cell.firstTime, cell.lastTime)
  }

  mutating func add(_ cell: RollupCell) {
    count += Int(cell.count)
    min = Swift.min(min, cell.min)
    max = Swift.max(max, cell.max)
    sum += cell.sum
    if cell.firstTime < firstTime { (first, firstTime) = (cell.first, cell.firstTime) }
    if cell.lastTime >= lastTime { (last, lastTime) = (cell.last, cell.lastTime) }
  }
}

/// Statistics of a measure over a window.
public struct Statistics: Sendable {
  /// Numbers in the window.
  public let count: Int
  /// The least of them.
  public let min: Double
  /// The greatest.
  public let max: Double
  /// Their mean.
  public let average: Double
  /// The last value.
  public let last: Double
  /// When it was measured, nanoseconds since 1970.
  public let lastTime: Int64
}

/// A number and when it was measured.
public struct Sample: Sendable, Hashable {
  /// Nanoseconds since 1970.
  public let time: Int64
  /// What was measured.
  public let value: Double

  package init(time: Int64, value: Double) {
    self.time = time
    self.value = value
  }
}

extension StoreReader {
  /// The series of a table.
  public func series(of table: Table) throws(StoreError) -> [Series] {
    let select = try connection.statement(
      "SELECT s.id, j.key, j.value FROM ts_series s, json_each(s.dimensions) j WHERE s.table_id = ? ORDER BY s.id, j.key"
    )
    select.bind(1, table.id)
    var found: [(id: Int64, dimensions: [Dimension], measureName: String?)] = []
    while try select.step() {
      let id = select.integer(0)
      if found.last?.id != id { found.append((id, [], nil)) }
      let name = select.text(1)
      if name == Schema.measureName {
        found[found.count - 1].measureName = select.text(2)
      } else {
        found[found.count - 1].dimensions.append(Dimension(name, select.text(2)))
      }
    }
    select.reset()
    return found.map { Series(id: $0.id, dimensions: $0.dimensions, measureName: $0.measureName) }
  }

  /// What changes when another connection has written.
  public func dataVersion() throws(StoreError) -> Int64 {
    let select = try connection.statement("PRAGMA \(database).data_version")
    defer { select.reset() }
    return try select.step() ? select.integer(0) : 0
  }

  /// A series' readings after a moment, in the order of time, with a number or nil for each of the measures.
  public func readings(
    of series: Series, measures: [MeasureInfo], in table: Table, after time: Int64, limit: Int
  ) throws(StoreError) -> [(time: Int64, values: [Double?])] {
    let select = try connection.statement(
      "SELECT time\(Self.columns(measures)) FROM ts_data_\(table.id) WHERE series = ? AND time > ? AND time < ? ORDER BY time LIMIT ?"
    )
    defer { select.reset() }
    select.bind(1, series.id)
    select.bind(2, Swift.max(time, RecordLimits.times.lowerBound - 1))
    select.bind(3, RecordLimits.times.upperBound)
    select.bind(4, Int64(limit))
    return try select.rows(measures.count)
  }

  /// The columns of measures behind a reading's time; texts and times have no number.
  static func columns(_ measures: [MeasureInfo]) -> String {
    measures.map { $0.type.isNumeric ? ", m\($0.id)" : ", NULL" }.joined()
  }

  /// The first and last time of a series, nanoseconds since 1970; nil if it has no readings. Times that a reading can't
  /// have (`RecordLimits.times`) are left out here and in all that follows.
  public func span(of series: Series, in table: Table) throws(StoreError) -> ClosedRange<Int64>? {
    let first = try time(series, table, "ASC")
    let last = try time(series, table, "DESC")
    guard let first, let last, first <= last else { return nil }
    return first...last
  }

  private func time(_ series: Series, _ table: Table, _ order: String) throws(StoreError) -> Int64? {
    let select = try connection.statement(
      "SELECT time FROM ts_data_\(table.id) WHERE series = ? AND time >= ? AND time < ? ORDER BY time \(order) LIMIT 1"
    )
    defer { select.reset() }
    select.bind(1, series.id)
    select.bind(2, RecordLimits.times.lowerBound)
    select.bind(3, RecordLimits.times.upperBound)
    guard try select.step() else { return nil }
    let time = select.integer(0)
    // A damaged page can hold what the condition denies.
    guard RecordLimits.times.contains(time) else {
      throw connection.damaged("a reading's time is out of range")
    }
    return time
  }

  /// The part of a window in which a series has readings: within `RecordLimits.times`, so that arithmetic on its times fits
  /// in 64 bits. Nil if there is none.
  private func occupied(_ window: Range<Int64>, _ series: Series, _ table: Table) throws(StoreError) -> Range<
    Int64
  >? {
    guard let span = try span(of: series, in: table) else { return nil }
    let occupied = window.clamped(to: span.lowerBound..<span.upperBound + 1)
    return occupied.isEmpty ? nil : occupied
  }

  /// A measure over a window, reduced to at most `count` + 2 buckets of equal length; empty ones are left out.
  ///
  /// Minutes or hours that were rolled up serve where a bucket has several of them, or where there are more than 100 000
  /// readings, and no time-weighted mean is asked for; the window's edges are always exact.
  public func buckets(
    _ measure: MeasureInfo, of series: Series, in table: Table, window: Range<Int64>, count: Int,
    timeWeighted: Bool = false
  ) throws(StoreError) -> [Bucket] {
    let count = Int64(Swift.max(1, Swift.min(count, 100_000)))
    guard let occupied = try occupied(window, series, table) else { return [] }
    let (from, to) = (occupied.lowerBound, occupied.upperBound)
    let width = Swift.max(1, (to - from + count - 1) / count)
    var level: Int64?
    if !timeWeighted {
      let total = try readings(series, table, from..<to)
      if width >= 2 * RollupLevel.hour, total > 2000 {
        level = RollupLevel.hour
      } else if width >= 2 * RollupLevel.minute && total > 2000 || total > 100_000 {
        // Wider buckets than asked for rather than millions of rows.
        level = RollupLevel.minute
      }
    }
    var buckets: [Bucket] = []
    guard let level else {
      if timeWeighted {
        try weighted(measure, series, table, from..<to, width, &buckets)
      } else {
        try raw(measure, series, table, from..<to, origin: from, width: width, &buckets)
      }
      return buckets
    }
    let wide = (width + level - 1) / level * level
    let origin = from.floored(to: level)
    // The parts of a minute or hour at the window's edges.
    let inner = Swift.min(origin == from ? origin : origin + level, to)
    let outer = Swift.max(to < window.upperBound ? to : to.floored(to: level), inner)
    try raw(measure, series, table, from..<inner, origin: origin, width: wide, &buckets)
    try rolledUp(measure, series, table, inner..<outer, level, origin: origin, width: wide, &buckets)
    try raw(measure, series, table, outer..<to, origin: origin, width: wide, &buckets)
    return buckets
  }

  /// About how many readings a window has, without counting them.
  private func readings(_ series: Series, _ table: Table, _ window: Range<Int64>) throws(StoreError) -> Int {
    let hours = try connection.statement(
      "SELECT cells FROM ts_rollup_\(table.id) WHERE series = ? AND level = ? AND time >= ? AND time < ?")
    hours.bind(1, series.id)
    hours.bind(2, RollupLevel.hour)
    hours.bind(3, window.lowerBound.floored(to: RollupLevel.hour))
    hours.bind(4, window.upperBound)
    defer { hours.reset() }
    var total = 0
    while try hours.step() {
      var most: Int32 = 0
      guard
        RollupCell.forEach(
          hours.blob(0),
          {
            most = Swift.max(most, $0.count); return true
          })
      else {
        throw connection.damagedRollup(of: table.id)
      }
      total = total.saturatingAdd(Int(most))
    }
    // A window within an hour has its share of it.
    if window.count < RollupLevel.hour {
      total = Int(saturated: Double(total) * Double(window.count) / Double(RollupLevel.hour))
    }
    return total
  }

  private func raw(
    _ measure: MeasureInfo, _ series: Series, _ table: Table, _ window: Range<Int64>, origin: Int64,
    width: Int64,
    _ buckets: inout [Bucket]
  ) throws(StoreError) {
    try forEach(measure, series, table, window) { time, value in
      Self.add(RollupCell(measure: measure.id, value, at: time), at: time, origin, width, &buckets)
    }
  }

  private func rolledUp(
    _ measure: MeasureInfo, _ series: Series, _ table: Table, _ window: Range<Int64>, _ level: Int64,
    origin: Int64,
    width: Int64, _ buckets: inout [Bucket]
  ) throws(StoreError) {
    guard !window.isEmpty else { return }
    let select = try connection.statement(
      "SELECT time, cells FROM ts_rollup_\(table.id) WHERE series = ? AND level = ? AND time >= ? AND time < ? ORDER BY time"
    )
    select.bind(1, series.id)
    select.bind(2, level)
    select.bind(3, window.lowerBound)
    select.bind(4, window.upperBound)
    defer { select.reset() }
    while try select.step() {
      let time = select.integer(0)
      let isSound = RollupCell.forEach(select.blob(1)) { cell in
        if cell.measure == measure.id { Self.add(cell, at: time, origin, width, &buckets) }
        return cell.measure != measure.id
      }
      guard isSound, window.contains(time) else { throw connection.damagedRollup(of: table.id) }
    }
  }

  private static func add(
    _ cell: RollupCell, at time: Int64, _ origin: Int64, _ width: Int64, _ buckets: inout [Bucket]
  ) {
    if let last = buckets.indices.last, time < buckets[last].start + width {
      buckets[last].add(cell)
    } else {
      buckets.append(Bucket(start: origin + (time - origin) / width * width, cell))
    }
  }

  /// The mean of each bucket weighted by how long each value held; the last one before the window holds into it.
  private func weighted(
    _ measure: MeasureInfo, _ series: Series, _ table: Table, _ window: Range<Int64>, _ width: Int64,
    _ buckets: inout [Bucket]
  ) throws(StoreError) {
    var held: Sample? = try last(measure, series, table, before: window.lowerBound)
    var areas: [Int64: (area: Double, length: Double)] = [:]
    func hold(until end: Int64) {
      guard let held else { return }
      var start = Swift.max(held.time, window.lowerBound)
      while start < end {
        let bucket = window.lowerBound + (start - window.lowerBound) / width * width
        let stop = Swift.min(end, bucket + width)
        let length = Double(stop - start)
        areas[bucket, default: (0, 0)].area += held.value * length
        areas[bucket, default: (0, 0)].length += length
        start = stop
      }
    }
    try forEach(measure, series, table, window) { time, value in
      hold(until: time)
      held = Sample(time: time, value: value)
      Self.add(
        RollupCell(measure: measure.id, value, at: time), at: time, window.lowerBound, width, &buckets)
    }
    hold(until: window.upperBound)
    for index in buckets.indices {
      if let (area, length) = areas[buckets[index].start], length > 0 {
        buckets[index].timeWeightedAverage = area / length
      } else {
        buckets[index].timeWeightedAverage = buckets[index].average
      }
    }
  }

  /// Calls `body` with each number of a window, in the order of time.
  public func forEach(
    _ measure: MeasureInfo, _ series: Series, _ table: Table, _ window: Range<Int64>,
    _ body: (_ time: Int64, _ value: Double) -> Void
  ) throws(StoreError) {
    guard !window.isEmpty else { return }
    let select = try connection.statement(
      "SELECT time, m\(measure.id) FROM ts_data_\(table.id) WHERE series = ? AND time >= ? AND time < ? ORDER BY time"
    )
    select.bind(1, series.id)
    select.bind(2, window.lowerBound)
    select.bind(3, window.upperBound)
    defer { select.reset() }
    while try select.step() {
      let time = select.integer(0)
      guard window.contains(time) else { throw connection.damaged("readings are out of order") }
      if !select.isNull(1) { body(time, select.double(1)) }
    }
  }

  private func last(_ measure: MeasureInfo, _ series: Series, _ table: Table, before time: Int64)
    throws(StoreError)
    -> Sample?
  {
    let select = try connection.statement(
      "SELECT time, m\(measure.id) FROM ts_data_\(table.id) WHERE series = ? AND time >= ? AND time < ? AND m\(measure.id) IS NOT NULL "
        + "ORDER BY time DESC LIMIT 1")
    defer { select.reset() }
    select.bind(1, series.id)
    select.bind(2, RecordLimits.times.lowerBound)
    select.bind(3, Swift.min(time, RecordLimits.times.upperBound))
    return try select.step() ? Sample(time: select.integer(0), value: select.double(1)) : nil
  }

  /// The last value of a measure; nil if it has none.
  public func latest(_ measure: MeasureInfo, of series: Series, in table: Table) throws(StoreError) -> Sample?
  {
    try last(measure, series, table, before: RecordLimits.times.upperBound)
  }

  /// Statistics over a window; nil if it has no number.
  public func statistics(
    _ measure: MeasureInfo, of series: Series, in table: Table, window: Range<Int64>
  ) throws(StoreError) -> Statistics? {
    var total: Bucket?
    for bucket in try buckets(measure, of: series, in: table, window: window, count: 1) {
      guard var sum = total else {
        total = bucket
        continue
      }
      sum.count += bucket.count
      sum.min = Swift.min(sum.min, bucket.min)
      sum.max = Swift.max(sum.max, bucket.max)
      sum.sum += bucket.sum
      (sum.last, sum.lastTime) = (bucket.last, bucket.lastTime)
      total = sum
    }
    return total.map {
      Statistics(
        count: $0.count, min: $0.min, max: $0.max, average: $0.average, last: $0.last, lastTime: $0.lastTime)
    }
  }

  /// How often a measure rose from 0 to something else within a window: a door's openings. A door that is open at the
  /// window's beginning isn't counted.
  ///
  /// Minutes in which the value didn't change aren't read.
  public func rises(
    _ measure: MeasureInfo, of series: Series, in table: Table, window: Range<Int64>
  ) throws(StoreError) -> Int {
    guard let occupied = try occupied(window, series, table) else { return 0 }
    var previous = try last(measure, series, table, before: window.lowerBound)?.value
    var rises = 0
    func take(_ value: Double) {
      if let known = previous, known == 0, value != 0 { rises += 1 }
      previous = value
    }
    let (from, to) = (occupied.lowerBound, occupied.upperBound)
    let inner = Swift.min(from.floored(to: RollupLevel.minute) + RollupLevel.minute, to)
    let outer = Swift.max(to.floored(to: RollupLevel.minute), inner)
    try forEach(measure, series, table, from..<inner) { take($1) }
    var minutes: [Bucket] = []
    try rolledUp(
      measure, series, table, inner..<outer, RollupLevel.minute, origin: from.floored(to: RollupLevel.minute),
      width: RollupLevel.minute, &minutes)
    for minute in minutes {
      if minute.min == minute.max {
        take(minute.first)
      } else {
        try forEach(measure, series, table, minute.start..<minute.start + RollupLevel.minute) { take($1) }
      }
    }
    try forEach(measure, series, table, outer..<to) { take($1) }
    return rises
  }
}
