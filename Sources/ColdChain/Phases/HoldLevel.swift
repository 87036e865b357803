import Numbers

/// The temperature that the thermostat holds, as the record shows it.
struct HoldLevel: Sendable, Equatable {
  /// Celsius.
  var celsius: Double
  /// How far the ripple rises above it, K.
  var ripple: Double
  /// What departures are measured against: the held level, or the set point if the box never reached it.
  var target: Double
  /// Whether the usual set point is assumed, because the record never came near that of a freezer truck.
  var isAssumed = false
  /// Whether the record shows no cooled box at all.
  var isNeverCold: Bool { isInferred && celsius > Self.cold }
  private var isInferred: Bool
  /// No refrigerated cargo is kept warmer, Celsius: bananas and controlled room temperature begin here.
  static let cold = 12.0
  /// Whether the target was reached.
  var isReached = true

  /// A freezer truck's usual set point, Celsius.
  static var usual: Double { TripLimits.shipped.setPoint }
  /// A rise of at most 3 K is allowed for a defrost (ATP, annex 1, as cited by operators); departures beyond it matter.
  static let allowedRise = 3.0

  /// Departures beyond this matter.
  var limit: Double { target + max(Self.allowedRise, 2 * ripple) }
  /// Above this, a departure begins.
  var threshold: Double { target + max(1, 1.7 * ripple) }
  /// Below this, a departure ends.
  var back: Double { target + 0.75 * max(1, 1.7 * ripple) }

  /// Finds the coldest level that was held for at least 10 minutes, a tenth of a short record, or 2 % of a long one.
  init?(_ series: TripSeries, setPoint: Double?) {
    let values = series.points.map(\.celsius).sorted()
    guard let coldest = values.first, series.points.count >= 3 else { return nil }
    // Points are equally spaced except for gaps.
    let measured = Double(values.count) * max(series.width, series.length / Double(max(1, values.count)))
    let needed = max(min(600, 0.1 * measured), 0.02 * measured)
    let share = measured > 0 ? needed / measured : 0.1
    let place = min(values.count - 1, max(1, Int(saturated: share * Double(values.count))))
    // Half of the needed values lie below the middle of the level.
    let anchor = values[min(values.count - 1, place / 2)]
    var level = Robust.median(values.filter { $0 >= anchor - 1 && $0 <= anchor + 1.2 }) ?? coldest
    if let setPoint {
      let near = values.filter { ($0 - setPoint).magnitude <= 2.5 }
      if near.count >= place, let middle = Robust.median(near) { level = middle }
    }
    let ripple = min(1.6, max(0.15, Self.ripple(series, around: level)))
    // Moves to the middle of the ripple by repeating the mean of nearby values (mean shift; Fukunaga, Hostetler 1975) if
    // the box keeps coming back to its coldest level; a box that drifts up has its level below.
    let lowest = level
    let visits = series.points.filter { ($0.celsius - lowest).magnitude <= 1 }
    let comesBack = (visits.last?.t ?? 0) - (visits.first?.t ?? 0) > 0.6 * series.length
    for _ in 0..<(comesBack ? 6 : 1) {
      let within = values.filter { ($0 - level).magnitude <= ripple + 0.15 }
      if !within.isEmpty { level = min(lowest + 1, within.reduce(0, +) / Double(within.count)) }
    }
    celsius = level
    self.ripple = ripple
    isInferred = setPoint == nil
    if let setPoint {
      isReached = level <= setPoint + 1.5
      target = isReached ? level : setPoint
    } else if level > -15.5, level < -4 {
      // A freezer truck that came down only this far.
      target = Self.usual
      isAssumed = true
      isReached = false
    } else {
      target = level
    }
  }

  /// The median half height of the changes within 20 minutes at the level.
  private static func ripple(_ series: TripSeries, around level: Double) -> Double {
    let points = series.points
    let steps = zip(points, points.dropFirst()).map { $1.t - $0.t }
    let length = max(1200, 5 * (Robust.median(steps) ?? series.width))
    var heights: [Double] = []
    var first = 0
    while first < points.count {
      let end = points[first].t + length
      var next = first
      var (low, high) = (Double.infinity, -Double.infinity)
      while next < points.count, points[next].t < end {
        low = min(low, points[next].celsius)
        high = max(high, points[next].celsius)
        next += 1
      }
      if next - first >= 3, high - low <= 4, low >= level - 2.5, high <= level + 2.5 {
        heights.append((high - low) / 2)
      }
      first = max(next, first + 1)
    }
    return Robust.median(heights) ?? 0.4
  }
}
