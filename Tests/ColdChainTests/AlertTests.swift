import Testing

@testable import ColdChain

@Suite struct AlertTests {
  private static let warm = AlertRule(
    name: "temperature", title: "warm", measure: "temp", condition: .above, threshold: -15, delay: 120,
    reset: -16,
    resetDelay: 30, latching: true, armedAt: -18)
  private static let low = AlertRule(
    name: "voltage", title: "low", measure: "volts", condition: .below, threshold: 11.95, delay: 60, reset: 12
  )

  private static func second(_ value: Double) -> Int64 { 1_700_000_000_000_000_000 + Int64(value * 1e9) }

  /// The changes of a state fed with (second, value).
  private static func changes(_ rule: AlertRule, _ points: [(Double, Double)]) -> [String] {
    var state = AlertState()
    return points.compactMap { time, value in
      state.add(value, at: second(time), rule).map { "\(Int(time)) \($0.rawValue)" }
    }
  }

  @Test(
    arguments: [
      // Cooling down from warm is no excursion.
      (warm, [(0, 20), (600, 10), (1200, -10)], []),
      // At the limit counts; the delay must pass without a break.
      (warm, [(0, -18), (10, -15), (100, -15), (129, -15), (130, -15)], ["130 raised"]),
      (warm, [(0, -18), (10, -14), (100, -15.1), (110, -14), (229, -14), (230, -14)], ["230 raised"]),
      // Between threshold and reset it goes on; below reset for its delay it ends, and waits for a person.
      (
        warm,
        [(0, -18), (10, -14), (130, -14), (140, -15.5), (200, -16), (229, -16), (230, -16), (300, -17)],
        ["130 raised", "230 ended"]
      ),
      (
        warm, [(0, -18), (10, -14), (130, -14), (200, -16), (210, -14), (220, -16), (249, -16), (250, -16)],
        ["130 raised", "250 ended"]
      ),
      // Without latching it is over.
      (
        low, [(0, 12.1), (10, 11.95), (70, 11.9), (80, 11.99), (90, 12), (100, 11.9), (160, 11.9)],
        ["70 raised", "90 cleared", "160 raised"]
      ),
      // Points out of order are ignored.
      (low, [(10, 11.9), (5, 12.5), (70, 11.9), (60, 12.5)], ["70 raised"]),
    ] as [(AlertRule, [(Double, Double)], [String])])
  func `an alert follows its rule`(_ rule: AlertRule, _ points: [(Double, Double)], _ expected: [String]) {
    #expect(Self.changes(rule, points) == expected)
  }

  @Test func `an acknowledged latched alert is over when its condition has ended`() {
    var state = AlertState()
    for time in [0.0, 10, 130] { _ = state.add(time == 0 ? -18 : -14, at: Self.second(time), Self.warm) }
    #expect(state.isActive)
    #expect(state.acknowledge() == .acknowledged)
    #expect(state.acknowledge() == nil)
    #expect(state.isActive)
    _ = state.add(-16, at: Self.second(200), Self.warm)
    #expect(state.add(-16, at: Self.second(230), Self.warm) == .cleared)
    #expect(!state.isActive)
  }

