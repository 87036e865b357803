import Numbers
import Text
import Time

/// One row of a dataset: ordered values, as bytes as in the file, without blanks around them.
///
/// It points into the dataset's buffer: use it before the next call of `Dataset.next()` or `rewind()`.
public struct Reading {
  /// The physical line, from 1, on which the row begins.
  public let line: Int
  /// The number of values, equal to the dataset's number of names.
  public let count: Int
  /// The number of fields that the row has in the file.
  public let fieldCount: Int
  private let base: UnsafePointer<UInt8>
  private let fields: UnsafePointer<CSVReader.Field>
  private let selection: UnsafePointer<Int>

  init(_ reader: CSVReader, selection: UnsafePointer<Int>, count: Int) {
    line = reader.line
    fieldCount = reader.fieldCount
    base = reader.base
    fields = UnsafePointer(reader.fields)
    self.selection = selection
    self.count = count
  }

  /// Value `index` (0 ..< `count`), empty where the row was too short and reading is lenient.
  public subscript(index: Int) -> UnsafeRawBufferPointer {
    precondition(index >= 0 && index < count)
    let column = selection[index]
    guard column < fieldCount else { return UnsafeRawBufferPointer(start: base, count: 0) }
    let field = fields[column]
    var (start, end) = (Int(field.start), Int(field.end))
    // Files with a blank after each comma are common, and no number has blanks around it.
    while start < end, Self.isBlank(base[start]) { start += 1 }
    while start < end, Self.isBlank(base[end - 1]) { end -= 1 }
    return UnsafeRawBufferPointer(start: base + start, count: end - start)
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// Value `index` as text.
  public func text(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }
}

/// A CSV file with a header, replayed row by row in constant memory, once or many times.
///
/// Use it from one thread at a time.
public final class Dataset {
  /// What to take from the file, and how strictly.
  public struct Options: Sendable {
    /// `--map NEW=COLUMN`: where any is given, only these columns are taken, in this order.
    public var map: [(name: String, column: String)] = []
    /// `--fields a,b`: these (new) names, in this order; nil takes all.
    public var fields: [String]?
    /// Names the payload keeps for itself.
    public var reservedNames: [String] = ["i", "n", "timestamp"]
    /// The reader's limits and strictness.
    public var reader = CSVReader.Options()
    /// Whether faults are repaired and counted instead of being errors.
    public var isLenient: Bool {
      get { reader.isLenient }
      set { reader.isLenient = newValue }
    }

    /// The whole file, strictly.
    public init() {}

    /// Reads `NEW=COLUMN`; nil where a side is missing.
    public static func mapping(_ text: String) -> (name: String, column: String)? {
      guard let equals = text.firstIndex(of: "=") else { return nil }
      let name = String(text[..<equals])
      let column = String(text[text.index(after: equals)...])
      return name.isEmpty || column.isEmpty ? nil : (name, column)
    }
  }

  /// The file's path.
  public var file: String { reader.file }
  /// The selected columns' (new) names, in order.
  public let names: [String]
  /// All columns of the file, as in its header.
  public let columns: [String]
  /// What was repaired so far.
  public var repairs: RepairCounts { reader.repairs }
  /// The present pass over the file, from 1.
  public private(set) var pass = 1
  /// Whether the file has an `uptime` column, or one with times (`time`, `timestamp`, `datetime`, `date`), mapped or not.
  public var hasTimeAxis: Bool { axis != nil }

  /// Whether the time axis is an `uptime` column, not a `time` column.
  public var hasUptime: Bool { if case .uptime = axis { true } else { false } }

  /// Times of more than 30 000 years either way, in seconds, are mistakes: arithmetic with them isn't exact.
  static let latestTime = 1e12

  private enum Axis { case uptime(Int), time(Int) }

  let reader: CSVReader
  private let options: Options
  private let selection: UnsafeMutablePointer<Int>
  private let axis: Axis?
  /// The column of payloads that weren't JSON.
  private let recordedPayloads: Int?
  private var hasPendingRow = true
  private var rowsOfPass = 0
  private var timeline = Timeline()

