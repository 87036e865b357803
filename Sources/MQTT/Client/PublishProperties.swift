import Glibc

internal import CMosquitto

/// The MQTT 5 properties of a PUBLISH that travel from the publisher to the subscriber (MQTT 5 section 3.3.2.3).
public struct PublishProperties: Sendable {
  /// Payload Format Indicator: whether the payload is UTF-8 text; nil where it isn't said.
  public var isText: Bool?
  /// Message Expiry Interval in seconds; nil for a message that doesn't expire.
  public var expirySeconds: UInt32?
  /// Content Type.
  public var contentType: String?
  /// Response Topic.
  public var responseTopic: String?
  /// Correlation Data.
  public var correlationData: [UInt8]?
  /// User Properties, in the sender's order.
  public var userProperties: [(name: String, value: String)]

  /// Properties of which only these user properties are given.
  public init(userProperties: [(name: String, value: String)] = []) { self.userProperties = userProperties }

  /// Whether nothing is given.
  public var isEmpty: Bool {
    isText == nil && expirySeconds == nil && contentType == nil && responseTopic == nil
      && correlationData == nil && userProperties.isEmpty
  }

  /// The first value of a user property.
  public func userProperty(_ name: String) -> String? { userProperties.first { $0.name == name }?.value }

  /// The properties in libmosquitto's form, which the caller frees; throws `MQTTError` for a text that is too long.
  func libraryList() throws(MQTTError) -> OpaquePointer? {
    var list: OpaquePointer?
    // The library reads C strings and takes 16 bits of their lengths: a text with a NUL or of more than 65535 bytes would
    // lose its end.
    let texts =
      [contentType, responseTopic].compactMap { $0 } + userProperties.flatMap { [$0.name, $0.value] }
    var accepted = texts.allSatisfy { $0.utf8.count <= 65_535 && !$0.utf8.contains(0) }
    func add(_ property: mqtt5_property, _ text: String?) {
      guard let text, accepted else { return }
      accepted = mosquitto_property_add_string(&list, CInt(property.rawValue), text) == 0
    }
    if let isText {
      accepted =
        accepted
        && mosquitto_property_add_byte(
          &list, CInt(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR.rawValue), isText ? 1 : 0) == 0
    }
    if let expirySeconds {
      let number = CInt(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL.rawValue)
      accepted = accepted && mosquitto_property_add_int32(&list, number, expirySeconds) == 0
    }
    add(MQTT_PROP_CONTENT_TYPE, contentType)
    add(MQTT_PROP_RESPONSE_TOPIC, responseTopic)
    if let data = correlationData {
      let number = CInt(MQTT_PROP_CORRELATION_DATA.rawValue)
      accepted =
        accepted && data.count <= 65_535
        && mosquitto_property_add_binary(&list, number, data, UInt16(truncatingIfNeeded: data.count)) == 0
    }
    for (name, value) in userProperties where accepted {
      accepted =
        mosquitto_property_add_string_pair(&list, CInt(MQTT_PROP_USER_PROPERTY.rawValue), name, value) == 0
    }
    guard accepted else {
      mosquitto_property_free_all(&list)
      throw MQTTError(
        .invalidSettings, "a property is not UTF-8 without control characters, or has more than 65535 bytes")
    }
    return list
  }

  /// The properties' bytes in the packet, without their length.
  var packetBytes: [UInt8] {
    var bytes: [UInt8] = []
    func binary(_ data: some Collection<UInt8>) {
      bytes.append(UInt8(truncatingIfNeeded: data.count >> 8))
      bytes.append(UInt8(truncatingIfNeeded: data.count))
      bytes.append(contentsOf: data)
    }
    func add(_ property: mqtt5_property, _ data: (some Collection<UInt8>)?) {
      guard let data else { return }
      bytes.append(UInt8(property.rawValue))
      binary(data)
    }
    if let isText {
      bytes += [UInt8(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR.rawValue), isText ? 1 : 0]
    }
    if let expirySeconds {
      bytes.append(UInt8(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL.rawValue))
      withUnsafeBytes(of: expirySeconds.bigEndian) { bytes.append(contentsOf: $0) }
    }
    add(MQTT_PROP_CONTENT_TYPE, contentType?.utf8)
    add(MQTT_PROP_RESPONSE_TOPIC, responseTopic?.utf8)
    add(MQTT_PROP_CORRELATION_DATA, correlationData)
    for (name, value) in userProperties {
      bytes.append(UInt8(MQTT_PROP_USER_PROPERTY.rawValue))
      binary(name.utf8)
      binary(value.utf8)
    }
    return bytes
  }

  /// What libmosquitto received.
  init(libraryList: OpaquePointer?) {
    self.init()
    guard let libraryList else { return }
    func string(_ property: mqtt5_property) -> String? {
      var text: UnsafeMutablePointer<CChar>?
      guard mosquitto_property_read_string(libraryList, CInt(property.rawValue), &text, false) != nil,
        let text
      else { return nil }
      defer { free(text) }
      return String(cString: text)
    }
    var byte: UInt8 = 0
    let format = CInt(MQTT_PROP_PAYLOAD_FORMAT_INDICATOR.rawValue)
    if mosquitto_property_read_byte(libraryList, format, &byte, false) != nil { isText = byte == 1 }
    var seconds: UInt32 = 0
    let expiry = CInt(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL.rawValue)
    if mosquitto_property_read_int32(libraryList, expiry, &seconds, false) != nil { expirySeconds = seconds }
    contentType = string(MQTT_PROP_CONTENT_TYPE)
    responseTopic = string(MQTT_PROP_RESPONSE_TOPIC)
    var data: UnsafeMutableRawPointer?
    var count: UInt16 = 0
    let correlation = CInt(MQTT_PROP_CORRELATION_DATA.rawValue)
    if mosquitto_property_read_binary(libraryList, correlation, &data, &count, false) != nil, let data {
      correlationData = Array(UnsafeRawBufferPointer(start: data, count: Int(count)))
      free(data)
    }
    var next: OpaquePointer? = libraryList
    var skip = false
    while let property = next {
      var name: UnsafeMutablePointer<CChar>?
      var value: UnsafeMutablePointer<CChar>?
      next = mosquitto_property_read_string_pair(
        property, CInt(MQTT_PROP_USER_PROPERTY.rawValue), &name, &value, skip)
      skip = true
      guard next != nil, let name, let value else { break }
      userProperties.append((String(cString: name), String(cString: value)))
      free(name)
      free(value)
    }
  }
}
