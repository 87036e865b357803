import Numbers
import CSQLite
import Dashboard
import Files
import Glibc
import HTTP
import JSON
import Store
import Testing
import Time

/// Each request of the dashboard's own table with extreme parameters and headers, and requests that are none, over a real
/// store with extreme values. What stops the process fails all tests.
@Suite struct FuzzTests {
  private static let now: Int64 = 1_729_703_640_000_000_000
  private static let hostile = "<img src=x>\"\\\u{1}' OR 1=1 --"

  private static func fill(_ path: String) throws {
    let store = try LocalStore(path: path)
    var readings: [WriteRequest] = []
    for index in 0..<200 {
      let time = now + Int64(index) * 1_000_000_000
      readings.append(
        StoreFolder.reading(
          "truckSensor01", time,
          [
            ("temp", .double(-18 + Double(index) / 10)), ("volts", .double(12)),
            ("door", .bigint(Int64(index % 2))),
          ]))
      readings.append(
        StoreFolder.reading(
          hostile, time,
          [
            ("temp", .double(index % 2 == 0 ? .greatestFiniteMagnitude : -.greatestFiniteMagnitude)),
            ("volts", .double(.leastNonzeroMagnitude)), ("door", .bigint(index % 2 == 0 ? .min : .max)),
          ]))
    }
    #expect(try store.write(readings).isEmpty)
  }

  private static func dashboard(_ path: String) throws -> Dashboard {
    var settings = DashboardSettings(store: .file(path), http: HTTPSettings(port: 0))
    settings.http.requestRate = .max
    settings.http.requestConnections = 1024
    settings.http.requestSeconds = 1
    settings.raisesAlerts = true
    return try Dashboard(settings)
  }

  private static let values: [String] =
    [
      "", "0", "-1", "1", "00", "-0", "+5", " 5", "5 ", "1.5", "nan", "inf", "-inf", "0x10", "1e300",
      "-1e300", "1e-300",
      "\u{FF15}", "%", "%zz", "%00", "%ff%fe", "a%00b", "..", "temp", "volts", "door", "truckSensor01",
      "%3Cimg%20src=x%3E", "'", ";", "%0d%0aX:1", "1729703640000", "1729703840000", "9000000000000",
      "9000000000001",
      "-9000000000000", String(repeating: "9", count: 4000), String(repeating: "%61", count: 3000),
    ]
    + [Int64.min, .min + 1, -1 << 53, Int64(Int32.min), Int64(Int32.max), 1 << 53, .max - 1, .max].map {
      "\($0)"
    }
    + ["-9223372036854775809", "9223372036854775808", "18446744073709551616"]

  private static let usual = [
    "device": "truckSensor01", "measure": "temp", "from": "1729703640000", "to": "1729703840000",
    "width": "100",
    "id": "1", "token": "x",
  ]