  /// Opens `path`, reads its header and its first row.
  ///
  /// Throws where the file can't be read, is empty, has only a header, or lacks a column that was asked for.
  public convenience init(path: String, options: Options = Options()) throws(DatasetError) {
    try self.init(reader: CSVReader(path: path, options: options.reader), options: options)
  }

  /// The same file and options as `other`'s, from the beginning, without opening it again.
  ///
  /// Throws as opening does, and where the input is a pipe.
  public convenience init(sharing other: Dataset) throws(DatasetError) {
    try self.init(reader: CSVReader(sharing: other.reader), options: other.options)
  }

  /// A planned trip, simulated while it is read; `name` stands for the file's in messages.
  public convenience init(trip: TripPlan, name: String, options: Options = Options()) throws(DatasetError) {
    try self.init(
      reader: CSVReader(source: TripSource(trip), file: name, options: options.reader), options: options)
  }

  /// How many rows a pass has; reads them all, through a reader of its own.
  public func countRows() throws(DatasetError) -> Int {
    let counter = try Dataset(sharing: self)
    var rows = 0
    while try counter.next() != nil { rows += 1 }
    return rows
  }

  private init(reader: CSVReader, options: Options) throws(DatasetError) {
    self.options = options
    self.reader = reader
    guard try reader.next() else {
      throw DatasetError(
        file: reader.file, message: "is empty; a dataset begins with a header such as uptime,volts,temp,door")
    }
    let header = try Header(reader, options: options)
    columns = header.columns
    names = header.selected.map(\.name)
    selection = .allocate(capacity: max(1, header.selected.count))
    for (index, column) in header.selected.enumerated() { (selection + index).initialize(to: column.index) }
    recordedPayloads = columns.firstIndex(of: RecordingColumns.payload)
    if let recorded = columns.firstIndex(of: RecordingColumns.time) {
      // A recording has the timing of its messages, whatever is in them.
      axis = .time(recorded)
    } else if let uptime = header.index(named: "uptime") {
      axis = .uptime(uptime)
    } else if let time = header.index(named: "time") ?? header.likelyTime {
      axis = .time(time)
    } else {
      axis = nil
    }
    guard try reader.next() else {
      throw DatasetError(
        file: reader.file, line: 1, message: "has a header but no rows; there is nothing to replay")
    }
    try reader.requireDecimalPoints(columns)
  }

  deinit { selection.deallocate() }

  /// The next row that has a time, or nil at the end of the pass.
  ///
  /// Rows without one are skipped and counted where reading is lenient; otherwise, and where a pass has none, throws
  /// as `time()` does.
  public func nextTimed() throws(DatasetError) -> Reading? {
    var skipped: DatasetError?
    let rowsBefore = rowsOfPass
    while let reading = try next() {
      do throws(DatasetError) {
        _ = try time()
        return reading
      } catch {
        guard options.isLenient, axis != nil else { throw error }
        reader.repairs.skippedRows += 1
        skipped = skipped ?? error
      }
    }
    if rowsBefore == 0, let skipped { throw skipped }
    return nil
  }

  /// The next row, or nil at the end of the pass. Throws where the row is malformed (strict reading).
  public func next() throws(DatasetError) -> Reading? {
    if hasPendingRow {
      hasPendingRow = false
    } else if !(try reader.next()) {
      guard rowsOfPass > 0 else {
        throw DatasetError(file: file, message: "has no rows any more; was it changed during the replay?")
      }
      return nil
    }
    rowsOfPass += 1
    if reader.fieldCount != columns.count { try checkFieldCount() }
    return Reading(reader, selection: UnsafePointer(selection), count: names.count)
  }

  /// Begins the next pass. Throws where the input can't be read twice (a pipe).
  public func rewind() throws(DatasetError) {
    let repairs = reader.repairs
    try reader.rewind()
    _ = try reader.next()
    reader.repairs = repairs
    hasPendingRow = false
    rowsOfPass = 0
    pass += 1
    timeline.beginPass()
  }

