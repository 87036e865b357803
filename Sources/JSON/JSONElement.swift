/// A JSON value as a tree, for documents whose members are checked one by one.
package indirect enum JSONElement: Sendable, Equatable {
  case object([String: JSONElement])
  case array([JSONElement])
  case string(String)
  /// The number as it is written, whatever its size.
  case number(String)
  case boolean(Bool)
  case null

  /// Reads a text; throws, with line and column, what is not JSON or gives a key of an object twice.
  package init(_ text: [UInt8]) throws(JSONError) {
    var scanner = JSONScanner()
    try scanner.scan(text)
    let nodes = scanner.nodes
    // The scanner bounds the depth, and so the recursion.
    let result = text.withUnsafeBufferPointer { buffer -> Result<JSONElement, JSONError> in
      do throws(JSONError) {
        return .success(try Self.value(at: 0, nodes, buffer))
      } catch {
        return .failure(error)
      }
    }
    self = try result.get()
  }

  private static func value(
    at index: Int, _ nodes: [JSONNode], _ text: UnsafeBufferPointer<UInt8>
  ) throws(JSONError) -> JSONElement {
    let node = nodes[index]
    let end = Int(node.next)
    switch node.kind {
    case .null: return .null
    case .yes: return .boolean(true)
    case .no: return .boolean(false)
    case .number: return .number(JSONText.unescaped(node, of: text))
    case .string: return .string(JSONText.unescaped(node, of: text))
    case .array:
      var elements: [JSONElement] = []
      var child = index + 1
      while child < end {
        elements.append(try value(at: child, nodes, text))
        child = Int(nodes[child].next)
      }
      return .array(elements)
    case .object:
      var members: [String: JSONElement] = [:]
      var key = index + 1
      while key < end {
        let name = JSONText.unescaped(nodes[key], of: text)
        guard members.updateValue(try value(at: key + 1, nodes, text), forKey: name) == nil else {
          throw JSONError("the key '\(name)' appears twice", at: Int(nodes[key].start), in: text)
        }
        key = Int(nodes[key + 1].next)
      }
      return .object(members)
    }
  }
}

extension JSONText {
  /// The text of a number, or of a string without its escapes; a surrogate without its pair becomes U+FFFD.
  package static func unescaped(_ node: JSONNode, of text: UnsafeBufferPointer<UInt8>) -> String {
    let raw = UnsafeBufferPointer(rebasing: text[Int(node.start)..<Int(node.end)])
    guard node.kind == .string, node.isSpecial else { return String(decoding: raw, as: UTF8.self) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(raw.count)
    var units: [UInt16] = []
    func flush() {
      guard !units.isEmpty else { return }
      bytes.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
      units.removeAll()
    }
    var index = 0
    while index < raw.count {
      guard raw[index] == UInt8(ascii: "\\") else {
        flush()
        bytes.append(raw[index])
        index += 1
        continue
      }
      switch raw[index + 1] {
      case UInt8(ascii: "u"):
        var unit: UInt32 = 0
        for offset in 2..<6 { unit = unit << 4 | (JSONScanner.hexadecimalDigit(raw[index + offset]) ?? 0) }
        units.append(UInt16(unit))
        index += 4
      case UInt8(ascii: "b"): units.append(0x08)
      case UInt8(ascii: "f"): units.append(0x0C)
      case UInt8(ascii: "n"): units.append(0x0A)
      case UInt8(ascii: "r"): units.append(0x0D)
      case UInt8(ascii: "t"): units.append(0x09)
      case let other: units.append(UInt16(other))
      }
      index += 2
    }
    flush()
    return String(decoding: bytes, as: UTF8.self)
  }
}
