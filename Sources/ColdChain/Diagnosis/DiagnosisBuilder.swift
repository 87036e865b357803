import Glibc

/// Weighs what all stretches of a record show; the sentences of the verdict and its evidence are in
/// `DiagnosisBuilder+Sentences.swift`.
struct DiagnosisBuilder {
  static let faults: [Cause] = [.electrical, .unitOff, .door, .heat, .warmLoad, .unexplained]
  /// The fewest temperatures, and the shortest time that they cover, s, to judge by.
  static let neededTemperatures = 5
  static let neededSeconds = 600.0
  /// The share of the record without which as much may be unknown as is known.
  private static let neededShare = 0.8
  /// A longer excursion (s) that goes further above its limit (K) comes neither from a door opening nor from a defrost.
  private static let longSeconds = 900.0
  private static let warmKelvins = 6.0
  /// How exactly the beginning of a warming is known, s.
  static let onsetTolerance = 120.0

  var result: Diagnosis
  let findings: [StretchFinding]
  let sensor: SensorSigns
  let clock: ClockStyle
  var departures: [DepartureFinding]

  init(result: Diagnosis, findings: [StretchFinding], sensor: SensorSigns, clock: ClockStyle) {
    self.result = result
    self.findings = findings
    self.sensor = sensor
    self.clock = clock
    departures = findings.flatMap { $0.departures }
    // What a stuck probe shows isn't what the box did.
    if let run = sensor.stuck?.run {
      let trust = 1 - sensor.stuckProbability * (1 - Self.warmPlateau(findings, sensor))
      for index in departures.indices {
        let span = departures[index].span
        let inside = TimeSpan(max(span.start, run.span.start), min(span.end, run.span.end)).seconds
        if inside > 0.6 * span.seconds { departures[index].harmful *= trust }
      }
    }
  }

  private static func logistic(_ value: Double) -> Double { 1 / (1 + exp(-value)) }

  mutating func build() -> Diagnosis {
    departures.sort { $0.harm * $0.fault > $1.harm * $1.fault }
    let confidences = weigh()
    leaveOutStuck()
    if !isLongEnough { withdrawOK() }
    var ranked: [RankedCause] = []
    for (cause, confidence) in confidences where confidence >= 0.01 {
      ranked.append(
        RankedCause(
          cause: cause, confidence: confidence, evidence: evidence(for: cause), against: against(cause)))
    }
    ranked.sort { ($0.confidence, $1.cause.rawValue) > ($1.confidence, $0.cause.rawValue) }
    var verdict = ranked.first?.cause ?? .notMeasured
    // Two causes that only an unmeasured figure could tell apart explain nothing.
    let fault = Self.faults.reduce(0) { $0 + (confidences[$1] ?? 0) }
    if let top = ranked.first, fault > 0.5, Self.faults.contains(top.cause), top.cause != .unexplained,
      top.confidence < 0.55 * fault
    {
      verdict = .unexplained
      let index = ranked.firstIndex { $0.cause == .unexplained }
      var entry =
        index.map { ranked.remove(at: $0) }
        ?? RankedCause(cause: .unexplained, confidence: 0, evidence: evidence(for: .unexplained), against: [])
      entry.confidence = max(entry.confidence, top.confidence)
      ranked.insert(entry, at: 0)
    }
    result.verdict = verdict
    result.causes = ranked
    result.departures = (isNeverCold ? [] : departures).filter { $0.fault > 0.2 }.prefix(20).map(departure)
    result.headline = headline(verdict)
    result.remarks = remarks()
    return result
  }

  /// Leaves out what a stuck probe reads: it doesn't count as measured, and clears no limit.
  private mutating func leaveOutStuck() {
    guard let run = sensor.stuck?.run, let span = result.span, span.seconds > 0,
      sensor.stuckProbability * (1 - Self.warmPlateau(findings, sensor)) > 0.5
    else { return }
    let seconds = max(0, (result.coverage[.temperature]?.seconds ?? 0) - run.span.seconds)
    result.coverage[.temperature]?.seconds = seconds
    result.coverage[.temperature]?.share = min(1, seconds / span.seconds)
    if seconds / span.seconds < LimitGrade.neededCoverage { withdrawOK() }
  }

  /// What was measured doesn't suffice to say that a limit was kept.
  private mutating func withdrawOK() {
    for index in result.grades.indices where result.grades[index].result == .ok {
      result.grades[index].result = .notMeasured
    }
  }

  // MARK: Weighing

