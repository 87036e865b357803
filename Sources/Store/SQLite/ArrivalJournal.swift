import Numbers

/// What a transaction added: the readings of a series from one time to another.
///
/// All readings of the series between the two were added or changed by that transaction.
struct ArrivalRange: Equatable {
  var table: Int64
  var series: Int64
  /// Nanoseconds since 1970.
  var first: Int64
  var last: Int64
}

/// The journal of a file: which readings its latest transactions added, whatever times the readings have.
///
/// A row holds up to `rangesInRow` ranges as packed bytes; a transaction of many series has several rows.
enum ArrivalJournal {
  /// How many rows are kept. At 4 KiB per row, that is at most 16 MiB; a truck's two transactions per second fill 160
  /// KiB.
  static let rowsKept: Int64 = 4096
  static let rangesInRow = 128
  /// Old rows are deleted after this many new ones, not in every transaction.
  private static let trimInterval: Int64 = 128

  /// Makes the journal in a file that has none.
  static func prepare(_ connection: Connection) throws(StoreError) {
    try connection.run(
      "CREATE TABLE IF NOT EXISTS ts_arrivals(sequence INTEGER PRIMARY KEY, ranges BLOB NOT NULL) STRICT")
  }

  static func append(_ ranges: [ArrivalRange], _ connection: Connection) throws(StoreError) {
    var rest = ranges[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(rangesInRow))
      rest = rest.dropFirst(rangesInRow)
      let insert = try connection.statement("INSERT INTO ts_arrivals(ranges) VALUES (?) RETURNING sequence")
      defer { insert.reset() }
      part.withUnsafeBytes { insert.bind(1, $0) }
      guard try insert.step() else { return }
      let sequence = insert.integer(0)
      guard sequence % trimInterval == 0 else { continue }
      let delete = try connection.statement("DELETE FROM ts_arrivals WHERE sequence <= ?")
      delete.bind(1, sequence.saturatingSubtract(rowsKept))
      try delete.run()
    }
  }

  /// The ranges of a row. They are the structs' bytes, as those of `RollupCell` are.
  static func ranges(_ blob: UnsafeRawBufferPointer) -> [ArrivalRange] {
    let size = MemoryLayout<ArrivalRange>.stride
    return (0..<blob.count / size).map {
      blob.loadUnaligned(fromByteOffset: $0 * size, as: ArrivalRange.self)
    }
  }
}

/// Notes for a table which readings a transaction adds, so that readers can follow them in the order of arrival.
struct ArrivalWriter {
  private struct Noted {
    /// The greatest time of the series; nil while it has no readings.
    var newest: Int64?
    /// What this transaction added after all existing readings: one range, since it contains nothing else.
    var tail: ClosedRange<Int64>?
    /// Times before that.
    var late: [Int64] = []
  }

  private let table: Int64
  private var series: [Int64: Noted] = [:]
  private var changed: [Int64] = []

  init(table: Int64) { self.table = table }

  /// Looks up how far a series reaches; to be called before a reading of it is inserted.
  mutating func prepare(series id: Int64, _ connection: Connection) throws(StoreError) {
    guard series[id] == nil else { return }
    let select = try connection.statement(
      "SELECT time FROM ts_data_\(table) WHERE series = ? ORDER BY time DESC LIMIT 1")
    defer { select.reset() }
    select.bind(1, id)
    series[id] = Noted(newest: try select.step() ? select.integer(0) : nil)
  }

  /// Notes a reading that was added or changed.
  mutating func add(series id: Int64, time: Int64) {
    guard let noted = series[id] else { return }
    if noted.tail == nil, noted.late.isEmpty { changed.append(id) }
    if noted.newest.map({ time > $0 }) ?? true {
      series[id]?.newest = time
      series[id]?.tail = (noted.tail?.lowerBound ?? time)...time
    } else if noted.tail.map({ time < $0.lowerBound }) ?? true {
      series[id]?.late.append(time)
    }
  }

  /// Writes what the transaction has added.
  mutating func flush(_ connection: Connection) throws(StoreError) {
    guard !changed.isEmpty else { return }
    var ranges: [ArrivalRange] = []
    for id in changed {
      guard let noted = series[id] else { continue }
      for range in try merged(noted.late, series: id, connection) + (noted.tail.map { [$0] } ?? []) {
        ranges.append(
          ArrivalRange(table: table, series: id, first: range.lowerBound, last: range.upperBound))
      }
      series[id] = Noted(newest: noted.newest)
    }
    changed.removeAll(keepingCapacity: true)
    try ArrivalJournal.append(ranges, connection)
  }

  /// Late times as ranges: one, if nothing else lies between them, as when an old file is imported.
  private func merged(_ late: [Int64], series id: Int64, _ connection: Connection) throws(StoreError)
    -> [ClosedRange<Int64>]
  {
    let times = Set(late).sorted()
    guard let first = times.first, let last = times.last else { return [] }
    if times.count == 1 { return [first...last] }
    let count = try connection.statement(
      "SELECT count(*) FROM (SELECT 1 FROM ts_data_\(table) WHERE series = ? AND time BETWEEN ? AND ? LIMIT ?)"
    )
    defer { count.reset() }
    count.bind(1, id)
    count.bind(2, first)
    count.bind(3, last)
    count.bind(4, Int64(times.count) + 1)
    guard try count.step(), count.integer(0) != Int64(times.count) else { return [first...last] }
    return times.map { $0...$0 }
  }
}
