import Numbers

/// One alert of one truck, from when it was raised to its end.
public struct AlertRecord: Sendable, Equatable {
  /// Unique within a store, counting from 1.
  public let id: Int
  /// The truck.
  public let device: String
  /// The rule's name.
  public let rule: String
  /// The title that a person reads.
  public let title: String
  /// When the condition began, nanoseconds since 1970.
  public let began: Int64
  /// When it was raised.
  public let raised: Int64
  /// When the condition ended; nil while it is ongoing.
  public var ended: Int64?
  /// When a person acknowledged it.
  public var acknowledged: Int64?
  /// The worst value; nil for `noData`.
  public var worst: Double?
}

/// A change of an alert, as it is published.
public struct AlertEvent: Sendable, Equatable {
  /// What happened.
  public let change: AlertState.Change
  /// The alert after the change.
  public let alert: AlertRecord
  /// When, nanoseconds since 1970.
  public let time: Int64
}

/// The alert rules for all trucks of a table: a value that a store keeps as text, so that a restart neither forgets nor
/// repeats alerts.
public struct AlertMonitor: Sendable {
  /// The latest alerts, newest last.
  public internal(set) var alerts: [AlertRecord] = []
  /// The state of each rule, by device and rule name.
  var states: [String: [String: AlertState]] = [:]
  var lastID = 0
  /// The time of the last reading of each device, never later than its arrival.
  public internal(set) var seen: [String: Int64] = [:]
  /// The devices whose last reading was in the future when it arrived.
  var ahead: Set<String> = []
  /// The position in the store up to which arrivals have been checked, as the store writes it.
  package var cursor: String?
  /// Whether a device was left out because there were already `deviceLimit` devices.
  public private(set) var isFull = false
  private static let limit = 500
  /// The most devices that are watched. Their names come from messages, and the state of each rule is kept for each
  /// device.
  public static let deviceLimit = 10_000

  /// A monitor that hasn't seen anything.
  public init() {}

  /// Takes a reading of a device, measured at `time`. `arrived` is the clock's time on its arrival, which `noData` rules
  /// use.
  ///
  /// A reading from the future counts as measured on its arrival, and the next one is accepted whatever its time is: a
  /// clock that is ahead for a while neither raises an alert early nor hides later readings.
  ///
  /// Devices beyond `deviceLimit` are left out; `isFull` reports it.
  public mutating func add(
    _ values: [(measure: String, value: Double)], device: String, at time: Int64, arrived: Int64,
    _ rules: [AlertRule]
  ) -> [AlertEvent] {
    let effective = min(time, arrived)
    let isAhead = time > arrived
    guard seen[device] != nil || seen.count < Self.deviceLimit else {
      isFull = true
      return []
    }
    let goesBack = seen[device].map { effective <= $0 } ?? false
    guard !goesBack || isAhead || ahead.contains(device) else { return [] }
    seen[device] = effective
    if isAhead { ahead.insert(device) } else { ahead.remove(device) }
    var events: [AlertEvent] = []
    for rule in rules {
      if rule.condition == .noData {
        update(device, rule, at: arrived, &events) { $0.add(0, at: arrived, rule) }
      } else if let value = values.first(where: { $0.measure == rule.measure })?.value {
        update(device, rule, at: effective, &events) {
          if goesBack { $0.rewind(before: effective) }
          return $0.add(value, at: effective, rule)
        }
      }
    }
    return events
  }

  /// Starts waiting for data again after monitoring itself has paused: a `noData` rule counts from a device's next
  /// reading, because nobody knows what the device did meanwhile.
  public mutating func resumeWatch(_ rules: [AlertRule]) {
    for rule in rules where rule.condition == .noData {
      for device in states.keys where states[device]?[rule.name]?.isActive == false {
        states[device]?[rule.name]?.lastTime = nil
      }
    }
  }

