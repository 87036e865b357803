import Numbers

extension AlertMonitor {
  /// Looks at readings of a device that were stored at once, in the order of time, and returns the alerts that are new.
  ///
  /// Readings after all that was seen of the device go on with its states, and an alert can be ongoing at their end. Earlier ones are
  /// a trip of their own, whose alerts end with it. Nobody waited for these readings: `noData` rules don't count.
  package mutating func addStored<Failure: Error>(
    _ device: String, isHistory: Bool, _ rules: [AlertRule],
    next: () throws(Failure) -> (time: Int64, values: [(measure: String, value: Double)])?
  ) throws(Failure) -> [AlertRecord] {
    let rules = rules.filter { $0.condition != .noData }
    var side = isHistory ? AlertMonitor() : self
    if isHistory { side.lastID = lastID }
    let known = lastID
    var last: Int64?
    var raised: [AlertRecord] = []
    while let reading = try next() {
      last = reading.time
      for event in side.add(
        reading.values, device: device, at: reading.time, arrived: reading.time, rules)
      where event.change == .raised { raised.append(event.alert) }
    }
    // What became of them since.
    let present = Dictionary(side.alerts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    raised = raised.map { present[$0.id] ?? $0 }
    guard isHistory else {
      self = side
      return raised
    }
    // The same file again has the same alerts.
    let new = raised.filter { alert in
      !alerts.contains { $0.device == device && $0.rule == alert.rule && $0.began == alert.began }
    }
    lastID = known
    return new.map { alert in
      lastID = lastID.saturatingAdd(1)
      let record = AlertRecord(
        id: lastID, device: device, rule: alert.rule, title: alert.title, began: alert.began,
        raised: alert.raised, ended: alert.ended ?? last, acknowledged: nil, worst: alert.worst)
      keep(record)
      return record
    }
  }
}
