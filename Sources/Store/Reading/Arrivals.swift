import Numbers
import Time

/// A place in the order in which readings arrived in a store.
///
/// It belongs to one store. For a file, it can be kept as text and used by another process.
package struct ArrivalCursor: Sendable, Hashable {
  /// The journal's row that is read next.
  var sequence: Int64 = 1
  /// Which of the row's ranges.
  var range = 0
  /// Readings of that range up to this time have been read.
  var time = Int64.min
  /// Of a server, which doesn't know the order of arrival: what was read of each device.
  var devices: [String: DevicePlace] = [:]

  struct DevicePlace: Sendable, Hashable {
    /// Readings up to this time are known.
    var time: Int64
    /// The times of the readings after it that are known.
    var seen: Set<Int64> = []
  }

  /// The beginning of a store.
  package init() {}

  /// The place as a text; that of a server starts from the beginning.
  package var text: String { "\(sequence):\(range):\(time)" }

  /// Reads what `text` wrote; nil for any other text.
  package init?(text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let sequence = Int64(parts[0]), let range = Int(parts[1]),
      let time = Int64(parts[2]), sequence > 0, range >= 0
    else { return nil }
    (self.sequence, self.range, self.time) = (sequence, range, time)
  }
}

/// What arrived in a store after a cursor.
package struct Arrivals: Sendable {
  /// A reading: its time (nanoseconds since 1970), and a number or nil for each of the measures that were asked for.
  package typealias Row = (time: Int64, values: [Double?])

  /// The readings of devices in the order of arrival; a device can occur several times.
  package fileprivate(set) var groups: [(device: String, rows: [Row])] = []
  /// Where to continue.
  package fileprivate(set) var cursor: ArrivalCursor
  /// Whether the limit ended the answer, so that more can be read now.
  package fileprivate(set) var hasMore = false
  /// Whether arrivals after the cursor are no longer in the journal, or the file was replaced. Then there are no groups,
  /// `cursor` is behind everything that is stored, and what was missed can only be read by time.
  package fileprivate(set) var isTooLate = false

  fileprivate init(cursor: ArrivalCursor) { self.cursor = cursor }

  fileprivate mutating func append(_ device: String, _ rows: [Row]) {
    guard !rows.isEmpty else { return }
    if groups.last?.device == device {
      groups[groups.count - 1].rows += rows
    } else {
      groups.append((device, rows))
    }
  }
}

extension StoreReader {
  /// The cursor behind everything that is stored.
  package func newestArrival() throws(StoreError) -> ArrivalCursor {
    var cursor = ArrivalCursor()
    guard try hasArrivals() else { return cursor }
    let select = try connection.statement("SELECT max(sequence) FROM ts_arrivals")
    defer { select.reset() }
    if try select.step(), !select.isNull(0) { cursor.sequence = select.integer(0).saturatingAdd(1) }
    return cursor
  }

  /// Whether the file has a journal: one that only earlier versions wrote has none yet.
  private func hasArrivals() throws(StoreError) -> Bool {
    let select = try connection.statement(
      "SELECT 1 FROM \(database).sqlite_schema WHERE name = 'ts_arrivals'")
    defer { select.reset() }
    return try select.step()
  }

  /// Readings of a table that were added or changed after a cursor, at most `limit`, in the order of the transactions,
  /// whatever their times are. `label` names the device of a series; readings of a series without one are skipped.
  ///
  /// A reading is returned at least once: one that arrives while the reader is behind can be returned a second time.
  package func arrivals(
    _ measures: [MeasureInfo], in table: Table, after cursor: ArrivalCursor, limit: Int,
    label: (Int64) throws(StoreError) -> String?
  ) throws(StoreError) -> Arrivals {
    var found = Arrivals(cursor: cursor)
    let newest = try newestArrival()
    guard cursor.sequence != newest.sequence else { return found }
    var left = Swift.max(1, limit)
    let columns = Self.columns(measures)
    while found.cursor.sequence < newest.sequence {
      guard let ranges = try arrivalRanges(found.cursor.sequence) else { break }
      while found.cursor.range < ranges.count {
        let range = ranges[found.cursor.range]
        if range.table == table.id, let device = try label(range.series) {
          let rows = try readings(columns, measures.count, range, after: found.cursor.time, limit: left)
          found.append(device, rows)
          left -= rows.count
          if left == 0, let last = rows.last {
            found.cursor.time = last.time
            found.hasMore = true
            return found
          }
        }
        found.cursor.range += 1
        found.cursor.time = .min
      }
      found.cursor.sequence = found.cursor.sequence.saturatingAdd(1)
      found.cursor.range = 0
      found.cursor.time = .min
    }
    guard found.cursor.sequence != newest.sequence else { return found }
    found = Arrivals(cursor: newest)
    found.isTooLate = true
    return found
  }

