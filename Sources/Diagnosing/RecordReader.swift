import ColdChain
import Files
import Numbers
import Simulator
import Store
import Time

/// Reads records, from a CSV or a store, row by row into a diagnosis.
package struct RecordReader {
  /// How a record is read and graded.
  package struct Options: Sendable {
    /// `--map NEW=COLUMN`.
    package var map: [(name: String, column: String)] = []
    /// Whether temperatures are degrees Fahrenheit; headers that say so are taken as such anyway.
    package var isFahrenheit = false
    /// The moment of uptime 0, ns since 1970; nil writes times since the start.
    package var start: Int64?
    /// The first moment, ns, and the end (exclusive).
    package var window: Range<Int64> = Int64.min..<Int64.max
    /// Seconds east of UTC in which times are written.
    package var zone = 0
    /// What to grade by.
    package var profile = CargoProfile.quickFrozen
    /// The thermostat's set point, Celsius; nil infers it.
    package var setPoint: Double?

    package init() {}
  }

  /// A diagnosed record.
  package struct Result: Sendable {
    /// The truck, or the file's name.
    package var device: String
    package var diagnosis: Diagnosis
    /// How times of this record are written.
    package var clock: ClockStyle
    /// What was remarkable about the file itself.
    package var notes: [String] = []

    package init(device: String, diagnosis: Diagnosis, clock: ClockStyle, notes: [String] = []) {
      self.device = device
      self.diagnosis = diagnosis
      self.clock = clock
      self.notes = notes
    }
  }

  /// The most rows that are sorted in memory if a file isn't in the order of time.
  static let sortLimit = 2_000_000

  let options: Options

  package init(_ options: Options) { self.options = options }

  private func analyzerOptions(_ clock: ClockStyle) -> TripAnalyzer.Options {
    var analyzer = TripAnalyzer.Options()
    analyzer.profile = options.profile
    analyzer.setPoint = options.setPoint
    analyzer.clock = clock
    return analyzer
  }

  // MARK: CSV

  /// Diagnoses a CSV file. Throws where it can't be read as a table with times.
  package func diagnose(csv path: String) throws(DatasetError) -> Result {
    var dataset = Dataset.Options()
    dataset.isLenient = true
    dataset.reservedNames = []
    let columns = RecordColumns(
      columns: try Dataset(path: path, options: dataset).columns, given: options.map)
    dataset.map = columns.map
    guard columns.axis != nil else {
      throw DatasetError(
        file: path, line: 1,
        message:
          "has no column with times; name it with --map time=COLUMN, or --map uptime=COLUMN for seconds")
    }
    let device = path.split(separator: "/").last.map { String($0.split(separator: ".").first ?? $0) } ?? path
    var rows = CSVRows(try Dataset(path: path, options: dataset), columns, options)
    let isElapsed = rows.hasUptime && options.start == nil
    var first = try rows.next()
    let clock: ClockStyle =
      isElapsed ? .elapsed(since: first?.time ?? 0) : .zone(offset: options.zone)
    var analyzer = TripAnalyzer(analyzerOptions(clock))
    while let row = first {
      if rows.didRestart { analyzer.noteRestart() }
      analyzer.add(row)
      first = try rows.next()
    }
    var result = Result(device: device, diagnosis: analyzer.finish(), clock: clock)
    // A file that isn't sorted is read again and sorted, if it isn't too large for that.
    if result.diagnosis.stepsBack * 50 > result.diagnosis.rows, result.diagnosis.rows <= Self.sortLimit {
      var again = CSVRows(try Dataset(path: path, options: dataset), columns, options)
      var all: [Observation] = []
      while let row = try again.next() { all.append(row) }
      all.sort { ($0.time, $0.row) < ($1.time, $1.row) }
      let start: ClockStyle = isElapsed ? .elapsed(since: all.first?.time ?? 0) : clock
      var sorted = TripAnalyzer(analyzerOptions(start))
      for row in all { sorted.add(row) }
      result.diagnosis = sorted.finish()
      result.clock = start
      result.notes.append("The rows weren't in the order of time; they were sorted.")
    }
    if rows.skipped > 0 {
      result.notes.append(
        "\(Words.count(rows.skipped, "row")) had no time that can be read, and were left out.")
    }
    for (name, count) in rows.unreadable where count > 0 {
      result.notes.append("\(Words.count(count, "value")) of '\(name)' can't be read as a number.")
    }
    return result
  }

  // MARK: Store

  /// The devices of a table.
  package static func devices(store: StoreLocation, table: String) throws(StoreError) -> [String] {
    try store.charts(table: table).trucks().map(\.label)
  }

  /// Diagnoses a device of a store, or each of its trips: a pause of more than `tripGap` seconds ends one.
  package func diagnose(
    store location: StoreLocation, table: String, device: String, tripGap: Double? = nil
  ) throws(StoreError) -> [Result] {
    let source = try location.charts(table: table)
    guard let truck = try source.trucks().first(where: { $0.label == device }) else {
      throw StoreError(.missing, "\(location): the table '\(table)' has no device '\(device)'")
    }
    let measures = try source.measures()
    let columns = StoreColumns(
      measures.map(\.name), given: options.map, isFahrenheit: options.isFahrenheit)
    let clock = ClockStyle.zone(offset: options.zone)
    var analyzer = TripAnalyzer(analyzerOptions(clock))
    var results: [Result] = []
    var last = max(options.window.lowerBound, truck.span.lowerBound).saturatingSubtract(1)
    var row = 0
    reading: while true {
      let rows = try source.readings(measures, of: truck, after: last, limit: 10_000)
      // A server may answer anything.
      guard let end = rows.last, end.time > last else { break }
      for reading in rows {
        guard reading.time < options.window.upperBound else { break reading }
        if let tripGap, row > 0, TimeSpan(last, reading.time).seconds > tripGap {
          results.append(Result(device: device, diagnosis: analyzer.finish(), clock: clock))
          analyzer = TripAnalyzer(analyzerOptions(clock))
          row = 0
        }
        row += 1
        analyzer.add(columns.observation(reading, row: row))
        last = reading.time
      }
    }
    results.append(Result(device: device, diagnosis: analyzer.finish(), clock: clock))
    return results
  }
}

