/// What happened on a trip, when and why, with the evidence and with how much of it was measured.
public struct Diagnosis: Sendable {
  /// The record's first and last time, ns; nil without rows.
  public var span: TimeSpan?
  /// The number of rows.
  public var rows = 0
  /// Rows whose time steps back, which aren't used.
  public var stepsBack = 0
  /// Rows with the same time as the row before.
  public var sameTimes = 0
  /// How often times started again, because another run begins in the same record.
  public var restarts = 0
  /// The share of the record that has rows, 0 to 1.
  public var rowCoverage: Double?
  /// How much of the record each measure covers.
  public var coverage: [Measure: MeasureCoverage] = [:]
  /// The most likely cause.
  public var verdict = Cause.notMeasured
  /// The causes with a confidence of at least 1 %, the verdict first.
  public var causes: [RankedCause] = []
  /// One sentence for a manager.
  public var headline = ""
  /// What else should be known about the record, in sentences.
  public var remarks: [String] = []
  /// The phases, in the order of time.
  public var phases: [TripPhase] = []
  /// The level that was held, Celsius; nil if the temperature wasn't measured.
  public var heldLevel: Double?
  /// The departures from it that matter, most harmful first.
  public var departures: [TripDeparture] = []
  /// The profile's limits.
  public var profile = CargoProfile.quickFrozen
  /// How its limits are graded.
  public var grades: [LimitGrade] = []
  /// The temperature over the record.
  public var temperature = SeriesStatistics(kinetic: true)
  /// The supply voltage over the record.
  public var voltage = SeriesStatistics()
  /// The outside temperature over the record.
  public var ambient = SeriesStatistics()
  /// How often the load thawed.
  public var thaws = 0
  /// How often it froze again after it had thawed.
  public var thawCycles = 0
  /// Seconds until the held level was first reached, if the record begins warm; nil otherwise, or if it never was.
  public var pullDownSeconds: Double?
  /// Seconds within 1.5 K of the held level.
  public var secondsAtLevel = 0.0
  /// The door; nil if it wasn't measured.
  public var door: DoorStatistics?
  /// Dips of the voltage that last seconds: starts of the engine, which are harmless.
  public var crankDips = 0
  /// Where the truck stood; empty without positions.
  public var stays: [StayPoint] = []
  /// The signs that trends are based on.
  public var signs = UnitSigns()

  /// Nothing measured.
  public init() {}

  /// The verdict's confidence, 0 to 1.
  public var confidence: Double { causes.first?.confidence ?? 0 }
}

/// A departure from the held level, for a person.
public struct TripDeparture: Sendable, Equatable {
  /// From its beginning to its end as far as measured, ns.
  public var span: TimeSpan
  /// Its rows.
  public var rows: ClosedRange<Int>
  /// Whether the box came back to its level.
  public var isResolved: Bool
  /// The warmest reading.
  public var peak: Extreme
  /// The level before, Celsius.
  public var level: Double
  /// Kelvin-minutes above the level by more than 1 K.
  public var harm: Double
  /// Its likeliest cause.
  public var cause: Cause
  /// That cause's probability.
  public var confidence: Double
  /// The exponential fitted to its warming, if there is one.
  public var fit: ExponentialFit?
  /// Where it happened; nil without positions.
  public var place: StayPoint?
}
