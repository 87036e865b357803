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
  var isAssumed: Bool
  var isReached: Bool
  var endsAtGap: Bool
  /// When the supply changed, ns.
  var supplyTime: Int64?
  /// When the held level was reached before it, ns.
  var heldSince: Int64

  /// How likely it is a fault's.
  var fault: Double { harmful * (1 - (posterior[.defrost] ?? 0)) }
}

/// What one stretch of a record says.
struct StretchFinding: Sendable {
  var span: TimeSpan
  var hold: HoldLevel?
  var departures: [DepartureFinding] = []
  var phases: [TripPhase] = []

  /// Looks at a stretch; `gapLimit` is the longest step that isn't a gap, s.
  init(_ fine: BinnedSeries, continues: Bool, setPoint: Double?, gapLimit: Double) {
    let series = TripSeries(fine, continues: continues)
    span = TimeSpan(series.origin, series.time(series.length))
    guard let hold = HoldLevel(series, setPoint: setPoint) else { return }
    self.hold = hold
    // A few blank minutes don't hide what happened.
    let limit = max(900, gapLimit, 3 * series.width)
    phases = TripPhase.find(in: series, hold, gapLimit: limit)
    let found = Departure.find(in: series, hold, gapLimit: limit)
    var signs = found.map { DepartureSigns($0, in: series, hold) }
    Self.countSiblings(&signs, found, series)
    for (departure, signs) in zip(found, signs) {
      let points = series.points
      let (onset, peak, last) = (points[departure.onset], points[departure.peak], points[departure.last])
      let half = series.width / 2
      let before = points[..<departure.onset].lastIndex { $0.celsius > hold.threshold }
      let heldFrom = before.map { index in
        points[index...].first { $0.celsius <= hold.target }?.t ?? onset.t
      }
      departures.append(
        DepartureFinding(
          signs: signs, posterior: CauseLikelihood(signs).posterior, harmful: Self.harmful(signs, departure.harm),
          harm: departure.harm, span: TimeSpan(series.time(onset.t), series.time(last.t)),
          rows: onset.firstRow...max(onset.firstRow, last.lastRow),
          onset: (series.time(onset.t), onset.lastRow, onset.celsius),
          peak: (series.time(peak.t), peak.firstRow, peak.celsius), target: hold.target,
          isAssumed: hold.isAssumed, isReached: hold.isReached, endsAtGap: departure.endsAtGap,
          supplyTime: signs.supply.map { series.time($0.t - half) },
          heldSince: series.time(min(onset.t, heldFrom ?? points[0].t))))
    }
  }

  /// Humps like one another at regular distances are a defrost's.
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
      let usual = signs.pulledDown < 0.3 ? 45.0 : 80
      return logistic(5 * log(max(0.1, signs.minutes) / usual))
    }
    var usual = 90.0
    // A short opening warms air that is cold again soon; a long one is a finding of its own.
    if signs.doorShare ?? 0 > 0.5 {
      if signs.longestOpening < 300 { usual = 220 }
      if signs.longestOpening > 600 { usual = signs.longestOpening > 900 && signs.rise > 1.5 ? 8 : 25 }
    }
    if !signs.isResolved, signs.rise > 2 { usual = 50 }
    return logistic(2.5 * log(max(0.1, harm) / usual))
  }
}
