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
      self.clock = clock.dated(over: diagnosis.span)
      self.notes = notes
    }

    /// Notes a pause that is longer than everything else: what lies before and after it may be different trips.
    fileprivate mutating func noteTrips(areInStore: Bool) {
      guard case .zone = clock, let span = diagnosis.span,
        let pause = diagnosis.coverage[.temperature]?.gaps.max(by: { $0.seconds < $1.seconds }),
        pause.seconds > Self.longPause, pause.seconds > span.seconds / 2
      else { return }
      notes.append(
        "Nothing was measured for \(Words.duration(pause.seconds)), from \(clock.text(pause.start)) to \(clock.text(pause.end)): these may be several trips. Choose one with --from and --to\(areInStore ? ", or see each with --trend" : "")."
      )
    }

    /// Longer than a trip's stops, s.
    private static let longPause = 6 * 3600.0
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
    let header = try Dataset(path: path, options: dataset).columns
    let columns = RecordColumns(columns: header, given: options.map)
    dataset.map = columns.map
    guard columns.axis != nil else { throw Self.noTimes(path) }
    let device = Self.name(path)
    var rows = CSVRows(try Dataset(path: path, options: dataset), columns, options)
    try checkWindow(rows, path)
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
      result.notes.append("The rows weren't in chronological order; they were sorted.")
    }
    if !columns.map.contains(where: { $0.name == "temp" }) {
      result.notes.append(
        "No column is recognized as the temperature. Name it with --map temp=COLUMN; the columns are \(header.prefix(20).joined(separator: ", "))."
      )
    }
    result.noteTrips(areInStore: false)
    if rows.skipped > 0 {
      result.notes.append(
        "\(Words.count(rows.skipped, "row")) had no readable time and were left out.")
    }
    for (name, count) in rows.unreadable where count > 0 {
      result.notes.append("\(Words.count(count, "value")) of '\(name)' can't be read as a number.")
    }
    return result
  }

  // MARK: Rows

  /// The rows of a record in the order of time, in memory: for what draws them.
  package struct Rows: Sendable {
    /// The truck, or the file's name.
    package var device: String
    package var observations: [Observation]
    /// Whether the times are the clock's; else they are seconds from an unknown start.
    package var hasClock: Bool
  }

  /// The rows of a CSV file. Throws, with line and column, where a value can't be read.
  package func rows(csv path: String) throws(DatasetError) -> Rows {
    var dataset = Dataset.Options()
    dataset.reservedNames = []
    let columns = RecordColumns(
      columns: try Dataset(path: path, options: dataset).columns, given: options.map)
    dataset.map = columns.map
    guard columns.map.contains(where: { $0.name == "temp" || $0.name == "volts" }) else {
      throw DatasetError(
        file: path, line: 1,
        message: "there is no column 'temp' or 'volts'; name one with --map temp=COLUMN")
    }
    guard columns.axis != nil else { throw Self.noTimes(path) }
    var rows = CSVRows(try Dataset(path: path, options: dataset), columns, options, isStrict: true)
    try checkWindow(rows, path)
    var all: [Observation] = []
    while let row = try rows.next() { all.append(row) }
    all.sort { ($0.time, $0.row) < ($1.time, $1.row) }
    return Rows(
      device: Self.name(path), observations: all, hasClock: !rows.hasUptime || options.start != nil)
  }

  /// The rows of a device of a store.
  package func rows(store location: StoreLocation, table: String, device: String) throws(StoreError) -> Rows {
    var all: [Observation] = []
    try read(store: location, table: table, device: device) { all.append($0) }
    return Rows(device: device, observations: all, hasClock: true)
  }

  /// Diagnoses rows that are in memory.
  package func diagnose(_ rows: Rows) -> Result {
    let first = rows.observations.first?.time ?? 0
    let clock: ClockStyle = rows.hasClock ? .zone(offset: options.zone) : .elapsed(since: first)
    var analyzer = TripAnalyzer(analyzerOptions(clock))
    for row in rows.observations { analyzer.add(row) }
    return Result(device: rows.device, diagnosis: analyzer.finish(), clock: clock)
  }

  /// Throws where a range of times is asked for and the rows have only seconds from an unknown start.
  private func checkWindow(_ rows: CSVRows, _ path: String) throws(DatasetError) {
    guard rows.hasUptime, options.start == nil, options.window != .min..<Int64.max else { return }
    throw DatasetError(
      file: path, line: 1,
      message: "has only an 'uptime', no dates; for --from and --to, give the time at uptime 0 with --start")
  }

  private static func noTimes(_ path: String) -> DatasetError {
    DatasetError(
      file: path, line: 1,
      message: "has no time column; name it with --map time=COLUMN, or --map uptime=COLUMN for seconds")
  }

  private static func name(_ path: String) -> String {
    path.split(separator: "/").last.map { String($0.split(separator: ".").first ?? $0) } ?? path
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
    let clock = ClockStyle.zone(offset: options.zone, hasDates: tripGap != nil)
    var analyzer = TripAnalyzer(analyzerOptions(clock))
    var results: [Result] = []
    var last: Int64?
    var first = 0
    try read(store: location, table: table, device: device) { observation in
      var observation = observation
      if let tripGap, let last, TimeSpan(last, observation.time).seconds > tripGap {
        results.append(Result(device: device, diagnosis: analyzer.finish(), clock: clock))
        analyzer = TripAnalyzer(analyzerOptions(clock))
        first = observation.row - 1
      }
      last = observation.time
      observation.row -= first
      analyzer.add(observation)
    }
    var result = Result(device: device, diagnosis: analyzer.finish(), clock: clock)
    result.noteTrips(areInStore: true)
    return results + [result]
  }

  /// Reads a device of a store in the order of time, a part at a time.
  private func read(
    store location: StoreLocation, table: String, device: String, _ body: (Observation) -> Void
  ) throws(StoreError) {
    let source = try location.charts(table: table)
    guard let truck = try source.trucks().first(where: { $0.label == device }) else {
      throw StoreError(.missing, "\(location): the table '\(table)' has no device '\(device)'")
    }
    let measures = try source.measures()
    let columns = StoreColumns(
      measures.map(\.name), given: options.map, isFahrenheit: options.isFahrenheit)
    var last = max(options.window.lowerBound, truck.span.lowerBound).saturatingSubtract(1)
    var row = 0
    while true {
      let rows = try source.readings(measures, of: truck, after: last, limit: 10_000)
      // A server may answer anything.
      guard let end = rows.last, end.time > last else { return }
      last = end.time
      for reading in rows {
        guard reading.time < options.window.upperBound else { return }
        row += 1
        body(columns.observation(reading, row: row))
      }
    }
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
  private let isStrict: Bool
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

  /// With `isStrict` what can't be read is an error, and not only counted.
  init(
    _ dataset: Dataset, _ columns: RecordColumns, _ options: RecordReader.Options, isStrict: Bool = false
  ) {
    self.dataset = dataset
    self.options = options
    self.isStrict = isStrict
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
        if isStrict { throw error }
        skipped += 1
        continue
      }
      if isStrict, seconds.magnitude > 9.2e9 {
        throw DatasetError(
          file: dataset.file, line: reading.line,
          message: "the time \(seconds) s is outside the years 1677 to 2262")
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
      observation.temperature = try value(temp, 0, reading).map { isFahrenheit ? ($0 - 32) / 1.8 : $0 }
      observation.voltage = try value(volts, 1, reading)
      observation.isDoorOpen = try flag(reading)
      if ambient != nil {
        observation.ambient = try value(ambient, 3, reading).map {
          isAmbientFahrenheit ? ($0 - 32) / 1.8 : $0
        }
      }
      if latitude != nil, longitude != nil {
        observation.latitude = try value(latitude, 4, reading)
        observation.longitude = try value(longitude, 5, reading)
      }
      return observation
    }
    return nil
  }

  private mutating func value(_ index: Int?, _ name: Int, _ reading: Reading) throws(DatasetError) -> Double?
  {
    guard let index else { return nil }
    let bytes = reading[index]
    if let number = NumberText.double(bytes) { return number }
    if !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { try note(index, name, reading, "a number") }
    return nil
  }

  private mutating func note(_ index: Int, _ name: Int, _ reading: Reading, _ wanted: String)
    throws(DatasetError)
  {
    unreadable[name].count += 1
    guard isStrict else { return }
    throw DatasetError(
      file: dataset.file, line: reading.line, message: "'\(reading.text(index).prefix(40))' is not \(wanted)")
  }

  /// 0 and 1, true and false, open and closed.
  private mutating func flag(_ reading: Reading) throws(DatasetError) -> Bool? {
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
      try note(door, 2, reading, "0, 1, open or closed")
      return nil
    }
  }
}
