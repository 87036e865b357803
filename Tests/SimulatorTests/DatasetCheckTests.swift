import Foundation
import Testing

@testable import Simulator

@Suite struct DatasetCheckTests {
  private func report(_ body: String, _ limits: DatasetCheck.Limits = .init()) throws -> DatasetReport {
    let file = TemporaryFile("uptime,volts,temp,door\n" + body)
    return try DatasetCheck.report(path: file.path, limits: limits)
  }

  @Test(arguments: [
    ("1,12,5,0\n4,12,5.1,0\n7,12,5,0\n16,12,5,0\n", ["gap:5"]),
    ("1,12,5,0\n4,12,5,0\n999,12,5.1,0\n", ["gap:4"]), ("1,12,5,0\n4,12,5,0\n2,12,5,0\n", ["stepBack:4"]),
    ("1,12,5,0\n1,12,5,0\n", ["sameTime:3", "duplicate:3"]), ("1,12,99,0\n", ["impossible:2"]),
    ("1,-1,5,2\n", ["impossible:2", "impossible:2"]), ("1,12,5,0\n2,12,11,0\n", ["impossible:3"]),
    ("1,x,5,0\n", ["notANumber:2"]), ("x,12,5,0\n", ["notANumber:2"]),
    ("1,12,5\n", ["fieldCount:2", "notANumber:2"]),
    ("1,12,5,0,9\n", ["fieldCount:2"]), ("1,1\"2,5,0\n", ["quoting:2", "notANumber:2"]), ("1,12,5,0\n", []),
  ])
  func `Each fault is found on its line`(body: String, expected: [String]) throws {
    let report = try report(body)
    #expect(report.findings.map { "\($0.kind.rawValue):\($0.line)" } == expected)
    #expect(report.findingCount == expected.count)
  }

  @Test func `Gaps and steps back are found in any column with times`() throws {
    let days = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-10-01", "2024-09-30"]
    let file = TemporaryFile(
      "timestamp,temp\n" + days.enumerated().map { "\($1)T00:00:00Z,-18.\($0)\n" }.joined())
    let report = try DatasetCheck.report(path: file.path)
    #expect(report.findings.map { "\($0.kind.rawValue):\($0.line)" } == ["gap:5", "stepBack:6"])
  }

  @Test func `A stuck temperature is found where it begins`() throws {
    let body = (0..<700).map { "\($0),12,\($0 < 10 ? 5 : 6),0\n" }.joined()
    #expect(try report(body).findings.map { "\($0.kind):\($0.line)" } == ["stuck:12"])
  }

  @Test func `Findings are capped, counts are not`() throws {
    let report = try report((0..<5000).map { "\($0),99,5.\($0 % 7),0\n" }.joined())
    #expect(report.findings.count == 100)
    #expect(report.counts == ["impossible": 5000])
    #expect(report.rows == 5000 && report.typicalStep == 1)
    #expect(report.description.contains("and 4900 more"))
  }

  @Test func `The report's JSON reads back`() throws {
    let report = try report("1,12,5,0\n4,\"a\"\"é\",,0\n2,12,5,0\n")
    #expect(try JSONDecoder().decode(DatasetReport.self, from: Data(report.json)) == report)
  }

  @Test func `The truck's own dataset is sound`() throws {
    let bytes = ScenarioTests.bytes(
      .make([.electricalSag], seed: TripFile.storySeed, duration: TripFile.storyDuration))
    let file = TemporaryFile(bytes)
    let report = try DatasetCheck.report(path: file.path)
    #expect(report.findings.isEmpty, "\(report)")
    #expect(report.rows == 3600)
  }
}
