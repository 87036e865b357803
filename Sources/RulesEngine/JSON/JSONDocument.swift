/// A JSON text (RFC 8259), checked as a whole and indexed; values are made only where they are asked for.
///
/// The index has a node for each value and key in the order of the text, with the number of the node behind it, so
/// that what isn't wanted is stepped over. One document object is used again for many texts.
final class JSONDocument {
  /// Containers inside containers; AWS names no limit, this one keeps hostile payloads from costing memory.
  static let depthLimit = 512

  enum Kind: UInt8 { case null, yes, no, number, string, array, object }

  struct Node {
    let kind: Kind
    /// Whether a string has escapes, or a number a point or an exponent.
    var isSpecial: Bool
    /// Where the text is; of a string without its quotes.
    let start: Int32
    var end: Int32
    /// The node behind this one and all that it contains.
    var next: Int32
  }

  private(set) var nodes: [Node] = []
  private(set) var bytes: [UInt8] = []
  private var open: [Int] = []

  /// Reads `text`; throws where it isn't one JSON value with nothing but white space around it.
  func read(_ text: [UInt8]) throws(JSONError) {
    bytes = text
    nodes.removeAll(keepingCapacity: true)
    open.removeAll(keepingCapacity: true)
    let failure = bytes.withUnsafeBufferPointer { buffer -> JSONError? in
      do throws(JSONError) {
        try scan(buffer)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  // MARK: Reading

  private func scan(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    guard text.count < Int(Int32.max) else { throw JSONError("the text is too long", at: 0, in: text) }
    var index = 0
    if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF {
      throw JSONError("a byte order mark, which JSON does not allow", at: 0, in: text)
    }
    /// What may come next.
    enum Expected { case value, valueOrEnd, keyOrEnd, key, commaOrEnd }
    var expected = Expected.value
    while true {
      while index < text.count,
        text[index] == 0x20 || text[index] == 0x0A || text[index] == 0x0D || text[index] == 0x09
      {
        index += 1
      }
      guard index < text.count else {
        throw JSONError(
          nodes.isEmpty ? "nothing where a value is expected" : "the text ends too early", at: index, in: text
        )
      }
      let byte = text[index]
      switch expected {
      case .commaOrEnd:
        guard let container = open.last else { break }
        let isObject = nodes[container].kind == .object
        if byte == UInt8(ascii: ",") {
          index += 1
          expected = isObject ? .key : .value
          continue
        }
        guard byte == UInt8(ascii: isObject ? "}" : "]") else {
          throw JSONError(
            "'\(Self.name(byte))' where ',' or '\(isObject ? "}" : "]")' is expected", at: index, in: text)
        }
        index += 1
        close(at: index)
      case .keyOrEnd where byte == UInt8(ascii: "}"), .valueOrEnd where byte == UInt8(ascii: "]"):
        index += 1
        close(at: index)
      case .key, .keyOrEnd:
        guard byte == UInt8(ascii: "\"") else {
          throw JSONError(
            "'\(Self.name(byte))' where a key in double quotes is expected", at: index, in: text)
        }
        index = try string(text, at: index)
        while index < text.count,
          text[index] == 0x20 || text[index] == 0x0A || text[index] == 0x0D || text[index] == 0x09
        {
          index += 1
        }
        guard index < text.count, text[index] == UInt8(ascii: ":") else {
          throw JSONError("no ':' after a key", at: index, in: text)
        }
        index += 1
        expected = .value
        continue
      case .value, .valueOrEnd:
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
          guard open.count < Self.depthLimit else {
            throw JSONError("more than \(Self.depthLimit) levels of nesting", at: index, in: text)
          }
          let isObject = byte == UInt8(ascii: "{")
          open.append(nodes.count)
          nodes.append(
            Node(kind: isObject ? .object : .array, isSpecial: false, start: Int32(index), end: 0, next: 0))
          index += 1
          expected = isObject ? .keyOrEnd : .valueOrEnd
          continue
        case UInt8(ascii: "\""): index = try string(text, at: index)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): index = try number(text, at: index)
        case UInt8(ascii: "t"): index = try word("true", .yes, text, at: index)
        case UInt8(ascii: "f"): index = try word("false", .no, text, at: index)
        case UInt8(ascii: "n"): index = try word("null", .null, text, at: index)
        default: throw JSONError("'\(Self.name(byte))' where a value is expected", at: index, in: text)
        }
      }
      // A value has ended here.
      expected = .commaOrEnd
      guard open.isEmpty else { continue }
      while index < text.count {
        guard text[index] == 0x20 || text[index] == 0x0A || text[index] == 0x0D || text[index] == 0x09 else {
          throw JSONError("'\(Self.name(text[index]))' after the end of the value", at: index, in: text)
        }
        index += 1
      }
      return
    }
  }

  private func close(at end: Int) {
    let container = open.removeLast()
    nodes[container].end = Int32(end)
    nodes[container].next = Int32(nodes.count)
  }

  private func add(_ kind: Kind, _ start: Int, _ end: Int, isSpecial: Bool = false) {
    nodes.append(
      Node(
        kind: kind, isSpecial: isSpecial, start: Int32(start), end: Int32(end), next: Int32(nodes.count + 1)))
  }

  private func word(
    _ word: StaticString, _ kind: Kind, _ text: UnsafeBufferPointer<UInt8>, at start: Int
  ) throws(JSONError) -> Int {
    let length = word.utf8CodeUnitCount
    for offset in 0..<length {
      guard start + offset < text.count, text[start + offset] == word.utf8Start[offset] else {
        throw JSONError("a word that is neither true, false nor null", at: start, in: text)
      }
    }
    add(kind, start, start + length)
    return start + length
  }

  private func number(_ text: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONError) -> Int {
    var index = start
    func isDigit(_ index: Int) -> Bool {
      index < text.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index])
    }
    func digits() throws(JSONError) {
      guard isDigit(index) else { throw JSONError("no digit where a number needs one", at: index, in: text) }
      while isDigit(index) { index += 1 }
    }
    if text[index] == UInt8(ascii: "-") { index += 1 }
    if isDigit(index), text[index] == UInt8(ascii: "0") {
      index += 1
      if isDigit(index) { throw JSONError("a number with a leading zero", at: start, in: text) }
    } else {
      try digits()
    }
    var isSpecial = false
    if index < text.count, text[index] == UInt8(ascii: ".") {
      isSpecial = true
      index += 1
      try digits()
    }
    if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
      isSpecial = true
      index += 1
      if index < text.count, text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-") {
        index += 1
      }
      try digits()
    }
    add(.number, start, index, isSpecial: isSpecial)
    return index
  }

  private func string(_ text: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONError) -> Int {
    var index = start + 1
    var hasEscapes = false
    while true {
      guard index < text.count else { throw JSONError("a string that is never closed", at: start, in: text) }
      let byte = text[index]
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        index = try escape(text, at: index)
      } else if byte < 0x20 {
        throw JSONError("a control character inside a string; write it as \\u00XX", at: index, in: text)
      } else if byte < 0x80 {
        index += 1
      } else {
        let length = Self.sequenceLength(text, at: index)
        guard length > 0 else { throw JSONError("bytes that are no UTF-8", at: index, in: text) }
        index += length
      }
    }
    add(.string, start + 1, index, isSpecial: hasEscapes)
    return index + 1
  }

  private func escape(_ text: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONError) -> Int {
    guard start + 1 < text.count else {
      throw JSONError("a string that is never closed", at: start, in: text)
    }
    switch text[start + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return start + 2
    case UInt8(ascii: "u"):
      for offset in 2..<6 {
        guard start + offset < text.count, Self.hexadecimalDigit(text[start + offset]) != nil else {
          throw JSONError("\\u without four hexadecimal digits", at: start, in: text)
        }
      }
      return start + 6
    default:
      throw JSONError("an escape that JSON doesn't have", at: start, in: text)
    }
  }

  /// The length of the UTF-8 sequence at `index`, or 0 if it is ill-formed (Unicode table 3-7).
  private static func sequenceLength(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
    func follows(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
      index + offset < text.count && range.contains(text[index + offset])
    }
    switch text[index] {
    case 0xC2...0xDF: return follows(1) ? 2 : 0
    case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : 0
    case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : 0
    case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : 0
    case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : 0
    case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : 0
    case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : 0
    default: return 0
    }
  }

  private static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private static func name(_ byte: UInt8) -> String {
    (0x21..<0x7F).contains(byte)
      ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
  }

  // MARK: Values

  /// The value of a whole text.
  static func value(of text: [UInt8]) throws(JSONError) -> Value {
    let document = JSONDocument()
    try document.read(text)
    return document.value(of: 0, version: .v2015)
  }

  /// The node of the value that `path` leads to from `root`; of a key given twice the last counts. Nil where there is
  /// none.
  func find(_ path: some Sequence<String>, from root: Int = 0) -> Int? {
    var node = root
    for name in path {
      guard let next = member(name, of: node) else { return nil }
      node = next
    }
    return node
  }

  private func member(_ name: String, of object: Int) -> Int? {
    guard nodes[object].kind == .object else { return nil }
    var found: Int?
    var key = object + 1
    let end = Int(nodes[object].next)
    while key < end {
      if isKey(key, name) { found = key + 1 }
      key = Int(nodes[key + 1].next)
    }
    return found
  }

  private func isKey(_ index: Int, _ name: String) -> Bool {
    let node = nodes[index]
    if node.isSpecial { return string(of: node).utf8.elementsEqual(name.utf8) }
    let count = Int(node.end - node.start)
    guard name.utf8.count == count else { return false }
    var offset = Int(node.start)
    for byte in name.utf8 {
      guard bytes[offset] == byte else { return false }
      offset += 1
    }
    return true
  }

  /// The value of a node, with all that it contains.
  func value(of index: Int, version: SQLVersion) -> Value {
    let node = nodes[index]
    switch node.kind {
    case .null: return .null
    case .yes: return .boolean(true)
    case .no: return .boolean(false)
    case .number: return number(of: node, version: version)
    case .string: return .string(string(of: node))
    case .array:
      var elements: [Value] = []
      var child = index + 1
      while child < Int(node.next) {
        elements.append(value(of: child, version: version))
        child = Int(nodes[child].next)
      }
      return .array(elements)
    case .object:
      var object = ObjectValue()
      var key = index + 1
      while key < Int(node.next) {
        object.set(string(of: nodes[key]), value(of: key + 1, version: version))
        key = Int(nodes[key + 1].next)
      }
      return .object(object)
    }
  }

  /// A number beyond the dialect's range is Undefined.
  private func number(of node: Node, version: SQLVersion) -> Value {
    let decimal = bytes.withUnsafeBufferPointer {
      Decimal34(UnsafeBufferPointer(rebasing: $0[Int(node.start)..<Int(node.end)]))
    }
    guard let decimal else { return .undefined }
    let isInt = version == .v2016 ? decimal.isWhole : !node.isSpecial
    return .number(Number(decimal: decimal, isInt: isInt && decimal.isWhole))
  }

  private func string(of node: Node) -> String {
    let raw = bytes[Int(node.start)..<Int(node.end)]
    guard node.isSpecial else { return String(decoding: raw, as: UTF8.self) }
    var units: [UInt16] = []
    var text = String.UnicodeScalarView()
    func flush() {
      guard !units.isEmpty else { return }
      // A surrogate without its pair becomes U+FFFD.
      text.append(contentsOf: String(decoding: units, as: UTF16.self).unicodeScalars)
      units.removeAll()
    }
    var index = raw.startIndex
    var plain = index
    while index < raw.endIndex {
      guard raw[index] == UInt8(ascii: "\\") else {
        index += 1
        continue
      }
      if plain < index {
        flush()
        text.append(contentsOf: String(decoding: raw[plain..<index], as: UTF8.self).unicodeScalars)
      }
      switch raw[index + 1] {
      case UInt8(ascii: "u"):
        var unit: UInt32 = 0
        for offset in 2..<6 { unit = unit << 4 | (Self.hexadecimalDigit(raw[index + offset]) ?? 0) }
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
      plain = index
    }
    flush()
    text.append(contentsOf: String(decoding: raw[plain...], as: UTF8.self).unicodeScalars)
    return String(text)
  }
}