  /// The present row's `uptime` in seconds, or the epoch seconds of its `time` column.
  ///
  /// Throws, naming line and column, if the column is missing or its value isn't a number or time.
  public func time() throws(DatasetError) -> Double {
    let column: Int
    let value: Double?
    switch axis {
    case .uptime(let index):
      column = index
      value = index < reader.fieldCount ? NumberText.double(reader.field(index)) : nil
    case .time(let index):
      column = index
      value = index < reader.fieldCount ? Moment.epochSeconds(reader.field(index)) : nil
    case nil:
      throw DatasetError(
        file: file, line: 1,
        message: "has no column 'uptime' or 'time' to take the timing from; name one with --map "
          + "uptime=COLUMN (columns: \(Header.list(columns)))")
    }
    guard let value, value.magnitude <= Self.latestTime else {
      let place = reader.place(of: column)
      let text = column < reader.fieldCount ? reader.text(column) : ""
      let wanted =
        if case .time = axis { "an ISO 8601 time or epoch seconds" } else { "a number of seconds up to 1e12" }
      throw DatasetError(
        file: file, line: place.line, column: place.column,
        message:
          "'\(text.prefix(40))' in column '\(columns[column])' is not \(wanted), which the timing needs")
    }
    return value
  }

  /// Seconds from the first row of the first pass to the present row, never going back.
  ///
  /// A new pass continues one typical step (the median of the first 1024) after the last. Call it once a row.
  /// Throws as `time()` does, and where the time goes back (lenient: no step, counted).
  public func elapsed() throws(DatasetError) -> Double {
    let time = try time()
    if timeline.goesBack(to: time) {
      guard options.isLenient else {
        let column =
          switch axis {
          case .uptime(let index), .time(let index): index
          case nil: 0
          }
        let place = reader.place(of: column)
        throw DatasetError(
          file: file, line: place.line, column: place.column,
          message: "the time goes back from \(timeline.previous ?? 0) to \(time) s; sort the rows, or use "
            + "--lenient to take it as no step")
      }
      reader.repairs.stepsBack += 1
    }
    return timeline.advance(to: time)
  }

  /// The present row's message as it was recorded, where that wasn't a JSON object; nil where the columns have it.
  func recordedPayload() throws(DatasetError) -> [UInt8]? {
    guard let recordedPayloads, recordedPayloads < reader.fieldCount else { return nil }
    let text = reader.text(recordedPayloads)
    guard !text.isEmpty else { return nil }
    if text == RecordingColumns.emptyPayload { return [] }
    guard let bytes = Base64.decode(text) else {
      let place = reader.place(of: recordedPayloads)
      throw DatasetError(
        file: file, line: place.line, column: place.column,
        message: "the column '\(RecordingColumns.payload)' is not Base64, as 'trucksensor record' writes it")
    }
    return bytes
  }

  private func checkFieldCount() throws(DatasetError) {
    let count = reader.fieldCount
    // A trailing comma is an extra, empty last field.
    if count == columns.count + 1 && reader.field(count - 1).isEmpty { return }
    if options.isLenient {
      if count < columns.count { reader.repairs.paddedRows += 1 } else { reader.repairs.cutRows += 1 }
      return
    }
    let place = reader.place(of: min(count - 1, columns.count))
    let advice = count < columns.count ? "fill with empty ones" : "cut off the rest"
    throw DatasetError(
      file: file, line: place.line, column: place.column,
      message:
        "the row has \(count) field\(count == 1 ? "" : "s"), the header \(columns.count); correct it, or "
        + "use --lenient to \(advice)")
  }
}

/// A time axis over many passes: seconds since the first row, never going back.
struct Timeline {
  private(set) var previous: Double?
  private var elapsed = 0.0
  private var typical = TypicalStep()
  /// What the present stretch's times are measured from: `elapsed = time - origin`.
  private var origin: Double?

  func goesBack(to time: Double) -> Bool { previous.map { time < $0 } ?? false }

  mutating func advance(to time: Double) -> Double {
    if let last = previous {
      typical.record(time - last)
      if time < last { origin = time - elapsed }
    } else if origin == nil {
      origin = time
    }
    if needsStep {
      elapsed += typical.seconds ?? 1
      origin = time - elapsed
      needsStep = false
    }
    previous = time
    elapsed = max(elapsed, time - (origin ?? time))
    return elapsed
  }

  mutating func beginPass() {
    needsStep = previous != nil || needsStep
    previous = nil
  }

  private var needsStep = false
}
