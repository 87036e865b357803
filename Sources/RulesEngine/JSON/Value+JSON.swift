import JSON

/// Values written as compact JSON; what is Undefined is left out of objects and arrays.
extension Value {
  /// The text; nil if it is longer than any payload. Values that share parts can be far longer than their memory.
  var json: [UInt8]? {
    var bytes: [UInt8] = []
    return appendJSON(to: &bytes) ? bytes : nil
  }

  /// Appends the text; false if it is longer than any payload, of which a part then stands in `bytes`.
  func appendJSON(to bytes: inout [UInt8]) -> Bool {
    append(to: &bytes, limit: bytes.count + EvaluationLimits.bytes)
  }

  private func append(to bytes: inout [UInt8], limit: Int) -> Bool {
    switch self {
    case .undefined: break
    case .null: bytes += "null".utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .number(let number): number.append(to: &bytes)
    case .string(let text): JSONText.appendString(text, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements where !element.isUndefined {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        guard element.append(to: &bytes, limit: limit) else { return false }
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, value) in zip(object.keys, object.values) where !value.isUndefined {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        JSONText.appendString(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        guard value.append(to: &bytes, limit: limit) else { return false }
      }
      bytes.append(UInt8(ascii: "}"))
    case .bytes(let raw): JSONText.appendString(String(decoding: raw, as: UTF8.self), to: &bytes)
    }
    return bytes.count <= limit
  }
}
