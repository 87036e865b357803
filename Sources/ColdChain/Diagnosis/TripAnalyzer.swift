import Glibc
import Numbers

/// Reads a record row by row, in constant memory, and says what happened.
///
///     var analyzer = TripAnalyzer()
///     for observation in record { analyzer.add(observation) }
///     let diagnosis = analyzer.finish()
///
/// Statistics, excursions, door and coverage are sums over the whole record. For phases and causes, the record is split
/// into stretches of at most two days, each kept as a bounded number of bins; a stretch is analysed when it ends.
public struct TripAnalyzer: Sendable {
  /// What to grade by, and how to write times.
  public struct Options: Sendable {
    /// The profile whose limits the load is graded by.
    public var profile = CargoProfile.quickFrozen
    /// What the thermostat is set to, Celsius; nil infers it from the record.
    public var setPoint: Double?
    /// How times are written; nil writes the time since the start.
    public var clock: ClockStyle?

    /// Quick-frozen food, an inferred set point, times since the start.
    public init() {}
  }

  static let stretch: Int64 = 172_800_000_000_000
  static let context: Int64 = 10_800_000_000_000
  static let journeyGap: Int64 = 21_600_000_000_000
  static let keptDepartures = 64

  let options: Options
  private var result = Diagnosis()
  private var first: Int64?
  private var last: Int64 = 0
  private var lastRow = 0
  private var rowMeter = MeasureMeter()
  private var meters: [MeasureMeter] = Array(repeating: MeasureMeter(), count: Measure.allCases.count)
  private var temperature = SeriesStatistics(kinetic: true)
  private var voltage = SeriesStatistics()
  private var ambient = SeriesStatistics()
  private var detectors: [ExcursionDetector]
  private var thaw = ThawCounter()
  private var door = DoorRecorder()
  private var run = RunMeter()
  private var stays = StayFinder()
  private var sensor = SensorSigns()
  private var cycles = CycleMeter()
  private var series: BinnedSeries?
  private var continues = false
  private var findings: [StretchFinding] = []
  private var stretches = 0
  private var lastCelsius: (value: Double, time: Int64)?
  private var inZeros = false
  private var slowVoltage: Double?
  private var dipSince: Int64?
  /// The number of voltages in each hundredth of a volt.
  private var levels = [Int](repeating: 0, count: 6000)

  /// An analyzer that hasn't seen a row.
  public init(_ options: Options = Options()) {
    self.options = options
    detectors = options.profile.limits.map { ExcursionDetector($0) }
  }

  /// Notes that the record's clock or its uptime started again; the caller has moved the times after the earlier ones.
  public mutating func noteRestart() { result.restarts += 1 }

  /// Takes the next row. Rows whose time steps back are counted and left out.
  public mutating func add(_ observation: Observation) {
    result.rows += 1
    if first == nil {
      first = observation.time
    } else if observation.time < last {
      result.stepsBack += 1
      return
    } else if observation.time == last {
      result.sameTimes += 1
    }
    let step = lastRow == 0 ? 0 : observation.time.saturatingSubtract(last)
    last = observation.time
    lastRow = max(lastRow, observation.row)
    _ = rowMeter.add(at: observation.time)

    var observation = observation
    addTemperature(&observation)
    addVoltage(&observation)
    addOthers(&observation)
    if step > Self.journeyGap { endStretch(continues: false) }
    if let series, observation.time.saturatingSubtract(series.origin) > Self.stretch {
      endStretch(continues: true)
    }
    if series == nil { series = BinnedSeries(origin: observation.time, width: 1_000_000_000) }
    series?.add(observation)
  }

  private static func place(_ measure: Measure) -> Int {
    switch measure {
    case .temperature: 0
    case .voltage: 1
    case .door: 2
    case .ambient: 3
    case .position: 4
    }
  }

