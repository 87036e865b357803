import Numbers

/// What `dataset check` looks for, in one streaming pass and constant memory.
public enum DatasetCheck {
  /// The limits of what is plausible in a freezer truck.
  public struct Limits: Sendable {
    /// A step longer than this many typical steps is a gap.
    public var gapFactor = 2.5
    /// Temperature, °C: the range of recorders by EN 12830.
    public var celsius = -80.0...85.0
    /// Supply voltage, V.
    public var volts = 0.0...32.0
    /// The steepest possible change of temperature, °C per second.
    public var slope = 5.0
    /// The same temperature for longer than so many rows, or so many seconds, is stuck.
    public var stuckRows = 600
    /// Seconds of the same temperature that count as stuck.
    public var stuckSeconds = 1800.0
    /// The most findings listed; all are counted.
    public var listedFindings = 100

    /// The defaults.
    public init() {}
  }

  /// Reads the whole of `path` leniently and reports.
  ///
  /// Throws only where nothing can be read: no file, no header, no rows, a broken record.
  public static func report(
    path: String, limits: Limits = Limits(), options: Dataset.Options = Dataset.Options()
  ) throws(DatasetError) -> DatasetReport {
    var options = options
    options.isLenient = true
    options.reservedNames = []
    let dataset = try Dataset(path: path, options: options)
    var scan = DatasetScan(dataset, limits: limits)
    while let reading = try dataset.next() { scan.take(reading) }
    return scan.finish()
  }
}

/// The state of one check.
struct DatasetScan {
  private typealias Kind = DatasetReport.Finding.Kind

  private let dataset: Dataset
  private let limits: DatasetCheck.Limits
  private var report: DatasetReport
  private let temp: Int?
  private let volts: Int?
  private let door: Int?
  private let uptime: Int?

  private var repairs: RepairCounts
  private var previousTime: Double?
  private var typical = TypicalStep()
  /// The first steps, kept until the typical one is known.
  private var earlySteps: [(line: Int, step: Double)] = []
  private var previousTemp: (celsius: Double, time: Double?)?
  private var stuck: (celsius: Double, line: Int, rows: Int, since: Double?, until: Double?)?
  private var previousRow: [UInt8] = []
  private var row: [UInt8] = []

  init(_ dataset: Dataset, limits: DatasetCheck.Limits) {
    self.dataset = dataset
    self.limits = limits
    report = DatasetReport(file: dataset.file, columns: dataset.names.map(DatasetReport.Column.init(name:)))
    temp = dataset.names.firstIndex(of: "temp")
    volts = dataset.names.firstIndex(of: "volts")
    door = dataset.names.firstIndex(of: "door")
    uptime = dataset.names.firstIndex(of: "uptime")
    repairs = RepairCounts()
    if dataset.repairs.renamedColumns > 0 {
      add(.header, 1, "\(dataset.repairs.renamedColumns) column names were empty or double")
    }
  }

  mutating func take(_ reading: Reading) {
    report.rows += 1
    checkShape(reading)
    let time = checkTime(reading)
    var celsius: Double?
    row.removeAll(keepingCapacity: true)
    for index in 0..<reading.count {
      let bytes = reading[index]
      row.append(contentsOf: bytes)
      row.append(0)
      let value = NumberText.double(bytes)
      report.columns[index].record(value, isEmpty: bytes.isEmpty)
      guard index == temp || index == volts || index == door || index == uptime else { continue }
      guard let value else {
        add(.notANumber, reading.line, "\(dataset.names[index]) is '\(shown(bytes))'")
        continue
      }
      if index == temp {
        celsius = value
        if !limits.celsius.contains(value) { add(.impossible, reading.line, "temp is \(value) °C") }
      } else if index == volts, !limits.volts.contains(value) {
        add(.impossible, reading.line, "volts is \(value) V")
      } else if index == door, value != 0 && value != 1 {
        add(.impossible, reading.line, "door is \(value), not 0 or 1")
      }
    }
    if report.rows > 1 && row == previousRow {
      add(.duplicate, reading.line, "the row equals the previous row")
    }
    swap(&row, &previousRow)
    if let celsius { checkTemperature(celsius, time, reading.line) }
  }

