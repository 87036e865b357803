/// The temperature limits of a cargo, and their sources.
public struct CargoProfile: Sendable, Equatable {
  /// One limit.
  public struct Limit: Sendable, Equatable {
    /// What counts as exceeding a limit.
    public enum Kind: String, Sendable {
      /// A regulation's "−18 °C or colder": the limit itself is allowed, and a thermostat's ripple around it isn't an
      /// event.
      case maximum
      /// A logger's alarm: the limit itself triggers (WHO PQS E006, LogTag).
      case alarm
    }

    /// Celsius.
    public var celsius: Double
    /// What counts as exceeding it.
    public var kind: Kind
    /// Seconds for which exceeding it isn't an event: "brief periods".
    public var allowance: Double
    /// The name that a person reads.
    public var title: String
    /// The rule or the person that sets it.
    public var source: String

    /// A limit.
    public init(
      _ celsius: Double, kind: Kind = .maximum, allowance: Double = 0, title: String, source: String
    ) {
      self.celsius = celsius
      self.kind = kind
      self.allowance = allowance
      self.title = title
      self.source = source
    }
  }

  /// `ice-cream`, `quick-frozen`, `frozen`, or the name of a user's own profile.
  public var name: String
  /// What the thermostat is set to, Celsius; nil if the profile doesn't say.
  public var setPoint: Double?
  /// The limits, coldest first.
  public var limits: [Limit]

  /// A profile.
  public init(name: String, setPoint: Double?, limits: [Limit]) {
    self.name = name
    self.setPoint = setPoint
    self.limits = limits.sorted { $0.celsius < $1.celsius }
  }

  /// Ice cream: ATP's limit for its transport.
  public static let iceCream = CargoProfile(
    name: "ice-cream", setPoint: nil,
    limits: [Limit(-20, title: "ice cream −20 °C", source: "ATP, annex 2")])

  /// Quick-frozen food: −18 °C, with brief upward fluctuations to −15 °C in transport.
  public static let quickFrozen = CargoProfile(
    name: "quick-frozen", setPoint: nil,
    limits: [
      Limit(-18, allowance: 1800, title: "quick-frozen −18 °C", source: "Directive 89/108/EEC, article 5"),
      Limit(
        -15, title: "brief fluctuation −15 °C",
        source: "Directive 89/108/EEC, article 5; SR 2007/65, schedule 2"),
    ])

  /// Frozen food that is not quick-frozen.
  public static let frozen = CargoProfile(
    name: "frozen", setPoint: nil, limits: [Limit(-12, title: "frozen −12 °C", source: "ATP, annex 2")])

  /// The profiles of regulations, which can be chosen by name.
  public static let known = [iceCream, quickFrozen, frozen]

  /// A profile with one limit, given by the user.
  public static func own(_ celsius: Double, setPoint: Double? = nil) -> CargoProfile {
    CargoProfile(
      name: "own", setPoint: setPoint,
      limits: [Limit(celsius, kind: .alarm, title: "own limit", source: "given")])
  }
}
