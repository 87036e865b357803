import Numbers
import Simulator
import Store
import Text
import Time

/// A CSV whose rows become records of a table.
final class StoreImportFile {
  /// What a file itself doesn't say.
  struct Settings {
    var table = "truck01_sensors"
    /// The dimension `device` of rows without such a column.
    var device = "truckSensor01"
    var dimensions: Set<String> = ["device"]
    /// The moment of uptime 0, nanoseconds since 1970; nil if the file has a column `time`.
    var start: Int64?
    var version: Int64 = 1
    /// Columns that get other names.
    var map: [(name: String, column: String)] = []
  }

  /// The header's names.
  let columns: [String]
  private let path: String
  private let settings: Settings
  private let reader: CSVReader
  private let timeColumn: Int
  private let isUptime: Bool
  private var hasCheckedPoints = false
  /// The column that makes a row a MULTI record.
  private static let measureName = "measure_name"

  /// Opens a file and reads its header.
  init(_ path: String, _ settings: Settings) throws {
    self.path = path
    self.settings = settings
    let reader = try CSVReader(path: path)
    self.reader = reader
    guard try reader.next() else { throw DatasetError(file: path, message: "the file is empty") }
    let header = (0..<reader.fieldCount).map { Self.trimmed(reader.text($0)) }
    let columns = try Self.renamed(header, settings.map, path)
    self.columns = columns
    let uptime = settings.start == nil ? nil : columns.firstIndex(of: "uptime")
    let likely = columns.firstIndex { Self.timeNames.contains($0.lowercased()) }
    guard let timeColumn = columns.firstIndex(of: "time") ?? uptime ?? likely else {
      throw DatasetError(
        file: path, line: 1,
        message: "there is no column 'time'"
          + (columns.contains("uptime")
            ? "; --start TIME says when uptime was 0"
            : "; name it with --map time=COLUMN (columns: \(columns.prefix(20).joined(separator: ", ")))"))
    }
    self.timeColumn = timeColumn
    isUptime = timeColumn == uptime
    for (index, name) in columns.enumerated() where index != timeColumn && name != Self.measureName {
      let problem =
        columns.firstIndex(of: name) == index
        ? RecordLimits.problem(withName: name) : "the column '\(name)' appears twice"
      if let problem { throw error(index, problem) }
    }
  }

  /// Names of columns with times, besides `time`.
  private static let timeNames: Set = ["time", "timestamp", "datetime", "date_time", "date"]

  /// The header with the names of `--map`.
  private static func renamed(
    _ header: [String], _ map: [(name: String, column: String)], _ path: String
  ) throws(DatasetError) -> [String] {
    var columns = header
    for (name, column) in map {
      guard let index = header.firstIndex(of: column) else {
        let nearest = NearestName.of(column, among: header).map { "; did you mean '\($0)'?" } ?? ""
        throw DatasetError(
          file: path, line: 1,
          message: "has no column '\(column)' (--map \(name)=\(column))\(nearest) (columns: "
            + "\(header.prefix(20).joined(separator: ", ")))")
      }
      columns[index] = name
    }
    return columns
  }

  /// At most `count` further rows; none at the end of the file.
  func next(_ count: Int) throws -> [(line: Int, request: WriteRequest)] {
    var rows: [(line: Int, request: WriteRequest)] = []
    while rows.count < count, try reader.next() {
      if !hasCheckedPoints { try reader.requireDecimalPoints(columns) }
      hasCheckedPoints = true
      rows.append(
        (reader.place(of: 0).line, WriteRequest(table: settings.table, record: try record())))
    }
    return rows
  }

  private func record() throws(DatasetError) -> Record {
    guard reader.fieldCount == columns.count else {
      throw error(
        min(reader.fieldCount - 1, columns.count),
        "the row has \(reader.fieldCount) field\(reader.fieldCount == 1 ? "" : "s"), the header \(columns.count)"
      )
    }
    var record = Record(dimensions: [], time: try time(), measures: [], version: settings.version)
    for (index, name) in columns.enumerated() where index != timeColumn {
      let field = reader.text(index)
      let trimmed = Self.trimmed(field)
      if trimmed.isEmpty { continue }
      if name == Self.measureName {
        record.measureName = field
        continue
      }
      if settings.dimensions.contains(name) {
        record.dimensions.append(Dimension(name, field))
      } else {
        record.measures.append((name, try value(index, trimmed)))
      }
    }
    if record.measureName != nil {
      // An export writes times so.
      for (index, measure) in record.measures.enumerated() {
        if case .varchar(let text) = measure.value, let time = Timestamp.parse(text) {
          record.measures[index].value = .timestamp(time)
        }
      }
    }
    if !columns.contains("device") { record.dimensions.append(Dimension("device", settings.device)) }
    return record
  }

  private func time() throws(DatasetError) -> Int64 {
    let text = reader.text(timeColumn)
    if Self.trimmed(text).isEmpty { throw error(timeColumn, "the time is missing") }
    guard isUptime else {
      guard let time = Self.time(text) else { throw error(timeColumn, "'\(text)' is not a time") }
      return time
    }
    guard let seconds = NumberText.double(text), let start = settings.start,
      let time = Int64(truncated: (seconds * 1e9).rounded())?.checkedAdd(start)
    else { throw error(timeColumn, "'\(text)' is not a number of seconds") }
    return time
  }

  private func value(_ index: Int, _ text: String) throws(DatasetError) -> MeasureValue {
    if let number = Int64(text) { return .bigint(number) }
    if let number = NumberText.double(text) { return .double(number) }
    // NaN, infinities, and what is beyond the range of a double.
    if Double(text).map({ !$0.isFinite }) == true { throw error(index, "'\(text)' is not a number to store") }
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    default: return .varchar(reader.text(index))
    }
  }

  private func error(_ index: Int, _ message: String) -> DatasetError {
    let place = reader.place(of: index)
    return DatasetError(file: path, line: place.line, column: place.column, message: message)
  }

  /// ISO 8601, or a number: seconds, from 1e11 on milliseconds, from 1e14 on microseconds, from 1e17 on nanoseconds; as
  /// nanoseconds since 1970. Nil for other texts, and outside 64 bits.
  static func time(_ text: String) -> Int64? {
    if let time = Timestamp.parse(text) { return time }
    // Whole numbers stay exact.
    if let number = Int64(trimmed(text)) {
      let factor: Int64 =
        switch number.magnitude {
        case 100_000_000_000_000_000...: 1
        case 100_000_000_000_000...: 1000
        case 100_000_000_000...: 1_000_000
        default: 1_000_000_000
        }
      return number.checkedMultiply(factor)
    }
    // A double of epoch seconds tells microseconds apart.
    return Moment.epochSeconds(text).flatMap { Int64(truncated: ($0 * 1e6).rounded())?.checkedMultiply(1000) }
  }

  private static func trimmed(_ text: String) -> String {
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
    guard text.first.map(isBlank) == true || text.last.map(isBlank) == true else { return text }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