  private func weigh() -> [Cause: Double] {
    guard result.coverage[.temperature]?.isMeasured == true else {
      // Only zeros and impossible values: the sensor is connected but fails.
      let failed = sensor.zeros + sensor.impossible >= 3 ? 0.9 : 0
      return [.sensor: failed, .notMeasured: 1 - failed]
    }
    let share = result.coverage[.temperature]?.share ?? 0
    if isNeverCold {
      // A truck that was never cold is odd; another logger's record simply isn't from a cold chain.
      let isTruck = result.coverage[.voltage]?.isMeasured == true
      return [.unexplained: isTruck ? 0.7 : 0, .notMeasured: isTruck ? 0.2 : 0.9]
    }
    let failed =
      result.rows < Self.neededTemperatures
      ? 0 : sensor.probability * (1 - 0.9 * Self.warmPlateau(findings, sensor))
    // If the box is still warming when the record ends, far above the held level, the trip isn't a quiet one, however
    // short the warming is so far.
    let ongoing = departures.filter { !$0.signs.isResolved && !$0.endsAtGap && !$0.signs.startsWarm }
    let open = ongoing.map { Self.logistic(($0.signs.rise - 6) / 0.7) }.max() ?? 0
    let fault = max(departures.map(\.fault).max() ?? 0, open)
    if isStillCooling, fault < 0.5 { return [.notMeasured: 0.9] }
    var masses: [Cause: Double] = [:]
    for departure in departures {
      let weight = departure.fault * departure.fault * max(departure.harm, 1)
      for cause in Self.faults { masses[cause, default: 0] += weight * (departure.posterior[cause] ?? 0) }
    }
    let total = Self.faults.reduce(0) { $0 + (masses[$1] ?? 0) }
    var confidences: [Cause: Double] = [:]
    // A sensor that jumps causes false departures.
    let real = fault * (1 - sensor.implausibleProbability)
    if total > 0 { for cause in Self.faults { confidences[cause] = real * (masses[cause] ?? 0) / total } }
    let quiet = 1 - real
    confidences[.sensor] = quiet * failed
    let rest = quiet * (1 - failed)
    let unmeasured = isLongEnough ? 1 - Self.logistic((share - Self.neededShare) / 0.03) : 1
    confidences[.notMeasured] = rest * unmeasured
    // A defrost's hump is at least about 1.5 K, or one of several.
    let hump =
      departures.filter { $0.signs.isHump }.map { departure in
        (departure.posterior[.defrost] ?? 0)
          * Self.logistic(
            (departure.signs.rise - max(1.4, 1.8 * departure.ripple)) / 0.2
              + (departure.signs.siblings >= 2 ? 1.5 : -0.5))
      }.max() ?? 0
    var harmless = rest * (1 - unmeasured)
    if longExcursion != nil {
      // No departure explains it, as when the record is faster than a box can be.
      confidences[.unexplained, default: 0] += 0.9 * harmless
      harmless *= 0.1
    }
    confidences[.defrost] = harmless * hump
    confidences[.none] = harmless * (1 - hump)
    return confidences.mapValues(Self.calibrated)
  }

  /// The longest excursion that is neither short nor slight: with one, nobody can say that nothing went wrong.
  var longExcursion: Excursion? {
    result.grades.flatMap(\.excursions).filter {
      $0.seconds > Self.longSeconds && $0.peak.value > $0.limit + Self.warmKelvins
    }.max { $0.seconds < $1.seconds }
  }

  /// Whether there are enough temperatures to judge by, over a long enough time.
  private var isLongEnough: Bool {
    result.temperature.count >= Self.neededTemperatures
      && result.coverage[.temperature]?.seconds ?? 0 >= Self.neededSeconds
  }

  /// Whether the record has no gaps that matter, but is too short to judge by.
  var isTooShort: Bool {
    !isLongEnough && result.coverage[.temperature]?.share ?? 1 >= Self.neededShare
  }

  /// Whether the record ends before the box first reached its level, as in a truck's first half hour.
  var isStillCooling: Bool {
    result.phases.last?.kind == .pullDown
      && result.phases.allSatisfy { $0.kind == .pullDown || $0.kind == .unknown }
  }

  /// Whether no stretch of the record shows a cooled box.
  var isNeverCold: Bool {
    let holds = findings.compactMap(\.hold)
    return !holds.isEmpty && holds.allSatisfy { $0.isNeverCold }
  }

  /// The likelihoods are sharper than the knowledge behind them; see docs/diagnosis.md for the calibration.
  private static func calibrated(_ probability: Double) -> Double { 0.01 + 0.97 * probability }

  /// A run of equal readings at a warm plateau is a box at rest, not a stuck probe.
  private static func warmPlateau(_ findings: [StretchFinding], _ sensor: SensorSigns) -> Double {
    guard let run = sensor.stuck?.run, let level = findings.lazy.compactMap({ $0.hold }).first?.target else {
      return 0
    }
    return sensor.zeroProbability + sensor.blankProbability > 0.3
      ? 0 : logistic((run.value - level - 6) / 0.7)
  }

  // MARK: Departures

  var worst: DepartureFinding? { departures.first { $0.fault > 0.2 } ?? departures.first }

  func worst(for cause: Cause) -> DepartureFinding? {
    departures.filter { ($0.posterior[cause] ?? 0) > 0.05 }.max {
      $0.harm * $0.fault * ($0.posterior[cause] ?? 0) < $1.harm * $1.fault * ($1.posterior[cause] ?? 0)
    } ?? worst
  }

  private func departure(_ found: DepartureFinding) -> TripDeparture {
    let best = found.posterior.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }
    let place = result.stays.filter { $0.span.start < found.peak.time && $0.span.end > found.onset.time }
      .max { ($0.rise ?? 0) < ($1.rise ?? 0) }
    return TripDeparture(
      span: found.span, rows: found.rows, isResolved: found.signs.isResolved,
      peak: Extreme(value: found.peak.celsius, time: found.peak.time), level: found.target, harm: found.harm,
      cause: best?.key ?? .unexplained, confidence: best?.value ?? 0, fit: found.signs.fit, place: place)
  }
}
