import HTTP
import Identity
import JSON
import LocalCloud
import MQTT
import Text

/// AWS IoT's data plane: publishing through the local broker, retained messages, device shadows (AWS IoT Data Plane API
/// reference).
final class IoTDataService: Sendable {
  let cloud: CloudResources

  init(_ cloud: CloudResources) { self.cloud = cloud }

  /// All operations.
  var operations: [RESTOperation] {
    [
      RESTOperation(
        "Publish", "POST /topics/{topic+}",
        [
          .path("topic", .text()), .query("qos", .integer(0...1)), .query("retain", .flag),
          .query("contentType", .text()), .query("responseTopic", .text()),
          .query("messageExpiry", .integer()),
          .header("userProperties", .text(), as: "x-amz-mqtt5-user-properties"),
          .header(
            "payloadFormatIndicator", .text(words: ["UNSPECIFIED_BYTES", "UTF8_DATA"]),
            as: "x-amz-mqtt5-payload-format-indicator"),
          .header("correlationData", .text(), as: "x-amz-mqtt5-correlation-data"),
        ], takesBytes: true, action: publish),
      RESTOperation(
        "GetRetainedMessage", "GET /retainedMessage/{topic+}", [.path("topic", .text())],
        action: getRetained),
      RESTOperation(
        "ListRetainedMessages", "GET /retainedMessage",
        [.query("nextToken", .text()), .query("maxResults", .integer(1...200))], action: listRetained),
    ] + shadowOperations
  }

  /// The maximum payload of a message, in bytes, as in AWS IoT.
  private static let payloadLimit = 131_072

  // MARK: Publishing

  private func publish(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let payload = request.signed.http.body
    guard payload.count <= Self.payloadLimit else {
      throw AWSFault(
        "RequestEntityTooLargeException", status: 413,
        "The payload has \(payload.count) bytes; \(Self.payloadLimit) are allowed")
    }
    var message = MessageGateway.Message(topic: try topic(request), payload: payload)
    message.qos = request.integer("qos") == 1 ? .atLeastOnce : .atMostOnce
    message.retain = request.flag("retain")
    message.properties = try properties(request)
    let (caller, published) = (name(of: request), message)
    return .later { [gateway = cloud.gateway] finish in
      gateway.publish(published, as: caller) { error in
        finish(
          error.map(Self.failure)?.restResponse
            ?? Self.response {
              $0.member("message", "OK")
              $0.member("traceId", UniqueID.make())
            })
      }
    }
  }

  /// The client identifier of a caller: its access key, after `api-` if a thing or the rules engine could have that name.
  private func name(of request: RESTRequest) -> String {
    let key = request.signed.accessKey
    let name = String(
      key.unicodeScalars.map { $0.isLetterOrDigit || $0 == "_" ? Character($0) : "-" }.prefix(100))
    let registry = try? Registry.read(cloud.registryPath)
    let isReserved = registry?.thing(name) != nil || name.hasPrefix(LocalCloud.rulesEngine) || name.isEmpty
    return isReserved ? "api-\(name)" : name
  }

  private func topic(_ request: RESTRequest) throws(AWSFault) -> TopicName {
    do throws(MQTTError) {
      return try TopicName(request.required("topic"))
    } catch {
      throw .invalidRequest(error.message)
    }
  }

  private func properties(_ request: RESTRequest) throws(AWSFault) -> PublishProperties {
    var properties = PublishProperties()
    properties.contentType = request.text("contentType")
    properties.responseTopic = request.text("responseTopic")
    if let indicator = request.text("payloadFormatIndicator") { properties.isText = indicator == "UTF8_DATA" }
    if let seconds = request.integer("messageExpiry") {
      guard let seconds = UInt32(exactly: seconds) else {
        throw .invalidRequest("messageExpiry must be a number of seconds that has 32 bits")
      }
      properties.expirySeconds = seconds
    }
    if let text = request.text("correlationData") {
      guard let data = Base64.decode(text) else { throw .invalidRequest("correlationData must be base64") }
      properties.correlationData = data
    }
    if let text = request.text("userProperties") { properties.userProperties = try userProperties(text) }
    do throws(MQTTError) {
      // Throws for text that a packet can't hold.
      _ = try PublishHeader(topic: try TopicName("a"), properties: properties)
    } catch {
      throw .invalidRequest(error.message)
    }
    return properties
  }

  /// User properties from the header, which holds `[{"name": "value"}, …]` in base64.
  private func userProperties(_ text: String) throws(AWSFault) -> [(name: String, value: String)] {
    var value = Base64.decode(text).flatMap { try? JSONElement($0) }
    // The AWS command line wraps the given JSON text in a JSON string.
    if case .string(let inner)? = value { value = try? JSONElement(Array(inner.utf8)) }
    guard case .array(let elements)? = value else {
      throw .invalidRequest("userProperties must be a JSON array of objects")
    }
    var properties: [(name: String, value: String)] = []
    for element in elements {
      guard element.members.count == 1, let (name, value) = element.members.first, let value = value.text
      else { throw .invalidRequest("each of the userProperties must be an object with one string") }
      properties.append((name, value))
    }
    return properties
  }

  static func response(_ write: (inout JSONWriter) -> Void) -> HTTPResponse {
    HTTPResponse(200, JSONWriter.object(write), contentType: "application/json")
  }

  private static func failure(_ error: MQTTError) -> AWSFault {
    AWSFault("InternalFailureException", status: 500, error.message)
  }

  // MARK: Retained messages

  private func getRetained(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let topic = try topic(request)
    return try retained(topic.text) { messages throws(AWSFault) in
      guard let message = messages.first else {
        throw .resourceNotFound("There is no retained message on \(topic.text)")
      }
      return Self.response {
        $0.member("topic", message.topic)
        $0.member("payload", Base64.encode(message.payload))
        $0.member("qos", Int(message.qos.rawValue))
        let properties = message.properties.userProperties.filter { !LocalCloud.stamps.contains($0.name) }
        guard !properties.isEmpty else { return }
        var json = JSONWriter()
        json.array {
          for property in properties { $0.object { $0.member(property.name, property.value) } }
        }
        $0.member("userProperties", Base64.encode(json.bytes))
      }
    }
  }

  private func listRetained(_ request: RESTRequest) throws(AWSFault) -> RESTAnswer {
    let token = request.text("nextToken")
    let size = request.integer("maxResults")
    return try retained("#") { messages throws(AWSFault) in
      let page = try Page(
        messages.sorted { $0.topic < $1.topic }, token: token, size: size, key: \.topic)
      return Self.response {
        $0.array("retainedTopics") {
          for message in page.elements {
            $0.object {
              $0.member("topic", message.topic)
              $0.member("payloadSize", message.payload.count)
              $0.member("qos", Int(message.qos.rawValue))
            }
          }
        }
        $0.member("nextToken", ifAny: page.next)
      }
    }
  }

  private func retained(
    _ filter: String, _ answer: @escaping @Sendable ([IncomingMessage]) throws(AWSFault) -> HTTPResponse
  ) throws(AWSFault) -> RESTAnswer {
    let topicFilter: TopicFilter
    do throws(MQTTError) {
      topicFilter = try TopicFilter(filter)
    } catch {
      throw .invalidRequest(error.message)
    }
    return .later { [gateway = cloud.gateway] finish in
      gateway.retained(topicFilter) { result in
        do throws(AWSFault) {
          switch result {
          case .success(let messages): finish(try answer(messages))
          case .failure(let error): throw Self.failure(error)
          }
        } catch {
          finish(error.restResponse)
        }
      }
    }
  }
}
