import JSON

/// What a message of a control topic asks for.
enum ControlMessage {
  /// The longest one that is read, in bytes.
  private static let longest = 1024

  /// The rate in messages per second and truck: a text as `--rate` takes it, 0 for a pause, or an object with a member `rate`.
  static func rate(_ payload: [UInt8]) throws(PacingError) -> Double {
    let example = "write for example 5, 120/m or {\"rate\": 5}"
    guard payload.count <= longest, let text = String(validating: payload, as: UTF8.self) else {
      throw PacingError("the message is not a rate; \(example)")
    }
    let trimmed = text.filter { !$0.isWhitespace }
    guard trimmed.hasPrefix("{") else {
      return try Pacer.Mode.perSecondOrPause(trimmed, option: "the rate")
    }
    let document: JSONElement
    do throws(JSONError) {
      document = try JSONElement(payload)
    } catch {
      throw PacingError("the message is not JSON (\(error)); \(example)")
    }
    guard case .object(let members) = document else {
      throw PacingError("the message is not a rate; \(example)")
    }
    switch members["rate"] {
    case .number(let text), .string(let text):
      return try Pacer.Mode.perSecondOrPause(text, option: "the rate")
    default: throw PacingError("the message has no rate; \(example)")
    }
  }
}
