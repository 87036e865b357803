import ColdChain
import Dispatch
import Glibc
import HTTP
import JSON
import Store
import Synchronization

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
    var reader: StoreReader?
    var inode: UInt = 0
    var dataVersion: Int64 = -1
    var table: StoreReader.Table?
    var series: [Series] = []
    var last: [Series: Int64] = [:]
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
      own.reader = nil
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
    do throws(StoreError) {
      try reopen()
      guard let reader = own.reader else { return }
      let version = try reader.dataVersion()
      if version != own.dataVersion {
        own.dataVersion = version
        try takeNew(reader)
      }
      if own.settings.raisesAlerts {
        let events = own.monitor.tick(at: Timestamp.now, own.settings.rules)
        if !events.isEmpty {
          tell(events)
          saveMonitor()
        }
      }
    } catch {
      // The file may be damaged, locked or gone for a moment: looked at anew the next time.
      own.reader = nil
    }
  }

  /// The file may not be there yet, or be another one than before.
  private func reopen() throws(StoreError) {
    var status = stat()
    guard stat(own.settings.storePath, &status) == 0 else {
      own.reader = nil
      own.writer = nil
      own.table = nil
      return
    }
    guard own.reader == nil || own.inode != status.st_ino else { return }
    own.writer = nil
    own.reader = try StoreReader(path: own.settings.storePath)
    if own.inode != status.st_ino { own.last = [:] }
    own.inode = status.st_ino
    own.dataVersion = -1
    own.table = nil
    loadMonitor()
  }

  private func takeNew(_ reader: StoreReader) throws(StoreError) {
    if !own.settings.raisesAlerts { loadMonitor() }
    guard let table = try reader.tables().first(where: { $0.name == own.settings.table }) else {
      own.isFirstLook = false
      return
    }
    own.table = table
    own.series = try reader.series(of: table)
    var events: [AlertEvent] = []
    let now = Timestamp.now
    for series in own.series {
      let device = Self.label(series)
      guard let span = try reader.span(of: series, in: table) else { continue }
      // What was there before is read by the page itself; alerts go on where they stopped.
      let before = own.last[series]
      var start =
        before ?? (own.isFirstLook ? own.monitor.seen[device] ?? span.upperBound : span.lowerBound - 1)
      while start < span.upperBound {
        let rows = try reader.readings(of: series, in: table, after: start, limit: Self.rowsAtOnce)
        guard let last = rows.last else { break }
        start = last.time
        publish(rows, device, table)
        guard own.settings.raisesAlerts else { continue }
        for row in rows {
          let values = zip(table.measures, row.values).compactMap { measure, value in
            value.map { (measure: measure.name, value: $0) }
          }
          events += own.monitor.add(values, device: device, at: row.time, arrived: now, own.settings.rules)
        }
      }
      own.last[series] = max(start, span.upperBound)
    }
    own.isFirstLook = false
    guard own.settings.raisesAlerts else { return }
    tell(events)
    saveMonitor()
  }

  static func label(_ series: Series) -> String {
    series.dimensions.count == 1
      ? series.dimensions[0].value : series.dimensions.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
  }

  private func publish(
    _ rows: [(time: Int64, values: [Double?])], _ device: String, _ table: StoreReader.Table
  ) {
    let names = table.measures.map { JSONText.quoted($0.name) }.joined(separator: ",")
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
    guard let text = try? own.reader?.state(Self.stateName) else { return }
    guard text != own.storedText, let monitor = AlertMonitor(text: text) else { return }
    own.storedText = text
    own.monitor = monitor
    snapshot.withLock { $0 = monitor }
  }

  @discardableResult private func saveMonitor() -> Bool {
    let text = own.monitor.text
    snapshot.withLock { $0 = own.monitor }
    guard text != own.storedText else { return true }
    do throws(StoreError) {
      let writer: LocalStore
      if let open = own.writer {
        writer = open
      } else {
        writer = try LocalStore(path: own.settings.storePath, creates: false)
      }
      own.writer = writer
      try writer.setState(Self.stateName, text)
      own.storedText = text
      return true
    } catch {
      // Written with the next change, or the next reading.
      return false
    }
  }
}

extension AlertEvent {
  /// What goes to `truck/alerts` and to the browsers.
  public var json: String { "{\"change\":\"\(change.rawValue)\",\"alert\":\(alert.json)}" }
}

extension AlertRecord {
  /// The alert as a JSON object, times in ISO 8601.
  public var json: String {
    func time(_ value: Int64?) -> String { value.map { "\"\(Timestamp.iso8601($0))\"" } ?? "null" }
    return "{\"id\":\(id),\"device\":\(JSONText.quoted(device)),\"rule\":\(JSONText.quoted(rule)),"
      + "\"title\":\(JSONText.quoted(title)),\"began\":\(time(began)),\"raised\":\(time(raised)),\"ended\":\(time(ended)),"
      + "\"acknowledged\":\(time(acknowledged)),\"worst\":\(worst.map { "\($0)" } ?? "null")}"
  }
}
