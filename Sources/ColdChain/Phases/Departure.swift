/// A span in which the box was warmer than its held level.
struct Departure: Sendable {
  /// Indices of the series' points: where the warming began, the warmest point, and the last point.
  var onset: Int
  var peak: Int
  var last: Int
  /// Whether the box came back to its level.
  var isResolved: Bool
  /// Whether a gap in the readings cut it off.
  var endsAtGap = false
  /// Whether the record begins during it, so that the box wasn't seen cold before.
  var startsWarm: Bool
  /// K·min above the target by more than 1 K.
  var harm: Double

  /// Finds the departures of a series.
  static func find(in series: TripSeries, _ hold: HoldLevel, gapLimit: Double) -> [Departure] {
    let points = series.points
    var found: [(first: Int, last: Int, isResolved: Bool, gap: Bool)] = []
    var first: Int?
    for index in points.indices {
      if let start = first, index > 0, points[index].t - points[index - 1].t > gapLimit {
        found.append((start, index - 1, false, true))
        first = nil
      }
      let celsius = points[index].celsius
      if let start = first {
        if celsius <= hold.back {
          found.append((start, index, true, false))
          first = nil
        }
      } else if celsius > hold.threshold {
        first = index
      }
    }
    if let start = first { found.append((start, points.count - 1, false, false)) }

    // Two departures with hardly a pause between them count as one.
    var merged: [(first: Int, last: Int, isResolved: Bool, gap: Bool)] = []
    for span in found {
      if let last = merged.last, !last.gap, points[span.first].t - points[last.last].t < 300 {
        merged[merged.count - 1].last = span.last
        merged[merged.count - 1].isResolved = span.isResolved
        merged[merged.count - 1].gap = span.gap
      } else {
        merged.append(span)
      }
    }
    var departures: [Departure] = []
    for span in merged {
      let floor = departures.last.map { $0.last } ?? 0
      let peak = (span.first...span.last).max { points[$0].celsius < points[$1].celsius } ?? span.first
      let startsWarm =
        !series.continues
        && (span.first == 0
          || points[..<span.first].allSatisfy { $0.celsius > hold.back }
            && points[span.first].t < 900)
      let onset =
        startsWarm ? 0 : onset(before: span.first, notBefore: floor, series, hold)
      // A single point is a reading, not an event, unless the points are far apart.
      guard span.last > span.first || series.width >= 120 || points.count < 20 else { continue }
      departures.append(
        Departure(
          onset: onset, peak: peak, last: span.last, isResolved: span.isResolved, endsAtGap: span.gap,
          startsWarm: startsWarm, harm: harm(onset...span.last, series, hold, gapLimit)))
    }
    return departures
  }

  /// The last point within the ripple before the box left it; the lowest point if there is none.
  private static func onset(
    before crossing: Int, notBefore floor: Int, _ series: TripSeries, _ hold: HoldLevel
  ) -> Int {
    let points = series.points
    var index = crossing
    var lowest = crossing
    while index > floor {
      index -= 1
      if points[index].celsius < points[lowest].celsius { lowest = index }
      if points[index].celsius <= hold.target + hold.ripple { return index }
    }
    return lowest
  }

  private static func harm(
    _ span: ClosedRange<Int>, _ series: TripSeries, _ hold: HoldLevel, _ gapLimit: Double
  ) -> Double {
    var sum = 0.0
    let points = series.points
    for index in span {
      let width =
        index + 1 < points.count ? min(points[index + 1].t - points[index].t, gapLimit) : series.width
      sum += max(0, points[index].celsius - hold.target - 1) * width / 60
    }
    return sum
  }
}
