import Numbers

/// An opening of the door.
public struct DoorOpening: Sendable, Equatable {
  /// When it opened, ns.
  public var start: Int64
  /// When it closed; nil if it was still open at a gap or at the end of the record.
  public var end: Int64?
  /// The last reading with the door open, ns.
  public var lastTime: Int64
  /// The row at which it opened.
  public var row: Int
  /// The temperature before it opened, Celsius; nil if it wasn't measured.
  public var before: Double?
  /// The highest temperature until 3 minutes after it closed.
  public var peak: Double?
  /// Seconds from closing until the temperature was within 0.5 K of the temperature before; nil if it didn't get there.
  public var recovery: Double?

  /// Seconds open.
  public var seconds: Double { TimeSpan(start, end ?? lastTime).seconds }
  /// How much the temperature rose, K; nil if it wasn't measured.
  public var rise: Double? {
    guard let before, let peak else { return nil }
    return max(0, peak - before)
  }
  /// The rise in kelvins per minute open.
  public var risePerMinute: Double? { rise.map { seconds > 0 ? $0 / max(seconds / 60, 0.1) : $0 } }
}

/// The door over a record.
public struct DoorStatistics: Sendable, Equatable {
  /// How often it was opened.
  public var count = 0
  /// Seconds open.
  public var seconds = 0.0
  /// The longest opening.
  public var longest: DoorOpening?
  /// The openings with the greatest rise, greatest first.
  public var openings: [DoorOpening] = []

  /// No openings.
  public init() {}
}

/// Watches the door and how much its openings warm the box, in one pass.
public struct DoorRecorder: Sendable {
  private static let listed = 30
  private static let aftermath: Int64 = 180_000_000_000
  private static let recoveryLimit: Int64 = 7_200_000_000_000
  private var statistics = DoorStatistics()
  private var current: DoorOpening?
  private var recovering: DoorOpening?
  private var lastTemperature: Double?

  /// A recorder that hasn't seen anything.
  public init() {}

  /// Takes a row.
  public mutating func add(_ observation: Observation, afterGap: Bool) {
    if afterGap, current != nil { close(at: nil) }
    if let celsius = observation.temperature, let opening = recovering, let end = opening.end {
      if observation.time <= end.saturatingAdd(Self.aftermath) {
        recovering?.peak = max(opening.peak ?? celsius, celsius)
      }
      if let before = opening.before, celsius <= before + 0.5 {
        recovering?.recovery = TimeSpan(end, observation.time).seconds
        settle()
      } else if observation.time > end.saturatingAdd(Self.recoveryLimit) {
        settle()
      }
    }
    if let isOpen = observation.isDoorOpen {
      if isOpen {
        if current == nil {
          settle()
          current = DoorOpening(
            start: observation.time, lastTime: observation.time, row: observation.row,
            before: lastTemperature ?? observation.temperature, peak: observation.temperature)
        }
        current?.lastTime = observation.time
      } else if current != nil {
        close(at: observation.time)
      }
    }
    if let celsius = observation.temperature {
      if let opening = current { current?.peak = max(opening.peak ?? celsius, celsius) }
      lastTemperature = celsius
    }
  }

  /// Ends the record.
  public mutating func finish() -> DoorStatistics {
    if current != nil { close(at: nil) }
    settle()
    prune()
    return statistics
  }

  private mutating func close(at end: Int64?) {
    guard var opening = current else { return }
    current = nil
    opening.end = end
    statistics.count += 1
    statistics.seconds += opening.seconds
    if opening.seconds > statistics.longest?.seconds ?? -1 { statistics.longest = opening }
    recovering = opening
    if end == nil { settle() }
  }

  private mutating func settle() {
    guard let opening = recovering else { return }
    recovering = nil
    if statistics.longest?.start == opening.start { statistics.longest = opening }
    statistics.openings.append(opening)
    if statistics.openings.count > 4 * Self.listed { prune() }
  }

  private mutating func prune() {
    statistics.openings = Array(
      statistics.openings.sorted {
        ($0.rise ?? 0, $0.seconds, $1.start) > ($1.rise ?? 0, $1.seconds, $0.start)
      }.prefix(Self.listed))
  }
}
