import JSON

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

  /// Null for a text that can't be decoded. AWS's third encoding, protobuf, reads its schema from Amazon S3.
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

/// Base64 with padding.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let values: [UInt8] = {
    var table = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  static func encode(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var group = UInt32(0)
      for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0) }
      for digit in 0..<4 {
        result.append(
          digit <= count ? alphabet[Int(group >> (18 - 6 * UInt32(digit)) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Nil for what is no Base64.
  static func decode(_ text: String) -> [UInt8]? {
    var bytes = Array(text.utf8)
    while bytes.count % 4 == 0, let last = bytes.last, last == UInt8(ascii: "="), bytes.count >= 4 {
      bytes.removeLast()
      if bytes.last == UInt8(ascii: "=") { bytes.removeLast() }
      break
    }
    guard bytes.count % 4 != 1 else { return nil }
    var result: [UInt8] = []
    var group: UInt32 = 0
    var bits = 0
    for byte in bytes {
      let value = values[Int(byte)]
      guard value != 0xFF else { return nil }
      group = group << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        result.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
      }
    }
    return result
  }
}
