import ColdChain
import Dispatch
import Glibc
import HTTP
import JSON
import Store
import Synchronization
import Time

/// Looks ten times a second for what came into the store: sends it to the browsers, and runs the alert rules over it.
final class StoreFollower: Sendable {
  private let queue = DispatchQueue(label: "dashboard.follower")
  private let own: Own
  private let snapshot = Mutex(AlertMonitor())

  /// @unchecked Sendable: used on the queue only.
  private final class Own: @unchecked Sendable {
    let settings: DashboardSettings
    let feed: EventFeed
    let onAlert: @Sendable (AlertEvent) -> Void
    var charts: OpenCharts
    /// Measures and last readings of the store that is open.
    var measures: [MeasureInfo] = []
    var stamp: Int64?
    var last: [String: Int64] = [:]
    var isFirstLook = true
    var monitor = AlertMonitor()
    var storedText: String?
    var writer: LocalStore?
    var timer: (any DispatchSourceTimer)?
    var looks = 0

    init(
      _ settings: DashboardSettings, _ feed: EventFeed, _ onAlert: @escaping @Sendable (AlertEvent) -> Void
    ) {
      self.settings = settings
      self.feed = feed
      self.onAlert = onAlert
      charts = OpenCharts(settings)
    }
  }

  static let stateName = "alerts"
  private static let rowsAtOnce = 2000

  init(_ settings: DashboardSettings, feed: EventFeed, onAlert: @escaping @Sendable (AlertEvent) -> Void) {
    own = Own(settings, feed, onAlert)
  }

  func start() {
    queue.sync {
      let timer = DispatchSource.makeTimerSource(queue: queue)
      timer.schedule(deadline: .now(), repeating: 0.1, leeway: .milliseconds(10))
      timer.setEventHandler { [weak self] in
        guard let self else { return }
        look()
        own.looks += 1
        if own.looks % 150 == 0 { own.feed.keepAlive() }
      }
      own.timer = timer
      timer.resume()
    }
  }

  func stop() {
    queue.sync {
      own.timer?.cancel()
      own.timer = nil
      look()
      own.charts.close()
      own.writer = nil
    }
  }

  /// The alerts as they were last.
  var alerts: AlertMonitor { snapshot.withLock { $0 } }

  /// A person has seen an alert; false if there is none such.
  func acknowledge(_ id: Int) -> Bool {
    queue.sync {
      loadMonitor()
      guard let event = own.monitor.acknowledge(id, at: Timestamp.now) else { return false }
      tell([event])
      return saveMonitor()
    }
  }

  // MARK: On the queue

  private func look() {
    // A server is asked once a second; a file tells by itself whether anybody has written.
    if case .file = own.settings.store {} else if own.looks % 10 != 0 { return }
    do throws(StoreError) {
      let (charts, isNew) = try own.charts.source()
      if isNew {
        own.writer = nil
        own.last = [:]
        own.stamp = nil
        loadMonitor()
      }
      let stamp = try charts.stamp()
      if stamp == nil || stamp != own.stamp {
        own.stamp = stamp
        try takeNew(charts)
      }
      if own.settings.raisesAlerts {
        let events = own.monitor.tick(at: Timestamp.now, own.settings.rules)
        if !events.isEmpty {
          tell(events)
          saveMonitor()
        }
      }
    } catch {
      // The file may be damaged, locked or not there yet, the server away: looked at anew the next time.
      if error.kind != .missing { own.charts.close() }
      own.isFirstLook = false
    }
  }

  private func takeNew(_ charts: any ChartSource) throws(StoreError) {
    if !own.settings.raisesAlerts { loadMonitor() }
    own.measures = try charts.measures()
    var events: [AlertEvent] = []
    let now = Timestamp.now
    for truck in try charts.trucks() {
      let device = truck.label
      // What was there before is read by the page itself; alerts go on where they stopped.
      let before = own.last[device]
      var start =
        before
        ?? (own.isFirstLook ? own.monitor.seen[device] ?? truck.span.upperBound : truck.span.lowerBound - 1)
      while start < truck.span.upperBound {
        let rows = try charts.readings(own.measures, of: truck, after: start, limit: Self.rowsAtOnce)
        guard let last = rows.last else { break }
        start = last.time
        publish(rows, device)
        guard own.settings.raisesAlerts else { continue }
        for row in rows {
          let values = zip(own.measures, row.values).compactMap { measure, value in
            value.map { (measure: measure.name, value: $0) }
          }
          events += own.monitor.add(values, device: device, at: row.time, arrived: now, own.settings.rules)
        }
      }
      own.last[device] = max(start, truck.span.upperBound)
    }
    own.isFirstLook = false
    guard own.settings.raisesAlerts else { return }
    tell(events)
    saveMonitor()
  }

  private func publish(_ rows: [(time: Int64, values: [Double?])], _ device: String) {
    let names = own.measures.map { JSONText.quoted($0.name) }.joined(separator: ",")
    let texts = rows.map { row in
      "[\(row.time / 1_000_000),\(row.values.map { $0.map { "\($0)" } ?? "null" }.joined(separator: ","))]"
    }
    own.feed.publish(
      "points",
      "{\"device\":\(JSONText.quoted(device)),\"measures\":[\(names)],\"rows\":[\(texts.joined(separator: ","))]}"
    )
  }

  private func tell(_ events: [AlertEvent]) {
    snapshot.withLock { $0 = own.monitor }
    for event in events {
      own.feed.publish("alert", event.json)
      own.onAlert(event)
    }
  }

  private func loadMonitor() {
    guard let text = try? stateStore().state(Self.stateName) else { return }
    guard text != own.storedText, let monitor = AlertMonitor(text: text) else { return }
    own.storedText = text
    own.monitor = monitor
    snapshot.withLock { $0 = monitor }
  }

  /// Where the alerts' state is kept.
  private func stateStore() throws(StoreError) -> LocalStore {
    if let open = own.writer { return open }
    var isFile = false
    if case .file = own.settings.store { isFile = true }
    let store = try LocalStore(path: own.settings.alertPath, creates: !isFile)
    own.writer = store
    return store
  }

  @discardableResult private func saveMonitor() -> Bool {
    let text = own.monitor.text
    snapshot.withLock { $0 = own.monitor }
    guard text != own.storedText else { return true }
    do throws(StoreError) {
      try stateStore().setState(Self.stateName, text)
      own.storedText = text
      return true
    } catch {
      // Written with the next change, or the next reading.
      return false
    }
  }
}
