import ColdChain
import Dispatch
import Files
import HTTP
import JSON
import Store
import Synchronization
import Time

/// Looks ten times a second for what arrived in the store: sends it to the browsers, and runs the alert rules over it.
///
/// @unchecked Sendable: variables are used on the queue only.
final class StoreFollower: @unchecked Sendable {
  private let queue = DispatchQueue(label: "dashboard.follower")
  private let settings: DashboardSettings
  private let feed: EventFeed
  private let onAlert: @Sendable (AlertEvent) -> Void
  private let onProblem: @Sendable (String) -> Void
  private let diagnosis: LiveDiagnosis
  /// The time of the latest reading of each device that arrived.
  private var newest: [String: Int64] = [:]
  /// What other threads see.
  private let shared: Mutex<(monitor: AlertMonitor, rules: [AlertRule])>

  private let charts: OpenCharts
  private var rules: AlertRuleFile
  private var monitor = AlertMonitor()
  /// The changes of alerts that nobody has been told of yet.
  private var events: [AlertEvent] = []
  /// The alerts' state as it is stored.
  private var storedText: String?
  /// Whether the alerts' state has changed since it was stored.
  private var isUnsaved = false
  /// The number of the look in which the alerts' state was last stored.
  private var savedLook = 0
  private var stateFile: LocalStore?
  /// The measures of the store that is open.
  private var measures: [MeasureInfo] = []
  private var stamp: Int64?
  /// The place up to which arrivals were taken; nil before the store was there.
  private var cursor: ArrivalCursor?
  /// Whether the store's file was missing: all of it is new then.
  private var wasMissing = false
  private var timer: (any DispatchSourceTimer)?
  private var looks = 0
  private var toldOfLimit = false

  static let stateName = "alerts"
  private static let rowsAtOnce = 2000
  private static let rowsOfEvent = 500
  /// One second.
  private static let looksBetweenSaves = 10

  init(
    _ settings: DashboardSettings, feed: EventFeed, diagnosis: LiveDiagnosis,
    onAlert: @escaping @Sendable (AlertEvent) -> Void, onProblem: @escaping @Sendable (String) -> Void
  ) {
    self.diagnosis = diagnosis
    self.settings = settings
    self.feed = feed
    self.onAlert = onAlert
    self.onProblem = onProblem
    charts = OpenCharts(settings)
    rules = AlertRuleFile(settings.rulesPath, settings.rules)
    shared = Mutex((AlertMonitor(), settings.rules))
  }

  func start() {
    queue.sync {
      let timer = DispatchSource.makeTimerSource(queue: queue)
      timer.schedule(deadline: .now(), repeating: 0.1, leeway: .milliseconds(10))
      timer.setEventHandler { [weak self] in
        guard let self else { return }
        look()
        looks &+= 1
        if looks % 150 == 0 { feed.keepAlive() }
      }
      self.timer = timer
      timer.resume()
    }
  }

  func stop() {
    queue.sync {
      timer?.cancel()
      timer = nil
      looks = 0
      look()
      charts.close()
      stateFile = nil
    }
  }

  /// The alerts as they were last.
  var alerts: AlertMonitor { shared.withLock { $0.monitor } }

  /// The alert rules as they were last.
  var alertRules: [AlertRule] { shared.withLock { $0.rules } }

  /// A person has seen an alert; false if no alert of that number waits to be acknowledged.
  func acknowledge(_ id: Int) -> Bool {
    queue.sync {
      loadMonitor()
      guard let event = monitor.acknowledge(id, at: Timestamp.now) else { return false }
      add([event])
      tell()
      return saveMonitor()
    }
  }

  // MARK: On the queue

  private func look() {
    if looks % 3 == 0 { readRules() }
    // A server is asked once a second; a file tells by itself whether anybody has written.
    if case .file = settings.store { readStore() } else if looks % 10 == 0 { readStore() }
    guard settings.raisesAlerts else { return }
    // A fleet's state is large. The next run takes it with its cursor and reads the arrivals since again, so it must be
    // up to date only when somebody has been told of an alert, and at the end.
    let isPressing = !events.isEmpty || timer == nil
    if isPressing { tell() }
    if isUnsaved, isPressing || looks &- savedLook >= Self.looksBetweenSaves { saveMonitor() }
  }

  private func readStore() {
    do throws(StoreError) {
      let (source, change) = try charts.source()
      if change != .none {
        stateFile = nil
        stamp = nil
        loadMonitor()
      }
      let newest = try source.stamp()
      if newest == nil || newest != stamp || cursor == nil {
        if change == .replaced, cursor != nil { cursor = ArrivalCursor() }
        try takeNew(source)
        stamp = newest
      }
      // A tick visits every device: once a second is enough for rules that count seconds.
      guard settings.raisesAlerts, looks % 10 == 0 else { return }
      add(monitor.tick(at: Timestamp.now, rules.rules))
    } catch {
      // The file may be damaged, locked or not there yet, the server away: the next look tries again.
      if error.kind == .missing {
        if cursor == nil { wasMissing = true }
      } else {
        charts.close()
      }
    }
  }

