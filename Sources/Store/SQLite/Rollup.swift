import Numbers

/// A measure's summary for one minute or hour of a series.
struct RollupCell {
  var measure: Int32
  var count: Int32
  var min: Double
  var max: Double
  var sum: Double
  var first: Double
  var last: Double
  /// Nanoseconds since 1970.
  var firstTime: Int64
  var lastTime: Int64

  init(measure: Int32, _ value: Double, at time: Int64) {
    self.measure = measure
    count = 1
    (min, max, sum, first, last) = (value, value, value, value, value)
    (firstTime, lastTime) = (time, time)
  }

  mutating func add(_ value: Double, at time: Int64) {
    count = count.saturatingAdd(1)
    min = Swift.min(min, value)
    max = Swift.max(max, value)
    sum += value
    if time < firstTime { (first, firstTime) = (value, time) }
    if time >= lastTime { (last, lastTime) = (value, time) }
  }

  /// Calls `body` with the cells of a stored row until it returns false; false if the row is damaged. Cells are the
  /// structs' bytes: all machines that Swift runs on here are little-endian.
  @inline(__always)
  static func forEach(_ blob: UnsafeRawBufferPointer, _ body: (RollupCell) -> Bool) -> Bool {
    let size = MemoryLayout<RollupCell>.stride
    guard blob.count % size == 0 else { return false }
    var place = 0
    while place < blob.count {
      // Read in place: an array for each row costs more than everything else.
      let cell = blob.loadUnaligned(fromByteOffset: place, as: RollupCell.self)
      guard cell.isPossible else { return false }
      if !body(cell) { break }
      place += size
    }
    return true
  }

  /// The cells of a stored row; nil if it is damaged.
  static func cells(_ blob: UnsafeRawBufferPointer) -> [RollupCell]? {
    var cells: [RollupCell] = []
    return forEach(blob) {
      cells.append($0); return true
    } ? cells : nil
  }

  /// Whether readings can produce this summary.
  private var isPossible: Bool {
    count > 0 && min <= max && min.isFinite && max.isFinite && !sum.isNaN && first.isFinite && last.isFinite
      && firstTime <= lastTime && RecordLimits.times.contains(firstTime)
      && RecordLimits.times.contains(lastTime)
  }
}

/// The lengths of rollups, in nanoseconds.
enum RollupLevel {
  /// The times of the minute or hour that begins at `start`.
  static func span(_ start: Int64, _ level: Int64) -> Range<Int64> { start..<start.saturatingAdd(level) }

  static let minute: Int64 = 60_000_000_000
  static let hour: Int64 = 3_600_000_000_000
  static let all = [minute, hour]
}

/// Keeps the rollups of a table while a transaction adds points: the present minute and hour of each series are held,
/// and written once a transaction. Redelivered points never get here, so nothing is counted twice.
struct RollupWriter {
  private struct Page {
    var start: Int64
    var cells: [RollupCell]
    var isDirty = false
  }

  private let table: Int64
  /// Series whose present minute and hour stay in memory between transactions.
  private static let pagesKept = 20_000
  private var pages: [Int64: [Page]] = [:]
  private var dirty: Set<Int64> = []

  init(table: Int64) { self.table = table }

  mutating func add(
    _ value: Double, series: Int64, measure: Int32, time: Int64, _ connection: Connection
  ) throws(StoreError) {
    for (index, level) in RollupLevel.all.enumerated() {
      let start = time.floored(to: level)
      try turn(series, index, level, start, connection)
      var page = pages[series, default: []]
      // Taken out and put back, so that the array isn't copied.
      pages[series] = nil
      if let cell = page[index].cells.firstIndex(where: { $0.measure == measure }) {
        page[index].cells[cell].add(value, at: time)
      } else {
        page[index].cells.append(RollupCell(measure: measure, value, at: time))
      }
      page[index].isDirty = true
      pages[series] = page
    }
    dirty.insert(series)
  }

