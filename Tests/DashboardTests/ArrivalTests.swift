import ColdChain
import Dashboard
import Files
import Glibc
import HTTP
import Store
import Synchronization
import Testing
import Time

/// What the page and the alerts make of readings whose times are wrong.
@Suite struct ArrivalTests {
  private let fixture: StoreFolder
  private static let second: Int64 = 1_000_000_000

  init() throws { fixture = try StoreFolder() }

  /// What the dashboard told.
  private final class Told: Sendable {
    let alerts = Mutex<[AlertEvent]>([])
    let problems = Mutex<[String]>([])

    var names: [String] { alerts.withLock { $0.map { "\($0.change) \($0.alert.rule) \($0.alert.device)" } } }

    func wait(_ isSo: () -> Bool) -> Bool {
      let end = MonotonicTime.now().advanced(by: 30_000_000_000)
      while !isSo() {
        if MonotonicTime.now() > end { return false }
        poll(nil, 0, 10)
      }
      return true
    }
  }

  private func start(_ told: Told, _ rules: [AlertRule] = AlertRule.defaults, file: String? = nil) throws
    -> Dashboard
  {
    var settings = DashboardSettings(store: .file(fixture.path()), http: HTTPSettings(port: 0))
    settings.raisesAlerts = true
    settings.rules = rules
    settings.rulesPath = file
    return try Dashboard(
      settings, onAlert: { event in told.alerts.withLock { $0.append(event) } },
      onProblem: { text in told.problems.withLock { $0.append(text) } })
  }

  /// Connects to the events, and writes readings of a device 'marker' until one arrives there: from then on the dashboard
  /// follows the store.
  private func follow(_ dashboard: Dashboard, _ store: LocalStore) throws -> Client {
    let client = try Client(dashboard.port)
    client.send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(client.read(until: { $0.firstRange(of: [13, 10, 13, 10]) != nil }) != nil)
    for number in 0..<300 {
      let time = Timestamp.now - Self.second * Int64(1000 - number)
      #expect(try store.write([StoreFolder.reading("marker", time, [("temp", .double(0))])]).isEmpty)
      if client.read(milliseconds: 100, until: { !$0.isEmpty }) != nil { break }
    }
    return client
  }

  @Test func `a reading from the future silences neither the page nor the alerts`() throws {
    let store = try LocalStore(path: fixture.path())
    let told = Told()
    let rules =
      AlertRule.defaults.filter { $0.condition != .noData }
      + [AlertRule(name: "silent", title: "No data", measure: "", condition: .noData, threshold: 0, delay: 1)]
    let dashboard = try start(told, rules)
    let events = try follow(dashboard, store)
    let now = Timestamp.now
    func temp(_ device: String, _ seconds: Int64, _ value: Double) throws {
      let reading = StoreFolder.reading(device, now + seconds * Self.second, [("temp", .double(value))])
      #expect(try store.write([reading]).isEmpty)
    }
    // 14 minutes ahead, once; then in order.
    for device in ["a", "b"] { try temp(device, 840, -20) }
    for (second, value) in [(-400, -19.0), (-300, -9.25), (-100, -9.5)] as [(Int64, Double)] {
      for device in ["a", "b"] { try temp(device, second, value) }
    }
    #expect(
      told.wait {
        let names = told.names
        return ["a", "b"].allSatisfy {
          names.contains("raised temperature \($0)") && names.contains("raised silent \($0)")
        }
      }, "\(told.names)")
    let raised = told.alerts.withLock { $0.filter { $0.alert.rule == "temperature" } }
    for event in raised {
      #expect(event.alert.began == now - 300 * Self.second && event.alert.raised == now - 100 * Self.second)
    }
    let seen = events.read(until: {
      $0.firstRange(of: [UInt8]("\"device\":\"b\"".utf8)) != nil
        && $0.firstRange(of: [UInt8]("-9.5]".utf8)) != nil
    })
    #expect(seen != nil)
    dashboard.stop()
  }

  @Test func `alerts resume after a restart with what was stored meanwhile, whatever its time is`() throws {
    let store = try LocalStore(path: fixture.path())
    let first = Told()
    var dashboard: Dashboard? = try start(first)
    _ = try follow(try #require(dashboard), store)
    let now = Timestamp.now
    func write(_ seconds: Int64, _ value: Double) throws {
      let reading = StoreFolder.reading("a", now + seconds * Self.second, [("temp", .double(value))])
      #expect(try store.write([reading]).isEmpty)
    }
    try write(-400, -19)
    dashboard?.stop()
    dashboard = nil
    try write(600, -19)
    try write(-300, -9)
    try write(-100, -9)
    let second = Told()
    dashboard = try start(second)
    #expect(second.wait { second.names.contains("raised temperature a") }, "\(second.names)")
    dashboard?.stop()
  }

  @Test func `alert rules are read again when their file changes, and a half-written file changes nothing`()
    throws
  {
    let path = fixture.path("alerts.json")
    let store = try LocalStore(path: fixture.path())
    try Files.write(Array(#"{"alerts":[]}"#.utf8), to: path)
    let told = Told()
    let dashboard = try start(told, [], file: path)
    _ = try follow(dashboard, store)
    #expect(try Client.ask(dashboard.port, "/api/devices")?.text.contains("\"limits\":[]") == true)
    try Files.write(Array(#"{"alerts":[{"name":"#.utf8), to: path)
    #expect(told.wait { !told.problems.withLock { $0.isEmpty } })
    #expect(told.problems.withLock { $0[0].hasPrefix("\(path):1:20: ") }, "\(told.problems.withLock { $0 })")
    let rule = #"{"alerts":[{"name":"warm","measure":"temp","condition":"above","threshold":-3.5}]}"#
    try Files.write(Array(rule.utf8), to: path)
    #expect(
      told.wait {
        (try? Client.ask(dashboard.port, "/api/devices")?.text.contains("\"threshold\":-3.5")) == true
      })
    #expect(try store.write([StoreFolder.reading("a", Timestamp.now, [("temp", .double(-3))])]).isEmpty)
    #expect(told.wait { told.names.contains("raised warm a") })
    // Without its rule an alert is over.
    try Files.write(Array(#"{"alerts":[]}"#.utf8), to: path)
    #expect(told.wait { told.names.contains("cleared warm a") })
    #expect(told.problems.withLock { $0.count } == 1)
    dashboard.stop()
  }
}
