import Foundation
import Testing

/// A fault that is put onto a running replay, seen in a real browser. In the suite of the page, so that the two don't take each
/// other's processors.
extension DashboardTests {
  @Test(
    .enabled(
      if: DashboardTests.hasBrowser,
      "chromium or playwright is missing; scripts/setup.sh --tests installs them"))
  func `alerts and verdict change on the page and in truck-alerts once a fault is injected`() throws {
    let made = try truck.run(
      "dataset", "generate", "--scenario", "healthy", "--seed", "3", "--duration", "8h", "--with",
      "ambient,location", "-o", "healthy.csv")
    #expect(made.status == 0, "\(made.errors)")
    // What the truck measures more, a rule must store.
    let rule = try String(contentsOfFile: truck.path("rules/truckAnalyze.json"), encoding: .utf8)
    let more = ["ambient", "latitude", "longitude"].map { "cast(\($0) AS Decimal) AS \($0), " }.joined()
    try truck.write(
      rule.replacingOccurrences(
        of: "cast(door AS Int) AS door, ", with: "cast(door AS Int) AS door, \(more)"),
      to: "rules/truckAnalyze.json")
    let run = try truck.start(
      "run", "truckSensor01", "--dataset", "healthy.csv", "--speed", "200", "--timestamps",
      "2024-10-23T05:00:00Z", "--inject", "sag@2400s", "--loop", "1", "--quiet", "--dashboard-port", "0")
    try run.waitUntil { $0.errorText.contains("rules: ready") && $0.errorText.contains("Dashboard: ") }
    let watcher = try truck.start("subscribe", "truck/alerts", "--timeout", "120s")
    let url = String(try #require(run.errorText.firstMatch(of: /Dashboard: (https?:\/\/[^\s]+\/)/)?.1))
    // Before the first reading is stored, the page's questions have no answer.
    try run.waitUntil { _ in
      (try? StoreServer.shell("curl -s -o /dev/null -w '%{http_code}' '\(url)api/devices'")) == "200"
    }
    let screenshots = Trucksensor.repository.appendingPathComponent(".build/screenshots")
    try FileManager.default.createDirectory(at: screenshots, withIntermediateDirectories: true)
    let python = Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin/python")
    let script = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/verdict.py")
    let result = try Trucksensor.Running(
      python, [script.path, url, screenshots.path], in: truck.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors.suffix(700))")
    let seen = result.json
    #expect(seen["errors"] as? [String] == [])
    #expect(seen["first"] as? String == "none")
    #expect(
      (seen["evidence"] as? [String])?.contains { $0.contains("The supply voltage fell from 12.1") } == true)
    #expect((seen["headline"] as? String)?.contains("because the supply voltage fell") == true)
    #expect(
      seen["unmarked"] as? Bool == false && seen["hovered"] as? Bool == true
        && seen["pinned"] as? Bool == true)
    #expect(seen["map"] as? Bool == true)
    #expect(seen["phoneWidth"] as? Int == 390)
    run.interrupt()
    let finished = run.wait()
    #expect(finished.errors.contains("verdict electrical"), "\(finished.errors)")
    watcher.interrupt()
    let told = watcher.wait().output
    #expect(
      told.contains(#""change":"verdict""#) && told.contains(#""verdict":"electrical","previous":"none""#)
        && told.contains(#""change":"raised""#), "\(told)")
  }
}
