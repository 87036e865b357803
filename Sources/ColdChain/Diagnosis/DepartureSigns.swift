import Glibc
import Numbers

/// The figures of a departure, which the ranking weighs. Rates are in K/min.
struct DepartureSigns: Sendable {
  var startsWarm: Bool
  var isResolved: Bool
  /// Minutes from onset to end.
  var minutes: Double
  /// The peak above the target, K.
  var rise: Double
  /// The rate of the first 15 minutes or the first kelvins, without the door's effect; nil if the door was open all the
  /// time.
  var firstRate: Double?
  /// The rate of the 30 minutes before the onset; nil if there were fewer than 10.
  var rateBefore: Double?
  /// How often the thermostat turned in the 45 minutes before; nil if less than 30 of them were measured.
  var turnsBefore: Int?
  /// The greatest rise within 5 minutes, K.
  var steepest: Double
  /// The curve that shows where the warming tends to.
  var fit: ExponentialFit?
  /// The share of the rise with the door open or closed less than 2 minutes ago; nil if it wasn't measured.
  var doorShare: Double?
  /// The share of the departure's time with the door open.
  var doorTime = 0.0
  /// The longest opening from just before the onset to the peak, s.
  var longestOpening = 0.0
  var supply: SupplySigns?
  /// The outside temperature at the peak; nil if it wasn't measured.
  var ambientAtPeak: Double?
  /// The correlation of box and outside temperature over the departure.
  var ambientCorrelation: Double?
  /// Seconds for which the level was held before it.
  var heldBefore: Double
  /// For a warm start: the share of the way to the target that the box came down, and its last rate.
  var pulledDown = 0.0
  var lastRate = 0.0
  /// How many humps the stretch has, if this departure is one (`isHump`).
  var siblings = 1
  /// The spread of the intervals between the humps, relative to their mean; nil for fewer than three humps.
  var irregularity: Double?

  init(_ departure: Departure, in series: TripSeries, _ hold: HoldLevel) {
    let points = series.points
    let onset = points[departure.onset]
    let peak = points[departure.peak]
    let last = points[departure.last]
    startsWarm = departure.startsWarm
    isResolved = departure.isResolved
    minutes = (last.t - onset.t) / 60
    rise = peak.celsius - hold.target
    let span = departure.onset...max(departure.onset, departure.peak)

    firstRate = Self.closedRate(departure, points)
    let before = series.index(at: onset.t - 1800)
    if departure.onset - before >= 3, onset.t - points[before].t >= 600 {
      let sums = PrefixSums(
        points[before..<departure.onset].map(\.t), points[before..<departure.onset].map(\.celsius))
      rateBefore = sums.slope(0, departure.onset - before) * 60
    }

    let recent = series.index(at: onset.t - 2700)
    if departure.onset > recent + 5, onset.t - points[recent].t > 1800 {
      // The steps of a coarse or noisy sensor aren't turns.
      let noise = Robust.noise(points[recent..<departure.onset].map(\.celsius))
      var meter = CycleMeter(turn: max(0.35, 4 * noise))
      for point in points[recent..<departure.onset] {
        meter.add(point.celsius, at: Int64(saturated: point.t * 1e9))
      }
      turnsBefore = meter.turns
    }

    var steep = 0.0
    var lower = departure.onset
    for index in span {
      while points[index].t - points[lower].t > 300 { lower += 1 }
      steep = max(steep, points[index].celsius - points[lower].celsius)
    }
    steepest = steep

    let closed = span.filter { !(points[$0].door > 0) }
    if peak.t - onset.t > 240 {
      fit = ExponentialFit.fit(closed.map { points[$0].t }, closed.map { points[$0].celsius })
    }
    supply = SupplySigns(series, onset: onset.t, peak: peak.t)

    if series.ambientIsMeasured {
      let pairs = (departure.onset...departure.last).compactMap { index -> (Double, Double)? in
        points[index].ambient.isNaN ? nil : (points[index].celsius, points[index].ambient)
      }
      ambientAtPeak = pairs.isEmpty ? nil : peak.ambient.isNaN ? pairs[pairs.count / 2].1 : peak.ambient
      if pairs.count >= 8 { ambientCorrelation = Self.correlation(pairs) }
    }

    let previous = points[..<departure.onset].lastIndex { $0.celsius > hold.threshold }
    heldBefore = onset.t - (previous.map { points[$0].t } ?? points.first?.t ?? onset.t)

    if startsWarm {
      let warmest = points[departure.onset...departure.last].prefix { $0.t - onset.t < 1800 }.map(\.celsius)
        .max()
      let coldest = points[departure.onset...departure.last].map(\.celsius).min() ?? last.celsius
      if let warmest, warmest > hold.target + 0.5 {
        pulledDown = min(1, (warmest - coldest) / (warmest - hold.target))
      }
      let tail = max(departure.onset, series.index(at: last.t - max(1200, (last.t - onset.t) / 4)))
      if departure.last - tail >= 3 {
        let sums = PrefixSums(
          points[tail...departure.last].map(\.t), points[tail...departure.last].map(\.celsius))
        lastRate = sums.slope(0, departure.last - tail + 1) * 60
      }
    }
    if series.doorIsMeasured { measureDoor(departure, series, hold) }
  }

