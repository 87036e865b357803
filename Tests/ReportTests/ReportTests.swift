import ColdChain
import Foundation
import FoundationXML
import JSON
import Testing

@testable import Report

/// Reports of data that no truck has.
@Suite struct ReportTests {
  private static func report(_ readings: [TripReading], hasClock: Bool = true) throws -> TripReport {
    TripReport(
      device: "<truck>\u{0}&\"'", source: "a\nb.csv", digest: "00", hasClock: hasClock,
      trip: try #require(Trip(readings)))
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
