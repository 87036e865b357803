import ColdChain
import Glibc
import HTTP
import JSON
import Store
import Synchronization
import Time

/// Answers the page's requests.
final class API: Sendable {
  private let settings: DashboardSettings
  private let follower: StoreFollower
  private let feed: EventFeed
  private let status = Mutex("null")
  private let own: Own

  /// @unchecked Sendable: used on the server's one thread only.
  private final class Own: @unchecked Sendable {
    let charts: OpenCharts
    init(_ settings: DashboardSettings) { charts = OpenCharts(settings) }
  }

  static let charts = "/usr/share/javascript/dygraphs"
  /// The hash is of the one style attribute that dygraphs writes.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-hashes' 'sha256-MJyOH6fkfzWPCLv2CfAAYjOtxkqoLBYZsmiMyy1D4sc='; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'"

  init(_ settings: DashboardSettings, follower: StoreFollower, feed: EventFeed) {
    self.settings = settings
    self.follower = follower
    self.feed = feed
    own = Own(settings)
  }

  func setStatus(_ json: String) { status.withLock { $0 = json } }

  func answer(_ request: HTTPRequest) -> HTTPResponse {
    var response = isAllowed(request) ?? route(request)
    response.headers += [
      ("Content-Security-Policy", Self.policy), ("Referrer-Policy", "no-referrer"),
      ("X-Frame-Options", "DENY"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
    return response
  }

  /// Nil, or why not: without the token nothing is shown.
  private func isAllowed(_ request: HTTPRequest) -> HTTPResponse? {
    guard let token = settings.token else { return nil }
    if let given = request.query["token"], Self.isSame(given, token), request.path == "/" {
      // Kept as a cookie, so that it doesn't stay in the address.
      var response = HTTPResponse(303, "")
      response.headers = [
        ("Set-Cookie", "token=\(token); Path=/; HttpOnly; Secure; SameSite=Strict"), ("Location", "/"),
      ]
      return response
    }
    let cookies = (request.headers["cookie"] ?? "").split(separator: ";").map { $0.drop { $0 == " " } }
    let cookie = cookies.first { $0.hasPrefix("token=") }.map { String($0.dropFirst(6)) }
    let bearer = request.headers["authorization"].flatMap {
      $0.hasPrefix("Bearer ") ? String($0.dropFirst(7)) : nil
    }
    for given in [cookie, bearer] { if let given, Self.isSame(given, token) { return nil } }
    return HTTPResponse(401, "a token is needed: open /?token=TOKEN, or send 'Authorization: Bearer TOKEN'\n")
  }

  /// Compares in a time that doesn't tell how much is right.
  private static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private func route(_ request: HTTPRequest) -> HTTPResponse {
    if request.method == "POST" {
      guard request.path == "/api/alerts/acknowledge" else {
        return HTTPResponse(405, "there is nothing to change here\n")
      }
      // A form of another site can't set this field.
      guard request.headers["x-requested-with"] == "trucksensor" else {
        return HTTPResponse(403, "the field X-Requested-With: trucksensor is missing\n")
      }
      guard let id = request.query["id"].flatMap({ Int($0) }), follower.acknowledge(id) else {
        return problem(404, "there is no such alert that waits")
      }
      return json("{\"acknowledged\":\(id)}")
    }
    do throws(StoreError) {
      switch request.path {
      case "/": return HTTPResponse(200, PackageResources.index_html, contentType: "text/html; charset=utf-8")
      case "/app.js":
        return HTTPResponse(200, PackageResources.app_js, contentType: "text/javascript; charset=utf-8")
      case "/app.css":
        return HTTPResponse(200, PackageResources.app_css, contentType: "text/css; charset=utf-8")
      case "/dygraph.min.js": return chartFile("dygraph.min.js", "text/javascript; charset=utf-8")
      case "/dygraph.min.css": return chartFile("dygraph.min.css", "text/css; charset=utf-8")
      case "/favicon.ico": return HTTPResponse(204, "")
      case "/api/events": return HTTPResponse(events: feed)
      case "/api/devices": return json(try devices())
      case "/api/series": return try series(request)
      case "/api/stats": return try stats(request)
      case "/api/alerts":
        return json("{\"alerts\":[\(follower.alerts.alerts.reversed().map(\.json).joined(separator: ","))]}")
      case "/api/rules": return json(status.withLock { $0 })
      default: return HTTPResponse(404, "there is no such page\n")
      }
    } catch {
      if error.kind != .invalid { own.charts.close() }
      return problem(error.kind == .invalid ? 400 : error.kind == .missing ? 404 : 503, error.message)
    }
  }

  private func json(_ text: String) -> HTTPResponse {
    HTTPResponse(200, text, contentType: "application/json")
  }

  private func problem(_ status: Int, _ message: String) -> HTTPResponse {
    HTTPResponse(status, "{\"error\":\(JSONText.quoted(message))}", contentType: "application/json")
  }

  /// A file of the charting library, which isn't ours to copy.
  private func chartFile(_ name: String, _ type: String) -> HTTPResponse {
    guard let file = fopen("\(Self.charts)/\(name)", "re") else {
      return HTTPResponse(
        503, "\(Self.charts)/\(name) is missing; 'apt-get install libjs-dygraphs' brings it\n")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0, bytes.count < 1 << 22 {
      bytes += buffer[..<count]
    }
    return HTTPResponse(200, bytes, contentType: type)
  }

  // MARK: The store

  private func find(_ request: HTTPRequest, _ charts: any ChartSource) throws(StoreError) -> ChartTruck {
    let name = request.query["device"] ?? ""
    guard let truck = try charts.trucks().first(where: { $0.label == name }) else {
      throw StoreError(.missing, "there is no device '\(name)'")
    }
    return truck
  }

  /// `from` and `to` in milliseconds since 1970; without them all.
  private func window(_ request: HTTPRequest) throws(StoreError) -> Range<Int64> {
    func time(_ name: String) throws(StoreError) -> Int64? {
      guard let text = request.query[name] else { return nil }
      guard let value = Int64(text), abs(value) <= 9_000_000_000_000 else {
        throw StoreError(.invalid, "'\(name)' is milliseconds since 1970, not '\(text)'")
      }
      return value * 1_000_000
    }
    let from = try time("from") ?? 0
    let to = try time("to") ?? .max
    guard from < to else { throw StoreError(.invalid, "'from' must be before 'to'") }
    return from..<to
  }

  private func devices() throws(StoreError) -> String {
    let charts = try own.charts.source().0
    let measures = try charts.measures()
    let alerts = follower.alerts
    var trucks: [(active: Int, warmth: Double, json: String)] = []
    for truck in try charts.trucks() {
      var latest: [String] = []
      var warmth = -Double.infinity
      for measure in measures {
        guard let sample = try charts.latest(measure, of: truck) else { continue }
        latest.append("\(JSONText.quoted(measure.name)):\(sample.value)")
        if measure.name == "temp" { warmth = sample.value }
      }
      let active = alerts.active(of: truck.label)
      trucks.append(
        (
          active, warmth,
          "{\"device\":\(JSONText.quoted(truck.label)),\"first\":\(truck.span.lowerBound / 1_000_000),"
            + "\"last\":\(truck.span.upperBound / 1_000_000),\"alerts\":\(active),\"latest\":{\(latest.joined(separator: ","))}}"
        ))
    }
    // The worst first.
    trucks.sort { $0.active != $1.active ? $0.active > $1.active : $0.warmth > $1.warmth }
    return "{\"now\":\(Timestamp.now / 1_000_000),\"devices\":[\(trucks.map(\.json).joined(separator: ","))]}"
  }

  private func series(_ request: HTTPRequest) throws(StoreError) -> HTTPResponse {
    let charts = try own.charts.source().0
    let truck = try find(request, charts)
    let name = request.query["measure"] ?? ""
    guard let measure = try charts.measures().first(where: { $0.name == name }) else {
      throw StoreError(.missing, "there is no measure '\(name)' to draw")
    }
    guard let width = Int(request.query["width"] ?? "1000"), (1...10_000).contains(width) else {
      throw StoreError(.invalid, "'width' is 1 to 10000")
    }
    let rows = try charts.buckets(measure, of: truck, window: window(request), count: width).map { bucket in
      // A bucket of one value is drawn when it was measured.
      let time = bucket.count == 1 ? bucket.firstTime : bucket.start
      return "[\(time / 1_000_000),\(bucket.min),\(bucket.average),\(bucket.max),\(bucket.last)]"
    }
    return json(
      "{\"measure\":\(JSONText.quoted(name)),\"columns\":[\"time\",\"min\",\"average\",\"max\",\"last\"],"
        + "\"rows\":[\(rows.joined(separator: ","))]}")
  }

  private func stats(_ request: HTTPRequest) throws(StoreError) -> HTTPResponse {
    let charts = try own.charts.source().0
    let truck = try find(request, charts)
    let window = try window(request)
    var members: [String] = []
    for measure in try charts.measures() {
      guard let found = try charts.statistics(measure, of: truck, window: window) else { continue }
      var text =
        "{\"count\":\(found.count),\"average\":\(found.average),\"minimum\":\(found.min),\"maximum\":\(found.max),"
        + "\"current\":\(found.last),\"time\":\(found.lastTime / 1_000_000)"
      if measure.name == "door" {
        text += ",\"openings\":\(try charts.rises(measure, of: truck, window: window))"
      }
      members.append("\(JSONText.quoted(measure.name)):\(text)}")
    }
    return json("{\(members.joined(separator: ","))}")
  }
}
