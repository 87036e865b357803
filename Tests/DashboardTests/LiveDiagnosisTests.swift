import Foundation
import HTTP
import JSON
import Store
import Synchronization
import Testing

@testable import Dashboard

/// The diagnosis of the page, over a real store.
@Suite(.serialized) struct LiveDiagnosisTests {
  private let fixture: StoreFolder
  private static let second: Int64 = 1_000_000_000
  private static let start: Int64 = 1_729_692_000_000_000_000

  init() throws { fixture = try StoreFolder() }

  /// What was told.
  private final class Told: Sendable { let verdicts = Mutex<[String]>([]) }

  /// A truck that holds −18 °C, and after `stop` seconds warms: its supply has fallen half a minute before.
  private func write(_ store: LocalStore, _ seconds: Range<Int>, stop: Double = .infinity) throws {
    let rows = seconds.filter { $0 % 10 == 0 }.map { second in
      let warming = max(0, Double(second) - stop)
      let ripple = second / 300 % 2 == 0 ? -0.4 : 0.4
      let temperature = warming > 0 ? 22 - 40 * exp(-warming / 5400) : -18 + ripple
      return StoreFolder.reading(
        "truck1", Self.start + Int64(second) * Self.second,
        [
          ("temp", .double((temperature * 100).rounded() / 100)),
          ("volts", .double(Double(second) + 30 > stop ? 11.85 : 12.15)), ("door", .bigint(0)),
        ])
    }
    #expect(try store.write(rows).isEmpty)
  }

  private func diagnosis(_ dashboard: Dashboard, until isRight: ([String: Any]) -> Bool) throws -> [String:
    Any]
  {
    for _ in 0..<1000 {
      let answer = try #require(try Client.ask(dashboard.port, "/api/diagnosis?device=truck1"))
      #expect(answer.status == 200)
      let json = try #require(
        try JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])
      if isRight(json) { return json }
      usleep(20_000)
    }
    Issue.record("no such diagnosis came")
    return [:]
  }

  @Test func `the verdict follows what arrives, early and late, and each change is reported once`() throws {
    let store = try LocalStore(path: fixture.path())
    try write(store, 0..<3600)
    var settings = DashboardSettings(store: .file(fixture.path()), http: HTTPSettings(port: 0))
    settings.raisesAlerts = true
    let told = Told()
    let dashboard = try Dashboard(
      settings,
      onVerdict: { payload, _ in
        told.verdicts.withLock { $0.append(String(decoding: payload, as: UTF8.self)) }
      })
    defer { dashboard.stop() }
    func wait(forChanges count: Int) {
      for _ in 0..<1000 where told.verdicts.withLock({ $0.count }) < count { usleep(20_000) }
    }
    let first = try diagnosis(dashboard) { $0["pending"] == nil }
    #expect(
      first["verdict"] as? String == "none" && first["rows"] as? Int == 360, "\(first["headline"] ?? "")")
    wait(forChanges: 1)
    try write(store, 3600..<9000, stop: 4200)
    let second = try diagnosis(dashboard) { $0["rows"] as? Int == 900 }
    #expect(second["verdict"] as? String == "electrical", "\(second["headline"] ?? "")")
    // Readings from before all others are read, too.
    try write(store, -600..<0)
    let third = try diagnosis(dashboard) { $0["rows"] as? Int == 960 }
    #expect(third["from"] as? String == "2024-10-23T13:50:00Z")
    wait(forChanges: 2)
    // A new trip begins after a pause.
    try write(store, 90_000..<93_000)
    let fourth = try diagnosis(dashboard) { $0["verdict"] as? String == "none" }
    #expect(fourth["rows"] as? Int == 300)
    wait(forChanges: 3)
    let verdicts = told.verdicts.withLock { $0 }
    #expect(verdicts.count == 3)
    #expect(verdicts.first?.contains(#""verdict":"none","previous":"not-measured""#) == true, "\(verdicts)")
    #expect(verdicts[ifThere: 1]?.contains(#""verdict":"electrical","previous":"none""#) == true)
    #expect(verdicts[ifThere: 2]?.contains(#""verdict":"none","previous":"electrical""#) == true)
  }

  @Test func `a device that isn't there is pending, and a route has its positions`() throws {
    let store = try LocalStore(path: fixture.path())
    let rows = (0..<100).map { number in
      StoreFolder.reading(
        "truck1", Self.start + Int64(number) * Self.second,
        [("temp", .double(-18)), ("lat", .double(52.5 + Double(number) / 1000)), ("lon", .double(13.4))])
    }
    #expect(try store.write(rows).isEmpty)
    let dashboard = try Dashboard(
      DashboardSettings(store: .file(fixture.path()), http: HTTPSettings(port: 0)))
    defer { dashboard.stop() }
    #expect(try Client.ask(dashboard.port, "/api/diagnosis?device=nobody")?.text == #"{"pending":true}"#)
    let route = try #require(try Client.ask(dashboard.port, "/api/route?device=truck1"))
    let json = try JSONSerialization.jsonObject(with: Data(route.text.utf8)) as? [String: Any]
    let points = try #require(json?["rows"] as? [[Double]])
    #expect(
      points.count == 100 && points[1] == [1_729_692_001_000, 52.501, 13.4, -18], "\(points.prefix(2))")
    #expect(try Client.ask(dashboard.port, "/api/route?device=nobody")?.status == 404)
    #expect(try Client.ask(dashboard.port, "/leaflet.js")?.status == 200)
  }
}

extension Array {
  fileprivate subscript(ifThere index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
