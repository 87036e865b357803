import ColdChain
import Diagnosing
import Files
import HTTP
import JSON
import Numbers
import Store
import Synchronization
import Text
import Time

/// Answers the page's requests.
final class API: Sendable {
  private let settings: DashboardSettings
  private let follower: StoreFollower
  private let diagnosis: LiveDiagnosis
  private let feed: EventFeed
  private let editor: QueryEditor
  private let status = Mutex("null")
  private let metrics = Mutex("")
  // nonisolated(unsafe): used on the server's one thread only.
  private nonisolated(unsafe) let charts: OpenCharts

  /// Where Debian puts the charting library and the map's.
  private static let libraries = "/usr/share/javascript"
  /// The hash is of the one style attribute that dygraphs writes.
  private static let policy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-hashes' 'sha256-MJyOH6fkfzWPCLv2CfAAYjOtxkqoLBYZsmiMyy1D4sc='; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    + "form-action 'none'; frame-ancestors 'none'"

  init(
    _ settings: DashboardSettings, follower: StoreFollower, diagnosis: LiveDiagnosis, feed: EventFeed
  ) {
    self.settings = settings
    self.follower = follower
    self.diagnosis = diagnosis
    self.feed = feed
    editor = QueryEditor(settings.store)
    charts = OpenCharts(settings)
  }

  func setStatus(_ json: String, metrics text: String) {
    status.withLock { $0 = json }
    metrics.withLock { $0 = text }
  }

  /// Ends what still runs.
  func stop() { editor.stop() }

  func answer(_ request: HTTPRequest, finish: @escaping @Sendable (HTTPResponse) -> Void) {
    if let refusal = isAllowed(request) { return finish(Self.secured(refusal)) }
    guard request.method == "POST" else { return finish(Self.secured(route(request))) }
    post(request) { finish(Self.secured($0)) }
  }

