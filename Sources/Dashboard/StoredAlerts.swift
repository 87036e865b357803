import ColdChain
import Numbers
import Store

/// Runs the alert rules over readings that were stored at once, such as an imported trip.
public enum StoredAlerts {
  /// The alerts of devices' spans (nanoseconds since 1970) in a table, which are kept beside those that a run has found.
  ///
  /// Throws where the store can't be read or its state not written.
  public static func find(
    in location: StoreLocation, table: String, spans: [String: ClosedRange<Int64>], rules: [AlertRule]
  ) throws(StoreError) -> [AlertRecord] {
    var settings = DashboardSettings(store: location, http: .init(port: 0))
    settings.table = table
    let source = try location.charts(table: table)
    var isFile = false
    if case .file = location { isFile = true }
    let state = try LocalStore(path: settings.alertPath, creates: !isFile)
    let text = try state.state(StoreFollower.stateName)
    var monitor = text.flatMap { AlertMonitor(text: $0) } ?? AlertMonitor()
    let measures = try source.measures()
    var found: [AlertRecord] = []
    for truck in try source.trucks() {
      guard let span = spans[truck.label] else { continue }
      var rows: [(time: Int64, values: [Double?])] = []
      var index = 0
      var last = span.lowerBound.saturatingSubtract(1)
      func next() throws(StoreError) -> (time: Int64, values: [(measure: String, value: Double)])? {
        if index == rows.count {
          rows = try source.readings(measures, of: truck, after: last, limit: 5000)
          index = 0
        }
        // A server may answer anything.
        guard index < rows.count, rows[index].time > last, rows[index].time <= span.upperBound else {
          return nil
        }
        let row = rows[index]
        index += 1
        last = row.time
        return (
          row.time,
          zip(measures, row.values).compactMap { measure, value in value.map { (measure.name, $0) } }
        )
      }
      let isHistory = monitor.seen[truck.label].map { $0 >= span.lowerBound } ?? false
      found += try monitor.addStored(truck.label, isHistory: isHistory, rules, next: next)
    }
    if monitor.text != text { try state.setState(StoreFollower.stateName, monitor.text) }
    return found
  }
}
