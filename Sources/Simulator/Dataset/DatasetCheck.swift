/// What `dataset check` finds in a file, in constant memory.
public struct DatasetReport: Sendable {
  /// One kind of oddity.
  public enum Kind: String, Sendable, CaseIterable {
    /// The time axis jumps by more than 2.5 typical steps.
    case gap
    /// The time goes back.
    case stepBack
    /// The time stays the same.
    case repeatedTime
    /// A value stays the same for an hour and more although it is no switch.
    case stuck
    /// A value that the truck's sensors can't have measured.
    case impossible
    /// A column of the truck that holds no number.
    case notANumber
  }

  /// One oddity and where it is.
  public struct Finding: Sendable {
    /// What it is.
    public let kind: Kind
    /// The line, from 1.
    public let line: Int
    /// The sentence.
    public let message: String
  }

  /// A column's values.
  public struct Column: Sendable {
    /// The name.
    public let name: String
    /// How many values are numbers, other texts, and empty.
    public internal(set) var numbers = 0
    /// See `numbers`.
    public internal(set) var texts = 0
    /// See `numbers`.
    public internal(set) var empty = 0
    /// The smallest number.
    public internal(set) var minimum = Double.infinity
    /// The largest number.
    public internal(set) var maximum = -Double.infinity
  }

  /// How many findings are listed; all are counted.
  public static let mostListed = 20

  /// The file.
  public let file: String
  /// Its rows, without the header.
  public internal(set) var rows = 0
  /// Its columns.
  public internal(set) var columns: [Column]
  /// How often each kind was found.
  public internal(set) var counts: [Kind: Int] = [:]
  /// The first findings.
  public internal(set) var findings: [Finding] = []
  /// What `--lenient` repaired.
  public internal(set) var repairs = RepairCounts()

  /// Whether nothing is odd.
  public var isClean: Bool { counts.isEmpty && repairs.total == 0 }

  mutating func note(_ kind: Kind, line: Int, _ message: String) {
    counts[kind, default: 0] += 1
    if findings.count < Self.mostListed { findings.append(Finding(kind: kind, line: line, message: message)) }
  }

  /// A few lines for a person.
  public var description: String {
    var lines = ["\(file): \(rows) rows"]
    for column in columns {
      let range =
        column.numbers > 0
        ? " from \(Decimals.text(column.minimum, places: 2)) to \(Decimals.text(column.maximum, places: 2))"
        : ""
      lines.append(
        "  \(column.name): \(column.numbers) numbers\(range), \(column.texts) other texts, \(column.empty) empty"
      )
    }
    for finding in findings { lines.append("\(file):\(finding.line): \(finding.message)") }
    let total = counts.values.reduce(0, +)
    if total > findings.count { lines.append("... and \(total - findings.count) more") }
    let summary = Kind.allCases.compactMap { kind in counts[kind].map { "\(kind.rawValue) \($0)" } }
    lines.append(summary.isEmpty ? "nothing odd" : "found: " + summary.joined(separator: ", "))
    if repairs.total > 0 { lines.append("repaired: \(repairs)") }
    return lines.joined(separator: "\n")
  }

  /// The report as one JSON object.
  public var json: String {
    func quoted(_ text: String) -> String {
      var bytes: [UInt8] = []
      JSONText.appendEscaped(Array(text.utf8), to: &bytes)
      return "\"" + String(decoding: bytes, as: UTF8.self) + "\""
    }
    func number(_ value: Double) -> String {
      var bytes: [UInt8] = []
      JSONText.append(value, to: &bytes)
      return value.isFinite ? String(decoding: bytes, as: UTF8.self) : "null"
    }
    let columnTexts = columns.map {
      "{\"name\":\(quoted($0.name)),\"numbers\":\($0.numbers),\"texts\":\($0.texts),\"empty\":\($0.empty),"
        + "\"min\":\(number($0.minimum)),\"max\":\(number($0.maximum))}"
    }
    let counted = Kind.allCases.map { "\"\($0.rawValue)\":\(counts[$0] ?? 0)" }
    let listed = findings.map {
      "{\"kind\":\"\($0.kind.rawValue)\",\"line\":\($0.line),\"message\":\(quoted($0.message))}"
    }
    return "{\"file\":\(quoted(file)),\"rows\":\(rows),\"columns\":[\(columnTexts.joined(separator: ","))],"
      + "\"counts\":{\(counted.joined(separator: ","))},\"findings\":[\(listed.joined(separator: ","))],"
      + "\"repairs\":\(repairs.json)}"
  }
}

