import Numbers
import Time

/// Decides what follows a failed or lost connection: another attempt after a growing, jittered pause, or the end.
/// A value without clock and sockets, so that each decision is tested alone.
struct ReconnectPolicy {
  enum Decision: Equatable {
    case retry(at: MonotonicTime)
    case giveUp
  }

  /// The first pause, and the longest, in nanoseconds.
  var firstDelay: Int64 = 100_000_000
  var longestDelay: Int64 = 8_000_000_000
  /// How long may pass without a connection, in nanoseconds.
  let timeout: Int64

  private var failures = 0
  private var disconnectedSince: MonotonicTime?

  init(timeout: Int64) { self.timeout = timeout }

  /// When the attempts end, while there is no connection.
  var deadline: MonotonicTime? { disconnectedSince?.advanced(by: timeout) }

  mutating func started(at now: MonotonicTime) {
    if disconnectedSince == nil { disconnectedSince = now }
  }

  mutating func connected() {
    failures = 0
    disconnectedSince = nil
  }

  /// The pause doubles with each failure; the jitter (half of it at most, `random` in 0..<1) keeps a fleet from
  /// coming back in one instant.
  mutating func failed(at now: MonotonicTime, random: Double) -> Decision {
    started(at: now)
    guard let deadline, now < deadline else { return .giveUp }
    let exponent = min(failures, 30)
    failures += 1
    let pause = min(longestDelay, firstDelay << Int64(min(exponent, 20)))
    let jittered = Int64(saturated: Double(pause) * (1 - random / 2))
    // The last attempt is made in time to still succeed.
    return .retry(at: min(now.advanced(by: jittered), deadline))
  }
}
