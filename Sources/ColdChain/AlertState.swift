import Numbers

/// The state of one alert rule for one truck: a state machine over points, without clock or storage. Times are
/// nanoseconds since 1970.
public struct AlertState: Sendable, Equatable {
  /// What happened.
  public enum Change: String, Sendable {
    /// The condition has held for the delay.
    case raised
    /// The value is good again, and the alert doesn't latch.
    case cleared
    /// The value is good again, but a person must acknowledge the alert.
    case ended
    /// A person has seen the alert.
    case acknowledged
  }

  /// Whether the rule is armed (see `AlertRule.armedAt`).
  public internal(set) var isArmed = false
  /// When the condition began to hold; nil while it doesn't.
  public internal(set) var violatedSince: Int64?
  /// When the current alert was raised; nil while there is none.
  public internal(set) var raisedAt: Int64?
  /// When the condition of the current alert began.
  public internal(set) var beganAt: Int64?
  /// When the condition of a latched alert ended.
  public internal(set) var endedAt: Int64?
  /// The worst value of the current alert.
  public internal(set) var worst: Double?
  /// Whether a person has seen the current alert.
  public internal(set) var isAcknowledged = false
  /// When the value became good again; nil while it isn't.
  var goodSince: Int64?
  /// The time of the last value; for `noData`, when it arrived.
  var lastTime: Int64?
  /// The seconds that a cumulative rule has counted, and whether the last value counts until the next one.
  var accumulated = 0.0
  var isCounting = false
  /// A longer pause ends a trip, and with it the count of a cumulative rule, s.
  static let pause = 3600.0

  /// The state before the first value.
  public init() {}

  /// Whether there is an alert.
  public var isActive: Bool { raisedAt != nil }

  /// Takes a value. Points must come in the order of time; earlier ones are ignored.
  public mutating func add(_ value: Double, at time: Int64, _ rule: AlertRule) -> Change? {
    guard rule.condition != .noData else { return arrived(at: time, rule) }
    guard lastTime.map({ time > $0 }) ?? true else { return nil }
    if rule.isCumulative { return accumulate(value, at: time, rule) }
    lastTime = time
    if !isArmed {
      isArmed = rule.armedAt.map { rule.condition == .above ? value <= $0 : value >= $0 } ?? true
      guard isArmed else { return nil }
    }
    let isWrong = rule.condition == .above ? value >= rule.threshold : value <= rule.threshold
    let isGood =
      rule.reset == rule.threshold
      ? !isWrong : rule.condition == .above ? value <= rule.reset : value >= rule.reset
    if isActive {
      worst = worst.map { rule.condition == .above ? max($0, value) : min($0, value) } ?? value
      return isGood ? good(at: time, rule) : bad()
    }
    guard isWrong else {
      violatedSince = nil
      return nil
    }
    let since = violatedSince ?? time
    if violatedSince == nil { worst = value }
    violatedSince = since
    worst = worst.map { rule.condition == .above ? max($0, value) : min($0, value) } ?? value
    guard time.seconds(since: since) >= rule.delay else { return nil }
    return raise(since: since, at: time)
  }

  /// Adds up how long values are wrong; each value holds until the next.
  private mutating func accumulate(_ value: Double, at time: Int64, _ rule: AlertRule) -> Change? {
    let held = lastTime.map { time.seconds(since: $0) } ?? 0
    lastTime = time
    if held > Self.pause {
      // The next trip is counted on its own.
      let wasActive = isActive
      clear()
      isArmed = false
      if wasActive {
        _ = count(value, at: time, rule)
        return .cleared
      }
    } else if isCounting {
      accumulated += held
    }
    return count(value, at: time, rule)
  }

  private mutating func count(_ value: Double, at time: Int64, _ rule: AlertRule) -> Change? {
    if !isArmed {
      isArmed = rule.armedAt.map { rule.condition == .above ? value <= $0 : value >= $0 } ?? true
    }
    let isWrong = rule.condition == .above ? value >= rule.threshold : value <= rule.threshold
    isCounting = isArmed && isWrong
    if isCounting {
      violatedSince = violatedSince ?? time
      worst = worst.map { rule.condition == .above ? max($0, value) : min($0, value) } ?? value
    }
    guard !isActive, accumulated >= rule.delay, let since = violatedSince else { return nil }
    return raise(since: since, at: time)
  }

  /// Checks the clock, which only changes the state of a `noData` rule.
  public mutating func tick(at time: Int64, _ rule: AlertRule) -> Change? {
    guard rule.condition == .noData, let lastTime, !isActive else { return nil }
    // If the clock was set back, the wait begins again.
    if time < lastTime { self.lastTime = time }
    guard time.seconds(since: lastTime) >= rule.delay else { return nil }
    return raise(since: lastTime, at: time)
  }

  /// A person has seen the alert. If the alert has ended or is cumulative, it is then over.
  public mutating func acknowledge() -> Change? {
    guard isActive, !isAcknowledged else { return nil }
    isAcknowledged = true
    if endedAt != nil || accumulated > 0 { clear() }
    return .acknowledged
  }

  /// Forgets that values arrived at `time` or later, because they were measured with a wrong clock.
  mutating func rewind(before time: Int64) {
    let latest = time.saturatingSubtract(1)
    lastTime = lastTime.map { min($0, latest) }
    violatedSince = violatedSince.map { min($0, latest) }
    goodSince = goodSince.map { min($0, latest) }
  }

  private mutating func arrived(at time: Int64, _ rule: AlertRule) -> Change? {
    lastTime = time
    return isActive && endedAt == nil ? good(at: time, rule) : nil
  }

  private mutating func raise(since: Int64, at time: Int64) -> Change {
    raisedAt = time
    beganAt = since
    violatedSince = nil
    endedAt = nil
    goodSince = nil
    isAcknowledged = false
    return .raised
  }

  private mutating func bad() -> Change? {
    goodSince = nil
    // A latched alert continues if its condition comes back.
    endedAt = nil
    return nil
  }

  private mutating func good(at time: Int64, _ rule: AlertRule) -> Change? {
    let since = goodSince ?? time
    goodSince = since
    guard endedAt == nil, time.seconds(since: since) >= rule.resetDelay else { return nil }
    if rule.latching, !isAcknowledged {
      endedAt = since
      return .ended
    }
    clear()
    return .cleared
  }

  private mutating func clear() {
    raisedAt = nil
    beganAt = nil
    endedAt = nil
    goodSince = nil
    worst = nil
    violatedSince = nil
    isAcknowledged = false
    accumulated = 0
    isCounting = false
  }

}
