import Foundation
import Testing

@testable import Simulator

@Suite struct ScenarioTests {
  static func bytes(_ plan: TripPlan, with extras: Set<TripFile.Extra> = [], rows: Int = .max) -> [UInt8] {
    var bytes: [UInt8] = []
    TripFile.generate(plan, with: extras, rows: rows) { (piece) throws(Never) in
      bytes.append(contentsOf: piece)
    }
    return bytes
  }

  static func rows(_ plan: TripPlan) -> [TripSimulation.Row] {
    var simulation = TripSimulation(plan)
    var rows: [TripSimulation.Row] = []
    while let row = simulation.next() { rows.append(row) }
    return rows
  }

  @Test(arguments: Scenario.allCases, [false, true])
  func `the same seed makes the same bytes, another one others`(_ scenario: Scenario, _ isVaried: Bool) {
    func bytes(_ seed: UInt64) -> [UInt8] {
      Self.bytes(
        .make([scenario], seed: seed, duration: 1800, isVaried: isVaried), with: [.ambient, .location])
    }
    #expect(bytes(1) == bytes(1))
    #expect(bytes(1) != bytes(2))
  }

  @Test(arguments: Scenario.allCases)
  func `every scenario keeps within what a truck can be`(_ scenario: Scenario) {
    for seed in 1...8 as ClosedRange<UInt64> {
      let plan = TripPlan.make([scenario], seed: seed, duration: 14_400, isVaried: true)
      let rows = Self.rows(plan)
      #expect(rows.count >= 200)
      #expect(rows.allSatisfy { $0.temperature.map { $0 > -40 && $0 < 45 } ?? true }, "\(seed)")
      #expect(rows.allSatisfy { $0.voltage > 7 && $0.voltage < 15 }, "\(seed)")
      #expect(zip(rows, rows.dropFirst()).allSatisfy { $0.uptime < $1.uptime })
    }
  }

  @Test func `more columns follow the truck's four`() {
    let plan = TripPlan.make([.healthy], seed: 1, duration: 600)
    let both = String(decoding: Self.bytes(plan, with: [.location, .ambient], rows: 1), as: UTF8.self)
    #expect(both.hasPrefix("uptime,volts,temp,door,ambient,latitude,longitude\n1,"))
    #expect(both.split(separator: "\n").last?.split(separator: ",").count == 7)
    #expect(Self.bytes(plan, rows: 10).count { $0 == 0x0A } == 11)
  }

  @Test(
    arguments: [
      ("healthy", ["healthy"]), ("hot-day+door-left-open", ["hot-day", "door-left-open"]), ("warm", nil),
      ("", nil),
      ("defrost+", nil),
    ] as [(String, [String]?)])
  func `scenarios combine by their names`(_ text: String, _ expected: [String]?) {
    #expect(Scenario.combination(text)?.map(\.rawValue) == expected)
  }

  @Test func `a hotter day warms the box more`() {
    func warmest(_ ambient: Double) -> Double {
      let plan = TripPlan.make([.unitOff], seed: 3, duration: 14_400, ambient: ambient)
      return Self.rows(plan).compactMap(\.temperature).max() ?? 0
    }
    #expect(warmest(36) > warmest(20) + 1)
  }

  @Test func `a closed box without its unit loses heat by its walls alone`() {
    // With one store and a constant outside the model is Newton's law: T = A − (A − T₀)·exp(−t·UA/C).
    var model = TruckModel.story
    model.initialAir = -18
    model.setPoint = 100
    model.temperatureStep = 0.001
    let rows = Self.rows(TripPlan(model: model, duration: 3600, seed: 1))
    let deviation = rows.map { abs(($0.temperature ?? 99) - (22 - 40 * exp(-($0.uptime - 1) * 40 / 72_000))) }
    #expect((deviation.max() ?? 1) < 0.02)
  }

  @Test func `the day is warmest at three in the afternoon`() {
    var model = TruckModel()
    model.startHour = 0
    let hours = (0...23).map { model.outside(at: Double($0) * 3600) }
    #expect(hours.firstIndex(of: hours.max() ?? 0) == 15 && hours.firstIndex(of: hours.min() ?? 0) == 3)
    for (hour, value) in hours.enumerated() {
      let expected = 22 - 9 * (1 - cos((Double(hour) - 15) / 12 * Double.pi)) / 2
      #expect(abs(value - expected) < 0.02)
    }
  }

  @Test func `fleets and wearing trucks are reproducible and differ`() {
    for plan in FleetPlan.allCases {
      #expect(
        Self.rows(plan.trip(truck: 1, seed: 5, duration: 3600))
          == Self.rows(plan.trip(truck: 1, seed: 5, duration: 3600)))
      #expect(
        Self.rows(plan.trip(truck: 1, seed: 5, duration: 3600))
          != Self.rows(plan.trip(truck: 2, seed: 5, duration: 3600)))
    }
    let fresh = WearPlan.trip(number: 0, of: 20, isWeakening: true, seed: 1).model.ratedCooling
    let worn = WearPlan.trip(number: 19, of: 20, isWeakening: true, seed: 1).model.ratedCooling
    #expect(worn < 0.4 * fresh)
  }
}