  private mutating func addTemperature(_ observation: inout Observation) {
    let time = observation.time
    guard let value = observation.temperature, isPlausible(value, at: time, observation.row) else {
      if observation.temperature == nil { meters[0].missed() }
      observation.temperature = nil
      return
    }
    let held = meters[0].add(at: time)
    let isFirst = temperature.count == 0
    if !isFirst, held == nil {
      run.interrupt()
      cycles.interrupt()
    }
    temperature.add(value, at: time, held: isFirst ? nil : held, fallback: isFirst ? 0 : meters[0].typical)
    for index in detectors.indices { detectors[index].add(value, at: time, row: observation.row, held: held) }
    thaw.add(value)
    run.add(value, time, observation.row)
    if value < (temperature.minimum?.value ?? value) + 6 {
      cycles.add(value, at: time)
    } else {
      cycles.interrupt()
    }
    lastCelsius = (value, time)
  }

  /// Accepts values inside the −80 to +85 °C of recorders (EN 12830), with a margin, and counts as jumps the changes by
  /// more than 8 K within half a minute, which a box doesn't make.
  private mutating func isPlausible(_ value: Double, at time: Int64, _ row: Int) -> Bool {
    guard value.isFinite, value > -70, value < 84 else {
      sensor.impossible += 1
      meters[0].wasImpossible()
      return false
    }
    // A disconnected probe often reads exactly 0.00.
    if value == 0, inZeros || lastCelsius.map({ $0.value.magnitude > 3 }) ?? true {
      inZeros = true
      sensor.zeros += 1
      sensor.zeroSpan = TimeSpan(sensor.zeroSpan?.start ?? time, time)
      sensor.zeroRows = (sensor.zeroRows?.lowerBound ?? row)...max(sensor.zeroRows?.lowerBound ?? row, row)
      meters[0].wasImpossible()
      return false
    }
    inZeros = false
    if let lastCelsius, (value - lastCelsius.value).magnitude > 8,
      TimeSpan(lastCelsius.time, time).seconds <= 30
    {
      sensor.jumps += 1
      meters[0].jumped()
    }
    return true
  }

  private mutating func addVoltage(_ observation: inout Observation) {
    guard let value = observation.voltage else {
      meters[1].missed()
      return
    }
    guard value.isFinite, value > 1, value < 60 else {
      meters[1].wasImpossible()
      observation.voltage = nil
      return
    }
    let held = meters[1].add(at: observation.time)
    voltage.add(value, at: observation.time, held: held, fallback: voltage.count == 0 ? 0 : meters[1].typical)
    // Starting the engine pulls the voltage down by more than a volt for seconds.
    let slow = slowVoltage ?? value
    if value < slow - 1, value < 0.9 * slow {
      dipSince = dipSince ?? observation.time
    } else {
      if let dipSince, TimeSpan(dipSince, observation.time).seconds <= 20 { result.crankDips += 1 }
      dipSince = nil
    }
    slowVoltage = slow + (value - slow) * 0.02
    levels[Int(saturated: (value * 100).rounded()).clamped(to: 0...(levels.count - 1))] += 1
  }

  private mutating func addOthers(_ observation: inout Observation) {
    let time = observation.time
    if observation.isDoorOpen != nil {
      let held = meters[2].add(at: time)
      door.add(observation, afterGap: held == nil && meters[2].coverage.count > 1)
    } else {
      meters[2].missed()
    }
    if let value = observation.ambient, value.isFinite, value > -70, value < 84 {
      let held = meters[3].add(at: time)
      ambient.add(value, at: time, held: held, fallback: ambient.count == 0 ? 0 : meters[3].typical)
    } else {
      if observation.ambient != nil { meters[3].wasImpossible() } else { meters[3].missed() }
      observation.ambient = nil
    }
    if observation.latitude != nil, observation.longitude != nil {
      _ = meters[4].add(at: time)
      stays.add(observation, gapLimit: rowMeter.limit)
    } else {
      meters[4].missed()
    }
  }

  private mutating func endStretch(continues next: Bool) {
    guard let series else { return }
    let limit = meters[0].limit.isFinite ? meters[0].limit : 900
    let finding = StretchFinding(series, continues: continues, setPoint: options.setPoint, gapLimit: limit)
    keep(finding)
    self.series = next ? series.tail(Self.context) : nil
    continues = next
  }

