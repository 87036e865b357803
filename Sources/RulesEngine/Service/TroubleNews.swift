import Time

/// Decides when to report a recurring problem: a store that is nearly full fails with one batch and accepts the next.
struct TroubleNews {
  /// How long a problem that comes back isn't reported again, in nanoseconds.
  static let silence: Int64 = 10_000_000_000

  private var told: (message: String, at: MonotonicTime)?
  private var isThere = false

  /// The problem occurred; returns whether to report it.
  mutating func came(_ message: String, at now: MonotonicTime) -> Bool {
    defer { isThere = true }
    if let told, told.message == message, isThere || now.since(told.at) < Self.silence { return false }
    told = (message, now)
    return true
  }

  /// The problem has passed; returns whether to report it.
  mutating func passed(at now: MonotonicTime) -> Bool {
    guard isThere else { return false }
    isThere = false
    guard let told, now.since(told.at) >= Self.silence else { return false }
    self.told = nil
    return true
  }
}
