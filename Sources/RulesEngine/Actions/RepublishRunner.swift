import MQTT
import Time

/// Runs `republish` actions: an action is done when the broker has acknowledged its message.
final class RepublishRunner: ActionRunner {
  private let context: ActionContext
  private let publisher: MQTTClient
  private let hopLimit: Int?
  /// The user property that counts how often a message was republished.
  private static let hopsName = "hops"
  /// The messages in flight, by their tags.
  private var executions: [Int: RuleExecution] = [:]
  private var lastTag = 0
  /// Headers of messages that have only a topic.
  private var headers: [HeaderKey: PublishHeader] = [:]
  /// With more topics than this, each message probably has a new one.
  private static let headerLimit = 1000

  private struct HeaderKey: Hashable {
    let topic: String
    let qos: QoS
  }

  /// Publishes with `publisher`; a message may be republished at most `hopLimit` times.
  init(_ context: ActionContext, publisher: MQTTClient, hopLimit: Int?) {
    self.context = context
    self.publisher = publisher
    self.hopLimit = hopLimit
  }

  func start(_ action: RepublishAction, _ execution: RuleExecution) {
    var topic = action.topic.source
    do throws(MQTTError) {
      let header = try header(of: action, execution, &topic)
      lastTag += 1
      executions[lastTag] = execution
      let outgoing = OutgoingMessage(header: header, payload: execution.output, due: .now(), tag: lastTag)
      guard publisher.publish(outgoing) else {
        executions[lastTag] = nil
        throw MQTTError(.unreachable, "the broker is unavailable and the backlog is full")
      }
    } catch {
      fail(execution, topic, error)
    }
  }

  /// Notes that the broker accepted the message, or refused it; returns false if no action sent it.
  func published(_ message: OutgoingMessage, _ error: MQTTError?) -> Bool {
    guard let execution = executions.removeValue(forKey: message.tag) else { return false }
    if let error {
      fail(execution, message.header.topic.text, error)
    } else {
      context.end(execution, .done)
    }
    return true
  }

  private func fail(_ execution: RuleExecution, _ topic: String, _ error: MQTTError) {
    let failure = ActionFailure(
      action: "RepublishAction", resource: topic, message: error.message, task: "republish to '\(topic)'")
    context.end(execution, .failed(failure, .lost(.notRepublished, isRepeated: false)))
  }

  /// The packet's header for a message; sets `topic` to the text of the action's template.
  private func header(
    of action: RepublishAction, _ execution: RuleExecution, _ topic: inout String
  ) throws(MQTTError) -> PublishHeader {
    let needsNone = action.topic.isConstant && action.headers.isEmpty
    let templates = needsNone ? nil : context.templates(execution)
    if let templates {
      do throws(LimitError) {
        topic = try templates.text(action.topic)
      } catch {
        throw MQTTError(.invalidSettings, "the topic: \(error)")
      }
    }
    let isPlain = action.headers.isEmpty && hopLimit == nil
    let key = HeaderKey(topic: topic, qos: action.qos)
    if isPlain, let known = headers[key] { return known }
    var properties =
      try templates.map { templates throws(MQTTError) in try action.headers.properties(templates) }
      ?? PublishProperties()
    if let hopLimit {
      let hops = execution.message.properties.userProperty(Self.hopsName).flatMap { Int($0) } ?? 0
      guard hops < hopLimit else {
        throw MQTTError(.invalidSettings, "the message was republished \(hops) times, the limit")
      }
      properties.userProperties.append((Self.hopsName, String(max(0, hops) + 1)))
    }
    let header = try PublishHeader(topic: TopicName(topic), qos: action.qos, properties: properties)
    if isPlain {
      if headers.count >= Self.headerLimit { headers.removeAll() }
      headers[key] = header
    }
    return header
  }
}
