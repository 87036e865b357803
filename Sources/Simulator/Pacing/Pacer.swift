/// How a truck's messages are spread over time.
public enum Pace: Sendable, Equatable {
  /// So many messages per second.
  case rate(Double)
  /// One message each so many nanoseconds.
  case interval(Int64)
  /// As fast as the broker takes them.
  case maximum
  /// From one rate to another (messages per second), changing linearly over so many seconds, then the second.
  case ramp(from: Double, to: Double, over: Double)
  /// The dataset's own timing, so many times as fast.
  case speed(Double)

  /// Messages per second in the long run, where that is fixed.
  public var rate: Double? {
    switch self {
    case .rate(let rate): rate
    case .interval(let nanoseconds): 1_000_000_000 / Double(nanoseconds)
    case .ramp(_, let to, _): to
    case .maximum, .speed: nil
    }
  }
}

/// Gives each message its due time as an offset from the start, in nanoseconds. Nothing adds up from message to
/// message, so nothing drifts.
public struct Pacer: Sendable {
  /// How messages are spread.
  public let pace: Pace
  private let jitter: Double
  private var random: SplitMix64
  private var lastBase: Int64 = 0

  /// `jitter` displaces each message by up to that part of the interval (0 to 1, half of it to either side, so that the
  /// order stays); `seed` decides how.
  public init(_ pace: Pace, jitter: Double = 0, seed: UInt64 = 0) {
    self.pace = pace
    self.jitter = jitter
    random = SplitMix64(seed: seed)
  }

  /// When message `number` (from 1) is due; `elapsed` is its row's time since the first row, in seconds.
  public mutating func due(message number: Int, elapsed: Double) -> Int64 {
    let base = Self.offset(pace, message: number, elapsed: elapsed)
    guard jitter > 0 else { return base }
    let interval: Int64 =
      switch pace {
      case .speed: base - lastBase
      default: Self.offset(pace, message: number + 1, elapsed: elapsed) - base
      }
    lastBase = base
    let displacement = (random.unit() - 0.5) * jitter * Double(interval)
    return max(0, base + Int64(displacement))
  }

  private static func offset(_ pace: Pace, message number: Int, elapsed: Double) -> Int64 {
    let before = Double(number - 1)
    switch pace {
    case .maximum: return 0
    case .interval(let nanoseconds):
      return nanoseconds.multipliedReportingOverflow(by: Int64(number - 1)).partialValue
    case .rate(let rate): return nanoseconds(before / rate)
    case .speed(let speed): return nanoseconds(elapsed / speed)
    case .ramp(let from, let to, let over):
      // The rate's integral, from·t + (to − from)·t²/(2·over), is solved for `before` messages.
      let atEnd = (from + to) / 2 * over
      if before >= atEnd { return nanoseconds(over + (before - atEnd) / to) }
      let slope = (to - from) / over
      if abs(slope) < 1e-12 { return nanoseconds(before / from) }
      return nanoseconds(((from * from + 2 * slope * before).squareRoot() - from) / slope)
    }
  }

  private static func nanoseconds(_ seconds: Double) -> Int64 {
    let value = (seconds * 1_000_000_000).rounded()
    return value < 9e18 ? Int64(value) : .max
  }
}

/// Steele, Lea and Flood's SplitMix64 generator: small, seedable, the same everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The generator that begins with `seed`.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The next number of 0..<1.
  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