  /// Keeps what matters of a stretch, because a long record has many stretches.
  private mutating func keep(_ finding: StretchFinding) {
    stretches += 1
    findings.append(finding)
    guard findings.count > 16 else { return }
    let kept = findings.flatMap { $0.departures }.sorted { $0.harm * $0.fault > $1.harm * $1.fault }
      .prefix(Self.keptDepartures)
    // The phases of the first stretches stay; those of a long record would be too many to read.
    var merged = findings[0]
    merged.departures = kept.sorted { $0.span.start < $1.span.start }
    if merged.hold == nil { merged.hold = findings.lazy.compactMap { $0.hold }.first }
    merged.phases = Array(findings.flatMap { $0.phases }.prefix(200))
    findings = [merged]
  }

  /// Ends the record.
  public mutating func finish() -> Diagnosis {
    endStretch(continues: false)
    guard let first else {
      result.headline = "There are no readings."
      result.causes = [
        RankedCause(
          cause: .notMeasured, confidence: 1, evidence: [Evidence("The record has no rows.")], against: [])
      ]
      return result
    }
    let span = TimeSpan(first, last)
    result.span = span
    result.rowCoverage = rowMeter.finish(span).share
    for measure in Measure.allCases {
      result.coverage[measure] = meters[Self.place(measure)].finish(span)
    }
    temperature.finish(step: meters[0].coverage.step)
    voltage.finish(step: meters[1].coverage.step)
    ambient.finish(step: meters[3].coverage.step)
    result.temperature = temperature
    result.voltage = voltage
    result.ambient = ambient
    result.profile = options.profile
    result.thaws = thaw.thaws
    result.thawCycles = thaw.cycles
    if meters[2].coverage.isMeasured { result.door = door.finish() }
    result.stays = stays.finish()
    sensor.readings = meters[0].coverage.count
    sensor.stuck = run.evidence()
    let share = result.coverage[.temperature]?.share ?? 0
    sensor.blank = max(0, (result.rowCoverage ?? 0) - share)
    gradeLimits(share)
    result.phases = findings.flatMap { $0.phases }
    fillSigns()
    var builder = DiagnosisBuilder(
      result: result, findings: findings, sensor: sensor,
      clock: (options.clock ?? .elapsed(since: first)).dated(over: result.span))
    return builder.build()
  }

  private mutating func gradeLimits(_ share: Double) {
    result.grades = detectors.indices.map { index in
      detectors[index].finish()
      let detector = detectors[index]
      let outcome: LimitGrade.Result =
        detector.count > 0 ? .exceeded : share >= LimitGrade.neededCoverage ? .ok : .notMeasured
      return LimitGrade(
        limit: detector.limit, result: outcome, excursions: detector.events, approach: detector.approach,
        count: detector.count,
        seconds: detector.seconds, degreeMinutes: detector.degreeMinutes)
    }
  }

  private mutating func fillSigns() {
    guard let hold = findings.lazy.compactMap({ $0.hold }).first else { return }
    result.heldLevel = hold.celsius
    var signs = UnitSigns()
    signs.dutyCycle = cycles.dutyCycle
    signs.cyclesPerHour = cycles.cyclesPerHour
    if let setPoint = options.setPoint { signs.holdMargin = hold.celsius - setPoint }
    signs.ambient = ambient.timeWeightedMean
    let departures = findings.flatMap { $0.departures }
    if let pull = departures.first(where: { $0.signs.startsWarm }), let first {
      let drop = pull.onset.celsius - pull.target
      if pull.signs.isResolved {
        result.pullDownSeconds = TimeSpan(first, pull.span.end).seconds
        if drop > 3 { signs.pullDown = pull.span.seconds / 60 / drop * 10 }
      }
    }
    // The level below which a tenth of the readings lie: fans and compressor running.
    var rest = levels.reduce(0, +) / 10
    for (level, count) in levels.enumerated() where count > 0 {
      if rest < count {
        signs.workingVoltage = Double(level) / 100
        break
      }
      rest -= count
    }
    let recoveries = (result.door?.openings ?? []).compactMap { opening -> Double? in
      guard let recovery = opening.recovery, let rise = opening.rise, rise > 0.7 else { return nil }
      return recovery / 60 / rise
    }
    signs.recovery = Robust.median(recoveries)
    result.signs = signs
    let inPhases = result.phases.filter { $0.kind == .holding }.reduce(0) { $0 + $1.span.seconds }
    result.secondsAtLevel = inPhases
  }
}
