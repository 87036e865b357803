/// Why a load spoiled, or why it didn't.
public enum Cause: String, Sendable, CaseIterable {
  /// The supply sagged, and the unit with it.
  case electrical
  /// The unit stopped although its supply was sound, or together with the engine.
  case unitOff = "unit-off"
  /// The door stayed open.
  case door
  /// The unit ran and couldn't hold the set point: too hot a day, or too weak a unit.
  case heat
  /// The product was loaded warm.
  case warmLoad = "warm-load"
  /// A defrost: harmless.
  case defrost
  /// The probe failed.
  case sensor
  /// Nothing went wrong.
  case none
  /// Something went wrong, and the record doesn't say what.
  case unexplained
  /// Too little was measured to say anything.
  case notMeasured = "not-measured"

  /// The title that a person reads.
  public var title: String {
    switch self {
    case .electrical: "the supply voltage"
    case .unitOff: "the refrigeration unit stopped"
    case .door: "the door was open"
    case .heat: "the unit couldn't hold its set point"
    case .warmLoad: "the product was loaded warm"
    case .defrost: "a defrost, which is harmless"
    case .sensor: "the temperature sensor failed"
    case .none: "nothing went wrong"
    case .unexplained: "unexplained"
    case .notMeasured: "not measured"
    }
  }

  /// Whether it calls for action on the truck or its cargo.
  public var isFault: Bool {
    switch self {
    case .none, .defrost, .notMeasured: false
    default: true
    }
  }
}

/// A sentence with the figures it rests on.
public struct Evidence: Sendable, Equatable {
  /// A sentence that a manager understands.
  public var text: String
  /// The measure it is about.
  public var measure: Measure?
  /// The span it is about, ns.
  public var span: TimeSpan?
  /// The rows of that span.
  public var rows: ClosedRange<Int>?
  /// Its figures by name; the names of times and rates include the unit.
  public var figures: [Figure]

  /// A named number.
  public struct Figure: Sendable, Equatable {
    /// `voltageBefore`.
    public var name: String
    /// The number.
    public var value: Double

    /// A figure.
    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// Evidence.
  public init(
    _ text: String, measure: Measure? = nil, span: TimeSpan? = nil, rows: ClosedRange<Int>? = nil,
    figures: [Figure] = []
  ) {
    self.text = text
    self.measure = measure
    self.span = span
    self.rows = rows
    self.figures = figures
  }
}

/// A cause, how likely it is, and why.
public struct RankedCause: Sendable, Equatable {
  /// The cause.
  public var cause: Cause
  /// 0 to 1: of all diagnoses with this confidence, this share should be right.
  public var confidence: Double
  /// What speaks for it.
  public var evidence: [Evidence]
  /// What speaks against it, or isn't known.
  public var against: [Evidence]
}