  /// Makes the page of `start` the held one.
  private mutating func turn(
    _ series: Int64, _ index: Int, _ level: Int64, _ start: Int64, _ connection: Connection
  ) throws(StoreError) {
    if let held = pages[series], held[index].start == start { return }
    if pages[series] == nil {
      pages[series] = RollupLevel.all.map { _ in Page(start: .min, cells: []) }
    } else {
      try write(series, index, level, connection)
    }
    let select = try connection.statement(
      "SELECT cells FROM ts_rollup_\(table) WHERE series = ? AND level = ? AND time = ?")
    select.bind(1, series)
    select.bind(2, level)
    select.bind(3, start)
    defer { select.reset() }
    guard let cells = try select.step() ? RollupCell.cells(select.blob(0)) : [] else {
      throw connection.damagedRollup(of: table)
    }
    pages[series]?[index] = Page(start: start, cells: cells)
  }

  private mutating func write(
    _ series: Int64, _ index: Int, _ level: Int64, _ connection: Connection
  ) throws(StoreError) {
    guard let page = pages[series]?[index], page.isDirty else { return }
    let replace = try connection.statement(
      "INSERT OR REPLACE INTO ts_rollup_\(table)(series, level, time, cells) VALUES (?, ?, ?, ?)")
    replace.bind(1, series)
    replace.bind(2, level)
    replace.bind(3, page.start)
    page.cells.withUnsafeBytes { replace.bind(4, $0) }
    try replace.run()
    pages[series]?[index].isDirty = false
  }

  /// Writes what the transaction has changed.
  mutating func flush(_ connection: Connection) throws(StoreError) {
    for series in dirty {
      for (index, level) in RollupLevel.all.enumerated() { try write(series, index, level, connection) }
    }
    dirty.removeAll(keepingCapacity: true)
    if pages.count > Self.pagesKept { pages.removeAll() }
  }

  /// Rebuilds the minute and hour of `time` from the readings: a value was replaced.
  mutating func rebuild(series: Int64, time: Int64, measures: [MeasureInfo], _ connection: Connection)
    throws(StoreError)
  {
    try flush(connection)
    pages[series] = nil
    for level in RollupLevel.all {
      try Self.rebuild(table, series, level, time.floored(to: level), measures, connection)
    }
  }

  static func rebuild(
    _ table: Int64, _ series: Int64, _ level: Int64, _ start: Int64, _ measures: [MeasureInfo],
    _ connection: Connection
  ) throws(StoreError) {
    // What isn't the beginning of a minute or hour can't have a rollup.
    let isPossible = RecordLimits.times.contains(start) && start % level == 0
    let cells =
      !isPossible ? [] : try computed(table, series, RollupLevel.span(start, level), measures, connection)
    guard !cells.isEmpty else {
      let delete = try connection.statement(
        "DELETE FROM ts_rollup_\(table) WHERE series = ? AND level = ? AND time = ?")
      delete.bind(1, series)
      delete.bind(2, level)
      delete.bind(3, start)
      return try delete.run()
    }
    let replace = try connection.statement(
      "INSERT OR REPLACE INTO ts_rollup_\(table)(series, level, time, cells) VALUES (?, ?, ?, ?)")
    replace.bind(1, series)
    replace.bind(2, level)
    replace.bind(3, start)
    cells.withUnsafeBytes { replace.bind(4, $0) }
    try replace.run()
  }

  /// The cells of a span, from the readings.
  static func computed(
    _ table: Int64, _ series: Int64, _ span: Range<Int64>, _ measures: [MeasureInfo], _ connection: Connection
  ) throws(StoreError) -> [RollupCell] {
    let numeric = measures.filter(\.type.isNumeric)
    guard !numeric.isEmpty else { return [] }
    let columns = numeric.map { "m\($0.id)" }.joined(separator: ", ")
    let select = try connection.statement(
      "SELECT time, \(columns) FROM ts_data_\(table) WHERE series = ? AND time >= ? AND time < ? ORDER BY time"
    )
    select.bind(1, series)
    select.bind(2, span.lowerBound)
    select.bind(3, span.upperBound)
    var cells: [RollupCell?] = numeric.map { _ in nil }
    while try select.step() {
      let time = select.integer(0)
      for index in numeric.indices where !select.isNull(Int32(clamping: index + 1)) {
        let value = select.double(Int32(clamping: index + 1))
        if cells[index] == nil {
          cells[index] = RollupCell(measure: numeric[index].id, value, at: time)
        } else {
          cells[index]?.add(value, at: time)
        }
      }
    }
    select.reset()
    return cells.compactMap { $0 }
  }
}