  private func arrivalRanges(_ sequence: Int64) throws(StoreError) -> [ArrivalRange]? {
    let select = try connection.statement("SELECT ranges FROM ts_arrivals WHERE sequence = ?")
    defer { select.reset() }
    select.bind(1, sequence)
    return try select.step() ? ArrivalJournal.ranges(select.blob(0)) : nil
  }

  private func readings(
    _ columns: String, _ count: Int, _ range: ArrivalRange, after time: Int64, limit: Int
  ) throws(StoreError) -> [Arrivals.Row] {
    let select = try connection.statement(
      "SELECT time\(columns) FROM ts_data_\(range.table) WHERE series = ? AND time BETWEEN ? AND ? AND time > ? "
        + "ORDER BY time LIMIT ?")
    defer { select.reset() }
    select.bind(1, range.series)
    select.bind(2, Swift.max(range.first, RecordLimits.times.lowerBound))
    select.bind(3, Swift.min(range.last, RecordLimits.times.upperBound - 1))
    select.bind(4, time)
    select.bind(5, Int64(limit))
    return try select.rows(count)
  }
}

extension ChartSource {
  /// How long after a reading another one of the same device with an earlier time can arrive at a server and still be
  /// found, in nanoseconds.
  private var overlap: Int64 { 10_000_000_000 }
  /// How many readings of the last seconds and of the future are remembered of each device.
  private var seenLimit: Int { 100_000 }

  /// The cursor of a server: behind all that its devices have.
  package func newestArrival() throws(StoreError) -> ArrivalCursor {
    var cursor = ArrivalCursor()
    let now = Timestamp.now
    let measures = try measures()
    for truck in try trucks() {
      let newest = Swift.min(truck.span.upperBound, now)
      var place = ArrivalCursor.DevicePlace(time: newest.saturatingSubtract(overlap))
      var time = place.time
      while true {
        let rows = try readings(measures, of: truck, after: time, limit: 2000)
        place.seen.formUnion(rows.map(\.time))
        // A server may answer anything, even the same forever.
        guard let last = rows.last, last.time > time, place.seen.count < seenLimit else { break }
        time = last.time
      }
      cursor.devices[truck.label] = place
    }
    return cursor
  }

  /// What is new at a server, which doesn't know the order of arrival.
  ///
  /// Each device is followed by time, but never beyond the clock: a reading from the future doesn't hide later readings.
  package func arrivals(_ measures: [MeasureInfo], after cursor: ArrivalCursor, limit: Int)
    throws(StoreError) -> Arrivals
  {
    var found = Arrivals(cursor: cursor)
    var left = Swift.max(1, limit)
    let now = Timestamp.now
    for truck in try trucks() {
      var place =
        cursor.devices[truck.label] ?? .init(time: truck.span.lowerBound.saturatingSubtract(1))
      var time = place.time
      while left > 0 {
        let rows = try readings(measures, of: truck, after: time, limit: left + place.seen.count)
        guard let last = rows.last else { break }
        time = last.time
        let new = rows.filter { !place.seen.contains($0.time) }.prefix(left)
        found.append(truck.label, Array(new))
        left -= new.count
        place.seen.formUnion(new.map(\.time))
        if new.isEmpty { break }
      }
      if place.seen.count > seenLimit { place.seen.removeAll() }
      if let known = place.seen.filter({ $0 <= now }).max() {
        place.time = Swift.max(place.time, known.saturatingSubtract(overlap))
        let start = place.time
        place.seen = place.seen.filter { $0 > start }
      }
      found.cursor.devices[truck.label] = place
    }
    found.hasMore = left == 0
    return found
  }
}
