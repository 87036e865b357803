import Files

/// What went wrong between us and a broker, in one sentence for a person.
public struct MQTTError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The family of the failure; the executable maps it to an exit code.
  public enum Kind: Sendable, Equatable {
    /// A topic name or filter that MQTT 5 section 4.7 forbids.
    case invalidTopic
    /// A setting that can't work (a keep-alive below 5 s, an empty host).
    case invalidSettings
    /// The certificate, key or CA can't be used, here or in the broker's eyes.
    case credentials
    /// The broker refused the connection, a message or a subscription (CONNACK, PUBACK, SUBACK, DISCONNECT).
    case refused
    /// No broker answered in time, or the connection was lost permanently.
    case unreachable
    /// The broker sent what MQTT doesn't allow.
    case protocolViolation
    /// The operating system refused something (descriptors, processes, files).
    case system
  }

  /// The family of the failure.
  public let kind: Kind
  /// What happened, where, and what to do next.
  public let message: String
  /// The MQTT 5 reason code (section 2.4), where the broker gave one.
  public let reasonCode: UInt8?

  /// Makes an error from its parts.
  public init(_ kind: Kind, _ message: String, reasonCode: UInt8? = nil) {
    self.kind = kind
    self.message = message
    self.reasonCode = reasonCode
  }

  /// Whether the broker doesn't allow what was asked of it.
  public var isNotAuthorized: Bool { reasonCode == ReasonCode.notAuthorized }

  /// The sentence.
  public var description: String { message }

  /// Turns a file's error into one of kind `system`.
  static func rethrowing<Value>(_ body: () throws(FileError) -> Value) throws(MQTTError) -> Value {
    do {
      return try body()
    } catch {
      throw MQTTError(.system, error.description)
    }
  }
}

/// The names of MQTT 5's reason codes (section 2.4), for sentences.
enum ReasonCode {
  static let notAuthorized: UInt8 = 0x87
  static let unsupportedProtocolVersion: UInt8 = 0x84
  static let sessionTakenOver: UInt8 = 0x8E
  static let clientIdentifierNotValid: UInt8 = 0x85
  static let packetTooLarge: UInt8 = 0x95

  static func name(_ code: UInt8) -> String {
    switch code {
    case 0x00: "success"
    case 0x10: "no matching subscribers"
    case 0x80: "unspecified error"
    case 0x81: "malformed packet"
    case 0x82: "protocol error"
    case 0x83: "implementation specific error"
    case 0x84: "unsupported protocol version"
    case 0x85: "client identifier not valid"
    case 0x86: "bad user name or password"
    case 0x87: "not authorized"
    case 0x88: "server unavailable"
    case 0x89: "server busy"
    case 0x8A: "banned"
    case 0x8B: "server shutting down"
    case 0x8C: "bad authentication method"
    case 0x8D: "keep alive timeout"
    case 0x8E: "session taken over"
    case 0x8F: "topic filter invalid"
    case 0x90: "topic name invalid"
    case 0x93: "receive maximum exceeded"
    case 0x95: "packet too large"
    case 0x97: "quota exceeded"
    case 0x98: "administrative action"
    case 0x99: "payload format invalid"
    case 0x9A: "retain not supported"
    case 0x9B: "QoS not supported"
    case 0x9C: "use another server"
    case 0x9D: "server moved"
    case 0x9F: "connection rate exceeded"
    default: "reason code \(code)"
    }
  }

  /// MQTT 3.1.1's CONNACK return codes (section 3.2.2.3) in MQTT 5's words.
  static func fromVersion311(_ code: UInt8) -> UInt8 {
    switch code {
    case 1: 0x84
    case 2: 0x85
    case 3: 0x88
    case 4: 0x86
    case 5: 0x87
    default: code
    }
  }

  /// Whether trying again later can help (the broker is busy or restarting), or the answer is final.
  static func isTemporary(_ code: UInt8) -> Bool {
    switch code {
    case 0x88, 0x89, 0x8B, 0x8D, 0x93, 0x97, 0x98, 0x9F: true
    default: false
    }
  }
}
