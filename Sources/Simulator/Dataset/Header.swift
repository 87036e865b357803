import Numbers
import Text

/// A dataset's header line and what `--map` and `--fields` select from it.
struct Header {
  let columns: [String]
  private(set) var selected: [(name: String, index: Int)]
  private let mapped: [(name: String, index: Int)]

  init(_ reader: CSVReader, options: Dataset.Options) throws(DatasetError) {
    let columns = try Self.names(reader, isLenient: options.isLenient)
    self.columns = columns
    if columns.allSatisfy({ NumberText.double($0) != nil }) {
      throw DatasetError(
        file: reader.file, line: reader.line,
        message: "the first line has only numbers; put a header such as uptime,volts,temp,door above it")
    }
    var chosen: [(name: String, index: Int)] = []
    for (name, column) in options.map {
      guard let index = columns.firstIndex(of: column) else {
        throw Self.unknown(column, option: "--map \(name)=\(column)", among: columns, reader)
      }
      guard !chosen.contains(where: { $0.name == name }) else {
        throw DatasetError(
          file: reader.file, message: "--map names '\(name)' twice; give each column its own name")
      }
      chosen.append((name, index))
    }
    mapped = chosen
    let isRecording = columns.contains(RecordingColumns.time)
    if chosen.isEmpty {
      chosen = columns.enumerated().map { ($0.element, $0.offset) }
      // What the recorder added, and what each message of a replay has of its own.
      if isRecording {
        chosen.removeAll { RecordingColumns.all.contains($0.name) || options.reservedNames.contains($0.name) }
      }
    }
    if let fields = options.fields {
      var picked: [(name: String, index: Int)] = []
      for name in fields {
        guard let column = chosen.first(where: { $0.name == name }) else {
          throw Self.unknown(name, option: "--fields", among: chosen.map(\.name), reader)
        }
        guard !picked.contains(where: { $0.name == name }) else {
          throw DatasetError(file: reader.file, message: "--fields names '\(name)' twice; name it once")
        }
        picked.append(column)
      }
      chosen = picked
    }
    let hasTimeColumn = columns.contains("uptime") || columns.contains("time")
    for name in options.reservedNames {
      // Such a file's time drives the replay; the message has its own.
      if name == "timestamp", options.map.isEmpty, options.fields == nil, !hasTimeColumn {
        chosen.removeAll { $0.name == name }
        continue
      }
      guard let index = chosen.firstIndex(where: { $0.name == name }) else { continue }
      guard options.isLenient else {
        throw DatasetError(
          file: reader.file, line: reader.line,
          message:
            "the column '\(name)' has the name of a field that every message already has; rename it with "
            + "--map NEW=\(name), leave it out with --fields, or use --lenient to drop it")
      }
      chosen.remove(at: index)
      reader.repairs.droppedColumns += 1
    }
    guard !chosen.isEmpty || isRecording else {
      throw DatasetError(file: reader.file, message: "no column is left to publish; name one with --fields")
    }
    selected = chosen
  }

  /// A column by its new name or, where none has it, by its name in the file.
  func index(named name: String) -> Int? {
    mapped.first { $0.name == name }?.index ?? columns.firstIndex(of: name)
  }

  /// A column that has times by its name, if none is called `uptime` or `time`.
  var likelyTime: Int? {
    let names = ["timestamp", "datetime", "date_time", "date", "time"]
    return columns.firstIndex { names.contains($0.lowercased()) }
  }

  /// Column names for a message, at most twenty.
  static func list(_ names: [String]) -> String {
    names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
  }

  private static func names(_ reader: CSVReader, isLenient: Bool) throws(DatasetError) -> [String] {
    var count = reader.fieldCount
    // A trailing comma is an extra, empty last column.
    if count > 1 && reader.field(count - 1).isEmpty { count -= 1 }
    var names: [String] = []
    var taken: Set<String> = []
    for index in 0..<count {
      var name = trimmed(reader.text(index))
      let place = reader.place(of: index)
      if name.isEmpty || taken.contains(name) {
        guard isLenient else {
          let fault = name.isEmpty ? "column \(index + 1) has no name" : "two columns are named '\(name)'"
          throw DatasetError(
            file: reader.file, line: place.line, column: place.column,
            message: "\(fault); correct the header, or use --lenient to number it")
        }
        let stem = name.isEmpty ? "column" : name
        var number = name.isEmpty ? index + 1 : 2
        while taken.contains("\(stem)_\(number)") { number += 1 }
        name = "\(stem)_\(number)"
        reader.repairs.renamedColumns += 1
      }
      taken.insert(name)
      names.append(name)
    }
    return names
  }

  private static func trimmed(_ name: String) -> String {
    var name = Substring(name)
    while name.first == " " || name.first == "\t" { name.removeFirst() }
    while name.last == " " || name.last == "\t" { name.removeLast() }
    return String(name)
  }

  private static func unknown(
    _ name: String, option: String, among names: [String], _ reader: CSVReader
  ) -> DatasetError {
    let nearest = NearestName.of(name, among: names).map { "; did you mean '\($0)'?" } ?? ""
    return DatasetError(
      file: reader.file, line: reader.line,
      message: "has no column '\(name)' (\(option))\(nearest) (columns: \(list(names)))")
  }
}
