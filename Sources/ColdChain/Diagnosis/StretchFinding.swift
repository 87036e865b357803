import Glibc

/// A departure with its figures and what explains it.
struct DepartureFinding: Sendable {
  var signs: DepartureSigns
  var posterior: [Cause: Double]
  /// How likely it harmed the load, or would if it went on.
  var harmful: Double
  /// K·min.
  var harm: Double
  var span: TimeSpan
  var rows: ClosedRange<Int>
  var onset: (time: Int64, row: Int, celsius: Double)
  var peak: (time: Int64, row: Int, celsius: Double)
  var target: Double
  var ripple: Double
  var isAssumed: Bool
  var isReached: Bool
  var endsAtGap: Bool
  /// When the supply changed, ns.
  var supplyTime: Int64?
  /// When the held level was reached before it, ns.
  var heldSince: Int64

  /// The probability that a fault caused it.
  var fault: Double { harmful * (1 - (posterior[.defrost] ?? 0)) }
}

/// What one stretch of a record shows.
struct StretchFinding: Sendable {
  var span: TimeSpan
  var hold: HoldLevel?
  var departures: [DepartureFinding] = []
  var phases: [TripPhase] = []

  /// Analyses a stretch; `gapLimit` is the longest step that isn't a gap, s.
  init(_ fine: BinnedSeries, continues: Bool, setPoint: Double?, gapLimit: Double) {
    let series = TripSeries(fine, continues: continues)
    span = TimeSpan(series.origin, series.time(series.length))
    guard let hold = HoldLevel(series, setPoint: setPoint) else { return }
    self.hold = hold
    // A few minutes without readings don't hide what happened.
    let limit = max(900, gapLimit, 3 * series.width)
    phases = TripPhase.find(in: series, hold, gapLimit: limit)
    let found = Departure.find(in: series, hold, gapLimit: limit)
    var signs = found.map { DepartureSigns($0, in: series, hold) }
    Self.countSiblings(&signs, found, series)
    for (departure, signs) in zip(found, signs) {
      let points = series.points
      let (onset, peak, last) = (points[departure.onset], points[departure.peak], points[departure.last])
      let before = points[..<departure.onset].lastIndex { $0.celsius > hold.threshold }
      let fineOnset = departure.startsWarm ? nil : Foot.find(in: fine, at: onset.t, hold)
      let begin = fineOnset ?? Foot(t: onset.t, row: onset.lastRow, celsius: onset.celsius)
      let posterior = CauseLikelihood(signs).posterior
      var signs = signs
      if let supply = signs.supply {
        let change =
          SupplyChange.find(in: fine, near: supply.t, width: series.width)
          ?? SupplyChange(t: supply.t, row: supply.row)
        signs.supply?.t = change.t
        signs.supply?.row = change.row
        signs.supply?.lead = begin.t - change.t
      }
      departures.append(
        DepartureFinding(
          signs: signs, posterior: posterior, harmful: Self.harmful(signs, departure.harm),
          harm: departure.harm, span: TimeSpan(series.time(begin.t), series.time(last.t)),
          rows: begin.row...max(begin.row, last.lastRow),
          onset: (series.time(begin.t), begin.row, begin.celsius),
          peak: (series.time(peak.t), peak.firstRow, peak.celsius), target: hold.target, ripple: hold.ripple,
          isAssumed: hold.isAssumed, isReached: hold.isReached, endsAtGap: departure.endsAtGap,
          supplyTime: signs.supply.map { series.time($0.t) },
          heldSince: series.time(
            min(begin.t, Foot.reached(in: fine, after: before.map { points[$0].t } ?? 0, hold) ?? points[0].t)
          )))
    }
  }

  /// Counts the humps, and measures how regular their intervals are: a defrost's are regular.
  private static func countSiblings(
    _ signs: inout [DepartureSigns], _ departures: [Departure], _ series: TripSeries
  ) {
    let humps = signs.indices.filter { signs[$0].isHump && signs[$0].rise > 1 }
    guard humps.count >= 2 else { return }
    let starts = humps.map { series.points[departures[$0].onset].t }
    let distances = zip(starts, starts.dropFirst()).map { $1 - $0 }
    let mean = distances.reduce(0, +) / Double(distances.count)
    let deviation =
      (distances.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(distances.count)).squareRoot()
    for index in humps {
      signs[index].siblings = humps.count
      if distances.count >= 2, mean > 0 { signs[index].irregularity = deviation / mean }
    }
  }

  private static func harmful(_ signs: DepartureSigns, _ harm: Double) -> Double {
    func logistic(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
    if signs.startsWarm {
      // An empty box comes down within about an hour; a warm load takes hours.
      let usual = signs.pulledDown < 0.3 ? 45.0 : 95
      return logistic(5 * log(max(0.1, signs.minutes) / usual))
    }
    var usual = 90.0
    // A short opening warms air that is cold again soon; a long one is a finding of its own.
    if signs.doorShare ?? 0 > 0.5 {
      if signs.longestOpening < 300 { usual = 220 }
      if signs.longestOpening > 600 { usual = signs.longestOpening > 900 && signs.rise > 1.5 ? 8 : 12 }
    }
    if !signs.isResolved, signs.rise > 2 { usual = 50 }
    return logistic(2.5 * log(max(0.1, harm) / usual))
  }
}