/// The rows of a CSV as observations.
struct CSVRows {
  private let dataset: Dataset
  private let options: RecordReader.Options
  private let temp: Int?
  private let volts: Int?
  private let door: Int?
  private let ambient: Int?
  private let latitude: Int?
  private let longitude: Int?
  private let isFahrenheit: Bool
  private let isAmbientFahrenheit: Bool
  let hasUptime: Bool
  private var row = 0
  private var last: Int64?
  private var step: Int64 = 1_000_000_000
  private var offset: Int64
  /// Whether the last row began a new run.
  private(set) var didRestart = false
  /// Rows without a readable time.
  private(set) var skipped = 0
  /// Values that can't be read, by column.
  private(set) var unreadable: [(name: String, count: Int)]

  init(_ dataset: Dataset, _ columns: RecordColumns, _ options: RecordReader.Options) {
    self.dataset = dataset
    self.options = options
    func place(_ name: String) -> Int? {
      columns.map.contains { $0.name == name } ? dataset.names.firstIndex(of: name) : nil
    }
    (temp, volts, door) = (place("temp"), place("volts"), place("door"))
    (ambient, latitude, longitude) = (place("ambient"), place("latitude"), place("longitude"))
    isFahrenheit = options.isFahrenheit || columns.fahrenheit.contains("temp")
    isAmbientFahrenheit = options.isFahrenheit || columns.fahrenheit.contains("ambient")
    hasUptime = dataset.hasUptime
    offset = hasUptime ? options.start ?? 0 : 0
    unreadable = RecordColumns.names.map { ($0, 0) }
  }

  mutating func next() throws(DatasetError) -> Observation? {
    didRestart = false
    while let reading = try dataset.next() {
      row += 1
      let seconds: Double
      do throws(DatasetError) { seconds = try dataset.time() } catch {
        skipped += 1
        continue
      }
      var time = Int64(saturated: (seconds * 1e6).rounded()).saturatingMultiply(1000).saturatingAdd(offset)
      if let last {
        // An uptime that begins again is another run: it goes on one step after the last.
        if hasUptime, time < last, seconds < 0.1 * TimeSpan(offset, last).seconds {
          offset = offset.saturatingAdd(last.saturatingSubtract(time)).saturatingAdd(step)
          time = last.saturatingAdd(step)
          didRestart = true
        } else if time > last {
          step = time.saturatingSubtract(last)
        }
      }
      last = max(last ?? time, time)
      guard options.window.contains(time) else { continue }
      var observation = Observation(time: time, row: row)
      observation.temperature = value(temp, 0, reading).map { isFahrenheit ? ($0 - 32) / 1.8 : $0 }
      observation.voltage = value(volts, 1, reading)
      observation.isDoorOpen = flag(reading)
      if ambient != nil {
        observation.ambient = value(ambient, 3, reading).map { isAmbientFahrenheit ? ($0 - 32) / 1.8 : $0 }
      }
      if latitude != nil, longitude != nil {
        observation.latitude = value(latitude, 4, reading)
        observation.longitude = value(longitude, 5, reading)
      }
      return observation
    }
    return nil
  }

  private mutating func value(_ index: Int?, _ name: Int, _ reading: Reading) -> Double? {
    guard let index else { return nil }
    let bytes = reading[index]
    if let number = NumberText.double(bytes) { return number }
    if !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { unreadable[name].count += 1 }
    return nil
  }

  /// 0 and 1, true and false, open and closed.
  private mutating func flag(_ reading: Reading) -> Bool? {
    guard let door else { return nil }
    let bytes = reading[door]
    if bytes.count == 1 {
      if bytes[0] == UInt8(ascii: "0") { return false }
      if bytes[0] == UInt8(ascii: "1") { return true }
    }
    if let number = NumberText.double(bytes) { return number != 0 }
    switch reading.text(door).lowercased() {
    case "open", "opened", "true", "yes", "on": return true
    case "closed", "close", "false", "no", "off": return false
    case "": return nil
    default:
      unreadable[2].count += 1
      return nil
    }
  }
}
