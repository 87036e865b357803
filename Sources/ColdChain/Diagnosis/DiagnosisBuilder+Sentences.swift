/// What a diagnosis says: evidence for and against each cause, the headline, and remarks.
extension DiagnosisBuilder {
  private func at(_ time: Int64) -> String {
    if case .elapsed = clock { clock.text(time) } else { "at \(clock.text(time))" }
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
    // Where the warming began isn't known to the second, so a voltage that seems to fall a little later supports the cause, too.
    let lead =
      (-Self.onsetTolerance..<2).contains(supply.lead)
      ? "at about the moment when the temperature began to rise"
      : "\(Words.duration(supply.lead.magnitude)) \(supply.lead > 0 ? "before" : "after") the temperature began to rise"
    return Evidence(
      "The supply voltage \(supply.fall > 0 ? "fell" : "rose") from \(levels) \(at(time)) (row \(supply.row)), \(lead).",
      measure: .voltage, span: TimeSpan(min(time, found.onset.time), max(time, found.onset.time)),
      rows: min(supply.row, found.onset.row)...max(supply.row, found.onset.row), figures: figures)
  }

  /// The longest opening while the box warmed, seconds. The weighing knows the door at points that are some time apart; the
  /// statistics know each row.
  private func longestOpening(_ found: DepartureFinding) -> Double {
    let coarse = found.signs.longestOpening
    guard coarse > 0, let door = result.door else { return coarse }
    // Not all openings are listed; the longest is known.
    let exact = (door.openings + [door.longest].compactMap { $0 }).filter {
      ($0.end ?? $0.lastTime) >= found.onset.time && $0.start <= found.peak.time
    }.map(\.seconds).max()
    return exact ?? min(coarse, door.longest?.seconds ?? coarse)
  }

  private func doorText(_ found: DepartureFinding) -> Evidence? {
    guard let share = found.signs.doorShare else { return nil }
    if found.signs.longestOpening <= 0 {
      return Evidence("The door was closed while the box warmed.", measure: .door, span: found.span)
    }
    return Evidence(
      "The door was open for up to \(Words.duration(longestOpening(found))) at a time while the box warmed; \(Words.percent(share)) of the rise fell into openings.",
      measure: .door, span: found.span,
      figures: [.init("longestOpeningSeconds", longestOpening(found)), .init("shareOfRise", share)])
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

  func evidence(for cause: Cause) -> [Evidence] {
    switch cause {
    case .none, .defrost: return quietEvidence(cause)
    case .sensor: return sensorEvidence()
    case .notMeasured where isStillCooling: return coolingEvidence()
    case .notMeasured: return coverageEvidence()
    default: break
    }
    if isNeverCold, let least = result.temperature.minimum { return [neverCold(least.value)] }
    if let excursion = excursionAlone(cause) {
      let span = TimeSpan(excursion.start, excursion.end ?? excursion.lastTime)
      return [
        Evidence("\(Self.text(of: excursion)).", measure: .temperature, span: span, rows: excursion.rows)
      ]
    }
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

  /// The excursion that is all that is known of an unexplained warming.
  private func excursionAlone(_ cause: Cause) -> Excursion? {
    cause == .unexplained && !departures.contains { $0.fault > 0.5 } ? longExcursion : nil
  }

  private static func text(of excursion: Excursion) -> String {
    "The box was above \(Words.celsius(excursion.limit)) for \(Words.duration(excursion.seconds)), up to \(Words.celsius(excursion.peak.value))"
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
    if sensor.blank > 0.05, result.rows >= Self.neededTemperatures {
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

  func against(_ cause: Cause) -> [Evidence] {
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
        if supply.lead < -Self.onsetTolerance, supply.fall > 0 {
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

  func headline(_ verdict: Cause) -> String {
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
    if let excursion = excursionAlone(verdict) {
      return "\(Self.text(of: excursion)), and the record doesn't say why.\(measured)"
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
    case .door: why = "because the door was open for \(Words.duration(longestOpening(found)))"
    case .heat: why = "because the unit couldn't keep up with the heat"
    case .warmLoad: why = "because the product was loaded warm"
    default: why = "and the record doesn't say why"
    }
    return "\(what), \(why).\(measured)"
  }

  func remarks() -> [String] {
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
