import JSON
import Text

/// Turns messages into the lines of a CSV file that `Dataset` replays.
///
/// A JSON object's members become columns: strings as they are, without quotes; numbers, true and false as written; null as an empty
/// cell; objects and arrays as JSON. Any other message is kept in Base64. A member that appears first in a later message becomes
/// a column at the right: `columns` then grows, and earlier lines are shorter than the header.
public struct RecordingTable: Sendable {
  /// The names of the columns so far, the recorder's three first.
  public private(set) var columns = RecordingColumns.all
  /// How many messages are kept in Base64.
  public private(set) var encodedMessages = 0
  private var indices: [String: Int] = [:]
  private var cells: [[UInt8]] = []

  /// The most columns that a dataset may have.
  static let columnLimit = CSVReader.Options().columnLimit
  /// The longest message that a line holds: its Base64 must fit in what `CSVReader` takes for a record.
  public static let longestMessage = CSVReader.Options().recordLimit / 2

  /// A table without messages.
  public init() {}

  /// The file's first line, with its end.
  public var header: [UInt8] { Self.line(columns.map { Array($0.utf8) }) }

  /// The line of a message, with its end; nil if it is longer than `longestMessage`.
  public mutating func line(topic: String, payload: [UInt8], microseconds: Int64) -> [UInt8]? {
    guard payload.count <= Self.longestMessage else { return nil }
    cells.removeAll(keepingCapacity: true)
    var time: [UInt8] = []
    JSONText.appendNumber(Double(microseconds) / 1e6, to: &time)
    cells.append(time)
    cells.append(Array(topic.utf8))
    cells.append([])
    if !addFields(of: payload) {
      encodedMessages += 1
      cells.removeLast(cells.count - 3)
      cells[2] = Array((payload.isEmpty ? RecordingColumns.emptyPayload : Base64.encode(payload)).utf8)
    }
    while cells.count < columns.count { cells.append([]) }
    return Self.line(cells)
  }

  /// Adds the cells of a JSON object's members; false, and nothing more is known, where columns can't say what it is.
  private mutating func addFields(of payload: [UInt8]) -> Bool {
    var scanner = JSONScanner()
    do throws(JSONError) {
      try scanner.scan(payload)
    } catch {
      return false
    }
    let nodes = scanner.nodes
    guard nodes[0].kind == .object, nodes[0].next > 1 else { return false }
    var members: [(name: String, value: [UInt8])] = []
    var seen: Set<String> = []
    var key = 1
    while key < Int(nodes[0].next) {
      let (name, value) = payload.withUnsafeBufferPointer { text in
        (JSONText.unescaped(nodes[key], of: text), Self.cell(nodes[key + 1], of: text))
      }
      guard Self.isColumnName(name), seen.insert(name).inserted else { return false }
      members.append((name, value))
      key = Int(nodes[key + 1].next)
    }
    let new = members.filter { indices[$0.name] == nil }
    guard columns.count + new.count <= Self.columnLimit else { return false }
    for (name, _) in new {
      indices[name] = columns.count
      columns.append(name)
    }
    while cells.count < columns.count { cells.append([]) }
    for (name, value) in members { if let index = indices[name] { cells[index] = value } }
    return true
  }

  private static func cell(_ node: JSONNode, of text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    switch node.kind {
    case .null: []
    case .string: Array(JSONText.unescaped(node, of: text).utf8)
    case .yes: Array("true".utf8)
    case .no: Array("false".utf8)
    case .number, .array, .object: Array(text[Int(node.start)..<Int(node.end)])
    }
  }

  /// Whether a dataset's header gives the name back as it is.
  private static func isColumnName(_ name: String) -> Bool {
    guard let first = name.utf8.first, let last = name.utf8.last else { return false }
    let blanks: [UInt8] = [0x20, 0x09]
    return !RecordingColumns.all.contains(name) && !blanks.contains(first) && !blanks.contains(last)
      && !name.utf8.contains(0)
  }

  /// A line of CSV (RFC 4180) with its end.
  static func line(_ cells: [[UInt8]]) -> [UInt8] {
    var line: [UInt8] = []
    for (index, cell) in cells.enumerated() {
      if index > 0 { line.append(UInt8(ascii: ",")) }
      let needsQuotes = cell.contains {
        $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D
      }
      guard needsQuotes else {
        line.append(contentsOf: cell)
        continue
      }
      line.append(UInt8(ascii: "\""))
      for byte in cell {
        if byte == UInt8(ascii: "\"") { line.append(byte) }
        line.append(byte)
      }
      line.append(UInt8(ascii: "\""))
    }
    line.append(0x0A)
    return line
  }
}