  @Test func `a monitor read back neither forgets nor repeats`() throws {
    var monitor = AlertMonitor()
    var events: [AlertEvent] = []
    for index in 0..<200 {
      events += monitor.add(
        [("temp", index == 0 ? -18 : -10)], device: "a", at: Self.second(Double(index)),
        arrived: Self.second(Double(index)),
        [Self.warm])
      // As if the process ended after each reading, and the broker delivered the last one again.
      monitor = try #require(AlertMonitor(text: monitor.text))
      #expect(
        monitor.add([("temp", 99)], device: "a", at: Self.second(Double(index)), arrived: 0, [Self.warm])
          .isEmpty)
    }
    #expect(events.map(\.change) == [.raised])
    #expect(monitor.alerts.count == 1 && monitor.alerts[0].worst == -10 && monitor.active(of: "a") == 1)
    #expect(monitor.acknowledge(1, at: Self.second(500))?.change == .acknowledged)
    #expect(monitor.acknowledge(1, at: Self.second(500)) == nil)
    #expect(monitor.acknowledge(7, at: Self.second(500)) == nil)
  }

  @Test func `no data is told once, and over with the next reading`() {
    let rule = AlertRule(name: "no-data", title: "", measure: "", condition: .noData, threshold: 0, delay: 30)
    var monitor = AlertMonitor()
    // Readings of another year that arrive now are data.
    _ = monitor.add([], device: "a", at: 5, arrived: Self.second(0), [rule])
    #expect(monitor.tick(at: Self.second(29), [rule]).isEmpty)
    #expect(monitor.tick(at: Self.second(30), [rule]).map(\.change) == [.raised])
    #expect(monitor.tick(at: Self.second(60), [rule]).isEmpty)
    #expect(monitor.add([], device: "a", at: 6, arrived: Self.second(61), [rule]).map(\.change) == [.cleared])
  }

  @Test(arguments: [
    ("", "rules/alerts.json"), ("{}", "alerts is missing"), ("{\"alerts\":[{}]}", "name is missing"),
    ("{\"alerts\":[{\"name\":\"a\",\"condition\":\"over\"}]}", "has the condition 'over'"),
    ("{\"alerts\":[{\"name\":\"a\",\"condition\":\"above\"}]}", "has no measure"),
    ("{\"alerts\":[{\"name\":\"a\",\"condition\":\"above\",\"measure\":\"t\"}]}", "has no threshold"),
    (
      "{\"alerts\":[{\"name\":\"a\",\"condition\":\"above\",\"measure\":\"t\",\"threshold\":1,\"reset\":2}]}",
      "wrong side"
    ),
    ("{\"alerts\":[{\"name\":\"a\",\"condition\":\"noData\"}]}", "needs a delay"),
    (
      "{\"alerts\":[{\"name\":\"a\",\"condition\":\"above\",\"measure\":\"t\",\"threshold\":\"x\"}]}",
      "another type"
    ),
  ])
  func `a wrong document says what is wrong`(_ text: String, _ message: String) {
    #expect {
      _ = try AlertRule.rules(in: Array(text.utf8), file: "rules/alerts.json")
    } throws: { "\($0)".contains(message) && "\($0)".hasPrefix("rules/alerts.json") }
  }
}

@Suite struct TripTests {
  private static func trip(_ rows: [(Double, Double?, Double?, Bool?)]) throws -> Trip {
    try #require(
      Trip(
        rows.map { TripReading(time: Int64($0.0 * 1e9), temperature: $0.1, voltage: $0.2, isDoorOpen: $0.3) })
    )
  }

  @Test(
    arguments: [
      ([-20, -20, -20, -20], -20.0, -20.0), ([-20, -20, -20, -10], -17.5, -15.92),
      ([-25, -18, -12, -5], -15, -11.57),
      ([5, 5, 5, 25], 10, 15.13),
    ] as [([Double], Double, Double)])
  func `mean and mean kinetic temperature are those of the tables`(
    _ values: [Double], _ mean: Double, _ kinetic: Double
  ) throws {
    // The last value holds for a step too, so that all weigh the same.
    let rows = (values + [values[3]]).enumerated().map {
      (Double($0) * 10, Double?.some($1), Double?.none, Bool?.none)
    }
    let trip = try #require(
      Trip(
        rows.map { TripReading(time: Int64($0.0 * 1e9), temperature: $0.1, voltage: nil, isDoorOpen: nil) },
        setPoint: -100))
    #expect(abs((trip.temperature?.average ?? 0) - mean) < 0.005)
    #expect(abs((trip.meanKineticTemperature ?? 0) - kinetic) < 0.005)
  }

  @Test func `excursions begin once the load was cold, gaps are not graded, the door is counted`() throws {
    let trip = try Self.trip([
      (0, 20, 12, false), (10, -18, 12, true), (20, -18, 11.9, true), (30, -14, 11.95, false),
      (40, -13, 12, false),
      (50, -16, 12, false), (1000, -11, 12, true), (1010, -17, 12, false),
    ])
    #expect(trip.coldSince == 10_000_000_000)
    #expect(trip.gaps.map(\.seconds) == [950])
    #expect(abs(trip.coverage - 60.0 / 1010) < 1e-9)
    let limit = try #require(trip.limits.first { $0.celsius == -15 })
    #expect(limit.events.map(\.seconds) == [20, 10] && limit.events.map(\.worst) == [-13, -11])
    #expect(trip.openings.map(\.episode.seconds) == [20, 10])
    #expect(trip.openings[0].rise == 5)
    #expect(trip.lowVoltage.map(\.seconds) == [20] && trip.lowVoltage[0].worst == 11.9)
  }

  @Test func `nothing measured is nothing, one reading is a trip`() throws {
    #expect(Trip([]) == nil)
    let trip = try Self.trip([(5, nil, nil, nil)])
    #expect(trip.temperature == nil && trip.coverage == 1 && trip.openings.isEmpty)
  }
}
