import CommandLine
import MQTT
import Time

/// How `subscribe --format` writes a message: a text with places for the message's parts, as mosquitto_sub has it.
struct MessageTemplate {
  private enum Part {
    case text([UInt8])
    case topic, payload, hexadecimal, length, qos, retained, isoTime, epochTime, json
  }

  static let help =
    "how a message is printed: %t topic, %p payload, %x payload in hexadecimal, %l its length, %q QoS, %r retained, "
    + "%I time (ISO 8601), %U time (seconds since 1970), %j all as JSON, %% a percent sign, \\n \\t"

  private var parts: [Part] = []

  init(_ template: String, _ arguments: ParsedArguments) throws(UsageError) {
    var text: [UInt8] = []
    var rest = Array(template)[...]
    func end(_ part: Part, _ parts: inout [Part]) {
      if !text.isEmpty { parts.append(.text(text)) }
      text = []
      parts.append(part)
    }
    while let character = rest.popFirst() {
      guard character == "%" || character == "\\" else {
        text += Array(String(character).utf8)
        continue
      }
      switch (character, rest.popFirst()) {
      case ("%", "t"): end(.topic, &parts)
      case ("%", "p"): end(.payload, &parts)
      case ("%", "x"): end(.hexadecimal, &parts)
      case ("%", "l"): end(.length, &parts)
      case ("%", "q"): end(.qos, &parts)
      case ("%", "r"): end(.retained, &parts)
      case ("%", "I"): end(.isoTime, &parts)
      case ("%", "U"): end(.epochTime, &parts)
      case ("%", "j"), ("%", "J"): end(.json, &parts)
      case ("%", "%"): text.append(UInt8(ascii: "%"))
      case ("\\", "n"): text.append(UInt8(ascii: "\n"))
      case ("\\", "t"): text.append(UInt8(ascii: "\t"))
      case ("\\", "0"): text.append(0)
      case ("\\", "\\"): text.append(UInt8(ascii: "\\"))
      case (_, let other):
        let sequence = String(character) + (other.map(String.init) ?? "")
        throw arguments.error(
          "--format has '\(sequence)', which means nothing; write '\(character)\(sequence)' for itself")
      }
    }
    if !text.isEmpty { parts.append(.text(text)) }
  }

  /// The line for a message, without its end.
  func line(_ message: IncomingMessage) -> [UInt8] {
    var line: [UInt8] = []
    for part in parts {
      switch part {
      case .text(let bytes): line += bytes
      case .topic: line += Array(message.topic.utf8)
      case .payload: line += message.payload
      case .hexadecimal: line += Array(Self.hexadecimal(message.payload).utf8)
      case .length: line += Array(String(message.payload.count).utf8)
      case .qos: line += Array(String(message.qos.rawValue).utf8)
      case .retained: line.append(UInt8(ascii: message.retained ? "1" : "0"))
      case .isoTime: line += Array(Timestamp.iso8601(Timestamp.now).utf8)
      case .epochTime: line += Array(String(WallClock.seconds).utf8)
      case .json: line += TestClientSession.json(message)
      }
    }
    return line
  }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