/// `TruckSensorFiles/trucksensordata.csv`: the original's story.
@Suite struct StoryTests {
  private struct Row {
    let uptime: Int
    let volts: Double
    let temp: Double
    let door: Int
  }

  private static let bytes = ScenarioTests.bytes(
    .make([.electricalSag], seed: TripFile.storySeed, duration: TripFile.storyDuration))

  private let rows: [Row] = String(decoding: Self.bytes, as: UTF8.self).split(separator: "\n").dropFirst().map
  {
    let parts = $0.split(separator: ",").map(String.init)
    return Row(
      uptime: Int(parts[0]) ?? -1, volts: Double(parts[1]) ?? .nan, temp: Double(parts[2]) ?? .nan,
      door: Int(parts[3]) ?? -1)
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// The first row of the sag: from there on the voltage stays below 11.96 V.
  private var sag: Int { (rows.lastIndex { $0.volts > 11.95 } ?? 0) + 1 }

  @Test func `the committed file is what the seed makes`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = root.appendingPathComponent("TruckSensorFiles/trucksensordata.csv")
    if ProcessInfo.processInfo.environment["TRUCKSENSOR_REGENERATE"] != nil {
      try Data(Self.bytes).write(to: file)
    }
    #expect(try Data(contentsOf: file) == Data(Self.bytes))
  }

  @Test func `rows come every three seconds from one on`() {
    #expect(rows.count == 3600)
    #expect(rows.enumerated().allSatisfy { $0.element.uptime == 1 + 3 * $0.offset })
    #expect(Self.bytes.starts(with: Array("uptime,volts,temp,door\n1,12.11,21.90,0\n".utf8)))
  }

  @Test func `values are whole sensor steps with two decimals`() {
    for row in rows {
      let steps = (row.temp - 21.9) / 0.0859375
      #expect(abs(steps - steps.rounded()) * 0.0859375 < 0.0051)
      let voltSteps = (row.volts - 12.11) / 0.03
      #expect(abs(voltSteps - voltSteps.rounded()) < 1e-6)
    }
    let values = String(decoding: Self.bytes, as: UTF8.self).split(separator: "\n").dropFirst()
    #expect(values.allSatisfy { $0.wholeMatch(of: /\d+,\d\d\.\d\d,-?\d+\.\d\d,[01]/) != nil })
  }

  @Test func `the cards show 11.8 and 12.1 V`() throws {
    let volts = rows.map(\.volts)
    let (least, greatest) = (try #require(volts.min()), try #require(volts.max()))
    #expect((11.75..<11.85).contains(least) && (12.05..<12.15).contains(greatest))
  }

  @Test func `the load is held at −18 °C for 15 minutes`() throws {
    let reached = try #require(rows.firstIndex { $0.temp <= -18 })
    #expect((870...930).contains(rows[sag].uptime - rows[reached].uptime))
    #expect(rows[reached..<sag].allSatisfy { abs($0.temp + 18) < 0.6 })
    #expect(rows[..<reached].allSatisfy { $0.temp > -18 })
  }

  @Test func `then the working voltage falls by a tenth, below the alert's limit for good`() {
    let before = rows[(sag - 200)..<sag].map(\.volts)
    let after = rows[sag..<(sag + 200)].map(\.volts)
    #expect(abs(mean(before) - mean(after) - 0.1) < 0.01)
    #expect(rows[sag...].allSatisfy { $0.volts <= 11.95 })
    #expect(rows[..<sag].count { $0.volts <= 11.95 } == 0)
  }

  @Test func `half a minute later the temperature rises along an exponential to the outside one`() {
    let start = rows[sag + 20]
    #expect(rows[sag..<(sag + 8)].allSatisfy { abs($0.temp + 18) < 0.6 } && start.temp > -17.7)
    for row in rows[(sag + 20)...] where row.uptime < 5000 {
      let expected = 22 - (22 - start.temp) * exp(-Double(row.uptime - start.uptime) / 1800)
      #expect(abs(row.temp - expected) < 0.4)
    }
    #expect(rows.last.map { $0.temp > 21 && $0.temp <= 22 } == true)
  }

  @Test func `the door is open now and then while loading, rarely after`() {
    let share = { (rows: ArraySlice<Row>) in Double(rows.count { $0.door == 1 }) / Double(rows.count) }
    #expect((0.1...0.6).contains(share(rows[..<400])))
    #expect(share(rows[400...]) < 0.02)
    #expect(rows[400...].contains { $0.door == 1 })
  }
}
