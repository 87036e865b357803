import MQTT
import Text

/// What a rule does with what its statement yields.
public enum Action: Sendable {
  case republish(RepublishAction)
  case timestream(TimestreamAction)
  /// A pseudo-action of this engine: `{"log": {}}` writes the output to standard error.
  case log
  /// An action of AWS that this engine only keeps; its name.
  case notRun(String)

  /// Whether it writes to a store.
  var stores: Bool { if case .timestream = self { true } else { false } }

  /// The names of the actions that this engine has.
  static let supported = ["republish", "timestream", "log"]

  /// The names of the actions that AWS IoT has.
  static let ofAWS = [
    "dynamoDB", "dynamoDBv2", "lambda", "sns", "sqs", "kinesis", "republish", "s3", "firehose",
    "cloudwatchMetric", "cloudwatchAlarm", "cloudwatchLogs", "elasticsearch", "salesforce", "iotAnalytics",
    "iotEvents", "iotSiteWise", "stepFunctions", "timestream", "http", "kafka", "openSearch", "location",
    "influxDB",
  ]
}

/// AWS's `republish` action.
public struct RepublishAction: Sendable {
  /// The topic, `$$` read as `$`.
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

  var isEmpty: Bool {
    payloadFormatIndicator == nil && contentType == nil && responseTopic == nil && correlationData == nil
      && messageExpiry == nil && userProperties.isEmpty
  }

  /// The properties for a message; throws `MQTTError` where a template yields what the header can't be, or exceeds what
  /// one message may cost.
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
