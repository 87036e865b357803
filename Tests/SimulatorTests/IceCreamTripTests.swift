import Foundation
import Testing

@testable import Simulator

@Suite struct IceCreamTripTests {
  private struct Row {
    let uptime: Int
    let volts: Double
    let temp: Double
    let door: Int
  }

  private static let bytes: [UInt8] = {
    var bytes: [UInt8] = []
    IceCreamTrip.generate { bytes.append(contentsOf: $0) }
    return bytes
  }()

  private let rows: [Row] = String(decoding: Self.bytes, as: UTF8.self).split(separator: "\n").dropFirst().map
  {
    let parts = $0.split(separator: ",").map(String.init)
    return Row(
      uptime: Int(parts[0]) ?? -1, volts: Double(parts[1]) ?? .nan, temp: Double(parts[2]) ?? .nan,
      door: Int(parts[3]) ?? -1)
  }

  /// The rows from the first one at the set point to where the voltage stays low.
  private var hold: Range<Int> {
    let reached = rows.firstIndex { $0.temp <= -18 } ?? 0
    return reached..<((rows.lastIndex { $0.volts > 12.1 } ?? 0) + 1)
  }

  @Test func `The committed file is what the seed makes`() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let file = root.appendingPathComponent("TruckSensorFiles/trucksensordata.csv")
    if ProcessInfo.processInfo.environment["TRUCKSENSOR_REGENERATE"] != nil {
      try Data(Self.bytes).write(to: file)
    }
    #expect(try Data(contentsOf: file) == Data(Self.bytes))
  }

  @Test func `Rows come each three seconds from one on`() {
    #expect(rows.count >= 3000)
    #expect(rows.enumerated().allSatisfy { $0.element.uptime == 1 + 3 * $0.offset })
    #expect(
      String(decoding: Self.bytes.prefix(40), as: UTF8.self).hasPrefix(
        "uptime,volts,temp,door\n1,12.11,21.90,0\n"))
  }

  @Test func `Values are whole sensor steps with two decimals`() {
    for row in rows {
      let steps = (row.temp - 21.9) / 0.0859375
      #expect(abs(steps - steps.rounded()) * 0.0859375 < 0.0051)
      let voltSteps = (row.volts - 12.11) / 0.03
      #expect(abs(voltSteps - voltSteps.rounded()) < 1e-6)
    }
    let values = String(decoding: Self.bytes, as: UTF8.self).split(separator: "\n").dropFirst()
    #expect(values.allSatisfy { $0.wholeMatch(of: /\d+,\d\d\.\d\d,-?\d+\.\d\d,[01]/) != nil })
  }

  @Test func `The load is held at the set point for 15 minutes`() {
    #expect((900...960).contains(rows[hold.upperBound].uptime - rows[hold.lowerBound].uptime))
    #expect(hold.allSatisfy { abs(rows[$0].temp + 18) < 0.6 })
    #expect(Set(hold.map { rows[$0].temp }).count > 3)
    #expect(rows[..<hold.lowerBound].allSatisfy { $0.temp > -18 })
  }

  @Test func `Then the voltage falls by a tenth and stays in its band`() {
    let before = rows[..<hold.upperBound].map(\.volts)
    let after = rows[hold.upperBound...].map(\.volts)
    let mean = { (values: [Double]) in values.reduce(0, +) / Double(values.count) }
    #expect(abs(mean(before) - mean(after) - 0.1) < 0.02)
    #expect(after.allSatisfy { $0 >= 11.8 && $0 <= 12.1 })
  }

  @Test func `And the temperature rises along an exponential to the outside one`() {
    let rise = rows[(hold.upperBound + 20)...].filter { $0.temp < 20 }
    let start = rise[0]
    for row in rise {
      let expected = 22 - (22 - start.temp) * exp(-Double(row.uptime - start.uptime) / 1800)
      #expect(abs(row.temp - expected) < 0.4)
    }
    #expect(rows.last.map { $0.temp > 21 && $0.temp <= 22 } == true)
  }

  @Test func `The door is open now and then while loading, rarely after`() {
    let share = { (rows: ArraySlice<Row>) in Double(rows.count { $0.door == 1 }) / Double(rows.count) }
    let loading = rows[..<400]
    #expect((0.1...0.6).contains(share(loading)))
    #expect(zip(loading, loading.dropFirst()).count { $0.door == 0 && $1.door == 1 } >= 4)
    #expect(share(rows[400...]) < 0.02)
    #expect(rows[400...].contains { $0.door == 1 })
  }

  @Test func `Another seed makes another trip`() {
    var other: [UInt8] = []
    IceCreamTrip.generate(seed: 1, rows: 10) { other.append(contentsOf: $0) }
    #expect(!Self.bytes.starts(with: other))
    #expect(other.count { $0 == 0x0A } == 11)
  }
}
