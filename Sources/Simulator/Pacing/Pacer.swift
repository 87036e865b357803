import Numbers

/// Says when each message is due, in nanoseconds from the start of the run.
///
/// A pure value without a clock: message n is due at a closed formula of n, so that neither rounding nor what
/// happened to earlier messages adds up.
public struct Pacer: Sendable {
  /// What sets the pace.
  public enum Mode: Sendable, Equatable {
    /// So many messages per second.
    case rate(Double)
    /// One message each so many nanoseconds.
    case interval(nanoseconds: Int64)
    /// As fast as messages are acknowledged: no due times.
    case maximum
    /// From one rate (messages per second, 0 too) linearly to another over a time, then on at that rate.
    case ramp(from: Double, to: Double, nanoseconds: Int64)
    /// So many times faster than the dataset's time axis.
    case speed(Double)
  }

  /// The highest rate that has distinct due times, in messages per second.
  public static let highestRate = 1e9

  /// What sets the pace.
  public let mode: Mode
  /// The largest shift of a due time either way, as a fraction (0…1) of the interval at that moment.
  public let jitter: Double
  private let seed: UInt64
  private var latestDue: Int64 = 0
  private var previousElapsed = 0.0

  /// A pacer; the same `seed` gives the same jitter.
  public init(_ mode: Mode, jitter: Double = 0, seed: UInt64 = 0) {
    self.mode = mode
    self.jitter = min(1, max(0, jitter))
    self.seed = seed
  }

  /// Whether `due` needs the rows' time axis.
  public var needsTimeAxis: Bool { if case .speed = mode { true } else { false } }

  /// The steady rate asked for in messages per second: a ramp's last one; nil where there is none.
  public var askedRate: Double? {
    switch mode {
    case .rate(let rate): rate
    case .interval(let nanoseconds): 1e9 / Double(nanoseconds)
    case .ramp(_, let to, _): to
    case .maximum, .speed: nil
    }
  }

  /// When message `number` (from 1) is due, in nanoseconds from the start; nil for `.maximum`.
  ///
  /// `elapsed` is its row's place on the time axis in seconds (`Dataset.elapsed()`), used by `.speed` only. Ask in
  /// the messages' order: a due time is never before one given earlier.
  public mutating func due(message number: Int, elapsed: Double = 0) -> Int64? {
    let index = max(0, number.saturatingSubtract(1))
    let base: Double
    let interval: Double
    switch mode {
    case .maximum: return nil
    case .interval(let nanoseconds):
      let (product, overflow) = Int64(index).multipliedReportingOverflow(by: nanoseconds)
      if jitter == 0 {
        latestDue = max(latestDue, overflow ? .max : product)
        return latestDue
      }
      base = overflow ? Double(Int64.max) : Double(product)
      interval = Double(nanoseconds)
    case .rate(let rate):
      base = Double(index) * 1e9 / rate
      interval = 1e9 / rate
    case .ramp(let from, let to, let nanoseconds):
      let seconds = Self.rampSeconds(Double(index), from: from, to: to, over: Double(nanoseconds) / 1e9)
      base = seconds * 1e9
      let share = min(1, base / Double(nanoseconds))
      let rate = from + (to - from) * share
      interval = rate > 0 ? 1e9 / rate : 0
    case .speed(let factor):
      base = elapsed * 1e9 / factor
      interval = (elapsed - previousElapsed) * 1e9 / factor
      previousElapsed = elapsed
    }
    var due = base.rounded()
    if jitter > 0 {
      // A hash of the number instead of a running generator: message n's shift doesn't depend on who asked before.
      var generator = SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: index) &* 0xD1B5_4A32_D192_ED03)
      due = (base + jitter * interval * (2 * generator.unit() - 1)).rounded()
    }
    let nanoseconds = Int64(exactly: max(0, due)) ?? .max
    latestDue = max(latestDue, nanoseconds)
    return latestDue
  }

  /// The time by which `count` messages came, where the rate rises from `from` to `to` over `duration` seconds.
  ///
  /// count = from·t + (to − from)·t²/(2·duration), solved for t in the form without cancellation.
  static func rampSeconds(_ count: Double, from: Double, to: Double, over duration: Double) -> Double {
    guard count > 0 else { return 0 }
    let inRamp = (from + to) / 2 * duration
    guard count < inRamp else { return duration + (count - inRamp) / to }
    let slope = (to - from) / duration
    return 2 * count / (from + max(0, from * from + 2 * slope * count).squareRoot())
  }
}
