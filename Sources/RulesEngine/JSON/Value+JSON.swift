import JSON

/// Writes values as compact JSON; objects and arrays leave out Undefined.
extension Value {
  /// The text; nil if it is longer or deeper than the limits. Values that share parts can be far longer than their
  /// memory.
  var json: [UInt8]? {
    var bytes: [UInt8] = []
    do throws(LimitError) {
      try appendJSON(to: &bytes)
      return bytes
    } catch {
      return nil
    }
  }

  /// Appends the text; throws if it is longer or deeper than the limits, after appending a part of it.
  func appendJSON(to bytes: inout [UInt8]) throws(LimitError) {
    try append(to: &bytes, limit: bytes.count + EvaluationLimits.bytes, depth: 0)
  }

  private func append(to bytes: inout [UInt8], limit: Int, depth: Int) throws(LimitError) {
    switch self {
    case .undefined: break
    case .null: bytes += "null".utf8
    case .boolean(let value): bytes += (value ? "true" : "false").utf8
    case .number(let number): number.append(to: &bytes)
    case .string(let text): JSONText.appendString(text, to: &bytes)
    case .array(let elements):
      guard depth < EvaluationLimits.depth else { throw .depth }
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements where !element.isUndefined {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        try element.append(to: &bytes, limit: limit, depth: depth + 1)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      guard depth < EvaluationLimits.depth else { throw .depth }
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, value) in zip(object.keys, object.values) where !value.isUndefined {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        JSONText.appendString(key, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        try value.append(to: &bytes, limit: limit, depth: depth + 1)
      }
      bytes.append(UInt8(ascii: "}"))
    case .bytes(let raw): JSONText.appendString(String(decoding: raw, as: UTF8.self), to: &bytes)
    }
    guard bytes.count <= limit else { throw .length }
  }
}
