import MQTT
import Text

/// What a rule does with its statement's result.
public enum Action: Sendable {
  case republish(RepublishAction)
  case timestream(TimestreamAction)
  /// A pseudo-action of this engine: `{"log": {}}` writes the output to standard error.
  case log
  /// Runs here if its destination is known.
  case influxDB(InfluxAction)
  /// Runs here if its address is allowed.
  case http(HTTPAction)
  case cloudwatchMetric(MetricAction)
  /// An action that isn't run here.
  case foreign(ForeignAction)

  /// Whether it writes to a store.
  var stores: Bool {
    switch self {
    case .timestream, .influxDB: true
    default: false
    }
  }

  /// Whether this engine can run it.
  public var runsHere: Bool { if case .foreign = self { false } else { true } }

  /// The members as the document has them, for an action that needs a service other than a broker and a store.
  var foreign: ForeignAction? {
    switch self {
    case .influxDB(let action): action.members
    case .http(let action): action.members
    case .cloudwatchMetric(let action): action.members
    case .foreign(let action): action
    case .republish, .timestream, .log: nil
    }
  }

  /// AWS's name for the action.
  public var type: String {
    switch self {
    case .republish: "republish"
    case .timestream: "timestream"
    case .log: "log"
    case .influxDB: "influxDB"
    case .http: "http"
    case .cloudwatchMetric: "cloudwatchMetric"
    case .foreign(let action): action.type
    }
  }

  /// What it does, in one line.
  public var summary: String {
    switch self {
    case .republish(let republish): "republish to \(republish.topic.source), QoS \(republish.qos.rawValue)"
    case .timestream(let action):
      "timestream to \(action.database.source).\(action.table.source), dimensions "
        + action.dimensions.map { "\($0.name)=\($0.value.source)" }.joined(separator: ", ")
        + (action.timestamp.map { ", time \($0.source)" } ?? "") + (action.isStrict ? ", strict types" : "")
    case .log: "log"
    case .influxDB(let action): action.members.line + " (goes where --destination says)"
    case .http(let action):
      action.members.line + " (goes to this machine, and to hosts given with --allow-http)"
    case .cloudwatchMetric(let action): action.members.line + " (Prometheus text at /metrics)"
    case .foreign(let action): action.line + " (not run here: it needs \(action.service))"
    }
  }

  /// Calls of other AWS services in its templates.
  var unsupported: [SQLError] {
    switch self {
    case .republish(let republish): republish.topic.unsupported + republish.headers.unsupported
    case .timestream(let action):
      action.database.unsupported + action.table.unsupported
        + action.dimensions.flatMap(\.value.unsupported) + (action.timestamp?.unsupported ?? [])
    case .influxDB(let action): action.members.unsupported
    case .http(let action): action.members.unsupported
    case .cloudwatchMetric(let action): action.members.unsupported
    case .log, .foreign: []
    }
  }
}

/// AWS's `republish` action.
public struct RepublishAction: Sendable {
  /// The topic; `$$` at its beginning has been read as `$`.
  public let topic: Template
  /// QoS 0 unless the document says 1.
  public let qos: QoS
  let headers: MQTTHeaders
}

/// The MQTT 5 properties that a republished message gets (`MqttHeaders` of AWS IoT's API).
struct MQTTHeaders: Sendable {
  var payloadFormatIndicator: Template?
  var contentType: Template?
  var responseTopic: Template?
  /// Base64.
  var correlationData: Template?
  /// Seconds.
  var messageExpiry: Template?
  var userProperties: [(name: Template, value: Template)] = []

  fileprivate var unsupported: [SQLError] {
    ([payloadFormatIndicator, contentType, responseTopic, correlationData, messageExpiry].compactMap { $0 }
      + userProperties.flatMap { [$0.name, $0.value] }).flatMap(\.unsupported)
  }

  var isEmpty: Bool {
    payloadFormatIndicator == nil && contentType == nil && responseTopic == nil && correlationData == nil
      && messageExpiry == nil && userProperties.isEmpty
  }

  /// The properties for a message; throws `MQTTError` if a template yields a value that the header can't have, or exceeds
  /// a limit for one message.
  func properties(_ templates: TemplateContext) throws(MQTTError) -> PublishProperties {
    func text(_ template: Template?) throws(MQTTError) -> String? {
      guard let template else { return nil }
      do throws(LimitError) {
        return try templates.text(template)
      } catch {
        throw MQTTError(.invalidSettings, "headers: \(error)")
      }
    }
    var properties = PublishProperties()
    properties.contentType = try text(contentType)
    properties.responseTopic = try text(responseTopic)
    func wrong(_ name: String, _ value: String, _ wanted: String) -> MQTTError {
      MQTTError(.invalidSettings, "headers.\(name) is '\(value)', not \(wanted)")
    }
    if let value = try text(payloadFormatIndicator) {
      guard ["UTF8_DATA", "UNSPECIFIED_BYTES"].contains(value) else {
        throw wrong("payloadFormatIndicator", value, "UTF8_DATA or UNSPECIFIED_BYTES")
      }
      properties.isText = value == "UTF8_DATA"
    }
    if let value = try text(correlationData) {
      guard let data = Base64.decode(value) else { throw wrong("correlationData", value, "base64") }
      properties.correlationData = data
    }
    if let value = try text(messageExpiry) {
      guard let seconds = UInt32(value) else { throw wrong("messageExpiry", value, "a number of seconds") }
      properties.expirySeconds = seconds
    }
    for (name, value) in userProperties {
      properties.userProperties.append((try text(name) ?? "", try text(value) ?? ""))
    }
    return properties
  }
}
