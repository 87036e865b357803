import FoundationEssentials

/// A JSON value as the toolchain's decoder reads it, for documents whose members are checked one by one.
indirect enum JSONElement: Sendable, Equatable, Decodable {
  case object([String: JSONElement])
  case array([JSONElement])
  case string(String)
  case number(Double)
  case boolean(Bool)
  case null

  /// What is wrong, with line and column.
  struct ReadError: Error { let message: String }

  init(_ text: [UInt8]) throws(ReadError) {
    do {
      self = try JSONDecoder().decode(JSONElement.self, from: Data(text))
    } catch DecodingError.dataCorrupted(let context) {
      let reason = context.underlyingError.map { "\($0)" } ?? context.debugDescription
      throw ReadError(message: Self.sentence(reason))
    } catch {
      throw ReadError(message: "\(error)")
    }
  }

  /// The decoder's sentence out of its error's long description.
  private static func sentence(_ text: String) -> String {
    guard let start = text.firstRange(of: "NSDebugDescription=") else { return text }
    let rest = text[start.upperBound...]
    guard let end = rest.firstIndex(of: "}") ?? rest.firstIndex(of: "\n") else { return String(rest) }
    return String(rest[..<end])
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let flag = try? container.decode(Bool.self) {
      self = .boolean(flag)
    } else if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .string(text)
    } else if let elements = try? container.decode([JSONElement].self) {
      self = .array(elements)
    } else {
      self = .object(try container.decode([String: JSONElement].self))
    }
  }

  /// A string, a number or a boolean, or an array of them, as texts; nil for anything else.
  var strings: [String]? {
    switch self {
    case .string(let text): return [text]
    case .boolean(let flag): return [flag ? "true" : "false"]
    case .number(let number): return [number == number.rounded() ? String(Int(number)) : String(number)]
    case .array(let elements):
      var texts: [String] = []
      for element in elements {
        if case .array = element { return nil }
        guard let more = element.strings else { return nil }
        texts += more
      }
      return texts
    case .object, .null: return nil
    }
  }
}
