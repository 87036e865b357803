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
    /// Rates that follow one another.
    case profile(RateProfile)
    /// So many times faster than the dataset's time axis.
    case speed(Double)
  }

  /// The highest rate that has distinct due times, in messages per second.
  public static let highestRate = 1e9

  /// What sets the pace.
  public let mode: Mode
  /// The largest shift of a due time either way, as a fraction (0…1) of the interval at that moment.
  public let jitter: Double
  /// How much of an interval (0…1) all messages come later, whatever the rate is: so a fleet's trucks share the interval.
  public let phase: Double
  private let seed: UInt64
  private var latestDue: Int64 = 0
  private var previousElapsed = 0.0
  /// Rates that were set while it ran, those that messages may still be due by.
  private var changes: [Change] = []

  /// A rate that holds from a time on, in nanoseconds, before which so many messages are due.
  private struct Change {
    let time: Double
    let count: Double
    let rate: Double

    func time(of position: Double) -> Double {
      rate > 0 ? time + (position - count) * 1e9 / rate : .infinity
    }
  }

  /// A pacer; the same `seed` gives the same jitter.
  public init(_ mode: Mode, jitter: Double = 0, phase: Double = 0, seed: UInt64 = 0) {
    self.mode = mode
    self.jitter = min(1, max(0, jitter))
    self.phase = min(1, max(0, phase))
    self.seed = seed
  }

  /// Whether `due` needs the rows' time axis.
  public var needsTimeAxis: Bool { if case .speed = mode { true } else { false } }

  /// The steady rate asked for in messages per second: a ramp's or a profile's last one, or what was set since; nil where
  /// there is none.
  public var askedRate: Double? {
    if let last = changes.last { return last.rate }
    return switch mode {
    case .rate(let rate): rate
    case .interval(let nanoseconds): 1e9 / Double(nanoseconds)
    case .ramp(_, let to, _): to
    case .profile(let profile): profile.steps.last?.rate
    case .maximum, .speed: nil
    }
  }

  /// Whether the pace is a rate, which can be changed.
  public var hasRate: Bool {
    switch mode {
    case .maximum, .speed: false
    case .rate, .interval, .ramp, .profile: true
    }
  }

  /// Sets the rate (messages per second; 0 is a pause) that holds from `time`, in nanoseconds from the start. What was due
  /// before stays due when it was. Does nothing if the pace is not a rate.
  public mutating func change(rate: Double, at time: Int64) {
    guard hasRate, rate >= 0 else { return }
    let time = max(Double(time), changes.last?.time ?? 0)
    let count = count(at: time)
    changes.append(Change(time: time, count: count, rate: min(rate, Self.highestRate)))
    // The message that is asked for again may be due earlier now.
    latestDue = min(latestDue, Int64(saturated: time))
  }

  /// How many messages, a fraction of one too, are due before `time`.
  private func count(at time: Double) -> Double {
    if let last = changes.last { return last.count + (time - last.time) * last.rate / 1e9 }
    switch mode {
    case .maximum, .speed: return 0
    case .rate(let rate): return time * rate / 1e9
    case .interval(let nanoseconds): return time / Double(nanoseconds)
    case .profile(let profile): return profile.count(at: time)
    case .ramp(let from, let to, let nanoseconds):
      let (seconds, length) = (time / 1e9, Double(nanoseconds) / 1e9)
      let inside = min(seconds, length)
      return from * inside + (to - from) * inside * inside / (2 * length) + max(0, seconds - length) * to
    }
  }

  /// When a message is due by the mode alone, in nanoseconds, and the rate at that time.
  private func planned(_ position: Double) -> (time: Double, rate: Double) {
    switch mode {
    case .maximum, .speed: return (0, 0)
    case .rate(let rate): return (position * 1e9 / rate, rate)
    case .interval(let nanoseconds): return (position * Double(nanoseconds), 1e9 / Double(nanoseconds))
    case .ramp(let from, let to, let nanoseconds):
      let seconds = Self.rampSeconds(position, from: from, to: to, over: Double(nanoseconds) / 1e9)
      let share = min(1, seconds * 1e9 / Double(nanoseconds))
      return (seconds * 1e9, from + (to - from) * share)
    case .profile(let profile):
      let time = profile.time(of: position)
      return (time, profile.rate(at: time))
    }
  }

  /// When what a change holds for is due; nil if the mode itself says it.
  private mutating func changed(_ position: Double) -> (time: Double, rate: Double)? {
    guard let index = changes.lastIndex(where: { $0.count <= position }) else { return nil }
    changes.removeFirst(index)
    return (changes[0].time(of: position), changes[0].rate)
  }

  /// When message `number` (from 1) is due, in nanoseconds from the start; nil for `.maximum`.
  ///
  /// `elapsed` is its row's place on the time axis in seconds (`Dataset.elapsed()`), used by `.speed` only. Ask in
  /// the messages' order: a due time is never before one given earlier.
  public mutating func due(message number: Int, elapsed: Double = 0) -> Int64? {
    let index = max(0, number.saturatingSubtract(1))
    let position = Double(index) + phase
    var (base, interval) = (0.0, 0.0)
    switch mode {
    case .maximum: return nil
    case .interval(let nanoseconds) where jitter == 0 && phase == 0 && changes.isEmpty:
      let (product, overflow) = Int64(index).multipliedReportingOverflow(by: nanoseconds)
      latestDue = max(latestDue, overflow ? .max : product)
      return latestDue
    case .rate, .interval, .ramp, .profile:
      let (time, rate) = changed(position) ?? planned(position)
      base = time
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
