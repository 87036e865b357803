import Store
import Time

/// Decides when the rules have done all that the broker has for them, and when waiting longer can't help.
///
/// Marks go through the broker behind all that was published before. When the sessions have got theirs and nothing else has
/// come since it was sent, what rules publish for other rules has come too. A value without I/O.
struct DrainCourse {
  /// What the engine says at a look.
  struct Situation {
    /// The last mark that all sessions are done with.
    var doneMark: Int
    /// Messages that came, perhaps again.
    var received: Int
    /// Acknowledged messages that haven't come.
    var missing: Int
    /// Why the store can't be written.
    var storeTrouble: StoreError.Kind?
    /// Whether the engine has ended.
    var isLost: Bool
  }

  /// What to do.
  enum Step: Equatable {
    /// Publish the mark of this number.
    case mark(Int)
    /// Look again soon.
    case wait
    /// All is done that the broker had.
    case drained
    /// The rest waits in the broker.
    case givenUp
  }

  /// How long to wait for a store that isn't merely locked, and for messages that should have come, in nanoseconds.
  static let patience: Int64 = 3_000_000_000
  static let quietTime: Int64 = 2_000_000_000
  /// When a mark is published again: a broker that died has forgotten it.
  static let repetition: Int64 = 1_000_000_000

  private let start: MonotonicTime
  private let deadline: MonotonicTime
  private var mark: Int
  private var receivedAtMark: Int?
  private var markedAt: MonotonicTime
  private var quietSince: MonotonicTime?

  /// - Parameters:
  ///   - timeout: The longest wait, in nanoseconds.
  ///   - mark: The last mark that was used.
  init(at now: MonotonicTime, timeout: Int64, after mark: Int) {
    start = now
    deadline = now.advanced(by: timeout)
    self.mark = mark
    markedAt = now
  }

  mutating func next(_ situation: Situation, at now: MonotonicTime) -> Step {
    if situation.isLost || now >= deadline { return .givenUp }
    if let trouble = situation.storeTrouble, trouble != .locked, now.since(start) >= Self.patience {
      return .givenUp
    }
    guard let before = receivedAtMark else { return nextMark(situation, now) }
    guard situation.doneMark >= mark else {
      guard now.since(markedAt) >= Self.repetition else { return .wait }
      markedAt = now
      return .mark(mark)
    }
    guard situation.received == before else { return nextMark(situation, now) }
    if situation.missing == 0 { return .drained }
    // At QoS 0 the broker may not have read yet what a truck has written.
    let quietSince = quietSince ?? now
    self.quietSince = quietSince
    return now.since(quietSince) >= Self.quietTime ? .drained : .wait
  }

  private mutating func nextMark(_ situation: Situation, _ now: MonotonicTime) -> Step {
    mark += 1
    markedAt = now
    receivedAtMark = situation.received
    quietSince = nil
    return .mark(mark)
  }
}