  /// Measures the shares of the rise and of the harm that belong to openings: the rise until 2 minutes after closing, and
  /// the harm until 1.5 times as long after closing as the door was open, at least 10 minutes.
  private mutating func measureDoor(_ departure: Departure, _ series: TripSeries, _ hold: HoldLevel) {
    let points = series.points
    var (rise, riseAtDoor, harm, harmAtDoor) = (0.0, 0.0, 0.0, 0.0)
    var openSeconds = 0.0
    var openUntil = -Double.infinity
    var opened: Double?
    var length = 0.0
    var reference = points[departure.onset].celsius
    let first = max(1, series.index(at: points[departure.onset].t - 150))
    for index in first...max(first, departure.last) where index < points.count {
      let (one, next) = (points[index - 1], points[index])
      let isOpen = next.door > 0 || one.door > 0
      if isOpen {
        if opened == nil { opened = one.door > 0 ? one.t : next.t - series.width * next.door / 2 }
        openUntil = next.t
        length = next.t - (opened ?? next.t)
        openSeconds += (next.t - one.t) * max(one.door, next.door)
        if index <= departure.peak { longestOpening = max(longestOpening, length) }
      } else {
        opened = nil
      }
      guard index > departure.onset else { continue }
      let above = max(0, next.celsius - hold.target - 1) * (next.t - one.t)
      harm += above
      if next.t <= openUntil + max(600, 1.5 * length) { harmAtDoor += above }
      // Noise doesn't add up: only changes of more than 0.3 K count.
      let change = next.celsius - reference
      guard change.magnitude > 0.3 else { continue }
      reference = next.celsius
      guard change > 0, index <= departure.peak + 2 else { continue }
      rise += change
      if next.t <= openUntil + 120 { riseAtDoor += change }
    }
    doorShare = min(rise > 0 ? riseAtDoor / rise : 0, harm > 0 ? harmAtDoor / harm + 0.2 : 1)
    let seconds = points[departure.last].t - points[departure.onset].t
    doorTime = seconds > 0 ? min(1, openSeconds / seconds) : 0
  }

  /// The mean rate with the door closed for at least 4 minutes, until 15 such minutes or 60 % of the rise, 1 to 5 K.
  private static func closedRate(_ departure: Departure, _ points: [TripSeries.Point]) -> Double? {
    let onset = points[departure.onset]
    let goal = max(1, min(5, 0.6 * (points[departure.peak].celsius - onset.celsius)))
    var (rise, seconds) = (0.0, 0.0)
    var openUntil = -Double.infinity
    var index = departure.onset
    if onset.door > 0 { openUntil = onset.t }
    while index < departure.last {
      let (one, next) = (points[index], points[index + 1])
      index += 1
      if next.door > 0 { openUntil = next.t }
      guard one.t > openUntil + 240 else { continue }
      rise += next.celsius - one.celsius
      seconds += next.t - one.t
      if rise >= goal || seconds >= 900 { break }
    }
    // A fall after an opening says nothing about the unit.
    return seconds >= 60 && (rise > 0 || openUntil < 0) ? rise / seconds * 60 : nil
  }

  private static func correlation(_ pairs: [(Double, Double)]) -> Double? {
    let n = Double(pairs.count)
    let (mx, my) = (pairs.reduce(0) { $0 + $1.0 } / n, pairs.reduce(0) { $0 + $1.1 } / n)
    var (xx, yy, xy) = (0.0, 0.0, 0.0)
    for (x, y) in pairs {
      xx += (x - mx) * (x - mx)
      yy += (y - my) * (y - my)
      xy += (x - mx) * (y - my)
    }
    guard xx > 1e-9, yy > 0.05 else { return nil }
    return xy / (xx * yy).squareRoot()
  }

  /// Whether it could be a defrost's hump by its shape alone.
  var isHump: Bool {
    !startsWarm && minutes <= (isResolved ? 75 : 45) && rise <= 9 && (doorShare ?? 0) < 0.55
  }
}
