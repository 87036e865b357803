import Glibc

/// Weighs what all stretches of a record show, and writes the verdict with its evidence.
struct DiagnosisBuilder {
  private static let faults: [Cause] = [.electrical, .unitOff, .door, .heat, .warmLoad, .unexplained]
  /// The fewest temperatures, and the shortest time that they cover, s, to judge by.
  private static let neededTemperatures = 5
  private static let neededSeconds = 600.0
  /// The share of the record without which as much may be unknown as is known.
  private static let neededShare = 0.8

  var result: Diagnosis
  let findings: [StretchFinding]
  let sensor: SensorSigns
  let clock: ClockStyle
  private var departures: [DepartureFinding]

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
    for index in result.grades.indices where result.grades[index].result == .ok {
      if seconds / span.seconds < LimitGrade.neededCoverage { result.grades[index].result = .notMeasured }
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
    confidences[.defrost] = rest * (1 - unmeasured) * hump
    confidences[.none] = rest * (1 - unmeasured) * (1 - hump)
    return confidences.mapValues(Self.calibrated)
  }

  /// Whether there are enough temperatures to judge by, over a long enough time.
  private var isLongEnough: Bool {
    result.temperature.count >= Self.neededTemperatures
      && result.coverage[.temperature]?.seconds ?? 0 >= Self.neededSeconds
  }

  /// Whether the record has no gaps that matter, but is too short to judge by.
  private var isTooShort: Bool {
    !isLongEnough && result.coverage[.temperature]?.share ?? 1 >= Self.neededShare
  }

  /// Whether the record ends before the box first reached its level, as in a truck's first half hour.
  private var isStillCooling: Bool {
    result.phases.last?.kind == .pullDown
      && result.phases.allSatisfy { $0.kind == .pullDown || $0.kind == .unknown }
  }

