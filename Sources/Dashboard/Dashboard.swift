import ColdChain
import Diagnosing
import HTTP
import Store

/// What a dashboard shows, and where.
public struct DashboardSettings: Sendable {
  /// The store; a file may appear later.
  public var store: StoreLocation
  /// The file that keeps the alerts' state: the store's own, or one beside a server.
  public var alertPath: String
  /// The table whose trucks are shown.
  public var table = "truck01_sensors"
  /// The alert rules that apply first.
  public var rules = AlertRule.defaults
  /// The file of the alert rules, read again when it changes; nil if they stay.
  public var rulesPath: String?
  /// Whether this process looks for alerts; another may do that for the same store.
  public var raisesAlerts = false
  /// Where it listens.
  public var http: HTTPSettings
  /// What a browser must give; nil on loopback.
  public var token: String?

  /// A dashboard of a store.
  public init(store: StoreLocation, http: HTTPSettings) {
    self.store = store
    if case .file(let path) = store {
      alertPath = path
    } else {
      alertPath = LocalStore.path(ofDatabase: "alerts")
    }
    self.http = http
  }
}

/// The live page, its JSON API and its events, over a store that others write.
public final class Dashboard: Sendable {
  /// The port it listens on.
  public var port: UInt16 { server.port }
  private let server: HTTPServer
  private let follower: StoreFollower
  private let diagnosis: LiveDiagnosis
  private let api: API

  /// Begins to serve; `onAlert` is called for each change of an alert, `onVerdict` with the payload of `truck/alerts` and a
  /// sentence for a person for each change of a truck's verdict, `onProblem` with a sentence for a person, all on threads of
  /// the dashboard.
  ///
  /// Throws `HTTPError` if it can't listen.
  public init(
    _ settings: DashboardSettings, onAlert: @escaping @Sendable (AlertEvent) -> Void = { _ in },
    onVerdict: @escaping @Sendable (_ payload: [UInt8], _ sentence: String) -> Void = { _, _ in },
    onProblem: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(HTTPError) {
    let feed = EventFeed()
    let diagnosis = LiveDiagnosis(settings) { change in
      feed.publish("verdict", change.json)
      onVerdict(change.json, change.sentence)
    }
    let follower = StoreFollower(
      settings, feed: feed, diagnosis: diagnosis, onAlert: onAlert, onProblem: onProblem)
    let api = API(settings, follower: follower, diagnosis: diagnosis, feed: feed)
    self.diagnosis = diagnosis
    self.follower = follower
    self.api = api
    var http = settings.http
    http.bodyLimit = QueryEditor.bodyBytes
    server = try HTTPServer(http, feeds: [feed], asynchronous: { api.answer($0, finish: $1) })
    follower.start()
    diagnosis.start()
  }

  /// What is answered: methods, paths, and the parameters of their queries.
  package static var requests: [(method: String, path: String, parameters: [String])] { API.table }

  /// What the page shows of the stages before the store: a JSON object, `{"device": …, "rules": […]}`.
  /// `metrics` is what `/metrics` serves.
  public func setStatus(_ json: String, metrics: String = "") { api.setStatus(json, metrics: metrics) }

  /// Ends the follower and the diagnosis; the server ends with the object.
  public func stop() {
    follower.stop()
    diagnosis.stop()
    api.stop()
  }
}