  private func readRules() {
    switch rules.read() {
    case .unchanged: return
    case .failed(let reason): onProblem("\(reason); the alert rules stay as they were")
    case .changed:
      shared.withLock { $0.rules = rules.rules }
      guard settings.raisesAlerts else { return }
      add(monitor.keep(rules.rules, at: Timestamp.now))
      isUnsaved = true
    }
  }

  /// Where to begin: what was there before is read by the page itself; alerts resume where they stopped.
  private func begin(_ source: any ChartSource) throws(StoreError) -> ArrivalCursor {
    if wasMissing { return ArrivalCursor() }
    guard settings.raisesAlerts else { return try source.newestArrival() }
    add(monitor.keep(rules.rules, at: Timestamp.now))
    monitor.resumeWatch(rules.rules)
    if case .file = settings.store, let kept = monitor.cursor.flatMap(ArrivalCursor.init(text:)) {
      return kept
    }
    let newest = try source.newestArrival()
    try catchUp(source)
    return newest
  }

  private func takeNew(_ source: any ChartSource) throws(StoreError) {
    if !settings.raisesAlerts { loadMonitor() }
    measures = try source.measures()
    var place: ArrivalCursor
    if let cursor { place = cursor } else { place = try begin(source) }
    while true {
      let found = try source.arrivals(measures, after: place, limit: Self.rowsAtOnce)
      if found.isTooLate { try catchUp(source) }
      for (device, rows) in found.groups { take(rows, device) }
      place = found.cursor
      cursor = place
      if !found.hasMore { break }
    }
    guard settings.raisesAlerts else { return }
    if case .file = settings.store { monitor.cursor = place.text }
    isUnsaved = true
    share()
  }

  /// Reads by time what the order of arrival no longer tells.
  private func catchUp(_ source: any ChartSource) throws(StoreError) {
    for truck in try source.trucks() {
      guard var time = monitor.seen[truck.label] else { continue }
      while true {
        let rows = try source.readings(measures, of: truck, after: time, limit: Self.rowsAtOnce)
        // A server may answer anything.
        guard let last = rows.last, last.time > time else { break }
        time = last.time
        take(rows, truck.label)
      }
    }
  }

  private func take(_ rows: [Arrivals.Row], _ device: String) {
    publish(rows, device)
    let times = rows.lazy.map(\.time)
    if let earliest = times.min(), let latest = times.max() {
      diagnosis.arrived(device, isLate: newest[device].map { earliest < $0 } ?? false)
      newest[device] = max(newest[device] ?? latest, latest)
    }
    guard settings.raisesAlerts else { return }
    let now = Timestamp.now
    for row in rows {
      let values = zip(measures, row.values).compactMap { measure, value in
        value.map { (measure: measure.name, value: $0) }
      }
      add(monitor.add(values, device: device, at: row.time, arrived: now, rules.rules))
    }
    if monitor.isFull, !toldOfLimit {
      toldOfLimit = true
      onProblem(
        "alerts: the limit of \(AlertMonitor.deviceLimit) devices is reached; \(device) and other new devices raise no alerts"
      )
    }
  }

  private func publish(_ rows: [Arrivals.Row], _ device: String) {
    var start = 0
    while start < rows.count {
      let end = min(start + Self.rowsOfEvent, rows.count)
      var json = JSONWriter()
      json.object {
        $0.member("device", device)
        $0.array("measures") { for measure in measures { $0.value(measure.name) } }
        $0.array("rows") {
          for row in rows[start..<end] {
            $0.array {
              $0.value(row.time / 1_000_000)
              for value in row.values { if let value { $0.value(value) } else { $0.null() } }
            }
          }
        }
      }
      feed.publish("points", json.bytes)
      start = end
    }
  }

  private func add(_ more: [AlertEvent]) {
    guard !more.isEmpty else { return }
    events += more
    isUnsaved = true
  }

  /// Lets other threads see the monitor. Its next change copies all trucks' states, so this is done once a look.
  private func share() { shared.withLock { $0.monitor = monitor } }

  private func tell() {
    share()
    for event in events {
      feed.publish("alert", event.json)
      onAlert(event)
    }
    events = []
  }

  private func loadMonitor() {
    guard let text = try? openStateFile().state(Self.stateName), text != storedText,
      let stored = AlertMonitor(text: text)
    else { return }
    storedText = text
    monitor = stored
    share()
  }

  /// The file that keeps the alerts' state.
  private func openStateFile() throws(StoreError) -> LocalStore {
    if let open = stateFile { return open }
    var isStore = false
    if case .file = settings.store { isStore = true }
    let opened = try LocalStore(path: settings.alertPath, creates: !isStore)
    stateFile = opened
    return opened
  }

  @discardableResult private func saveMonitor() -> Bool {
    savedLook = looks
    let text = monitor.text
    do throws(StoreError) {
      if text != storedText { try openStateFile().setState(Self.stateName, text) }
      storedText = text
      isUnsaved = false
      return true
    } catch {
      // Tried again a second later.
      return false
    }
  }
}
