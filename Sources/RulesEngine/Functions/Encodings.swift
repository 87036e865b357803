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
    decode,
  ]

  /// `decode` gives null for a text that can't be decoded. AWS also decodes protobuf, with a schema from Amazon S3.
  private static let decode: Function = {
    var function = Function("decode", 2...6, star: .payload, weight: 16) { arguments, evaluator in
      guard arguments.count == 2, isBase64(arguments[1]), let text = arguments[0].asString else {
        return .undefined
      }
      guard let bytes = Base64.decode(text) else { return .null }
      let document = JSONDocument(budget: evaluator.budget)
      do throws(JSONError) {
        try document.read(bytes)
        return document.value(of: 0, version: evaluator.version)
      } catch {
        return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .null
      }
    }
    function.service = { arguments in
      guard arguments.count > 1, case .literal(.string(let encoding)) = arguments[1],
        encoding.lowercased() == "proto"
      else { return nil }
      return "a protobuf schema from Amazon S3"
    }
    return function
  }()

  private static func isBase64(_ scheme: Value) -> Bool {
    if case .string(let name) = scheme { name.lowercased() == "base64" } else { false }
  }
}
