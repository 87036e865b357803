import Glibc

/// Newton's law of cooling, fitted to a warming by least squares: T(t) = A − (A − T₀) · exp(−(t − t₀)/τ).
///
/// For a given τ, the curve is linear in A and T₀, which leaves a search over one number (variable projection; Golub,
/// Pereyra 1973): a coarse logarithmic grid, then the golden section.
public struct ExponentialFit: Sendable, Equatable {
  /// The temperature that the warming tends to, A, Celsius.
  public var asymptote: Double
  /// T₀, Celsius.
  public var start: Double
  /// τ, seconds.
  public var timeConstant: Double
  /// The square root of the mean squared deviation, K.
  public var residual: Double
  /// The asymptotes for which the fit is about as good: the wider the range, the less the record says about the
  /// asymptote.
  public var asymptoteRange: ClosedRange<Double>
  /// The number of points fitted.
  public var count: Int

  /// Whether the record shows where the warming tends to.
  public var isDetermined: Bool { asymptoteRange.upperBound - asymptoteRange.lowerBound < 12 }

  /// Fits (seconds, Celsius) points in the order of time; nil for fewer than six.
  static func fit(_ times: [Double], _ values: [Double]) -> ExponentialFit? {
    guard times.count >= 6, times.count == values.count, let first = times.first, let last = times.last,
      last > first
    else { return nil }
    let span = last - first
    func solve(_ logTau: Double) -> (error: Double, asymptote: Double, start: Double) {
      let tau = exp(logTau)
      // Regressors: 1 − e and e, with e = exp(−(t − t₀)/τ).
      var (aa, ab, bb, ay, by, yy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
      for (time, value) in zip(times, values) {
        let e = exp(-(time - first) / tau)
        let a = 1 - e
        let y = value - values[0]
        aa += a * a
        ab += a * e
        bb += e * e
        ay += a * y
        by += e * y
        yy += y * y
      }
      let determinant = aa * bb - ab * ab
      guard determinant > 1e-12 * aa * bb else { return (.infinity, .nan, .nan) }
      let asymptote = (ay * bb - by * ab) / determinant
      let start = (by * aa - ay * ab) / determinant
      let error = max(0, yy - asymptote * ay - start * by)
      return (error, asymptote + values[0], start + values[0])
    }
    let (low, high) = (log(max(1, span / 40)), log(span * 12))
    let steps = 48
    var tried: [(logTau: Double, error: Double, asymptote: Double)] = []
    var best = (logTau: low, error: Double.infinity)
    for step in 0...steps {
      let logTau = low + (high - low) * Double(step) / Double(steps)
      let solution = solve(logTau)
      guard solution.error.isFinite else { continue }
      tried.append((logTau, solution.error, solution.asymptote))
      if solution.error < best.error { best = (logTau, solution.error) }
    }
    guard best.error.isFinite else { return nil }
    let width = (high - low) / Double(steps)
    var (left, right) = (best.logTau - width, best.logTau + width)
    let ratio = (5.0.squareRoot() - 1) / 2
    for _ in 0..<30 {
      let (one, two) = (right - ratio * (right - left), left + ratio * (right - left))
      if solve(one).error < solve(two).error { right = two } else { left = one }
    }
    let tau = (left + right) / 2
    let solution = solve(tau)
    guard solution.error.isFinite, solution.asymptote.isFinite else { return nil }
    // Errors of neighbouring readings aren't independent; a fit within 10 % or a twentieth of a kelvin counts as good as
    // the best.
    let count = Double(times.count)
    let tolerance = max(solution.error * 1.1, solution.error + count * 0.0025)
    let close = tried.filter { $0.error <= tolerance }.map(\.asymptote) + [solution.asymptote]
    return ExponentialFit(
      asymptote: solution.asymptote, start: solution.start, timeConstant: exp(tau),
      residual: (solution.error / count).squareRoot(),
      asymptoteRange: (close.min() ?? solution.asymptote)...(close.max() ?? solution.asymptote),
      count: times.count)
  }
}