  private static func secured(_ response: HTTPResponse) -> HTTPResponse {
    var response = response
    response.headers += [
      ("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"),
      ("X-Frame-Options", "DENY"),
      ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
    return response
  }

  /// Nil, or why not: without the token nothing is shown.
  private func isAllowed(_ request: HTTPRequest) -> HTTPResponse? {
    guard let token = settings.token else { return nil }
    if let given = request.query["token"], Self.isSame(given, token), request.path == "/" {
      // Kept as a cookie, so that it doesn't stay in the address; the rest of the query does.
      var response = HTTPResponse(303, "")
      response.headers = [
        ("Set-Cookie", "token=\(token); Path=/; HttpOnly; Secure; SameSite=Strict"),
        ("Location", "/" + Self.queryText(request.query.filter { $0.key != "token" })),
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

  /// A URL's query with these parameters, from its question mark on; empty without parameters.
  private static func queryText(_ parameters: [String: String]) -> String {
    let pairs = parameters.sorted { $0.key < $1.key }.map {
      "\(PercentEncoding.encoded($0.key))=\(PercentEncoding.encoded($0.value))"
    }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }

  /// Compares in a time that doesn't tell how much is right.
  private static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    guard one.count == other.count else { return false }
    return zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static let acknowledgement = "/api/alerts/acknowledge"
  private static let query = "/api/query"

  /// What answers GET for a path.
  private struct Route: Sendable {
    /// The parameters of its query.
    var parameters: [String] = []
    let answer: @Sendable (API, HTTPRequest) throws(StoreError) -> HTTPResponse
  }

  private static func script(_ text: [UInt8]) -> Route {
    Route { _, _ in HTTPResponse(200, text, contentType: "text/javascript; charset=utf-8") }
  }

  private static let routes: [String: Route] = [
    "/": Route(parameters: ["token", "device", "last", "span", "zoom", "live", "zone"]) { _, _ in
      HTTPResponse(200, PackageResources.index_html, contentType: "text/html; charset=utf-8")
    },
    "/app.css": Route { _, _ in
      HTTPResponse(200, PackageResources.app_css, contentType: "text/css; charset=utf-8")
    },
    "/query": Route { _, _ in
      HTTPResponse(200, PackageResources.query_html, contentType: "text/html; charset=utf-8")
    },
    "/address.js": script(PackageResources.address_js), "/alerts.js": script(PackageResources.alerts_js),
    "/app.js": script(PackageResources.app_js), "/charts.js": script(PackageResources.charts_js),
    "/devices.js": script(PackageResources.devices_js),
    "/diagnosis.js": script(PackageResources.diagnosis_js),
    "/live.js": script(PackageResources.live_js), "/query.js": script(PackageResources.query_js),
    "/route.js": script(PackageResources.route_js), "/stages.js": script(PackageResources.stages_js),
    "/state.js": script(PackageResources.state_js), "/view.js": script(PackageResources.view_js),
    "/dygraph.min.js": Route { _, _ in libraryFile("dygraphs", "dygraph.min.js", "text/javascript") },
    "/dygraph.min.css": Route { _, _ in libraryFile("dygraphs", "dygraph.min.css", "text/css") },
    "/leaflet.js": Route { _, _ in libraryFile("leaflet", "leaflet.min.js", "text/javascript") },
    "/leaflet.css": Route { _, _ in libraryFile("leaflet", "leaflet.css", "text/css") },
    "/favicon.ico": Route { _, _ in HTTPResponse(204, "") },
    "/api/events": Route { api, _ in HTTPResponse(events: api.feed) },
    "/api/devices": Route { api, _ throws(StoreError) in try api.devices() },
    "/api/series": Route(parameters: ["device", "measure", "from", "to", "width"]) {
      api, request throws(StoreError) in try api.series(request)
    },
    "/api/stats": Route(parameters: ["device", "from", "to"]) {
      api, request throws(StoreError) in try api.stats(request)
    },
    "/api/route": Route(parameters: ["device", "from", "to"]) {
      api, request throws(StoreError) in try api.routeOnMap(request)
    },
    "/api/diagnosis": Route(parameters: ["device"]) { api, request in api.verdict(request) },
    "/api/alerts": Route { api, _ in api.alerts() },
    "/metrics": Route { api, _ in
      HTTPResponse(
        200, api.metrics.withLock { $0 }, contentType: "text/plain; version=0.0.4; charset=utf-8")
    },
    "/api/rules": Route { api, _ in json(Array(api.status.withLock { $0 }.utf8)) },
  ]

  /// What is answered: methods, paths, and the parameters of their queries.
  static var table: [(method: String, path: String, parameters: [String])] {
    routes.sorted { $0.key < $1.key }.map { ("GET", $0.key, $0.value.parameters) }
      + [("POST", acknowledgement, ["id"]), ("POST", query, [])]
  }

  private func route(_ request: HTTPRequest) -> HTTPResponse {
    guard let route = Self.routes[request.path] else { return HTTPResponse(404, "page not found\n") }
    do throws(StoreError) {
      return try route.answer(self, request)
    } catch {
      if error.kind != .invalid { charts.close() }
      return Self.problem(error.kind == .invalid ? 400 : error.kind == .missing ? 404 : 503, error.message)
    }
  }

  private func post(_ request: HTTPRequest, finish: @escaping @Sendable (HTTPResponse) -> Void) {
    guard [Self.acknowledgement, Self.query].contains(request.path) else {
      return finish(HTTPResponse(405, "POST isn't allowed on this path\n"))
    }
    // A form of another site can't set this field.
    guard request.headers["x-requested-with"] == "trucksensor" else {
      return finish(HTTPResponse(403, "the field X-Requested-With: trucksensor is missing\n"))
    }
    if request.path == Self.query { return editor.answer(request.body, finish: finish) }
    guard let id = request.query["id"].flatMap({ Int($0) }), follower.acknowledge(id) else {
      return finish(Self.problem(404, "no unacknowledged alert has this id"))
    }
    var json = JSONWriter()
    json.object { $0.member("acknowledged", id) }
    finish(Self.json(json.bytes))
  }

  private static func json(_ text: [UInt8]) -> HTTPResponse {
    HTTPResponse(200, text, contentType: "application/json")
  }

  static func problem(_ status: Int, _ message: String) -> HTTPResponse {
    var json = JSONWriter()
    json.object { $0.member("error", message) }
    return HTTPResponse(status, json.bytes, contentType: "application/json")
  }

  private func alerts() -> HTTPResponse {
    var json = JSONWriter()
    json.object {
      let measures = Dictionary(
        follower.alertRules.map { ($0.name, $0.measure) }, uniquingKeysWith: { first, _ in first })
      $0.array("alerts") {
        for alert in follower.alerts.alerts.reversed() {
          alert.write(to: &$0, measure: measures[alert.rule])
        }
      }
    }
    return Self.json(json.bytes)
  }

  /// A file of a library that isn't ours to copy.
  private static func libraryFile(_ library: String, _ name: String, _ type: String) -> HTTPResponse {
    let path = Files.join(libraries, Files.join(library, name))
    guard let bytes = try? Files.read(path, limit: 1 << 22) else {
      return HTTPResponse(503, "\(path) is missing; install it with 'apt-get install libjs-\(library)'\n")
    }
    return HTTPResponse(200, bytes, contentType: "\(type); charset=utf-8")
  }

  /// The diagnosis of a truck's present trip, as `diagnose --json` writes it; `{"pending": true}` before there is one.
  private func verdict(_ request: HTTPRequest) -> HTTPResponse {
    if let answer = diagnosis.answer(request.query["device"] ?? "") { return Self.json(answer) }
    var json = JSONWriter()
    json.object { $0.member("pending", true) }
    return Self.json(json.bytes)
  }

  // MARK: The store

  private func find(_ request: HTTPRequest, _ source: any ChartSource) throws(StoreError) -> ChartTruck {
    let name = request.query["device"] ?? ""
    guard let truck = try source.trucks().first(where: { $0.label == name }) else {
      throw StoreError(.missing, "there is no device '\(name)'")
    }
    return truck
  }

  /// The times that a request may name, in milliseconds since 1970: some 285 years in both directions.
  private static let milliseconds: ClosedRange<Int64> = -9_000_000_000_000...9_000_000_000_000

  /// `from` and `to` in milliseconds since 1970; without them, all times.
  private func window(_ request: HTTPRequest) throws(StoreError) -> Range<Int64> {
    func time(_ name: String) throws(StoreError) -> Int64? {
      guard let text = request.query[name] else { return nil }
      guard let value = Int64(text), Self.milliseconds.contains(value) else {
        throw StoreError(.invalid, "'\(name)' is milliseconds since 1970, not '\(text)'")
      }
      return value.saturatingMultiply(1_000_000)
    }
    let from = try time("from") ?? 0
    let to = try time("to") ?? .max
    guard from < to else { throw StoreError(.invalid, "'from' must be before 'to'") }
    return from..<to
  }

  /// After so many seconds without a reading a truck is silent, if no alert rule says otherwise.
  private static let silentAfter = 30.0

  private func devices() throws(StoreError) -> HTTPResponse {
    let source = try charts.source().0
    let measures = try source.measures()
    let monitor = follower.alerts
    var trucks: [(truck: ChartTruck, active: Int, warmth: Double, latest: [(String, Double)])] = []
    for truck in try source.trucks() {
      var latest: [(String, Double)] = []
      for measure in measures {
        if let sample = try source.latest(measure, of: truck) { latest.append((measure.name, sample.value)) }
      }
      let warmth = latest.first { $0.0 == "temp" }?.1 ?? -.infinity
      trucks.append((truck, monitor.active(of: truck.label), warmth, latest))
    }
    // Worst first.
    trucks.sort { $0.active != $1.active ? $0.active > $1.active : $0.warmth > $1.warmth }
    var json = JSONWriter()
    json.object {
      $0.member("now", Timestamp.now / 1_000_000)
      $0.member(
        "silentAfter", follower.alertRules.first { $0.condition == .noData }?.delay ?? Self.silentAfter)
      $0.array("limits") {
        for rule in follower.alertRules where rule.condition != .noData {
          $0.object {
            $0.member("measure", rule.measure)
            $0.member("condition", rule.condition.rawValue)
            $0.member("threshold", rule.threshold)
          }
        }
      }
      $0.array("devices") {
        for (truck, active, _, latest) in trucks {
          $0.object {
            $0.member("device", truck.label)
            $0.member("first", truck.span.lowerBound / 1_000_000)
            $0.member("last", truck.span.upperBound / 1_000_000)
            $0.member("alerts", active)
            $0.object("latest") { for (name, value) in latest { $0.member(name, value) } }
          }
        }
      }
    }
    return Self.json(json.bytes)
  }

  private func series(_ request: HTTPRequest) throws(StoreError) -> HTTPResponse {
    let source = try charts.source().0
    let truck = try find(request, source)
    let name = request.query["measure"] ?? ""
    guard let measure = try source.measures().first(where: { $0.name == name }) else {
      throw StoreError(.missing, "there is no measure '\(name)' to draw")
    }
    guard let width = Int(request.query["width"] ?? "1000"), (1...10_000).contains(width) else {
      throw StoreError(.invalid, "'width' is 1 to 10000")
    }
    let buckets = try source.buckets(measure, of: truck, window: window(request), count: width)
    var json = JSONWriter()
    json.object {
      $0.member("measure", name)
      $0.array("columns") { for column in ["time", "min", "average", "max", "last"] { $0.value(column) } }
      $0.array("rows") {
        for bucket in buckets {
          $0.array {
            // A bucket of one value is drawn when it was measured.
            $0.value((bucket.count == 1 ? bucket.firstTime : bucket.start) / 1_000_000)
            for value in [bucket.min, bucket.average, bucket.max, bucket.last] { $0.value(value) }
          }
        }
      }
    }
    return Self.json(json.bytes)
  }

  /// The most points of a route.
  private static let routePoints = 800

  /// Where a truck was and how warm its box was: rows of time, latitude, longitude, temperature.
  private func routeOnMap(_ request: HTTPRequest) throws(StoreError) -> HTTPResponse {
    let source = try charts.source().0
    let truck = try find(request, source)
    let window = try window(request)
    let measures = try source.measures()
    let columns = StoreColumns(measures.map(\.name))
    func buckets(_ place: Int?) throws(StoreError) -> [Int64: Bucket] {
      guard let place else { return [:] }
      let buckets = try source.buckets(measures[place], of: truck, window: window, count: Self.routePoints)
      return Dictionary(buckets.map { ($0.start, $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (latitudes, longitudes) = (try buckets(columns.latitude), try buckets(columns.longitude))
    let temperatures = latitudes.isEmpty ? [:] : try buckets(columns.temp)
    var json = JSONWriter()
    json.object {
      $0.array("columns") { for name in ["time", "latitude", "longitude", "temperature"] { $0.value(name) } }
      $0.array("rows") {
        for (start, bucket) in latitudes.sorted(by: { $0.key < $1.key }) {
          guard let longitude = longitudes[start]?.average, bucket.average.magnitude <= 90,
            longitude.magnitude <= 180
          else { continue }
          $0.array {
            $0.value((bucket.count == 1 ? bucket.firstTime : start) / 1_000_000)
            $0.value(bucket.average)
            $0.value(longitude)
            if let bucket = temperatures[start] { $0.value(bucket.average) } else { $0.null() }
          }
        }
      }
    }
    return Self.json(json.bytes)
  }

  private func stats(_ request: HTTPRequest) throws(StoreError) -> HTTPResponse {
    let source = try charts.source().0
    let truck = try find(request, source)
    let window = try window(request)
    var json = JSONWriter()
    try json.object { json throws(StoreError) in
      for measure in try source.measures() {
        guard let found = try source.statistics(measure, of: truck, window: window) else { continue }
        let openings = measure.name == "door" ? try source.rises(measure, of: truck, window: window) : nil
        json.object(measure.name) {
          $0.member("count", found.count)
          $0.member("average", found.average)
          $0.member("minimum", found.min)
          $0.member("maximum", found.max)
          $0.member("current", found.last)
          $0.member("time", found.lastTime / 1_000_000)
          if let openings { $0.member("openings", openings) }
        }
      }
    }
    return Self.json(json.bytes)
  }
}
