import MQTT

/// Where a message's `timestamp` comes from.
public enum TimestampSource: Sendable, Equatable {
  /// The clock, in microseconds, at the moment the message is due.
  case now
  /// The run's start plus the row's uptime.
  case uptime
  /// This start (epoch seconds) plus the row's uptime, or without an uptime plus the message's due time: two runs
  /// publish identical bytes.
  case start(Double)
}

/// What happens to a new reading when the backlog is full.
public enum FullBacklogPolicy: String, Sendable, CaseIterable {
  /// The truck waits; its messages then go out late.
  case block
  /// The oldest waiting message is dropped, and counted.
  case dropOldest = "drop-oldest"
}

/// How often the dataset is replayed.
public enum Repetitions: Sendable, Equatable {
  /// This many times.
  case times(Int)
  /// Until something else ends the run.
  case endless
}

/// What one replay does; the same for every truck of a fleet.
public struct ReplaySettings: Sendable {
  /// When messages are due.
  public var pace: Pacer.Mode
  /// Random displacement of each due time, as a part of the interval: 0 to 1.
  public var jitter = 0.0
  /// How often the dataset is replayed.
  public var repetitions = Repetitions.times(1)
  /// The maximum number of messages of each truck.
  public var count: Int?
  /// The maximum length of the run, in nanoseconds.
  public var duration: Int64?
  /// Where timestamps come from.
  public var timestamps = TimestampSource.now
  /// What a full backlog does to new readings.
  public var whenFull = FullBacklogPolicy.block
  /// Faults that are put onto the readings.
  public var injections: [Injection] = []
  /// What the faults' sizes and noise are drawn by; each truck of a fleet adds its number.
  public var seed: UInt64 = 1
  /// The most connections that are started per second; nil for as many as the broker's listen backlog takes.
  public var connectRate: Double?
  /// How long the end waits for acknowledgements, in nanoseconds.
  public var drainTimeout: Int64 = 30_000_000_000

  /// A replay at `pace`.
  public init(pace: Pacer.Mode) { self.pace = pace }
}
