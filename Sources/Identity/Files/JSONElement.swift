import FoundationEssentials
import JSON

/// A JSON value as the toolchain's decoder reads it, for documents whose members are checked one by one.
indirect enum JSONElement: Sendable, Equatable, Decodable {
  case object([String: JSONElement])
  case array([JSONElement])
  case string(String)
  case number(Double)
  case boolean(Bool)
  case null

  /// Reads a text; throws `JSONError` with line and column.
  init(_ text: [UInt8]) throws(JSONError) {
    var scanner = JSONScanner()
    try scanner.scan(text)
    do {
      self = try JSONDecoder().decode(JSONElement.self, from: Data(text))
    } catch {
      throw text.withUnsafeBufferPointer { JSONError("a value that can't be read: \(error)", at: 0, in: $0) }
    }
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
