import JSON
import Text

extension Functions {
  /// Base64 (RFC 4648 section 4), the only encoding that the dialect has.
  static let encodings: [Function] = [
    Function("encode", 2...2, star: .payload, weight: 8) { arguments, _ in
      guard isBase64(arguments[1]) else { return .undefined }
      if case .bytes(let bytes) = arguments[0] { return .string(Base64.encode(bytes)) }
      return arguments[0].asString.map { .string(Base64.encode(Array($0.utf8))) } ?? .undefined
    },
    Function("decode", 2...2, weight: 16) { arguments, evaluator in
      guard isBase64(arguments[1]), let text = arguments[0].asString, let bytes = Base64.decode(text) else {
        return .undefined
      }
      let document = JSONDocument(budget: evaluator.budget)
      do throws(JSONError) {
        try document.read(bytes)
        return document.value(of: 0, version: evaluator.version)
      } catch {
        return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .undefined
      }
    },
  ]

  private static func isBase64(_ scheme: Value) -> Bool {
    if case .string(let name) = scheme { name.lowercased() == "base64" } else { false }
  }
}
