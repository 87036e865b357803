/// MQTT's delivery guarantee of a message (MQTT 5 section 4.3).
public enum QoS: Int32, Sendable, Comparable {
  /// At most once: written to the socket, no acknowledgement.
  case atMostOnce = 0
  /// At least once: the broker acknowledges.
  case atLeastOnce = 1
  /// Exactly once. AWS IoT Core doesn't offer it.
  case exactlyOnce = 2

  /// Weaker is less.
  public static func < (left: QoS, right: QoS) -> Bool { left.rawValue < right.rawValue }
}

/// The version of MQTT to speak.
public enum ProtocolVersion: Sendable, Equatable {
  /// MQTT 5, and 3.1.1 if the broker doesn't speak it.
  case automatic
  /// MQTT 3.1.1 only. A publish that the broker's policy denies is then acknowledged like any other.
  case version311
  /// MQTT 5 only.
  case version5
}

/// A message that the broker publishes for a client whose connection is lost (MQTT 5 section 3.1.2.5).
public struct Will: Sendable, Equatable {
  /// Where it is published.
  public var topic: TopicName
  /// What is published: 65 535 bytes at most.
  public var payload: [UInt8]
  /// With which guarantee.
  public var qos: QoS
  /// Whether the broker keeps it for later subscribers.
  public var retain: Bool

  /// A will message.
  public init(topic: TopicName, payload: [UInt8], qos: QoS = .atLeastOnce, retain: Bool = false) {
    self.topic = topic
    self.payload = payload
    self.qos = qos
    self.retain = retain
  }
}

/// Where and how a client connects.
public struct ConnectionSettings: Sendable, Equatable {
  /// Host name or address.
  public var host: String
  /// TCP port.
  public var port: UInt16
  /// The client identifier; AWS expects the thing's name.
  public var clientID: String
  /// Seconds without traffic after which the broker is asked for a sign of life; 5 to 65 535.
  public var keepAliveSeconds: UInt16 = 60
  /// The version of MQTT.
  public var version = ProtocolVersion.automatic
  /// Whether the broker forgets what an earlier connection of this client identifier subscribed.
  public var cleanStart = true
  /// How long the broker keeps the session after a connection ends, in seconds (MQTT 5; with 3.1.1 a session
  /// that is not clean is kept forever).
  public var sessionExpirySeconds: UInt32 = 0
  /// The message that the broker publishes if the connection is lost.
  public var will: Will?
  /// How long the client tries to get a connection, at the start and after a loss, in nanoseconds.
  public var connectTimeout: Int64 = 30_000_000_000
  /// How many messages may wait while the broker is unavailable or slow.
  public var backlogLimit = 100_000
  /// How many bytes of payloads may wait before no other message is accepted, whichever limit is reached first.
  public var backlogBytes = 256 << 20
  /// How many QoS 1 and 2 messages may be in flight at once; the broker can lower it.
  public var sendWindow = 100
  /// Whether the packets that are there at one time leave a TLS connection as one record, for 16 KiB of memory: worth it
  /// for a client that acknowledges or publishes thousands of messages per second.
  public var gathersPackets = false

  /// Settings with the defaults above.
  public init(host: String, port: UInt16, clientID: String) {
    self.host = host
    self.port = port
    self.clientID = clientID
  }

  /// Throws `MQTTError` of kind `invalidSettings` if these can't work.
  public func validate() throws(MQTTError) {
    if host.isEmpty { throw MQTTError(.invalidSettings, "the endpoint's host name is empty") }
    if clientID.isEmpty { throw MQTTError(.invalidSettings, "the client identifier is empty") }
    if clientID.utf8.count > 65_535 {
      throw MQTTError(.invalidSettings, "the client identifier has more than 65535 bytes")
    }
    if keepAliveSeconds < 5 {
      throw MQTTError(
        .invalidSettings, "a keep-alive of \(keepAliveSeconds) s is too short; use 5 to 65535 seconds")
    }
    // MQTT 5 section 3.1.3.4: binary data, whose length has two bytes. libmosquitto doesn't look.
    if let will, will.payload.count > 65_535 {
      throw MQTTError(
        .invalidSettings,
        "the will message has \(will.payload.count) bytes; MQTT allows 65535")
    }
  }

  /// `host:port`, for sentences.
  var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