  /// Whether no stretch of the record shows a cooled box.
  private var isNeverCold: Bool {
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

  // MARK: Sentences

  private func at(_ time: Int64) -> String {
    if case .elapsed = clock { clock.text(time) } else { "at \(clock.text(time))" }
  }

  private var worst: DepartureFinding? { departures.first { $0.fault > 0.2 } ?? departures.first }

  private func worst(for cause: Cause) -> DepartureFinding? {
    departures.filter { ($0.posterior[cause] ?? 0) > 0.05 }.max {
      $0.harm * $0.fault * ($0.posterior[cause] ?? 0) < $1.harm * $1.fault * ($1.posterior[cause] ?? 0)
    } ?? worst
  }

  private func warming(_ found: DepartureFinding) -> [Evidence] {
    var list: [Evidence] = []
    if found.signs.startsWarm { return list }
    let held = TimeSpan(found.heldSince, found.onset.time)
    list.append(
      Evidence(
        "The box was at its level of \(Words.celsius(found.target)) for \(Words.duration(held.seconds)) before it began to warm \(at(found.onset.time)) (row \(found.onset.row)).",
        measure: .temperature, span: held,
        figures: [.init("level", found.target), .init("heldSeconds", held.seconds)]))
    var text =
      "It rose from \(Words.celsius(found.onset.celsius)) to \(Words.celsius(found.peak.celsius)), its peak \(at(found.peak.time)) (row \(found.peak.row))"
    text +=
      found.signs.isResolved
      ? ", and was back at its level after \(Words.duration(found.span.seconds))."
      : found.endsAtGap ? ", and then the readings stop." : ", and wasn't back until the end of the record."
    list.append(
      Evidence(
        text, measure: .temperature, span: found.span, rows: found.rows,
        figures: [
          .init("from", found.onset.celsius), .init("peak", found.peak.celsius),
          .init("seconds", found.span.seconds),
        ]))
    return list
  }

  private func tendsTo(_ found: DepartureFinding) -> Evidence? {
    guard let fit = found.signs.fit, fit.isDetermined, fit.asymptote > found.onset.celsius + 1 else {
      return nil
    }
    return Evidence(
      "The warming approaches \(Words.celsius(fit.asymptote)) with a time constant of \(Words.duration(fit.timeConstant)) (exponential fitted to \(Words.count(fit.count, "point")), residual \(Words.number(fit.residual, 2)) K).",
      measure: .temperature, span: found.span, rows: found.rows,
      figures: [
        .init("tendsTo", fit.asymptote), .init("timeConstantSeconds", fit.timeConstant),
        .init("residual", fit.residual),
      ])
  }

  private func supplyText(_ found: DepartureFinding) -> Evidence? {
    guard let supply = found.signs.supply, let time = found.supplyTime else { return nil }
    let figures: [Evidence.Figure] = [
      .init("voltageBefore", supply.before), .init("voltageAfter", supply.after), .init("fall", supply.fall),
      .init("leadSeconds", supply.lead),
    ]
    let levels = "\(Words.number(supply.before, 2)) to \(Words.number(supply.after, 2)) V"
    guard supply.significance.magnitude > 4, supply.fall.magnitude > 0.02 else {
      return Evidence(
        "The supply voltage stayed at its working level: \(Words.number(supply.before, 2)) V before, \(Words.number(supply.after, 2)) V after.",
        measure: .voltage, span: found.span, figures: figures)
    }
    let lead =
      supply.lead.magnitude < 2
      ? "just when the temperature began to rise"
      : "\(Words.duration(supply.lead.magnitude)) \(supply.lead > 0 ? "before" : "after") the temperature began to rise"
    return Evidence(
      "The supply voltage \(supply.fall > 0 ? "fell" : "rose") from \(levels) \(at(time)) (row \(supply.row)), \(lead).",
      measure: .voltage, span: TimeSpan(min(time, found.onset.time), max(time, found.onset.time)),
      rows: min(supply.row, found.onset.row)...max(supply.row, found.onset.row), figures: figures)
  }

  private func doorText(_ found: DepartureFinding) -> Evidence? {
    guard let share = found.signs.doorShare else { return nil }
    if found.signs.longestOpening <= 0 {
      return Evidence("The door was closed while the box warmed.", measure: .door, span: found.span)
    }
    return Evidence(
      "The door was open for up to \(Words.duration(found.signs.longestOpening)) at a time while the box warmed; \(Words.percent(share)) of the rise fell into openings.",
      measure: .door, span: found.span,
      figures: [.init("longestOpeningSeconds", found.signs.longestOpening), .init("shareOfRise", share)])
  }

  private func outsideText(_ found: DepartureFinding) -> Evidence? {
    guard let ambient = found.signs.ambientAtPeak else { return nil }
    var text = "It was \(Words.celsius(ambient)) outside at the warmest moment"
    if let correlation = found.signs.ambientCorrelation, found.signs.minutes > 60 {
      text +=
        correlation > 0.6
        ? ", and the box followed the outside temperature (correlation \(Words.number(correlation, 2)))"
        : ", but the box didn't follow the outside temperature (correlation \(Words.number(correlation, 2)))"
    }
    return Evidence(text + ".", measure: .ambient, span: found.span, figures: [.init("ambient", ambient)])
  }

  private func evidence(for cause: Cause) -> [Evidence] {
    switch cause {
    case .none, .defrost: return quietEvidence(cause)
    case .sensor: return sensorEvidence()
    case .notMeasured where isStillCooling: return coolingEvidence()
    case .notMeasured: return coverageEvidence()
    default: break
    }
    if isNeverCold, let least = result.temperature.minimum { return [neverCold(least.value)] }
    guard let found = worst(for: cause) else { return [] }
    let signs = found.signs
    var list: [Evidence?] = []
    switch cause {
    case .electrical:
      if signs.supply?.fall ?? 0 > 0 { list.append(supplyText(found)) }
      list += warming(found)
      list.append(tendsTo(found))
      if signs.longestOpening == 0 { list.append(doorText(found)) }
    case .unitOff:
      list += warming(found)
      list.append(tendsTo(found))
      if let supply = signs.supply {
        if supply.isEngineOff {
          list.append(
            Evidence(
              "The supply went from \(Words.number(supply.before, 1)) V of a running alternator to \(Words.number(supply.after, 1)) V of a battery at rest: the engine was switched off.",
              measure: .voltage, span: found.span))
        } else if supply.fall < 0.035 * supply.system || supply.significance < 4 {
          list.append(supplyText(found))
        }
      }
      if signs.longestOpening == 0 { list.append(doorText(found)) }
    case .door:
      list.append(doorText(found))
      list += warming(found)
      if let stay = result.stays.filter({ $0.doorSeconds > 0 }).max(by: { $0.rise ?? 0 < $1.rise ?? 0 }) {
        list.append(placeText(stay))
      }
    case .heat:
      if signs.startsWarm {
        list.append(
          Evidence(
            "The box came down to \(Words.celsius(found.onset.celsius - signs.pulledDown * (found.onset.celsius - found.target))) and stayed there, \(Words.number(max(0, (1 - signs.pulledDown) * (found.onset.celsius - found.target)))) K above \(Words.celsius(found.target)).",
            measure: .temperature, span: found.span, rows: found.rows))
      } else {
        list += warming(found)
        if let rate = signs.firstRate, rate > 0 {
          list.append(
            Evidence(
              "It rose slowly, by \(Words.number(rate * 60)) K an hour at first: the unit went on cooling, with too little power.",
              measure: .temperature, span: found.span, figures: [.init("kelvinPerHour", rate * 60)]))
        }
      }
      list.append(tendsTo(found))
      list.append(outsideText(found))
      if let ambient = signs.ambientAtPeak, ambient < 30 {
        list.append(
          Evidence(
            "At \(Words.celsius(ambient)) outside a sound unit holds its set point: this unit is weak (refrigerant, belt, condenser, door seal).",
            measure: .ambient))
      }
    case .warmLoad:
      list.append(
        Evidence(
          "The record begins at \(Words.celsius(found.onset.celsius)), and it took \(Words.duration(found.span.seconds)) \(signs.isResolved ? "to reach" : "without reaching") \(Words.celsius(found.target)): an empty, pre-cooled box takes less than an hour.",
          measure: .temperature, span: found.span, rows: found.rows,
          figures: [.init("start", found.onset.celsius), .init("seconds", found.span.seconds)]))
    default:
      list += warming(found)
      list.append(tendsTo(found))
      list.append(supplyText(found))
      list.append(doorText(found))
      list.append(outsideText(found))
    }
    return list.compactMap { $0 }
  }

  private func placeText(_ stay: StayPoint) -> Evidence {
    Evidence(
      "Most degrees were lost at \(Words.number(stay.latitude, 4)), \(Words.number(stay.longitude, 4)) (\(stay.kind.rawValue), \(Words.duration(stay.span.seconds))\(stay.rise.map { ", \(Words.number($0)) K" } ?? "")).",
      measure: .position, span: stay.span,
      figures: [.init("latitude", stay.latitude), .init("longitude", stay.longitude)])
  }

  private func quietEvidence(_ cause: Cause) -> [Evidence] {
    var list: [Evidence] = []
    if let level = result.heldLevel, let greatest = result.temperature.maximum {
      list.append(
        Evidence(
          "The box held \(Words.celsius(level)); the warmest reading was \(Words.celsius(greatest.value)) \(at(greatest.time)).",
          measure: .temperature, figures: [.init("level", level), .init("maximum", greatest.value)]))
    }
    if let share = result.coverage[.temperature]?.share {
      list.append(
        Evidence("\(Words.percent(share)) of the record has a temperature.", measure: .temperature))
    }
    let humps = departures.filter { $0.signs.isHump && ($0.posterior[.defrost] ?? 0) > 0.5 }
    if cause == .defrost, let highest = humps.map(\.signs.rise).max() {
      list.insert(
        Evidence(
          "\(Words.count(humps.count, "short rise")) of at most \(Words.number(highest)) K with the door closed and the supply steady, \(humps.count > 2 ? "at regular distances, " : "")each gone by itself within \(Words.duration((humps.map(\.signs.minutes).max() ?? 0) * 60)).",
          measure: .temperature, figures: [.init("humps", Double(humps.count)), .init("rise", highest)]),
        at: 0)
    }
    return list
  }

  private func coolingEvidence() -> [Evidence] {
    guard
      let (least, greatest) = result.temperature.minimum.flatMap({ least in
        result.temperature.maximum.map { (least, $0) }
      })
    else { return [] }
    return [
      Evidence(
        "The temperature fell from \(Words.celsius(greatest.value)) \(at(greatest.time)) to \(Words.celsius(least.value)) \(at(least.time)), and hadn't settled at a level yet.",
        measure: .temperature, figures: [.init("maximum", greatest.value), .init("minimum", least.value)])
    ]
  }

  private func sensorEvidence() -> [Evidence] {
    var list: [Evidence] = []
    if let (run, _) = sensor.stuck, sensor.stuckProbability > 0.2 {
      list.append(
        Evidence(
          "The temperature reads exactly \(Words.number(run.value, 2)) °C for \(Words.duration(run.span.seconds)) (rows \(run.firstRow)–\(run.lastRow))\(run.count + 5 < result.temperature.count ? "; otherwise it changes all the time" : ", and never anything else").",
          measure: .temperature, span: run.span, rows: run.firstRow...max(run.firstRow, run.lastRow),
          figures: [.init("value", run.value), .init("seconds", run.span.seconds)]))
    }
    if sensor.zeros > 0 {
      list.append(
        Evidence(
          "\(Words.count(sensor.zeros, "reading")) of exactly 0.00 °C without any transition: the probe isn't connected.",
          measure: .temperature, span: sensor.zeroSpan, rows: sensor.zeroRows,
          figures: [.init("readings", Double(sensor.zeros))]))
    }
    if sensor.impossible > 0 {
      list.append(
        Evidence(
          "\(Words.count(sensor.impossible, "reading")) outside the range that is possible in a box.",
          measure: .temperature,
          figures: [.init("readings", Double(sensor.impossible))]))
    }
    if sensor.jumps > 0 {
      list.append(
        Evidence(
          "The temperature jumped by more than 8 K within half a minute \(sensor.jumps == 1 ? "once" : "\(sensor.jumps) times").",
          measure: .temperature, figures: [.init("jumps", Double(sensor.jumps))]))
    }
    if sensor.blank > 0.05 {
      list.append(
        Evidence(
          "For \(Words.percent(sensor.blank)) of the time, rows had no temperature while other values were present.",
          measure: .temperature, figures: [.init("share", sensor.blank)]))
    }
    return list
  }

  private func neverCold(_ least: Double) -> Evidence {
    Evidence(
      "The record never shows a cooled box: the coldest reading is \(Words.celsius(least)).",
      measure: .temperature,
      figures: [.init("minimum", least)])
  }

  private func coverageEvidence() -> [Evidence] {
    if isNeverCold, let least = result.temperature.minimum {
      return [neverCold(least.value)]
    }
    guard let coverage = result.coverage[.temperature], coverage.isMeasured else {
      return [Evidence("The temperature wasn't measured.", measure: .temperature)]
    }
    guard let share = coverage.share else {
      return [
        Evidence(
          "There is \(Words.count(coverage.count, "temperature")), which is too little to judge a period of time.",
          measure: .temperature)
      ]
    }
    guard !isTooShort else {
      return [
        Evidence(
          "A diagnosis needs at least \(Self.neededTemperatures) temperatures over \(Words.duration(Self.neededSeconds)).",
          measure: .temperature)
      ]
    }
    var list = [
      Evidence(
        "Only \(Words.percent(share)) of the record has a temperature (\(Words.count(coverage.count, "reading"))): what happened in between isn't known.",
        measure: .temperature, figures: [.init("share", share)])
    ]
    if let gap = coverage.gaps.max(by: { $0.seconds < $1.seconds }) {
      list.append(
        Evidence(
          "The longest gap is \(Words.duration(gap.seconds)), from \(clock.text(gap.start)).",
          measure: .temperature,
          span: gap))
    }
    return list
  }

  private func against(_ cause: Cause) -> [Evidence] {
    var list: [Evidence] = []
    func missing(_ measure: Measure, _ text: String) {
      if result.coverage[measure]?.isMeasured != true { list.append(Evidence(text, measure: measure)) }
    }
    guard let found = worst(for: cause), Self.faults.contains(cause) else {
      if cause == .none || cause == .defrost {
        missing(.door, "The door wasn't measured.")
        missing(.voltage, "The supply voltage wasn't measured.")
      }
      return list
    }
    let signs = found.signs
    switch cause {
    case .electrical:
      missing(
        .voltage,
        "The supply voltage wasn't measured, so another reason for the unit's stop can't be excluded."
      )
      if let supply = signs.supply {
        if supply.fall <= 0.02 || supply.significance < 4, let text = supplyText(found) { list.append(text) }
        if supply.lead < -120, supply.fall > 0 {
          list.append(Evidence("The temperature began to rise before the voltage fell.", measure: .voltage))
        }
        if supply.sustained < 0.6, supply.fall > 0.02 {
          list.append(Evidence("The voltage came back while the box went on warming.", measure: .voltage))
        }
      }
      if signs.longestOpening > 120, let text = doorText(found) { list.append(text) }
    case .unitOff:
      missing(.voltage, "The supply voltage wasn't measured, so a failing supply isn't excluded.")
      if let supply = signs.supply, supply.fall > 0.035, supply.significance > 4, let text = supplyText(found)
      {
        list.append(text)
      }
      if signs.longestOpening > 120, let text = doorText(found) { list.append(text) }
      if signs.isResolved { list.append(Evidence("The box came back by itself.", measure: .temperature)) }
    case .door:
      missing(.door, "The door wasn't measured.")
      if signs.doorShare ?? 1 < 0.5, let text = doorText(found) { list.append(text) }
    case .heat:
      missing(
        .ambient,
        "The outside temperature wasn't measured, so a hot day can't be distinguished from a weak unit.")
      if let correlation = signs.ambientCorrelation, correlation < 0.3, let text = outsideText(found) {
        list.append(text)
      }
      if signs.longestOpening > 300, let text = doorText(found) { list.append(text) }
    case .warmLoad:
      if found.isAssumed {
        list.append(
          Evidence(
            "The set point isn't known; \(Words.celsius(found.target)) was assumed.", measure: .temperature))
      }
    default: break
    }
    return list
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

  private func headline(_ verdict: Cause) -> String {
    let share = result.coverage[.temperature]?.share
    let measured = share.map { " \(Words.percent($0)) of the record was measured." } ?? ""
    switch verdict {
    case .none:
      return
        "Nothing went wrong where it was measured: the box held \(Words.celsius(result.heldLevel ?? .nan)).\(measured)"
    case .defrost:
      return
        "Only defrosts: short rises that are harmless, from a level of \(Words.celsius(result.heldLevel ?? .nan)).\(measured)"
    case .notMeasured where isNeverCold:
      return "The record never shows a cooled box, so nothing can be said about a cold load.\(measured)"
    case .unexplained where isNeverCold:
      return "The box was never cold, and the record doesn't say why.\(measured)"
    case .notMeasured where isStillCooling:
      return "The box was still cooling down when the record ends; nothing can be said about a cold load yet."
    case .notMeasured where result.coverage[.temperature]?.isMeasured != true:
      return "The temperature wasn't measured, so nothing can be said about the load."
    case .notMeasured where isTooShort:
      let seconds = result.coverage[.temperature]?.seconds ?? 0
      return
        "The record is too short to say anything about the load: \(Words.count(result.temperature.count, "temperature")) over \(Words.duration(seconds))."
    case .notMeasured: return "Too little was measured to say anything about the load.\(measured)"
    case .sensor: return "The temperature sensor failed; what the load went through isn't known.\(measured)"
    default: break
    }
    guard let found = worst(for: verdict) else { return verdict.title }
    let what =
      found.signs.startsWarm
      ? "The box was warm from the start, at \(Words.celsius(found.onset.celsius))"
      : "The box warmed from \(Words.celsius(found.onset.celsius)) to \(Words.celsius(found.peak.celsius)), starting \(at(found.onset.time))"
    let why: String
    switch verdict {
    case .electrical: why = "because the supply voltage fell and the unit stopped"
    case .unitOff: why = "because the unit stopped cooling"
    case .door: why = "because the door was open for \(Words.duration(found.signs.longestOpening))"
    case .heat: why = "because the unit couldn't keep up with the heat"
    case .warmLoad: why = "because the product was loaded warm"
    default: why = "and the record doesn't say why"
    }
    return "\(what), \(why).\(measured)"
  }

  private func remarks() -> [String] {
    var list: [String] = []
    if result.stepsBack > 0 {
      list.append(
        "\(Words.count(result.stepsBack, "row")) go back in time and were left out; sort the record.")
    }
    if result.restarts > 0 {
      list.append(
        "The times start again \(result.restarts == 1 ? "once" : "\(result.restarts) times"): several runs in one record, read one after the other."
      )
    }
    if result.sameTimes > 0, result.sameTimes * 10 > result.rows {
      list.append(
        "\(Words.count(result.sameTimes, "row")) have the same time as the previous row: two runs may be mixed."
      )
    }
    if let found = worst, found.isAssumed {
      list.append(
        "The set point isn't known; \(Words.celsius(found.target)) was assumed. Give it with --set-point.")
    }
    // What the verdict's evidence already says isn't repeated.
    let told = Set(result.causes.first?.against.compactMap(\.measure) ?? [])
    for measure in [Measure.voltage, .door]
    where result.coverage[measure]?.isMeasured != true && !told.contains(measure) {
      list.append("The \(measure.title) wasn't measured.")
    }
    if result.crankDips > 0 {
      list.append(
        "\(Words.count(result.crankDips, "dip")) of the voltage that lasted seconds: starts of the engine, harmless."
      )
    }
    return list
  }
}
