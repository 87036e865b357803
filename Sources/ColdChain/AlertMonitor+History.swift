import Numbers

extension AlertMonitor {
  /// Checks readings of a device that were stored together, given in the order of time, and returns the new alerts.
  ///
  /// Readings later than everything seen of the device continue its states, and an alert can be ongoing at their end.
  /// Earlier ones (`isHistory`) are a separate trip, whose alerts end with it. Nobody waited for these readings, so
  /// `noData` rules don't apply.
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
    // The alerts as they are after the last reading.
    let present = Dictionary(side.alerts.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    raised = raised.map { present[$0.id] ?? $0 }
    guard isHistory else {
      self = side
      return raised
    }
    // If the same file is stored again, it has the same alerts.
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
