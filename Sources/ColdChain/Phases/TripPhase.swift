/// What the box did over a span of a trip.
public struct TripPhase: Sendable, Equatable {
  /// What it did.
  public enum Kind: String, Sendable {
    /// Cooling from warm toward the set point, which it hadn't reached before.
    case pullDown = "pull-down"
    /// At its level.
    case holding
    /// Getting warmer, or staying warm.
    case warming
    /// Cooling back to its level.
    case recovering
    /// No readings.
    case unknown
  }

  /// What it did.
  public var kind: Kind
  /// When it lasted, ns.
  public var span: TimeSpan
  /// The temperature at its beginning, Celsius; nil for `unknown`.
  public var from: Double?
  /// The temperature at its end.
  public var to: Double?

  /// The phases of a stretch: segments of constant slope (`ChangePoints.slopes`), named by slope and level, with equal
  /// neighbours joined.
  static func find(in series: TripSeries, _ hold: HoldLevel?, gapLimit: Double) -> [TripPhase] {
    // Without changes, PELT's work grows with the square of the number of points.
    let all = series.points
    let factor = max(1, all.count / 360)
    let points = all.indices.filter { $0 % factor == 0 }.map { all[$0] }
    guard points.count >= 4, let hold else { return [] }
    var phases: [TripPhase] = []
    var first = 0
    var hasReached = series.continues
    for index in points.indices.dropFirst() where points[index].t - points[index - 1].t > gapLimit {
      add(points[first..<index], series, hold, &hasReached, &phases)
      phases.append(
        TripPhase(
          kind: .unknown, span: TimeSpan(series.time(points[index - 1].t), series.time(points[index].t))))
      first = index
    }
    add(points[first...], series, hold, &hasReached, &phases)
    var joined: [TripPhase] = []
    for phase in phases {
      if let last = joined.last, last.kind == phase.kind {
        joined[joined.count - 1].span.end = phase.span.end
        joined[joined.count - 1].to = phase.to
      } else {
        joined.append(phase)
      }
    }
    return joined
  }

  private static func add(
    _ points: ArraySlice<TripSeries.Point>, _ series: TripSeries, _ hold: HoldLevel, _ hasReached: inout Bool,
    _ phases: inout [TripPhase]
  ) {
    guard points.count >= 2, let start = points.first, let end = points.last else { return }
    let times = points.map(\.t)
    let values = points.map(\.celsius)
    // A thermostat's ripple isn't a phase of its own.
    let noise = max(0.25, hold.ripple, Robust.noise(values))
    let changes = ChangePoints.slopes(times, values, noise: noise, minimum: max(2, min(5, points.count / 4)))
    let sums = PrefixSums(times, values)
    let bounds = [0] + changes + [values.count]
    for (low, high) in zip(bounds, bounds.dropFirst()) where high > low {
      let piece = values[low..<high]
      let length = times[high - 1] - times[low]
      let change = sums.slope(low, high) * length
      let mean = piece.reduce(0, +) / Double(piece.count)
      let kind: Kind
      if mean <= hold.threshold, change.magnitude < max(1.5, 3 * hold.ripple) {
        kind = .holding
        hasReached = true
      } else if change < -0.5 {
        kind = hasReached ? .recovering : .pullDown
        if values[high - 1] <= hold.threshold { hasReached = true }
      } else {
        kind = .warming
      }
      phases.append(
        TripPhase(
          kind: kind,
          span: TimeSpan(
            series.time(low == 0 ? start.t : times[low]),
            series.time(high == values.count ? end.t : times[high])),
          from: values[low], to: values[high - 1]))
    }
  }
}