  mutating func finish() -> DatasetReport {
    endStuckRun()
    settleEarlySteps()
    report.typicalStep = typical.seconds
    report.findings.sort { $0.line < $1.line }
    return report
  }

  private mutating func checkShape(_ reading: Reading) {
    let present = dataset.repairs
    guard present != repairs else { return }
    if present.paddedRows > repairs.paddedRows || present.cutRows > repairs.cutRows {
      add(
        .fieldCount, reading.line,
        "the row has \(reading.fieldCount) fields, the header \(dataset.columns.count)")
    }
    if present.invalidUTF8 > repairs.invalidUTF8 { add(.encoding, reading.line, "bytes that aren't UTF-8") }
    if present.strayQuotes > repairs.strayQuotes { add(.quoting, reading.line, "a misplaced quote") }
    if present.unclosedQuotes > repairs.unclosedQuotes {
      add(.quoting, reading.line, "a quote is never closed")
    }
    repairs = present
  }

  private mutating func checkTime(_ reading: Reading) -> Double? {
    guard dataset.hasTimeAxis else { return nil }
    let time: Double
    do {
      time = try dataset.time()
    } catch {
      // The truck's own column is reported with the others.
      if uptime == nil { add(.notANumber, reading.line, error.message) }
      return nil
    }
    report.firstTime = report.firstTime ?? time
    report.lastTime = time
    if let previousTime {
      let step = time - previousTime
      if step < 0 {
        add(.stepBack, reading.line, "the time goes back by \(-step) s")
      } else if step == 0 {
        add(.sameTime, reading.line, "the same time as in the previous row")
      } else if typical.isSettled {
        checkGap(step, reading.line)
      } else {
        earlySteps.append((reading.line, step))
        typical.record(step)
        if typical.isSettled { settleEarlySteps() }
      }
    }
    previousTime = time
    return time
  }

  private mutating func checkGap(_ step: Double, _ line: Int) {
    guard let usual = typical.seconds, step > limits.gapFactor * usual else { return }
    add(.gap, line, "\(step) s after the previous row; usually \(usual) s")
  }

  private mutating func settleEarlySteps() {
    for (line, step) in earlySteps { checkGap(step, line) }
    earlySteps = []
  }

  private mutating func checkTemperature(_ celsius: Double, _ time: Double?, _ line: Int) {
    if let previous = previousTemp, let now = time, let then = previous.time, now > then {
      let slope = (celsius - previous.celsius) / (now - then)
      if slope.magnitude > limits.slope {
        add(
          .impossible, line, "temp changes from \(previous.celsius) to \(celsius) °C within \(now - then) s")
      }
    }
    previousTemp = (celsius, time)
    if var run = stuck, run.celsius == celsius {
      run.rows += 1
      run.until = time ?? run.until
      stuck = run
    } else {
      endStuckRun()
      stuck = (celsius, line, 1, time, time)
    }
  }

  private mutating func endStuckRun() {
    guard let run = stuck else { return }
    let seconds = (run.until ?? 0) - (run.since ?? 0)
    guard run.rows > limits.stuckRows || (run.rows > 2 && seconds > limits.stuckSeconds) else { return }
    add(.stuck, run.line, "temp stays at \(run.celsius) °C for \(run.rows) rows from here on")
  }

  private mutating func add(_ kind: DatasetReport.Finding.Kind, _ line: Int, _ text: String) {
    report.counts[kind.rawValue, default: 0] += 1
    guard report.findings.count < limits.listedFindings else { return }
    report.findings.append(DatasetReport.Finding(kind: kind, line: line, text: text))
  }

  private func shown(_ bytes: UnsafeRawBufferPointer) -> String {
    String(String(decoding: bytes.prefix(160), as: UTF8.self).prefix(40))
  }
}