  /// Checks the `noData` rules at a time of the clock.
  public mutating func tick(at time: Int64, _ rules: [AlertRule]) -> [AlertEvent] {
    var events: [AlertEvent] = []
    for rule in rules where rule.condition == .noData {
      for device in seen.keys.sorted() { update(device, rule, at: time, &events) { $0.tick(at: time, rule) } }
    }
    return events
  }

  /// Discards the states of rules that no longer exist, and ends their alerts.
  public mutating func keep(_ rules: [AlertRule], at time: Int64) -> [AlertEvent] {
    let names = Set(rules.map(\.name))
    var events: [AlertEvent] = []
    for (device, present) in states.sorted(by: { $0.key < $1.key }) {
      for (rule, state) in present.sorted(by: { $0.key < $1.key }) where !names.contains(rule) {
        states[device]?[rule] = nil
        guard state.isActive, let index = alerts.lastIndex(where: { $0.device == device && $0.rule == rule })
        else { continue }
        alerts[index].ended = state.endedAt ?? time
        events.append(AlertEvent(change: .cleared, alert: alerts[index], time: time))
      }
    }
    return events
  }

  /// Notes that a person has seen an alert; nil if no alert with that number waits to be acknowledged.
  public mutating func acknowledge(_ id: Int, at time: Int64) -> AlertEvent? {
    guard let index = alerts.firstIndex(where: { $0.id == id && $0.acknowledged == nil }) else { return nil }
    alerts[index].acknowledged = time
    let alert = alerts[index]
    if states[alert.device]?[alert.rule]?.raisedAt == alert.raised {
      _ = states[alert.device]?[alert.rule]?.acknowledge()
      // Acknowledging a cumulative alert ends it.
      if states[alert.device]?[alert.rule]?.isActive == false, alert.ended == nil {
        alerts[index].ended = time
      }
    }
    return AlertEvent(change: .acknowledged, alert: alerts[index], time: time)
  }

  /// How many alerts of a device are ongoing.
  public func active(of device: String) -> Int { states[device]?.values.count(where: \.isActive) ?? 0 }

  private mutating func update(
    _ device: String, _ rule: AlertRule, at time: Int64, _ events: inout [AlertEvent],
    _ step: (inout AlertState) -> AlertState.Change?
  ) {
    var state = states[device]?[rule.name] ?? AlertState()
    let before = state
    let change = step(&state)
    states[device, default: [:]][rule.name] = state
    switch change {
    case nil:
      if state.isActive, state.worst != before.worst, let index = present(device, rule) {
        alerts[index].worst = state.worst
      }
      // A latched alert whose condition has come back hasn't ended.
      if before.endedAt != nil, state.endedAt == nil, let index = present(device, rule) {
        alerts[index].ended = nil
      }
    case .raised:
      lastID = lastID.saturatingAdd(1)
      alerts.append(
        AlertRecord(
          id: lastID, device: device, rule: rule.name, title: rule.title, began: state.beganAt ?? time,
          raised: time,
          worst: rule.condition == .noData ? nil : state.worst))
      trim()
      events.append(AlertEvent(change: .raised, alert: alerts[alerts.count - 1], time: time))
    case .cleared?, .ended?, .acknowledged?:
      guard let index = present(device, rule), let change else { return }
      alerts[index].ended = state.endedAt ?? time
      events.append(AlertEvent(change: change, alert: alerts[index], time: time))
    }
  }

  /// Adds an alert to the latest ones.
  mutating func keep(_ alert: AlertRecord) {
    alerts.append(alert)
    trim()
  }

  private mutating func trim() {
    if alerts.count > Self.limit { alerts.removeFirst(alerts.count - Self.limit) }
  }

  private func present(_ device: String, _ rule: AlertRule) -> Int? {
    alerts.lastIndex { $0.device == device && $0.rule == rule.name && $0.ended == nil }
      ?? alerts.lastIndex { $0.device == device && $0.rule == rule.name }
  }
}