/// Reads a dataset once and reports what is odd in it.
public enum DatasetCheck {
  /// What the truck's sensors can measure: a probe's range, a 12 or 24 V system, a switch.
  private static let possible: [String: ClosedRange<Double>] = [
    "temp": -80...85, "volts": 0...32, "door": 0...1,
  ]
  /// A reefer's air can't change faster, in °C per second.
  private static let fastestChange = 5.0
  /// A value that stays the same for so many rows.
  private static let stuckRows = 1200

  /// Throws `DatasetError` if the file is no dataset at all.
  public static func run(path: String, isLenient: Bool) throws(DatasetError) -> DatasetReport {
    var options = Dataset.Options()
    options.isLenient = isLenient
    let dataset = try Dataset(path: path, options: options)
    var report = DatasetReport(file: path, columns: dataset.names.map { DatasetReport.Column(name: $0) })
    var axis = TimeAxisCheck()
    var runs = [(text: [UInt8], length: Int)](repeating: ([], 0), count: dataset.names.count)
    var lastTemperature: (value: Double, time: Double)?
    while let reading = try dataset.next() {
      report.rows += 1
      var time: Double?
      if dataset.hasTimeAxis { time = axis.check(try? dataset.time(), line: reading.line, &report) }
      for index in 0..<reading.count {
        let value = check(reading, index, &report)
        checkStuck(reading, index, &runs[index], &report)
        guard dataset.names[index] == "temp", let value, let time else { continue }
        if let last = lastTemperature, time > last.time,
          abs(value - last.value) / (time - last.time) > fastestChange
        {
          report.note(
            .impossible, line: reading.line,
            "the temperature changes from \(last.value) to \(value) in \(time - last.time) s")
        }
        lastTemperature = (value, time)
      }
    }
    report.repairs = dataset.repairs
    return report
  }

  private static func check(_ reading: Reading, _ index: Int, _ report: inout DatasetReport) -> Double? {
    let name = report.columns[index].name
    guard !reading[index].isEmpty else {
      report.columns[index].empty += 1
      return nil
    }
    let isTrucks = possible[name] != nil || name == "uptime"
    guard let value = NumberText.double(reading[index]) else {
      report.columns[index].texts += 1
      if isTrucks {
        report.note(
          .notANumber, line: reading.line,
          "'\(reading.text(index).prefix(40))' in column '\(name)' is no number")
      }
      return nil
    }
    report.columns[index].numbers += 1
    report.columns[index].minimum = min(report.columns[index].minimum, value)
    report.columns[index].maximum = max(report.columns[index].maximum, value)
    if let range = possible[name], !range.contains(value) || (name == "door" && value != 0 && value != 1) {
      report.note(.impossible, line: reading.line, "\(value) in column '\(name)' can't have been measured")
    }
    return value
  }

  private static func checkStuck(
    _ reading: Reading, _ index: Int, _ run: inout (text: [UInt8], length: Int), _ report: inout DatasetReport
  ) {
    if reading[index].elementsEqual(run.text) {
      run.length += 1
    } else {
      run = (Array(reading[index]), 1)
    }
    let name = report.columns[index].name
    if run.length == stuckRows, name == "temp" || name == "volts" {
      report.note(
        .stuck, line: reading.line, "'\(reading.text(index))' in column '\(name)' for \(stuckRows) rows")
    }
  }

  private struct TimeAxisCheck {
    private var last: Double?
    private var typical = TypicalStep()

    mutating func check(_ time: Double?, line: Int, _ report: inout DatasetReport) -> Double? {
      guard let time else { return nil }
      defer { last = time }
      guard let last else { return time }
      let step = time - last
      if step < 0 {
        report.note(.stepBack, line: line, "the time goes back from \(last) to \(time)")
      } else if step == 0 {
        report.note(.repeatedTime, line: line, "the time \(time) is there twice")
      } else {
        if let usual = typical.seconds, step > 2.5 * usual {
          report.note(.gap, line: line, "a gap of \(step) s after \(last), where steps are \(usual) s")
        }
        typical.record(step)
      }
      return time
    }
  }
}
