import Testing

@testable import ColdChain

@Suite struct StatisticsTests {
  static func second(_ value: Double) -> Int64 { 1_700_000_000_000_000_000 + Int64(value * 1e9) }

  /// A diagnosis of (second, Celsius) points.
  static func diagnosis(
    _ points: [(Double, Double?)], profile: CargoProfile = .quickFrozen, setPoint: Double? = nil,
    volts: Double? = nil, door: Bool? = nil
  ) -> Diagnosis {
    var options = TripAnalyzer.Options()
    options.profile = profile
    options.setPoint = setPoint
    var analyzer = TripAnalyzer(options)
    for (index, point) in points.enumerated() {
      analyzer.add(
        Observation(
          time: second(point.0), row: index + 1, temperature: point.1, voltage: volts, isDoorOpen: door))
    }
    return analyzer.finish()
  }

  @Test(
    arguments: [
      ([-20, -20, -20, -20], -20.00, -20.00), ([-20, -20, -20, -10], -17.50, -15.92),
      ([-25, -18, -12, -5], -15.00, -11.57), ([5, 5, 5, 25], 10.00, 15.13),
    ] as [([Double], Double, Double)])
  func `means and mean kinetic temperature equal hand-worked cases`(
    _ values: [Double], _ mean: Double, _ kinetic: Double
  ) throws {
    var direct = KineticMean()
    for value in values { direct.add(value, weight: 1) }
    #expect(abs(try #require(direct.celsius) - kinetic) < 0.005)
    let found = Self.diagnosis(values.enumerated().map { (Double($0.offset) * 600, $0.element) }).temperature
    #expect(abs(try #require(found.mean) - mean) < 1e-9)
    #expect(abs(try #require(found.timeWeightedMean) - mean) < 1e-9)
    #expect(abs(try #require(found.meanKinetic) - kinetic) < 0.005)
  }

  @Test func `uneven steps weigh by their length, and a gap counts for one step`() throws {
    // −20 for 60 s, −10 for 180 s, and the last for the usual step of 60 s.
    let uneven = Self.diagnosis([(0, -20), (60, -20), (120, -10), (300, -20)]).temperature
    #expect(abs(try #require(uneven.timeWeightedMean) + 15) < 1e-9)
    // A step of 10 000 s is a gap: −10 is known for one step only.
    let gap = Self.diagnosis([(0, -20), (60, -20), (120, -20), (180, -10), (10_180, -20)])
    #expect(abs(try #require(gap.temperature.timeWeightedMean) + 18) < 1e-9)
    #expect(gap.coverage[.temperature]?.gaps.count == 1)
    #expect(abs((gap.coverage[.temperature]?.share ?? 0) - 180.0 / 10_180) < 1e-9)
  }

  @Test func `extremes have the time at which they were first measured`() {
    let found = Self.diagnosis([(0, -18), (60, -19), (120, -17), (180, -19), (240, -17)]).temperature
    #expect(found.minimum == Extreme(value: -19, time: Self.second(60)))
    #expect(found.maximum == Extreme(value: -17, time: Self.second(120)))
  }

  @Test(
    arguments: [
      ([-18, -12, -9, -14, -16], 1, 1), ([-18, -11, -16], 0, 0), ([20, -5, -16], 0, 0), ([-18, -5, 3], 1, 0),
      ([-18, -9, -16, -9, -15, -9], 3, 2), ([-15, -10, -15], 1, 1),
    ] as [([Double], Int, Int)])
  func `thaws and refreezes are counted`(_ values: [Double], _ thaws: Int, _ cycles: Int) {
    var counter = ThawCounter()
    for value in values { counter.add(value) }
    #expect(counter.thaws == thaws && counter.cycles == cycles)
  }

  private static let alarm = CargoProfile.Limit(-15, kind: .alarm, title: "own", source: "given")
  private static let maximum = CargoProfile.Limit(-18, title: "−18", source: "a rule")

  /// A hand-worked case: points as (second, Celsius), and the excursions as (begin, end, peak, degree-minutes).
  struct ExcursionCase: Sendable {
    let limit: CargoProfile.Limit
    let points: [(Double, Double)]
    let expected: [(start: Double, end: Double?, peak: Double, degreeMinutes: Double)]
  }

