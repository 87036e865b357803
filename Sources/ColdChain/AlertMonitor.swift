import FoundationEssentials

/// One alert of one truck, from its raising to its end.
public struct AlertRecord: Sendable, Equatable, Codable {
  /// Unique within a store, counting from 1.
  public let id: Int
  /// The truck.
  public let device: String
  /// The rule's name and what a person reads.
  public let rule: String
  /// The rule's title.
  public let title: String
  /// When the condition began, and when the alert was raised, nanoseconds since 1970.
  public let began: Int64
  /// When it was raised.
  public let raised: Int64
  /// When the condition ended; nil while it holds.
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
  /// The alert after it.
  public let alert: AlertRecord
  /// When, nanoseconds since 1970.
  public let time: Int64
}

/// All alert rules over all trucks of a table: a value that a store keeps as text, so that a restart neither forgets nor
/// repeats.
public struct AlertMonitor: Sendable, Codable {
  /// The last alerts, the newest last.
  public private(set) var alerts: [AlertRecord] = []
  private var states: [String: [String: AlertState]] = [:]
  private var lastID = 0
  /// The time of the last reading of each truck that was looked at.
  public private(set) var seen: [String: Int64] = [:]
  private static let limit = 500

  /// A monitor that hasn't seen anything.
  public init() {}

  /// Reads back what `text` gave; nil where it is something else.
  public init?(text: String) {
    guard let value = try? JSONDecoder().decode(AlertMonitor.self, from: Data(text.utf8)) else { return nil }
    self = value
  }

  /// The monitor as JSON.
  public var text: String {
    (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// Takes a reading of a truck, measured at `time`; `arrived` is what `noData` rules go by.
  public mutating func add(
    _ values: [(measure: String, value: Double)], device: String, at time: Int64, arrived: Int64,
    _ rules: [AlertRule]
  ) -> [AlertEvent] {
    guard seen[device].map({ time > $0 }) ?? true else { return [] }
    seen[device] = time
    var events: [AlertEvent] = []
    for rule in rules {
      let value = rule.condition == .noData ? 0 : values.first { $0.measure == rule.measure }?.value
      guard let value else { continue }
      let moment = rule.condition == .noData ? arrived : time
      update(device, rule, at: moment, &events) { $0.add(value, at: moment, rule) }
    }
    return events
  }

  /// Looks at the clock.
  public mutating func tick(at time: Int64, _ rules: [AlertRule]) -> [AlertEvent] {
    var events: [AlertEvent] = []
    for rule in rules where rule.condition == .noData {
      for device in seen.keys.sorted() { update(device, rule, at: time, &events) { $0.tick(at: time, rule) } }
    }
    return events
  }

  /// A person has seen an alert; nil if there is none of that number that waits for it.
  public mutating func acknowledge(_ id: Int, at time: Int64) -> AlertEvent? {
    guard let index = alerts.firstIndex(where: { $0.id == id && $0.acknowledged == nil }) else { return nil }
    alerts[index].acknowledged = time
    let alert = alerts[index]
    if states[alert.device]?[alert.rule]?.raisedAt == alert.raised {
      _ = states[alert.device]?[alert.rule]?.acknowledge()
    }
    return AlertEvent(change: .acknowledged, alert: alert, time: time)
  }

  /// How many alerts of a truck aren't over.
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
      // A latched alert whose condition came back hasn't ended.
      if before.endedAt != nil, state.endedAt == nil, let index = present(device, rule) {
        alerts[index].ended = nil
      }
    case .raised:
      lastID += 1
      alerts.append(
        AlertRecord(
          id: lastID, device: device, rule: rule.name, title: rule.title, began: state.beganAt ?? time,
          raised: time,
          worst: rule.condition == .noData ? nil : state.worst))
      if alerts.count > Self.limit { alerts.removeFirst(alerts.count - Self.limit) }
      events.append(AlertEvent(change: .raised, alert: alerts[alerts.count - 1], time: time))
    case .cleared?, .ended?, .acknowledged?:
      guard let index = present(device, rule), let change else { return }
      alerts[index].ended = state.endedAt ?? time
      events.append(AlertEvent(change: change, alert: alerts[index], time: time))
    }
  }

  private func present(_ device: String, _ rule: AlertRule) -> Int? {
    alerts.lastIndex { $0.device == device && $0.rule == rule.name && $0.ended == nil }
      ?? alerts.lastIndex { $0.device == device && $0.rule == rule.name }
  }
}
