import CommandLine
import Glibc
import JSON
import Store
import Time

/// The forms of a query's result.
enum QueryFormat: String, CaseIterable { case table, csv, json, ndjson }

/// Prints a query's rows as they come; a table's columns are as wide as the first rows need.
final class QueryOutput {
  private let format: QueryFormat
  private var columns: [StoreReader.Column] = []
  private var pending: [[String]] = []
  private var isNumber: [Bool] = []
  private var widths: [Int]?
  private var json = JSONWriter()
  private(set) var rows = 0
  /// Whether the head is written: a statement that fails before its first row leaves nothing on standard output.
  private var hasHead = false
  private static let measuredRows = 1000
  private let pager: Pager?

  /// Output to `pager`, or to standard output.
  init(_ format: QueryFormat, pager: Pager? = nil) {
    self.format = format
    self.pager = pager
  }

  func begin(_ columns: [StoreReader.Column]) {
    self.columns = columns
    isNumber = columns.map { _ in true }
  }

  private func writeHead() {
    guard !hasHead else { return }
    hasHead = true
    switch format {
    case .csv: line(columns.map { Self.csv($0.name) }.joined(separator: ","))
    case .json:
      json.beginArray()
      line(json.takeBytes())
    case .table, .ndjson: break
    }
  }

  /// False once the output has no reader any more.
  func row(_ values: [SQLValue]) -> Bool {
    writeHead()
    defer { rows += 1 }
    switch format {
    case .csv:
      line(zip(columns, values).map { Self.csv(text($1, $0) ?? "") }.joined(separator: ","))
    case .json, .ndjson:
      object(values)
      line(json.takeBytes())
      if format == .ndjson { json = JSONWriter() }
    case .table:
      let texts = zip(columns, values).map { Self.visible(text($1, $0) ?? "-") }
      for (index, value) in values.enumerated() {
        switch value {
        case .integer, .real, .null: if columns[index].isTime(value) { isNumber[index] = false }
        case .text, .blob: isNumber[index] = false
        }
      }
      if widths == nil {
        pending.append(texts)
        if pending.count >= Self.measuredRows { measure() }
      } else {
        printRow(texts)
      }
    }
    return !StandardOutput.shared.isClosed && pager?.isEnded != true
  }

  func end() {
    writeHead()
    switch format {
    case .json:
      json.endArray()
      line(json.takeBytes())
    case .table:
      if widths == nil { measure() }
      // PAGER ends before the number of rows is printed.
      pager?.finish()
      StandardOutput.shared.flush()
      StandardError.print("\(rows) row\(rows == 1 ? "" : "s")")
    case .csv, .ndjson: break
    }
  }

  private func measure() {
    widths = columns.indices.map { index in
      max(columns[index].name.count, pending.map { $0[index].count }.max() ?? 0)
    }
    printRow(columns.map(\.name))
    line((widths ?? []).map { String(repeating: "-", count: $0) }.joined(separator: "  "))
    for row in pending { printRow(row) }
    pending.removeAll()
  }

  private func printRow(_ texts: [String]) {
    let cells = texts.enumerated().map { index, text in
      let fill = String(repeating: " ", count: max(0, (widths?[index] ?? 0) - text.count))
      return isNumber[index] ? fill + text : text + fill
    }
    var line = cells.joined(separator: "  ")
    while line.hasSuffix(" ") { line.removeLast() }
    self.line(line)
  }

  private func text(_ value: SQLValue, _ column: StoreReader.Column) -> String? {
    switch value {
    case .null: nil
    case .integer(let number): column.isTime(value) ? Timestamp.text(number) : String(number)
    case .real(let number): String(number)
    case .text(let text): text
    case .blob(let bytes): bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  private func object(_ values: [SQLValue]) {
    json.object {
      for (column, value) in zip(columns, values) {
        switch value {
        case .integer(let number) where !column.isTime(value): $0.member(column.name, number)
        case .real(let number): $0.member(column.name, number)
        default: $0.member(column.name, orNull: text(value, column))
        }
      }
    }
  }

  private func line(_ text: String) { line(Array(text.utf8)) }

  private func line(_ bytes: [UInt8]) {
    if let pager { pager.line(bytes) } else { StandardOutput.shared.line(bytes) }
  }

  /// RFC 4180.
  static func csv(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r\r\n".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  /// A device's text must not move the terminal's cursor.
  private static func visible(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) }) else {
      return text
    }
    return String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { $0.value < 0x20 || (0x7F..<0xA0).contains($0.value) ? "\u{FFFD}" : $0 }))
  }
}