  private static let excursionCases: [ExcursionCase] = [
    // The limit itself is an alarm; it ends half a kelvin below. Degree-minutes: (1 + 3) K · 1 min.
    ExcursionCase(
      limit: alarm, points: [(0, -18), (60, -15), (120, -14), (180, -12), (240, -15.2), (300, -15.5)],
      expected: [(60, 300, -12, 4)]),
    // Until the end of the record.
    ExcursionCase(limit: alarm, points: [(0, -18), (60, -14), (120, -14)], expected: [(60, nil, -14, 1)]),
    // A rule's maximum is good itself, and a ripple around it isn't an event.
    ExcursionCase(
      limit: maximum, points: [(0, -18), (60, -17.8), (120, -18), (180, -17.7), (240, -18.2)], expected: []),
    // Exceeded by more than the hysteresis, from the first reading above it.
    ExcursionCase(
      limit: maximum, points: [(0, -18), (60, -17.8), (120, -16), (180, -17.9), (240, -18)],
      expected: [(60, 240, -16, 2.3)]),
    // Two events; cooling down to the limit at first is none, never getting there is one.
    ExcursionCase(
      limit: maximum, points: [(0, -17), (60, -18), (120, -17), (180, -18), (240, -17), (300, -18)],
      expected: [(120, 180, -17, 1), (240, 300, -17, 1)]),
    ExcursionCase(limit: maximum, points: [(0, -16), (60, -17)], expected: [(0, nil, -16, 2)]),
    ExcursionCase(limit: maximum, points: [], expected: []),
  ]

  @Test(arguments: excursionCases)
  func `excursions equal hand-worked cases`(_ example: ExcursionCase) throws {
    var detector = ExcursionDetector(example.limit)
    var last: Double?
    for (index, point) in example.points.enumerated() {
      detector.add(point.1, at: Self.second(point.0), row: index + 1, held: last.map { point.0 - $0 })
      last = point.0
    }
    detector.finish()
    #expect(detector.count == example.expected.count)
    for (event, wanted) in zip(detector.events, example.expected) {
      #expect(event.start == Self.second(wanted.start) && event.end == wanted.end.map(Self.second))
      #expect(event.peak.value == wanted.peak && abs(event.degreeMinutes - wanted.degreeMinutes) < 1e-9)
    }
  }

  @Test func `a gap ends an excursion, and what follows is another`() {
    var detector = ExcursionDetector(Self.alarm)
    detector.add(-20, at: Self.second(-60), row: 1, held: nil)
    detector.add(-10, at: Self.second(0), row: 2, held: 60)
    detector.add(-10, at: Self.second(60), row: 3, held: 60)
    detector.add(-10, at: Self.second(9000), row: 4, held: nil)
    detector.finish()
    #expect(detector.events.map(\.seconds) == [60, 0])
    #expect(detector.events.map(\.endsAtGap) == [true, false])
  }

  @Test func `a brief fluctuation is allowed where the rule allows it`() {
    let limit = CargoProfile.Limit(-18, allowance: 1800, title: "", source: "")
    for (length, count) in [(1700.0, 0), (1900.0, 1)] {
      var detector = ExcursionDetector(limit)
      detector.add(-19, at: Self.second(-60), row: 1, held: nil)
      detector.add(-15, at: Self.second(0), row: 2, held: 60)
      detector.add(-19, at: Self.second(length), row: 3, held: length)
      detector.finish()
      #expect(detector.count == count)
    }
  }

  @Test func `a limit is OK only where enough was measured`() {
    let good = (0..<100).map { (Double($0) * 60, (-22 + 0.1 * Double($0 % 5)) as Double?) }
    let profile = CargoProfile.own(-15)
    #expect(Self.diagnosis(good, profile: profile).grades[0].result == .ok)
    // A tenth of the time is missing.
    let sparse = good.filter { $0.0 < 1800 || $0.0 > 2500 }
    #expect(Self.diagnosis(sparse, profile: profile).grades[0].result == .notMeasured)
    let warm = good.map { ($0.0, $0.0 == 3000 ? -14 : $0.1) }
    #expect(Self.diagnosis(warm, profile: profile).grades[0].result == .exceeded)
  }

  @Test func `an opening has its length, its cost and its recovery`() throws {
    var recorder = DoorRecorder()
    let points: [(Double, Double, Bool)] = [
      (0, -18, false), (60, -18, true), (120, -14, true), (180, -12, false), (240, -11, false),
      (300, -15, false),
      (360, -17.6, false),
    ]
    for (index, point) in points.enumerated() {
      recorder.add(
        Observation(time: Self.second(point.0), row: index + 1, temperature: point.1, isDoorOpen: point.2),
        afterGap: false)
    }
    let door = recorder.finish()
    let opening = try #require(door.openings.first)
    #expect(door.count == 1 && door.seconds == 120 && opening.seconds == 120)
    #expect(opening.rise == 7 && opening.risePerMinute == 3.5 && opening.recovery == 180)
  }
}
