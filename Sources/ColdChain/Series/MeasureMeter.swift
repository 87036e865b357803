/// How much of a record a measure covers, and what is wrong with it.
public struct MeasureCoverage: Sendable, Equatable {
  /// Readings with a plausible value.
  public var count = 0
  /// Rows without a value.
  public var missing = 0
  /// Values that a sensor of this kind can't measure.
  public var impossible = 0
  /// Changes faster than possible.
  public var jumps = 0
  /// The usual time between two readings, s; nil with fewer than two.
  public var step: Double?
  /// Seconds covered: a reading holds until the next, but not across a gap.
  public var seconds = 0.0
  /// The share of the record that is covered, 0 to 1; nil if the measure was never read, or the record has no length.
  public var share: Double?
  /// The longest gaps, in the order of time.
  public var gaps: [TimeSpan] = []

  /// A measure that was never read.
  public init() {}

  /// Whether there is any reading.
  public var isMeasured: Bool { count > 0 }
}

/// Measures the coverage of one measure in one pass.
struct MeasureMeter: Sendable {
  private static let listedGaps = 20
  private(set) var coverage = MeasureCoverage()
  private(set) var firstTime: Int64?
  private(set) var lastTime: Int64?
  private var steps = StepHistogram()
  private var nextUpdate = 2
  private var gaps: [TimeSpan] = []
  /// A longer step is a gap, s.
  private(set) var limit = Double.infinity
  /// The usual step, s.
  private(set) var typical = 0.0

  /// Takes a reading. Returns the seconds for which the previous reading held; nil after a gap and for the first reading.
  mutating func add(at time: Int64) -> Double? {
    coverage.count += 1
    defer { lastTime = time }
    guard let lastTime else {
      firstTime = time
      return nil
    }
    let step = Double(time) / 1e9 - Double(lastTime) / 1e9
    steps.add(step)
    if coverage.count >= nextUpdate { update() }
    guard step > limit else { return step }
    gaps.append(TimeSpan(lastTime, time))
    if gaps.count > 4 * Self.listedGaps { prune() }
    return nil
  }

  mutating func missed() { coverage.missing += 1 }
  mutating func wasImpossible() { coverage.impossible += 1 }
  mutating func jumped() { coverage.jumps += 1 }

  /// The coverage of a record with this span.
  mutating func finish(_ record: TimeSpan) -> MeasureCoverage {
    update()
    gaps.removeAll { $0.seconds <= limit }
    // The time before the first and after the last reading isn't measured, either.
    if let firstTime, let lastTime {
      let ends = [TimeSpan(record.start, firstTime), TimeSpan(lastTime, record.end)]
      gaps += ends.filter { $0.seconds > limit }
    }
    prune()
    coverage.gaps = gaps.sorted { $0.start < $1.start }
    coverage.step = steps.typical
    coverage.seconds = steps.seconds(upTo: limit)
    if coverage.count > 0, record.seconds > 0 {
      coverage.share = min(1, coverage.seconds / record.seconds)
    }
    return coverage
  }

  private mutating func prune() {
    gaps = Array(gaps.sorted { $0.seconds > $1.seconds }.prefix(Self.listedGaps))
  }

  private mutating func update() {
    nextUpdate = coverage.count < 64 ? coverage.count + 1 : coverage.count + coverage.count / 2
    guard let typical = steps.typical else { return }
    self.typical = typical
    limit = max(60, 5 * typical)
  }
}
