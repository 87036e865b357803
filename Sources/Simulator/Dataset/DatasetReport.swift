import JSON

/// What `dataset check` found.
public struct DatasetReport: Sendable, Equatable, Codable, CustomStringConvertible {
  /// One column's values.
  public struct Column: Sendable, Equatable, Codable {
    /// The column's name.
    public let name: String
    /// How many values are numbers, other text, empty.
    public var numbers = 0
    /// Values that are neither empty nor numbers.
    public var texts = 0
    /// Empty values.
    public var empty = 0
    /// The smallest number, nil where there is none.
    public var minimum: Double?
    /// The largest number, nil where there is none.
    public var maximum: Double?

    init(name: String) { self.name = name }

    mutating func record(_ value: Double?, isEmpty: Bool) {
      if isEmpty {
        empty += 1
      } else if let value {
        numbers += 1
        minimum = min(minimum ?? value, value)
        maximum = max(maximum ?? value, value)
      } else {
        texts += 1
      }
    }
  }

  /// One thing that is wrong.
  public struct Finding: Sendable, Equatable, Codable {
    /// What is wrong.
    public enum Kind: String, Sendable, Equatable, Codable, CaseIterable {
      /// A column without a name, or a name taken twice.
      case header
      /// Too few or too many fields.
      case fieldCount
      /// Not UTF-8.
      case encoding
      /// A quote out of place.
      case quoting
      /// No number in a column of the truck.
      case notANumber
      /// A value or change that can't be.
      case impossible
      /// A long step in time.
      case gap
      /// A step back in time.
      case stepBack
      /// The same time twice.
      case sameTime
      /// The same row twice.
      case duplicate
      /// A temperature that doesn't change for long.
      case stuck
    }

    /// What is wrong.
    public let kind: Kind
    /// The physical line, from 1.
    public let line: Int
    /// A sentence for a person.
    public let text: String
  }

  /// The file's path.
  public let file: String
  /// The number of rows under the header.
  public var rows = 0
  /// The columns, in order.
  public var columns: [Column]
  /// The first and last value of the time axis in seconds, nil without one.
  public var firstTime: Double?
  /// The last value of the time axis in seconds.
  public var lastTime: Double?
  /// The median of the first steps in time, in seconds.
  public var typicalStep: Double?
  /// How many findings of each kind there are, by `Finding.Kind`.
  public var counts: [String: Int] = [:]
  /// The first findings, by line.
  public var findings: [Finding] = []

  init(file: String, columns: [Column]) {
    self.file = file
    self.columns = columns
  }

  /// All findings, listed or not.
  public var findingCount: Int { counts.values.reduce(0, +) }

  /// One JSON object without a line end, as UTF-8; the same keys as `Codable`'s.
  public var json: [UInt8] {
    func write(_ name: String, _ value: Double?, to json: inout JSONWriter) {
      if let value { json.member(name, value) }
    }
    var json = JSONWriter()
    json.object {
      $0.member("file", file)
      $0.member("rows", rows)
      $0.array("columns") {
        for column in columns {
          $0.object {
            $0.member("name", column.name)
            $0.member("numbers", column.numbers)
            $0.member("texts", column.texts)
            $0.member("empty", column.empty)
            write("minimum", column.minimum, to: &$0)
            write("maximum", column.maximum, to: &$0)
          }
        }
      }
      write("firstTime", firstTime, to: &$0)
      write("lastTime", lastTime, to: &$0)
      write("typicalStep", typicalStep, to: &$0)
      $0.object("counts") {
        for (kind, count) in counts.sorted(by: { $0.key < $1.key }) { $0.member(kind, count) }
      }
      $0.array("findings") {
        for finding in findings {
          $0.object {
            $0.member("kind", finding.kind.rawValue)
            $0.member("line", finding.line)
            $0.member("text", finding.text)
          }
        }
      }
    }
    return json.bytes
  }

  /// The report for a person, several lines.
  public var description: String {
    var lines = ["\(file): \(rows) rows, \(columns.count) columns"]
    if let firstTime, let lastTime {
      let step = typicalStep.map { ", usually \(Self.text($0)) s apart" } ?? ""
      lines.append("  time from \(Self.text(firstTime)) to \(Self.text(lastTime)) s\(step)")
    }
    for column in columns {
      var parts: [String] = []
      if column.numbers > 0 {
        parts.append(
          "\(column.numbers) numbers from \(Self.text(column.minimum)) to \(Self.text(column.maximum))")
      }
      if column.texts > 0 { parts.append("\(column.texts) texts") }
      if column.empty > 0 { parts.append("\(column.empty) empty") }
      lines.append("  \(column.name): \(parts.joined(separator: ", "))")
    }
    for finding in findings {
      lines.append("\(file):\(finding.line): \(finding.kind.rawValue): \(finding.text)")
    }
    let hidden = findingCount - findings.count
    if hidden > 0 { lines.append("  and \(hidden) more") }
    let kinds = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    lines.append(kinds.isEmpty ? "  no findings" : "  found: \(kinds.joined(separator: ", "))")
    return lines.joined(separator: "\n")
  }

  private static func text(_ value: Double?) -> String {
    guard let value else { return "" }
    var bytes: [UInt8] = []
    JSONText.appendNumber(value, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
