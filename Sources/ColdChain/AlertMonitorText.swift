import JSON
import Numbers

/// The monitor as a text, which the store keeps.
extension AlertMonitor {
  /// The monitor as JSON.
  public var text: String {
    var json = JSONWriter()
    json.object {
      $0.array("alerts") { for alert in alerts { $0.object { alert.write(to: &$0) } } }
      $0.object("states") {
        for (device, rules) in states.sorted(by: { $0.key < $1.key }) {
          $0.object(device) {
            for (rule, state) in rules.sorted(by: { $0.key < $1.key }) {
              $0.object(rule) { state.write(to: &$0) }
            }
          }
        }
      }
      $0.member("lastID", lastID)
      $0.object("seen") {
        for (device, time) in seen.sorted(by: { $0.key < $1.key }) { $0.member(device, time) }
      }
      $0.array("ahead") { for device in ahead.sorted() { $0.value(device) } }
      if let cursor { $0.member("cursor", cursor) }
    }
    return json.text
  }

  /// Reads what `text` wrote; nil for any other text.
  public init?(text: String) {
    guard let root = try? JSONElement(Array(text.utf8)).members, let alerts = root["alerts"]?.elements,
      let states = root["states"]?.members, let lastID = root["lastID"]?.integer,
      let seen = root["seen"]?.members
    else { return nil }
    self.init()
    self.lastID = Int(lastID)
    for alert in alerts {
      guard let record = AlertRecord(alert.members ?? [:]) else { return nil }
      self.alerts.append(record)
    }
    for (device, rules) in states {
      guard let rules = rules.members else { return nil }
      for (rule, state) in rules {
        guard let members = state.members else { return nil }
        self.states[device, default: [:]][rule] = AlertState(members)
      }
    }
    self.seen = seen.compactMapValues(\.integer)
    ahead = Set((root["ahead"]?.elements ?? []).compactMap(\.text))
    cursor = root["cursor"]?.text
  }
}

extension AlertRecord {
  func write(to json: inout JSONWriter) {
    json.member("id", id)
    json.member("device", device)
    json.member("rule", rule)
    json.member("title", title)
    json.member("began", began)
    json.member("raised", raised)
    json.member("ended", orNull: ended)
    json.member("acknowledged", orNull: acknowledged)
    json.member("worst", orNull: worst)
  }

  init?(_ members: [String: JSONElement]) {
    guard let id = members["id"]?.integer, let device = members["device"]?.text,
      let rule = members["rule"]?.text, let title = members["title"]?.text,
      let began = members["began"]?.integer, let raised = members["raised"]?.integer
    else { return nil }
    self.init(
      id: Int(id), device: device, rule: rule, title: title, began: began, raised: raised,
      ended: members["ended"]?.integer, acknowledged: members["acknowledged"]?.integer,
      worst: members["worst"]?.double)
  }
}

extension AlertState {
  func write(to json: inout JSONWriter) {
    json.member("isArmed", isArmed)
    json.member("isAcknowledged", isAcknowledged)
    let times = [
      ("violatedSince", violatedSince), ("raisedAt", raisedAt), ("beganAt", beganAt), ("endedAt", endedAt),
      ("goodSince", goodSince), ("lastTime", lastTime),
    ]
    for case (let name, let time?) in times { json.member(name, time) }
    if accumulated > 0, accumulated.isFinite { json.member("accumulated", accumulated) }
    if isCounting { json.member("isCounting", isCounting) }
    // A value that isn't finite couldn't be read back.
    if let worst, worst.isFinite { json.member("worst", worst) }
  }

  init(_ members: [String: JSONElement]) {
    self.init()
    isArmed = members["isArmed"] == .boolean(true)
    isAcknowledged = members["isAcknowledged"] == .boolean(true)
    violatedSince = members["violatedSince"]?.integer
    raisedAt = members["raisedAt"]?.integer
    beganAt = members["beganAt"]?.integer
    endedAt = members["endedAt"]?.integer
    goodSince = members["goodSince"]?.integer
    lastTime = members["lastTime"]?.integer
    worst = members["worst"]?.double
    accumulated = members["accumulated"]?.double ?? 0
    isCounting = members["isCounting"] == .boolean(true)
  }
}

extension JSONElement {
  fileprivate var members: [String: JSONElement]? {
    if case .object(let members) = self { members } else { nil }
  }
  fileprivate var elements: [JSONElement]? { if case .array(let elements) = self { elements } else { nil } }
  fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
  fileprivate var integer: Int64? { if case .number(let text) = self { Int64(text) } else { nil } }
  fileprivate var double: Double? {
    if case .number(let text) = self { NumberText.double(text) } else { nil }
  }
}
