import ColdChain
import Foundation
import FoundationXML
import JSON
import Testing
import Time

@testable import Report

/// Reports of data that no truck has.
@Suite struct ReportTests {
  private static func report(_ readings: [TripReading], hasClock: Bool = true) throws -> TripReport {
    var analyzer = TripAnalyzer()
    for (index, reading) in readings.sorted(by: { $0.time < $1.time }).enumerated() {
      analyzer.add(
        Observation(
          time: reading.time, row: index + 1, temperature: reading.temperature, voltage: reading.voltage,
          isDoorOpen: reading.isDoorOpen))
    }
    return TripReport(
      device: "<truck>\u{0}&\"'", source: "a\nb.csv", digest: "00", hasClock: hasClock,
      trip: try #require(Trip(readings)), diagnosis: analyzer.finish())
  }

  /// A cold truck of an hour, a reading every 10 s; `isMeasured` says which have what.
  private static func hour(
    _ isMeasured: (Int) -> (temperature: Bool, voltage: Bool, door: Bool)
  ) throws -> TripReport {
    try report(
      (0..<360).map { number in
        let measured = isMeasured(number)
        return TripReading(
          time: Int64(number) * 10_000_000_000,
          temperature: measured.temperature ? -18.6 + Double((number % 60 - 30).magnitude) / 60 : nil,
          voltage: measured.voltage ? 12.15 : nil, isDoorOpen: measured.door ? false : nil)
      })
  }

  @Test func `what wasn't measured is neither OK nor none`() throws {
    let whole = try Self.hour { _ in (true, true, true) }
    // The profile's limits; the others only inform.
    #expect(whole.limits.map { $0[6] } == ["OK", "OK", "information", "information", "information"])
    #expect([Measure.temperature, .voltage, .door].allSatisfy { whole.nothing($0) == "none" })
    let alone = try Self.hour { _ in (true, false, false) }
    #expect(alone.nothing(.voltage) == "not measured" && alone.nothing(.door) == "not measured")
    let page = String(decoding: try alone.bytes(.html), as: UTF8.self)
    #expect(alone.doorTitle == "Door" && page.contains("<p>Not measured.</p>"))
    let half = try Self.hour { ($0 < 180, $0 < 180, true) }
    #expect(half.limits.allSatisfy { $0[6] == "not measured" }, "\(half.limits)")
    #expect(half.nothing(.voltage) == "none in the 50 % of the time that was measured")
    #expect(half.identity.first { $0.name == "Measured" }?.value.contains("position not measured") == true)
  }

  @Test(arguments: TripReport.Format.allCases.filter { $0 != .png && $0 != .pdf && $0 != .svg })
  func `the verdict stands in the first lines`(_ format: TripReport.Format) throws {
    let report = try Self.hour { _ in (true, true, true) }
    let text = String(decoding: try report.bytes(format), as: UTF8.self)
    let verdict = try #require(text.firstRange(of: report.diagnosis.verdict.rawValue))
    if format == .html {
      let identity = try #require(text.firstRange(of: "<dt>Source"))
      #expect(verdict.lowerBound < identity.lowerBound)
    }
    #expect(format == .json || text.contains("The box held"))
  }

  @Test func `few door openings are those that warmed the box most, and an excursion may last to the end`()
    throws
  {
    let report = try Self.report(
      (0..<720).map { number in
        TripReading(
          time: Int64(number) * 10_000_000_000, temperature: -18.6 + max(0, Double(number - 600)) / 10,
          voltage: nil, isDoorOpen: (10..<12).contains(number % 60))
      }, hasClock: false)
    #expect(report.door().count == 12)
    #expect(report.door(2).map { $0[0] } == ["1:41:40", "1:51:40"])
    #expect(report.excursions.map { $0[1] } == ["end of the record"])
    // The door closes with the last reading.
    let closing = try Self.report(
      (0..<3).map {
        TripReading(time: $0 * 10_000_000_000, temperature: -18, voltage: nil, isDoorOpen: $0 == 1)
      },
      hasClock: false)
    #expect(closing.door().map { $0[1] } == ["0:00:20"])
  }

  private static let sets: [(name: String, times: [Int64], values: [Double?])] = [
    ("one reading", [5], [-18]), ("one reading without values", [5], [nil]),
    ("all equal", [1, 2, 3], [-18, -18, -18]), ("one time", [7, 7, 7], [-20, 0, 20]),
    ("the longest span", [.min, 0, .max], [-20, 0, 20]),
    ("huge values", [0, 1_000_000_000, 2_000_000_000], [1e30, -1e30, 1e300]),
    ("the greatest range", [0, 1_000_000_000], [.greatestFiniteMagnitude, -.greatestFiniteMagnitude]),
    ("the least values", [0, 1_000_000_000], [.leastNonzeroMagnitude, -.leastNonzeroMagnitude]),
    ("what isn't finite", [0, 1_000_000_000, 2_000_000_000], [.infinity, -.infinity, .nan]),
    ("neighbours", [0, 1_000_000_000], [1e15, (1e15).nextUp]),
    ("many gaps", (0..<3000).map { $0 * 3_600_000_000_000 }, (0..<3000).map { Double($0 % 40 - 20) }),
  ]

  @Test(arguments: sets.indices, TripReport.Format.allCases)
  func `every form is made of any data`(_ index: Int, _ format: TripReport.Format) throws {
    let set = Self.sets[index]
    let readings = zip(set.times, set.values).enumerated().map { index, reading in
      TripReading(
        time: reading.0, temperature: reading.1, voltage: reading.1, isDoorOpen: index % 2 == 0)
    }
    for hasClock in [true, false] {
      let bytes = try Self.report(readings, hasClock: hasClock).bytes(format)
      #expect(bytes.count > 50, "\(set.name)")
      switch format {
      case .json: _ = try JSONElement(bytes)
      case .html:
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("&lt;truck&gt; &amp;&quot;'") && !text.contains("<truck>"))
      case .svg: #expect(XMLParser(data: Data(bytes)).parse(), "\(set.name)")
      case .pdf, .png, .csv: break
      }
    }
  }

