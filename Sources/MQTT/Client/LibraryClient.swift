import Files
import Glibc

internal import CMosquitto
internal import COpenSSL
internal import CTLSGather

/// What libmosquitto reports, always inside a call of `LibraryClient`.
protocol LibraryClientOwner: AnyObject {
  /// The broker answered the CONNECT.
  func libraryConnected(_ reason: Int32, sessionPresent: Bool, limits: LibraryClient.Limits)
  /// The connection ended; `reason` is the broker's from 128 on, the library's own below.
  func libraryDisconnected(_ reason: Int32)
  /// A QoS 1 or 2 message was acknowledged, or refused with a reason from 128 on.
  func libraryPublished(_ identifier: Int32, reason: Int32)
  /// A subscription was answered with the QoS that was granted, or a reason code.
  func librarySubscribed(_ identifier: Int32, answer: Int32)
  /// An UNSUBSCRIBE was answered.
  func libraryUnsubscribed(_ identifier: Int32)
  /// A message arrived.
  func libraryReceived(_ message: IncomingMessage)
  /// The library wrote an error line to its log.
  func libraryLogged(error line: String)
}

/// One client of libmosquitto: the only owner of its C handle.
final class LibraryClient {
  /// What the broker's CONNACK limits.
  struct Limits {
    /// How many QoS 1 and 2 messages may be in flight.
    var receiveMaximum: Int
    /// The largest packet in bytes.
    var largestPacket: Int
  }

  private let handle: OpaquePointer
  // OpenSSL calls back into both until the handle is destroyed.
  private let tls: TLSContext?
  private let peer: TLSPeer?
  /// Receives what the library reports.
  weak var owner: (any LibraryClientOwner)?

  /// The clients of one process share the library's set-up.
  private static let libraryReady: Bool = mosquitto_lib_init() == 0

