import Foundation
import Testing

@testable import Store

/// The live page, in a real browser and under attack.
@Suite(.enabled(if: Trucksensor.isBuilt), .serialized) struct DashboardTests {
  let truck: Trucksensor
  private static let python = Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin/python")
  static var hasBrowser: Bool {
    FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium")
      && FileManager.default.isExecutableFile(
        atPath: Trucksensor.repository.appendingPathComponent(".build/aws-tools/bin/playwright").path)
  }

  init() throws {
    truck = try Trucksensor()
    try FileManager.default.copyItem(
      at: Trucksensor.repository.appendingPathComponent("rules"),
      to: URL(fileURLWithPath: truck.path("rules")))
  }

  private func address(_ run: Trucksensor.Running) throws -> String {
    try run.waitUntil { $0.errorText.contains("Dashboard: ") }
    return String(try #require(run.errorText.firstMatch(of: /Dashboard: (https?:\/\/[^\s]+)\//)?.1))
  }

  /// What curl gets: status and body.
  private func get(_ url: String, _ options: String...) throws -> (status: Int, body: String) {
    let quoted = (options + [url]).map { "'\($0)'" }.joined(separator: " ")
    let text = try StoreServer.shell("curl -sk --max-time 10 --path-as-is -w '\\n%{http_code}' \(quoted)")
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
  }

  private func script(_ name: String, _ arguments: String...) throws -> Trucksensor.Finished {
    let path = Trucksensor.repository.appendingPathComponent("Tests/EndToEndTests/\(name)").path
    return try Trucksensor.Running(Self.python, [path] + arguments, in: truck.folder).wait()
  }

  private func importDataset(device: String = "truckSensor01") throws {
    let result = try truck.run(
      "store", "import", "TruckSensorFiles/trucksensordata.csv", "--start", "2024-10-23T14:00:00Z",
      "--device", device)
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(.enabled(if: hasBrowser, "chromium or playwright is missing; scripts/setup.sh --tests installs them"))
  func `a browser sees title, cards, chart, a new message at once, and the alert of the warming`() throws {
    let run = try truck.start(
      "run", "truckSensor01", "--rate", "60", "--timestamps", "2024-10-23T14:00:00Z", "--loop", "1", "--quiet"
    )
    let url = try address(run)
    // Kept to be looked at.
    let screenshots = Trucksensor.repository.appendingPathComponent(".build/screenshots")
    try FileManager.default.createDirectory(at: screenshots, withIntermediateDirectories: true)
    let result = try script("page.py", url, screenshots.path)
    #expect(result.status == 0, "\(result.errors.suffix(500))")
    let seen = result.json
    #expect(seen["errors"] as? [String] == [])
    #expect(seen["title"] as? String == "Truck01 sensors analytics")
    #expect(seen["cards"] as? Int == 5)
    #expect(seen["stages"] as? Bool == true)
    #expect((seen["live"] as? Double ?? 9) < 1)
    #expect((seen["alert"] as? String)?.contains("Temperature above") == true)
    #expect((seen["colours"] as? Int ?? 0) > 3)
    #expect((seen["zoom"] as? Double ?? 1) < 0.5)
    #expect(seen["phoneWidth"] as? Int == 390)
    for name in ["dark", "light", "phone", "zoomed"] {
      let size = try Data(contentsOf: screenshots.appendingPathComponent("\(name).png")).count
      #expect(size > 20_000)
    }
    run.interrupt()
    _ = run.wait()
  }

  @Test(.enabled(if: hasBrowser, "chromium or playwright is missing; scripts/setup.sh --tests installs them"))
  func `the page has an address, obeys the keyboard, and violates no rule of WCAG at level A or AA`() throws {
    try importDataset()
    let made = try truck.run("report", "TruckSensorFiles/trucksensordata.csv", "-o", "trip.html")
    #expect(made.status == 0, "\(made.errors)")
    let dashboard = try truck.start("dashboard", "--port", "0")
    let screenshots = Trucksensor.repository.appendingPathComponent(".build/screenshots")
    try FileManager.default.createDirectory(at: screenshots, withIntermediateDirectories: true)
    let result = try script(
      "access.py", address(dashboard), "file://\(truck.path("trip.html"))", screenshots.path)
    #expect(result.status == 0, "\(result.errors.suffix(500))")
    let seen = result.json
    #expect(seen["errors"] as? [String] == [])
    #expect(seen["violations"] as? [String] == [])
    for (name, width) in seen["widths"] as? [String: Int] ?? [:] {
      let asked = name.split(separator: " ").last.flatMap { Int($0) } ?? 375
      #expect(width == asked, "\(name)")
    }
    #expect((seen["widths"] as? [String: Int])?.count == 12)
    #expect(seen["oneLine"] as? Bool == true)
    // 12:00 in Santiago.
    #expect((seen["fromAlone"] as? [Any])?.first as? Double == 1_729_695_600_000)
    #expect((seen["fromAlone"] as? [Any])?.last as? Bool == true)
    #expect(seen["title"] as? String == "At the end of the window")
    // 16:59:58 UTC.
    let last = seen["last"] as? [String] ?? []
    #expect(last.first == "Last reading" && last.last == "2024-10-23 13:59:58", "\(last)")
    #expect((seen["shown"] as? String)?.hasSuffix(", America/Santiago") == true)
    #expect(abs((seen["zoomed"] as? Double ?? 0) - 0.5) < 0.02)
    #expect((seen["field"] as? String)?.hasPrefix("2024-10-23T12:") == true)
    for name in ["overview", "shared", "zone", "missing"] { #expect(seen[name] as? Bool == true, "\(name)") }
    #expect(seen["fleet"] as? [String] == ["truckSensor01", "alert", "3"])
    dashboard.interrupt()
    _ = dashboard.wait()
  }

  @Test(.enabled(if: hasBrowser, "chromium or playwright is missing; scripts/setup.sh --tests installs them"))
  func `the query editor shows a result, a chart, and where a statement is wrong`() throws {
    try importDataset()
    let dashboard = try truck.start("dashboard", "--port", "0")
    let screenshots = Trucksensor.repository.appendingPathComponent(".build/screenshots")
    try FileManager.default.createDirectory(at: screenshots, withIntermediateDirectories: true)
    let result = try script("query.py", address(dashboard), screenshots.path)
    #expect(result.status == 0, "\(result.errors.suffix(500))")
    let seen = result.json
    #expect(seen["errors"] as? [String] == [])
    #expect((seen["names"] as? [String])?.contains("volts") == true)
    #expect(seen["columns"] as? [String] == ["minute", "temperature", "voltage"])
    #expect(seen["rows"] as? Int == 180)
    let error = "line 1:8: Column 'tmp' does not exist\nSELECT tmp\n       ^\nDid you mean 'temp'?"
    #expect(seen["error"] as? String == error)
    #expect(seen["text"] as? String == "<img src=x onerror=alert(1)>")
    #expect(seen["phoneWidth"] as? Int == 390)
    dashboard.interrupt()
    _ = dashboard.wait()
  }

  @Test func `a statement of the page can only read, is refused from elsewhere, and ends`() throws {
    try importDataset()
    let dashboard = try truck.start("dashboard", "--port", "0")
    let url = try address(dashboard) + "/api/query"
    let field = ["-H", "X-Requested-With: trucksensor"]
    func ask(_ sql: String) throws -> (status: Int, body: String) {
      let body = try String(decoding: JSONEncoder().encode(["sql": sql]), as: UTF8.self)
      try truck.write(body, to: "body.json")
      return try get(url, field[0], field[1], "--data-binary", "@\(truck.path("body.json"))")
    }
    #expect(try get(url, "-d", "{\"sql\": \"SELECT 1\"}").status == 403)
    #expect(try get(url, field[0], field[1], "-d", "{").status == 400)
    #expect(try get(url, field[0], field[1], "-d", "{\"sql\": 1}").status == 400)
    let answer = try ask("SELECT 1 AS one")
    #expect(answer.status == 200 && answer.body.contains("\"rows\":[[\"1\"]]"), "\(answer)")
    #expect(try ask("DELETE FROM truck01_sensors").status == 400)
    #expect(try ask("SELECT " + String(repeating: "x", count: 600_000)).status == 413)
    // Meanwhile the page answers.
    let long =
      "SELECT count(*) FROM truck01_sensors a, truck01_sensors b, truck01_sensors c WHERE a.time + 1s < b.time"
    try truck.write(
      try String(decoding: JSONEncoder().encode(["sql": long]), as: UTF8.self), to: "long.json")
    let slow = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/curl"),
      ["-s", "-H", field[1], "--data-binary", "@\(truck.path("long.json"))", url], in: truck.folder)
    poll(nil, 0, 500)
    #expect(try get(url.replacingOccurrences(of: "query", with: "devices")).status == 200)
    #expect(slow.wait().output.contains("longer than 10 s"))
    dashboard.interrupt()
    _ = dashboard.wait()
  }

  @Test(.enabled(if: hasBrowser, "chromium or playwright is missing; scripts/setup.sh --tests installs them"))
  func `the cards show what a query gives, and a hostile name is text`() throws {
    let name = "<img src=x onerror=window.hacked=1>"
    try importDataset(device: name)
    let page = try truck.start("dashboard", "--port", "0")
    let result = try script("cards.py", try address(page))
    #expect(result.status == 0, "\(result.errors.suffix(500))")
    let cards = result.json
    #expect(cards["dialogs"] as? Int == 0 && cards["device"] as? String == name)
    let query = try truck.run(
      "store", "query",
      "SELECT printf('%.2f °C', avg(temp)), printf('%.2f °C', max(temp)), printf('%.2f °C', min(temp)), printf('%.2f V', avg(volts)), "
        + "printf('%.2f V', max(volts)), printf('%.2f V', min(volts)), max_by(printf('%.2f °C', temp), time), max_by(printf('%.2f V', volts), time) FROM truck01_sensors_wide",
      "--format", "csv", "--dialect", "sqlite")
    let shown = [
      "average-temp", "maximum-temp", "minimum-temp", "average-volts", "maximum-volts", "minimum-volts",
      "current-temp", "current-volts",
    ]
    // The page writes a real minus sign.
    let texts = shown.map { cards[$0] as? String ?? "" }.joined(separator: ",")
    #expect(texts.contains("\u{2212}18.32") && query.lines[1].replacing("-", with: "\u{2212}") == texts)
    let openings = try truck.run(
      "store", "query",
      "SELECT count(*) AS n FROM (SELECT door, lag(door) OVER (ORDER BY time) AS before FROM truck01_sensors_wide) WHERE door = 1 AND before = 0",
      "--format", "csv")
    #expect(openings.lines[1] == cards["door-count"] as? String)
    page.interrupt()
    #expect(page.wait().status == 130)
  }

  @Test(.enabled(if: hasBrowser, "chromium or playwright is missing; scripts/setup.sh --tests installs them"))
  func `a hostile topic, payload and rule are text`() throws {
    let attack = "<img src=x onerror=window.hacked=1>"
    try FileManager.default.removeItem(atPath: truck.path("rules"))
    try FileManager.default.createDirectory(atPath: truck.path("rules"), withIntermediateDirectories: true)
    try truck.write(
      """
      {"sql": "SELECT cast(temp AS Decimal) AS temp, note, topic() AS topic, '</pre>\(attack)' AS attack FROM 'truck/#'",
       "awsIotSqlVersion": "2016-03-23",
       "actions": [{"timestream": {"databaseName": "sensorDB", "tableName": "truck01_sensors",
         "dimensions": [{"name": "device", "value": "\(attack)"}],
         "timestamp": {"value": "${cast(timestamp * 1000000 AS Int)}", "unit": "MICROSECONDS"}}}]}
      """, to: "rules/attack.json")
    try truck.write("temp,note\n-18.5,\(attack)\n-18.6,\(attack)\n", to: "attack.csv")
    let run = try truck.start(
      "run", "truckSensor01", "--dataset", "attack.csv", "--topic", "truck/\(attack)", "--rate", "5",
      "--quiet")
    let result = try script("cards.py", try address(run), attack)
    #expect(result.status == 0, "\(result.errors.suffix(500))")
    #expect(result.json["dialogs"] as? Int == 0 && result.json["device"] as? String == attack)
    #expect((result.json["after"] as? String)?.contains("truck/\(attack)") == true, "\(result.json)")
    #expect((result.json["sql"] as? String)?.contains("</pre>\(attack)") == true)
    run.interrupt()
    _ = run.wait()
  }

  @Test func `a thousand readers and a slow one get each event, and the truck is not disturbed`() throws {
    let run = try truck.start(
      "run", "truckSensor01", "--rate", "20", "--count", "400", "--loop", "--quiet", "--json")
    let url = try address(run)
    let port = try #require(UInt16(url.split(separator: ":").last ?? ""))
    func memory() throws -> Int {
      let status = try String(
        contentsOfFile: "/proc/\(run.process.processIdentifier)/status", encoding: .utf8)
      return Int(status.firstMatch(of: /VmRSS:\s+(\d+)/)?.1 ?? "") ?? 0
    }
    var sockets: [Int32] = []
    defer { for socket in sockets { close(socket) } }
    func connected() throws -> Int32 {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      try #require(descriptor >= 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(connected == 0)
      return descriptor
    }
    for _ in 0...1000 {
      let descriptor = try connected()
      sockets.append(descriptor)
      let request = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
      #expect(send(descriptor, request, request.utf8.count, 0) == request.utf8.count)
    }
    // Besides, more connections that say nothing than there may be; the page is answered all the same.
    for _ in 0..<2100 {
      let descriptor = try connected()
      sockets.append(descriptor)
    }
    #expect(try get("\(url)/").status == 200)
    for socket in sockets[1001...] { close(socket) }
    sockets.removeLast(2100)
    // The last one never reads.
    var counts = [Int](repeating: 0, count: 1000)
    var buffer = [UInt8](repeating: 0, count: 65_536)
    func readAll(for seconds: Double) {
      let deadline = Date().addingTimeInterval(seconds)
      while Date() < deadline {
        for index in 0..<1000 {
          while case let count = recv(sockets[index], &buffer, buffer.count, Int32(MSG_DONTWAIT)),
            count > 0
          {
            counts[index] +=
              String(decoding: buffer[..<count], as: UTF8.self).ranges(of: "event: points").count
          }
        }
        poll(nil, 0, 20)
      }
    }
    readAll(for: 4)
    let early = try memory()
    readAll(for: 8)
    let late = try memory()
    let least = try #require(counts.min())
    #expect(least > 50, "the worst reader got \(least) events, the best \(counts.max() ?? 0)")
    #expect(late - early < 4096, "\(early) KiB, then \(late) KiB")
    let result = run.wait()
    #expect(result.status == 0 && result.json["acknowledged"] as? Int == 400)
    let lateness = try #require((result.json["lateness"] as? [String: Any])?["p99"] as? Double)
    print(
      "1000 readers: \(least) to \(counts.max() ?? 0) events each, \(early) to \(late) KiB, lateness p99 \(lateness * 1000) ms"
    )
  }

  @Test func `what doesn't belong is refused`() throws {
    try importDataset()
    let page = try truck.start("dashboard", "--port", "0")
    let url = try address(page)
    let refused: [(status: Int, path: String, options: [String])] = [
      (421, "/", ["-H", "Host: evil.example"]),
      (421, "/api/devices", ["-H", "Host: 127.0.0.1.evil.example"]),
      (421, "/api/devices", ["-H", "Host: [::1]evil.example"]),
      (404, "/../../../../etc/passwd", []), (404, "/%2e%2e/%2e%2e/etc/passwd", []),
      (404, "/dygraph.min.js/../../etc/passwd", []),
      (405, "/", ["-X", "DELETE"]), (405, "/api/devices", ["-X", "POST"]),
      (403, "/api/alerts/acknowledge?id=1", ["-X", "POST"]),
      (404, "/api/alerts/acknowledge?id=99", ["-X", "POST", "-H", "X-Requested-With: trucksensor"]),
      (404, "/api/series?device=nobody&measure=temp", []),
      (404, "/api/series?device=truckSensor01&measure=x", []),
      (400, "/api/series?device=truckSensor01&measure=temp&width=0", []),
      (400, "/api/series?device=truckSensor01&measure=temp&width=99999999999999999999", []),
      (400, "/api/series?device=truckSensor01&measure=temp&from=5&to=4", []),
      (400, "/api/series?device=truckSensor01&measure=temp&from=9999999999999999999", []),
      (400, "/api/stats?device=truckSensor01&from=x", []),
      (400, "/api/stats?device=truckSensor01&from=-9223372036854775808", []),
      (404, "/api/stats?device=%27%3B+DROP+TABLE+ts_series", []),
    ]
    for (status, path, options) in refused {
      let quoted = (options + [url + path]).map { "'\($0)'" }.joined(separator: " ")
      let got = try StoreServer.shell(
        "curl -s --max-time 10 --path-as-is -o /dev/null -w '%{http_code}' \(quoted)")
      #expect(got == "\(status)", "\(path) \(options)")
    }
    // Headers of 100 KiB, and a body of 10 MiB.
    let long = try StoreServer.shell(
      "head -c 100000 /dev/zero | tr '\\0' a > '\(truck.path("long"))'; curl -s --max-time 10 -o /dev/null -w '%{http_code}' -H @- '\(url)/' < /dev/null; printf 'X-Long: ' | cat - '\(truck.path("long"))' | curl -s --max-time 10 -o /dev/null -w ' %{http_code}' -H @- '\(url)/'"
    )
    #expect(long.hasPrefix("200 4") || long == "200 000", "\(long)")
    let body = try StoreServer.shell(
      "head -c 10485760 /dev/zero | curl -s --max-time 10 -o /dev/null -w '%{http_code}' -X POST --data-binary @- '\(url)/api/devices'"
    )
    #expect(body == "413")
    let headers = try StoreServer.shell("curl -sI '\(url)/'")
    #expect(
      headers.contains("default-src 'none'") && headers.contains("nosniff")
        && headers.contains("X-Frame-Options: DENY"))
    #expect(try get("\(url)/api/devices").body.contains("\"device\":\"truckSensor01\""))
    // Still there, and nothing was written.
    #expect(
      try truck.run("store", "query", "SELECT count(*) AS n FROM truck01_sensors_wide", "--format", "csv")
        .output == "n\n3600\n")
    page.interrupt()
    _ = page.wait()
  }

  @Test func `another address needs TLS and a token`() throws {
    try importDataset()
    let refused = try truck.run("dashboard", "--address", "0.0.0.0")
    #expect(refused.status == 64 && refused.errors.contains("--tls-cert, --tls-key and --token-file"))
    _ = try StoreServer.shell(
      "cd '\(truck.folder.path)' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=localhost 2>/dev/null && echo short > short.txt && openssl rand -hex 16 > token.txt"
    )
    #expect(
      try truck.run(
        "dashboard", "--address", "0.0.0.0", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--token-file",
        "short.txt"
      ).status == 64)
    let page = try truck.start(
      "dashboard", "--address", "0.0.0.0", "--port", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem",
      "--token-file",
      "token.txt")
    let port = try address(page).split(separator: ":").last ?? ""
    let url = "https://127.0.0.1:\(port)"
    let token = try String(contentsOfFile: truck.path("token.txt"), encoding: .utf8).trimmingCharacters(
      in: .newlines)
    #expect(try get("\(url)/").status == 401)
    #expect(try get("\(url)/api/devices", "-H", "Authorization: Bearer wrong").status == 401)
    #expect(try get("\(url)/api/devices?token=\(token)").status == 401)
    #expect(try get("\(url)/api/devices", "-H", "Authorization: Bearer \(token)").status == 200)
    #expect(try get("\(url)/api/devices", "-H", "Cookie: a=b; token=\(token)").status == 200)
    #expect(try get("\(url)/?token=\(token)").status == 303)
    let redirect = try get(
      "\(url)/?device=truck%2F1&token=\(token)&last=6h", "-o", "/dev/null", "-w",
      "%{redirect_url}\\n%{http_code}")
    #expect(redirect.body == "\(url)/?device=truck%2F1&last=6h")
    // GnuTLS lets a client offer what OpenSSL's defaults no longer do.
    let old = ["--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0"]
    #expect(try get("\(url)/", old[0], old[1], old[2], old[3]).status == 0)
    for version in ["1.2", "1.3"] {
      #expect(try get("\(url)/", "--tlsv\(version)", "--tls-max", version).status == 401)
    }
    page.interrupt()
    _ = page.wait()
  }

  @Test func `a store that is deleted and made again is served again, a damaged one is an error`() throws {
    try importDataset()
    let page = try truck.start("dashboard", "--port", "0")
    let url = try address(page)
    #expect(try get("\(url)/api/stats?device=truckSensor01").status == 200)
    for end in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: truck.path("data/sensorDB.sqlite\(end)"))
    }
    #expect(try get("\(url)/api/stats?device=truckSensor01").status == 404)
    try Data(repeating: 0x41, count: 10_000).write(
      to: URL(fileURLWithPath: truck.path("data/sensorDB.sqlite")))
    #expect(try get("\(url)/api/stats?device=truckSensor01").status == 503)
    try FileManager.default.removeItem(atPath: truck.path("data/sensorDB.sqlite"))
    try importDataset()
    #expect(try get("\(url)/api/stats?device=truckSensor01").status == 200)
    page.interrupt()
    _ = page.wait()
  }

  @Test(arguments: StoreServer.Kind.allCases)
  func `a dashboard over a server shows what it has, and what comes`(_ kind: StoreServer.Kind) throws {
    guard StoreServer.program(kind) != nil else {
      print("skipped: \(kind.rawValue) is not installed; scripts/setup.sh --tests installs it")
      return
    }
    let server = try StoreServer(kind, in: truck)
    let imported = try truck.run(
      "store", "import", "TruckSensorFiles/trucksensordata.csv", "--start", "2024-10-23T14:00:00Z", "--store",
      server.url)
    #expect(imported.status == 0, "\(imported.errors)")
    // VictoriaMetrics shows new points within seconds.
    if kind == .victoriaMetrics { poll(nil, 0, 3000) }
    let page = try truck.start("dashboard", "--store", server.url, "--port", "0")
    let url = try address(page)
    struct Figures: Decodable {
      let count: Int
      let average, minimum, maximum, current: Double
      let openings: Int?
    }
    struct Rows: Decodable { let rows: [[Double]] }
    let stats = try get("\(url)/api/stats?device=truckSensor01")
    let figures = try JSONDecoder().decode([String: Figures].self, from: Data(stats.body.utf8))
    let temp = try #require(figures["temp"], "\(stats.body)")
    #expect(
      temp.count == 3600 && temp.minimum == -18.32 && temp.maximum == 21.9 && temp.current == 21.47,
      "\(stats.body)")
    #expect(abs(temp.average - 6.816) < 0.01, "\(stats.body)")
    #expect(figures["door"]?.openings == 13, "\(stats.body)")
    let series = try get("\(url)/api/series?device=truckSensor01&measure=temp&width=100")
    let rows = try JSONDecoder().decode(Rows.self, from: Data(series.body.utf8)).rows
    #expect(
      (95...103).contains(rows.count) && rows.map { $0[1] }.min() == -18.32 && rows[0][3] == 21.9,
      "\(rows.count)")
    #expect(zip(rows, rows.dropFirst()).allSatisfy { $0[0] < $1[0] && $0[1] <= $0[2] && $0[2] <= $0[3] })
    let devices = try get("\(url)/api/devices").body
    #expect(
      devices.contains("\"device\":\"truckSensor01\"") && devices.contains("\"temp\":21.47"), "\(devices)")
    // A reading that comes later is an event.
    let events = try Trucksensor.Running(
      URL(fileURLWithPath: "/usr/bin/timeout"), ["12", "curl", "-sN", "\(url)/api/events"], in: truck.folder)
    poll(nil, 0, 1500)
    try truck.write("time,temp\n2024-10-23T20:00:00Z,-3.25\n", to: "later.csv")
    #expect(try truck.run("store", "import", "later.csv", "--store", server.url).status == 0)
    try events.waitUntil { $0.outputText.contains("-3.25") }
    page.interrupt()
    _ = page.wait()
    _ = events.wait()
  }

  @Test func `alerts are published, and a second run neither forgets nor repeats them`() throws {
    // Cold, then warm for longer than the rule's delay.
    var rows = "uptime,volts,temp,door\n"
    for index in 0..<200 { rows += "\(index * 3),12.10,\(index < 20 ? "-19.00" : "-10.00"),0\n" }
    try truck.write(rows, to: "warming.csv")
    func start(_ rate: String) throws -> Trucksensor.Running {
      try truck.start(
        "run", "truckSensor01", "--dataset", "warming.csv", "--loop", "1", "--rate", rate, "--timestamps",
        "2024-10-23T14:00:00Z", "--quiet", "--dashboard-port", "0")
    }
    let first = try start("30")
    try first.waitUntil { $0.errorText.contains("Publishing") }
    let watcher = try truck.start("subscribe", "truck/alerts", "--count", "1", "--timeout", "10s")
    try first.waitUntil { $0.errorText.contains("alert raised: Temperature above") }
    let told = watcher.wait()
    #expect(
      told.output.contains("raised") && told.output.contains("temperature"), "\(told.output)\(told.errors)")
    #expect(first.wait().status == 0)
    // The same readings once more: they are in the store already.
    let second = try start("200").wait()
    #expect(second.status == 0 && !second.errors.contains("alert raised: Temperature"), "\(second.errors)")
    let page = try truck.start("dashboard", "--port", "0")
    let alerts = try get("\(try address(page))/api/alerts").body
    #expect(alerts.ranges(of: "\"rule\":\"temperature\"").count == 1, "\(alerts)")
    page.interrupt()
    _ = page.wait()
  }

  @Test(arguments: ["html", "pdf", "svg", "png", "csv", "json"])
  func `a report has every form`(_ form: String) throws {
    let result = try truck.run("report", "TruckSensorFiles/trucksensordata.csv", "-o", "trip.\(form)")
    #expect(result.status == 0, "\(result.errors)")
    let data = try Data(contentsOf: URL(fileURLWithPath: truck.path("trip.\(form)")))
    let starts = [
      "html": "<!DOCTYPE html>", "pdf": "%PDF-", "svg": "<?xml", "png": "\u{89}PNG", "csv": "kind,name",
      "json": "{\"device\"",
    ]
    #expect(
      String(decoding: data.prefix(20), as: Unicode.UTF8.self).contains(
        starts[form]?.dropFirst(form == "png" ? 1 : 0) ?? "?"))
    if form == "html" {
      let text = String(decoding: data, as: UTF8.self)
      // From nowhere else.
      #expect(!text.contains("src=") && !text.contains("<script") && !text.contains("url(http"))
      #expect(
        text.contains("f5ad55c137f210d8f76c59014c7193c12f1bec22d1de0b54c9b6d8a3ef7d83bd")
          && text.contains("ALARM"))
    }
    if form == "json" {
      #expect((try JSONSerialization.jsonObject(with: data) as? [String: Any])?["readings"] as? Int == 3600)
    }
    try importDataset()
    let stored = try truck.run("report", "-o", "stored.\(form)")
    #expect(stored.status == 0, "\(stored.errors)")
  }

  @Test func `a report says what it can't be made of`() throws {
    try truck.write("a,b\n1,2\n", to: "other.csv")
    try truck.write("uptime,temp\n1,warm\n", to: "text.csv")
    try truck.write("uptime,temp\n", to: "empty.csv")
    let wrong: [([String], Int32, String)] = [
      (["TruckSensorFiles/trucksensordata.csv", "-o", "trip.doc"], 64, "ends with .html"),
      (["other.csv", "-o", "x.pdf"], 65, "no column 'temp' or 'volts'"),
      (["text.csv", "-o", "x.pdf"], 65, "'warm' is not a number"),
      (["empty.csv", "-o", "x.pdf"], 65, "no rows"),
      (["none.sqlite", "-o", "x.pdf"], 69, "the store none.sqlite doesn't exist"),
      (["TruckSensorFiles/trucksensordata.csv", "-o", "none/x.pdf"], 1, "can't write none/x.pdf"),
    ]
    for (arguments, status, message) in wrong {
      let result = try Trucksensor.Running(Trucksensor.executable, ["report"] + arguments, in: truck.folder)
        .wait()
      #expect(
        result.status == status && result.errors.contains(message),
        "\(arguments): \(result.status) \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: truck.path("x.pdf")))
    }
  }

  @Test func `a report of extreme numbers is made or refused`() throws {
    let rows: [(String, Int32, String)] = [
      ("uptime,temp\n1,1e30\n2,-1e30\n", 0, ""), ("uptime,temp\n1,1e308\n2,-1e308\n", 0, ""),
      ("uptime,temp\n1e300,-18\n", 65, "numbers.csv:2:1: '1e300'"),
      ("uptime,temp\n9e11,-18\n", 65, "numbers.csv:2: the time 900000000000.0 s"),
      ("uptime,temp\n9e18,-18\n", 65, "numbers.csv:2:1: '9e18'"),
      ("uptime,temp\n-9e9,-18\n9e9,-18\n", 0, ""), ("uptime,temp\n1,1e999\n", 65, "'1e999' is not a number"),
      ("time,temp\n0001-01-01T00:00:00Z,-18\n", 65, "numbers.csv:2:"),
    ]
    for (text, status, message) in rows {
      try truck.write(text, to: "numbers.csv")
      for form in ["json", "pdf"] {
        let result = try truck.run("report", "numbers.csv", "-o", "numbers.\(form)")
        #expect(
          result.status == status && (message.isEmpty || result.errors.contains(message)),
          "\(text): \(result.errors)")
      }
    }
    try truck.write("uptime,temp\n1,-18\n", to: "numbers.csv")
    for value in ["1e308", "-1e308", "nan", "inf", "9223372036854775808", "x"] {
      let result = try truck.run("report", "numbers.csv", "-o", "numbers.pdf", "--set-point=\(value)")
      #expect(result.status == 64, "\(value): \(result.status)")
    }
    let result = try truck.run("report", "numbers.csv", "-o", "numbers.json", "--set-point=-20.5")
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test(arguments: [Int64.min, .min + 1, -1, .max - 1, .max])
  func `a report of a store with rows at the ends of time is made`(time: Int64) throws {
    try importDataset()
    let store = try Connection(truck.path("data/sensorDB.sqlite"), readOnly: false)
    try store.run(
      "INSERT INTO ts_data_1(series, time, m1, m2) VALUES (1, \(time), 1.5, 9e999), (1, \(time / 2), -9e999, 0)"
    )
    for form in ["html", "json", "svg"] {
      let result = try truck.run("report", "-o", "ends.\(form)")
      #expect(result.status == 0, "\(form): \(result.errors)")
    }
  }

  @Test func `a report of a damaged store is made or refused`() throws {
    try importDataset()
    let path = truck.path("data/sensorDB.sqlite")
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var state: UInt64 = 99
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    for round in 0..<12 {
      var bytes = whole
      for _ in 0..<(1 << (round / 2)) {
        let (one, other) = (100 + random(bytes.count - 100), 100 + random(bytes.count - 100))
        bytes.swapAt(one, other)
      }
      try bytes.write(to: URL(fileURLWithPath: truck.path("damaged.sqlite")))
      let result = try truck.run("report", "damaged.sqlite", "-o", "damaged.svg")
      #expect([0, 65, 69, 1].contains(result.status), "\(round): \(result.status) \(result.errors)")
    }
  }
}