  /// Checks an answer as far as every answer can be checked.
  private static func check(_ answer: Client.Answer?, _ what: String) {
    guard let answer else {
      Issue.record("no answer to \(what.prefix(200))")
      return
    }
    #expect(
      [200, 204, 400, 403, 404, 405, 413, 414, 421, 431, 501, 503].contains(answer.status),
      "\(answer.status) \(what.prefix(200))")
    if answer.head.contains("application/json") {
      #expect((try? JSONElement(answer.body)) != nil, "\(what.prefix(200)): \(answer.text.prefix(300))")
    }
  }

  @Test func `every request answers extreme parameters`() throws {
    let fixture = try StoreFolder()
    try Self.fill(fixture.path())
    let dashboard = try Self.dashboard(fixture.path())
    var random = SplitMix64(seed: 12)
    for (method, path, parameters) in Dashboard.requests {
      var queries = [[String: String]()]
      for name in parameters {
        for value in Self.values {
          queries.append(Self.usual.filter { parameters.contains($0.key) }.merging([name: value]) { $1 })
        }
      }
      if parameters.count > 1 {
        for _ in 0..<150 {
          var query: [String: String] = [:]
          for name in parameters { query[name] = Self.values.randomElement(using: &random) }
          query["device"] = Bool.random(using: &random) ? Self.usual["device"] : query["device"]
          queries.append(query)
        }
      }
      for query in queries {
        let text = query.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
        // A blank would end the request line.
        let target = "\(path)?\(text)".replacing(" ", with: "%20")
        Self.check(
          try Client.ask(dashboard.port, target, ["X-Requested-With: trucksensor"], method: method), target)
      }
    }
    // The values whose sum is infinite, and the name that is markup.
    let name = Self.hostile.utf8.map { "%" + String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
      .joined()
    for target in [
      "/api/stats?device=\(name)", "/api/series?device=\(name)&measure=temp&width=1", "/api/devices",
    ] {
      let answer = try Client.ask(dashboard.port, target)
      #expect(answer?.status == 200)
      Self.check(answer, target)
    }
    dashboard.stop()
  }

  @Test func `every request answers extreme headers`() throws {
    let fixture = try StoreFolder()
    try Self.fill(fixture.path())
    let dashboard = try Self.dashboard(fixture.path())
    let names = [
      "Host", "Last-Event-ID", "Cookie", "Authorization", "X-Requested-With", "Origin", "Range",
      "If-None-Match",
      "Accept-Encoding", "X",
    ]
    for (method, path, _) in Dashboard.requests {
      for name in names {
        for value in Self.values where value.utf8.count < 5000 && !value.contains("\u{FF15}") {
          Self.check(
            try Client.ask(dashboard.port, path, ["\(name): \(value)"], method: method),
            "\(path) \(name): \(value)")
          // Once for all values is enough where the store isn't asked.
          if !path.hasPrefix("/api/events"), name != "X-Requested-With", value == "1" { break }
        }
      }
    }
    dashboard.stop()
  }

  @Test func `bytes that aren't a request don't stop the server`() throws {
    let fixture = try StoreFolder()
    try Self.fill(fixture.path())
    let dashboard = try Self.dashboard(fixture.path())
    let whole = Array(
      "POST /api/stats?device=truckSensor01&from=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"
        .utf8)
    var requests: [[UInt8]] = stride(from: 0, to: whole.count, by: 5).map { Array(whole[..<$0]) }
    var random = SplitMix64(seed: 34)
    for _ in 0..<200 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      requests.append(bytes)
      requests.append(
        (0..<Int.random(in: 1...300, using: &random)).map { _ in .random(in: 0...255, using: &random) })
    }
    let line = "GET /api/devices HTTP/1.1\r\nHost: localhost\r\n"
    for field in [
      "Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 5\r\nContent-Length: 6",
      "Content-Length: 18446744073709551615", "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nx",
      "Transfer-Encoding: chunked\r\n\r\n-1\r\nx",
      "Transfer-Encoding: chunked\r\n\r\n5;x=\(String(repeating: "y", count: 9000))\r\nhello\r\n0\r\n\r\n",
      "Expect: 100-continue", "Expect: x", " folded: x", ": x", "no colon",
      "X: \(String(repeating: "x", count: 20_000))",
      (0..<2000).map { "X\($0): y" }.joined(separator: "\r\n"), "X: a\u{0}b", "Host: evil.example",
      "Connection: Upgrade\r\nUpgrade: h2c",
    ] {
      requests.append(Array("\(line)\(field)\r\n\r\n".utf8))
    }
    for target in [
      "", "*", "http://evil.example/", "//", "/%", "/%00", "/\u{0}", String(repeating: "/", count: 20_000),
      "?", "/?&&&=&=",
      "/?\(String(repeating: "a=b&", count: 3000))", "\\..\\", "/api/stats?device",
    ] {
      for version in ["HTTP/1.1", "HTTP/1.0", "HTTP/9.9", "HTTP/", "", "HTTP/1.1 x"] {
        requests.append(Array("GET \(target) \(version)\r\nHost: localhost\r\n\r\n".utf8))
      }
    }
    // All at once: one that isn't complete is only closed at its deadline.
    let clients = try requests.map { request in
      let client = try Client(dashboard.port)
      client.send(request)
      return client
    }
    for (index, client) in clients.enumerated() {
      #expect(client.read() != nil, "request \(index) is neither answered nor closed")
    }
    #expect(try Client.ask(dashboard.port, "/api/stats?device=truckSensor01")?.status == 200)
    dashboard.stop()
  }

  @Test func `a store with impossible times or damaged pages is served or refused`() throws {
    let fixture = try StoreFolder()
    let path = fixture.path()
    try Self.fill(path)
    var database: OpaquePointer?
    try #require(sqlite3_open(path, &database) == SQLITE_OK)
    for time in [Int64.min, -1, .max, .max - 1] {
      let sql =
        "UPDATE ts_data_1 SET time = \(time) WHERE time = (SELECT max(time) FROM ts_data_1 WHERE time BETWEEN 1 AND 4000000000000000000)"
      #expect(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK)
    }
    _ = sqlite3_exec(database, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil)
    sqlite3_close(database)
    let whole = try Files.read(path, limit: 1 << 26)
    let dashboard = try Self.dashboard(path)
    let targets = [
      "/api/devices", "/api/stats?device=truckSensor01",
      "/api/series?device=truckSensor01&measure=temp&width=9",
    ]
    var random = SplitMix64(seed: 56)
    for round in 0..<40 {
      var bytes = whole
      if round > 0 {
        for _ in 0..<Int.random(in: 1...40, using: &random) {
          let place = Int.random(in: 100..<bytes.count, using: &random)
          bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
        if round % 5 == 0 { bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random)) }
      }
      for end in ["-wal", "-shm"] { unlink(path + end) }
      try Files.write(bytes, to: path)
      for target in targets {
        let answer = try Client.ask(dashboard.port, target)
        Self.check(answer, target)
        if round == 0 { #expect(answer?.status == 200, "\(answer?.text ?? "")") }
      }
    }
    dashboard.stop()
  }
}