  /// Makes a client with the client identifier, session and will of `settings`. Throws `MQTTError`.
  init(_ settings: ConnectionSettings, tls: TLSContext?, peer: TLSPeer?) throws(MQTTError) {
    guard Self.libraryReady, let handle = mosquitto_new(settings.clientID, settings.cleanStart, nil) else {
      throw MQTTError(
        .system,
        "can't make an MQTT client: \(systemError(errno)); if it is 'Too many open files', raise 'ulimit -n'")
    }
    self.handle = handle
    self.tls = tls
    self.peer = peer
    mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
    // Acknowledgements wait for our own write, after the work is done.
    mosquitto_threaded_set(handle, true)
    mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1)
    mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, 65_535)
    mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, 65_535)
    if let tls {
      mosquitto_void_option(handle, MOSQ_OPT_SSL_CTX, UnsafeMutableRawPointer(tls.handle))
      mosquitto_int_option(handle, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0)
    }
    installCallbacks(on: handle)
    guard let will = settings.will else { return }
    let code = mosquitto_will_set(
      handle, will.topic.text, Int32(clamping: will.payload.count), will.payload, will.qos.rawValue,
      will.retain)
    guard code == MOSQ_ERR_SUCCESS.rawValue else {
      throw MQTTError(
        .invalidSettings, "the will message for '\(will.topic)' can't be set: \(Self.sentence(code))")
    }
  }

  deinit { mosquitto_destroy(handle) }

  /// The library's words for a return code.
  static func sentence(_ code: Int32) -> String { String(cString: mosquitto_strerror(code)) }

  /// The connection's descriptor; negative without one.
  var socket: Int32 { mosquitto_socket(handle) }
  /// The connection's OpenSSL handle; nil with plain TCP.
  var ssl: OpaquePointer? { mosquitto_ssl_get(handle).map { OpaquePointer($0) } }
  /// Whether packets wait for the socket.
  var hasPackets: Bool { hasUnflushed || mosquitto_want_write(handle) }
  /// Whether packets are gathered, and whether there are any that aren't written.
  private var gathers = false
  private var hasUnflushed = false
  /// Bytes written to the socket of a TLS connection so far, the records' headers included: by it a test sees records.
  var bytesWritten: UInt64 { ssl.map { BIO_number_written(SSL_get_wbio($0)) } ?? 0 }

  /// Begins to connect without waiting; returns the error, nil if connecting has begun.
  func connect(_ address: String, _ settings: ConnectionSettings, version5: Bool) -> String? {
    mosquitto_int_option(
      handle, MOSQ_OPT_PROTOCOL_VERSION, version5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311)
    var list: OpaquePointer?
    if version5, settings.sessionExpirySeconds > 0 {
      mosquitto_property_add_int32(
        &list, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), settings.sessionExpirySeconds)
    }
    _ = ts_mosquitto_set_connect_properties(handle, list)
    mosquitto_property_free_all(&list)
    (gathers, hasUnflushed) = (false, false)
    // Its error lines explain failed handshakes.
    installLogCallback(on: handle)
    tls?.connecting = peer
    let code = mosquitto_connect_async(
      handle, address, Int32(settings.port), Int32(settings.keepAliveSeconds))
    let failure = errno
    tls?.connecting = nil
    if code <= 0, socket >= 0 { return nil }
    return code == MOSQ_ERR_ERRNO.rawValue ? systemError(failure) : Self.sentence(code)
  }

  /// Turns the log off: the library would format a line for each packet, even if nothing reads it.
  func stopLogging() { mosquitto_log_callback_set(handle, nil) }

  /// Queues the DISCONNECT. The library closes the connection as soon as it has written it, so it isn't gathered.
  func disconnect() {
    gathers = false
    mosquitto_disconnect(handle)
  }

  /// What became of a message that was given to the library.
  enum Publication {
    case accepted(identifier: Int32)
    case refused(reason: String)
  }

  /// Takes a QoS 1 or 2 message over. Without a connection the library keeps it and sends it on the next one.
  func publish(_ message: OutgoingMessage, version5: Bool) -> Publication {
    var identifier: Int32 = 0
    let header = message.header
    let code = mosquitto_publish_v5(
      handle, &identifier, header.topic.text, Int32(clamping: message.payload.count), message.payload,
      header.qos.rawValue, header.retain, version5 ? header.properties : nil)
    return code == MOSQ_ERR_SUCCESS.rawValue || code == MOSQ_ERR_NO_CONN.rawValue
      ? .accepted(identifier: identifier) : .refused(reason: Self.sentence(code))
  }

  /// Queues a subscription; nil if there is no connection.
  func subscribe(_ filter: TopicFilter, qos: QoS) -> Int32? {
    var identifier: Int32 = 0
    let code = mosquitto_subscribe(handle, &identifier, filter.text, qos.rawValue)
    return code == MOSQ_ERR_SUCCESS.rawValue ? identifier : nil
  }

  /// Queues an UNSUBSCRIBE and returns its packet identifier; nil without a connection.
  func unsubscribe(_ filter: TopicFilter) -> Int32? {
    var identifier: Int32 = 0
    let code = mosquitto_unsubscribe(handle, &identifier, filter.text)
    return code == MOSQ_ERR_SUCCESS.rawValue ? identifier : nil
  }

  /// What came of reading, writing or looking after the connection.
  enum Outcome: Equatable {
    /// The connection stands.
    case fine
    /// The connection stands, and nothing more is to be read at present.
    case dry
    /// The connection is lost.
    case lost(Loss)
  }

  /// Why the library gave a connection up.
  enum Loss: Equatable {
    case keepAlive
    case protocolViolation
    case closed
  }

  /// Reads and dispatches one packet.
  func read() -> Outcome {
    errno = 0
    let code = mosquitto_loop_read(handle, 1)
    let isBlocked = errno == EAGAIN || errno == EWOULDBLOCK
    // The library's note to itself for each acknowledgement sets errno, too, and what OpenSSL has read ahead the event loop
    // doesn't report.
    let isDry = ssl.map { SSL_want($0) != SSL_NOTHING } ?? isBlocked
    let outcome = outcome(code)
    guard outcome == .fine, isDry else { return outcome }
    // A session ticket has OpenSSL make a buffer for writing, 17 KB, that it would give back after the next message only.
    if let ssl, peer?.handshakeDone == true { SSL_free_buffers(ssl) }
    return .dry
  }

  /// Writes packets until none is left or the socket is full.
  func write() -> Outcome {
    setGathering(gathers)
    let outcome = outcome(mosquitto_loop_write(handle, 1))
    setGathering(false)
    return outcome == .fine ? flush() : outcome
  }

  /// From now on the packets that `write` finds go into one TLS record; after the handshake.
  func gatherPackets() {
    guard let ssl, !gathers else { return }
    gathers = ts_gather_prepare(UnsafeMutableRawPointer(ssl)) == 1
  }

  private func setGathering(_ isOpen: Bool) {
    if let ssl { ts_gather_set_open(UnsafeMutableRawPointer(ssl), isOpen ? 1 : 0) }
  }

  /// Writes what was gathered.
  private func flush() -> Outcome {
    guard gathers, let ssl else { return .fine }
    let result = ts_gather_flush(UnsafeMutableRawPointer(ssl))
    hasUnflushed = result == 0
    return result < 0 ? .lost(.closed) : .fine
  }

  /// Keep-alive: to be called about once a second.
  func maintain() -> Outcome { outcome(mosquitto_loop_misc(handle)) }

  private func outcome(_ code: Int32) -> Outcome {
    guard code != MOSQ_ERR_SUCCESS.rawValue || socket < 0 else { return .fine }
    switch mosq_err_t(rawValue: code) {
    case MOSQ_ERR_KEEPALIVE: return .lost(.keepAlive)
    case MOSQ_ERR_PROTOCOL, MOSQ_ERR_MALFORMED_PACKET: return .lost(.protocolViolation)
    default: return .lost(.closed)
    }
  }
}

