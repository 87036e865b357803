internal import CMosquitto

/// Everything of a PUBLISH packet but its payload and packet identifier: made once, used for many messages.
public final class PublishHeader {
  /// Where messages go.
  public let topic: TopicName
  /// With which guarantee.
  public let qos: QoS
  /// Whether the broker keeps the last message for later subscribers.
  public let retain: Bool

  /// The properties in libmosquitto's form; nil with MQTT 3.1.1.
  let properties: OpaquePointer?
  /// The packet's bytes after the remaining length and before the payload, by version.
  let variableHeader5: [UInt8]
  let variableHeader311: [UInt8]
  let topicBytes: [CChar]

  /// A header with MQTT 5 properties (left out where the broker speaks only 3.1.1).
  public init(
    topic: TopicName, qos: QoS = .atMostOnce, retain: Bool = false,
    properties given: PublishProperties = PublishProperties()
  ) throws(MQTTError) {
    self.topic = topic
    self.qos = qos
    self.retain = retain
    properties = try given.libraryList()
    let wire = given.packetBytes
    let name = Array(topic.text.utf8)
    let start = [UInt8(truncatingIfNeeded: name.count >> 8), UInt8(truncatingIfNeeded: name.count)] + name
    variableHeader311 = start
    variableHeader5 = start + WireFormat.variableByteInteger(wire.count) + wire
    topicBytes = name.map(CChar.init(bitPattern:)) + [0]
  }

  deinit {
    var list = properties
    mosquitto_property_free_all(&list)
  }

  /// Appends a whole QoS 0 PUBLISH packet (MQTT 5 section 3.3) to `bytes`.
  func appendPacket(payload: [UInt8], version5: Bool, to bytes: inout [UInt8]) {
    let header = version5 ? variableHeader5 : variableHeader311
    bytes.append(0x30 | (retain ? 1 : 0))
    WireFormat.appendVariableByteInteger(header.count + payload.count, to: &bytes)
    bytes.append(contentsOf: header)
    bytes.append(contentsOf: payload)
  }
}

enum WireFormat {
  /// The largest value of a variable byte integer (MQTT 5 section 1.5.5).
  static let largestRemainingLength = 268_435_455

  static func appendVariableByteInteger(_ value: Int, to bytes: inout [UInt8]) {
    var rest = value
    repeat {
      let digit = UInt8(truncatingIfNeeded: rest & 0x7F)
      rest >>= 7
      bytes.append(rest > 0 ? digit | 0x80 : digit)
    } while rest > 0
  }

  static func variableByteInteger(_ value: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    appendVariableByteInteger(value, to: &bytes)
    return bytes
  }
}