  @Test(
    arguments: [
      (0, 2, "0.00"), (-0.001, 2, "0.00"), (-18.004, 2, "−18.00"), (12.345, 1, "12.3"), (-15, 0, "−15"),
      (999_999_999_999.99, 2, "999999999999.99"), (1e30, 2, "1e+30"), (-1e300, 0, "−1e+300"),
      (.infinity, 2, "–"),
      (.nan, 2, "–"),
    ] as [(Double, Int, String)])
  func `a number has so many decimals`(_ value: Double, _ digits: Int, _ text: String) {
    #expect(TripReport.number(value, digits) == text)
  }

  @Test(arguments: [(-15, "−15"), (11.95, "11.95"), (-12.5, "−12.5")] as [(Double, String)])
  func `a limit has the decimals that it needs`(_ value: Double, _ text: String) {
    #expect(TripReport.limit(value) == text)
  }

  @Test func `the time axis has round times, and dates over days and months`() throws {
    func labels(_ first: String, _ last: String, zone: Int = 0) throws -> [String] {
      let scale = TimeScale(
        try #require(Timestamp.parse(first)), try #require(Timestamp.parse(last)), zone: zone, hasClock: true)
      return scale.ticks.map(\.label)
    }
    #expect(
      try labels("2024-10-23T14:00:01Z", "2024-10-23T16:59:58Z")
        == ["14:30", "15:00", "15:30", "16:00", "16:30"])
    // Two and a half hours later by the clock there.
    #expect(
      try labels("2024-10-23T14:00:01Z", "2024-10-23T16:59:58Z", zone: 9000).first == "17:00")
    #expect(
      try labels("2024-10-23T20:00:00Z", "2024-10-24T04:00:00Z")
        == ["20:00", "22:00", "2024-10-24", "02:00", "04:00"])
    #expect(
      try labels("2024-03-03T00:00:00Z", "2024-11-07T21:00:00Z")
        == ["2024-05-01", "2024-07-01", "2024-09-01", "2024-11-01"])
    let started = TimeScale(1_000_000_000, 10_798_000_000_000, zone: 0, hasClock: false)
    #expect(started.ticks.map(\.label) == ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30"])
    #expect(started.ticks.first?.time == 1_000_000_000)
    let ends = [Int64.min, .min + 1, -1, 0, 1, 1_729_692_001_000_000_000, .max - 1, .max]
    for first in ends {
      for last in ends where first <= last {
        for zone in [Int.min, -3600, 0, .max] {
          for hasClock in [true, false] {
            let ticks = TimeScale(first, last, zone: zone, hasClock: hasClock).ticks
            #expect(ticks.count <= 10, "\(first) \(last) \(ticks)")
          }
        }
      }
    }
  }

  @Test func `a record without a clock has no dates of 1970`() throws {
    let readings = (0..<100).map {
      TripReading(
        time: Int64($0) * 10_000_000_000, temperature: $0 < 50 ? -18.5 : -10, voltage: 12.1, isDoorOpen: false
      )
    }
    let report = try Self.report(readings, hasClock: false)
    for format in [TripReport.Format.json, .csv, .html] {
      let text = String(decoding: try report.bytes(format), as: UTF8.self)
      #expect(!text.contains("1970-"), "\(format)")
    }
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(try report.bytes(.json))) as? [String: Any])
    #expect(object["from"] as? Double == 0 && object["to"] as? Double == 990)
  }

  @Test func `a scale has at most eight ticks, whatever its values are`() {
    let values = [
      0, .leastNonzeroMagnitude, 1e-9, 0.1, 1, 7, 1e9, 1e30, 1e300, .greatestFiniteMagnitude, .infinity, .nan,
    ].flatMap { [$0, -$0] }
    for low in values {
      for high in values {
        let scale = Scale(low, high, least: 1)
        #expect(scale.ticks.count <= 8)
        #expect(scale.ticks.allSatisfy { $0.isFinite && scale.place($0, 0, 100).isFinite })
        #expect(!low.isFinite || !high.isFinite || scale.place(low, 0, 100).isFinite)
      }
    }
    #expect(Scale(-18, 21, least: 1).ticks == [-10, 0, 10, 20])
    #expect(Scale(11.95, 12.1, least: 0.2).ticks.count >= 4)
  }
}