// MARK: Callbacks

private func owner(_ data: UnsafeMutableRawPointer?) -> (any LibraryClientOwner)? {
  data.flatMap { Unmanaged<LibraryClient>.fromOpaque($0).takeUnretainedValue().owner }
}

/// The callbacks only hand over; what they lead to happens in the loop, because the library's locks are held.
private func installCallbacks(on handle: OpaquePointer) {
  mosquitto_connect_v5_callback_set(handle) { _, data, reason, flags, properties in
    owner(data)?.libraryConnected(
      reason, sessionPresent: flags & 1 != 0, limits: LibraryClient.Limits(properties))
  }
  mosquitto_disconnect_v5_callback_set(handle) { _, data, reason, _ in
    owner(data)?.libraryDisconnected(reason)
  }
  mosquitto_publish_v5_callback_set(handle) { _, data, identifier, reason, _ in
    owner(data)?.libraryPublished(identifier, reason: reason)
  }
  mosquitto_subscribe_v5_callback_set(handle) { _, data, identifier, count, granted, _ in
    owner(data)?.librarySubscribed(
      identifier, answer: UnsafeBufferPointer(start: granted, count: Int(count)).first ?? 0x80)
  }
  mosquitto_unsubscribe_v5_callback_set(handle) { _, data, identifier, _ in
    owner(data)?.libraryUnsubscribed(identifier)
  }
  mosquitto_message_v5_callback_set(handle) { _, data, message, properties in
    guard let message else { return }
    owner(data)?.libraryReceived(IncomingMessage(message.pointee, properties: properties))
  }
}

private func installLogCallback(on handle: OpaquePointer) {
  mosquitto_log_callback_set(handle) { _, data, level, text in
    guard level == MOSQ_LOG_ERR, let text else { return }
    owner(data)?.libraryLogged(error: String(cString: text))
  }
}

extension LibraryClient.Limits {
  fileprivate init(_ properties: OpaquePointer?) {
    var maximum: UInt16 = 65_535
    mosquitto_property_read_int16(properties, Int32(MQTT_PROP_RECEIVE_MAXIMUM.rawValue), &maximum, false)
    var packet: UInt32 = 0
    mosquitto_property_read_int32(properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), &packet, false)
    receiveMaximum = Int(maximum)
    largestPacket = packet == 0 ? WireFormat.largestRemainingLength : Int(packet)
  }
}

extension IncomingMessage {
  fileprivate init(_ message: mosquitto_message, properties: OpaquePointer?) {
    topic = message.topic.map { String(cString: $0) } ?? ""
    payload = Array(UnsafeRawBufferPointer(start: message.payload, count: Int(message.payloadlen)))
    qos = QoS(rawValue: message.qos) ?? .atMostOnce
    retained = message.retain
    self.properties = PublishProperties(libraryList: properties)
  }
}
