/// Checks a JSON text and indexes it, in one pass.
package struct JSONScanner {
  /// Containers inside containers; AWS names no limit, this one keeps hostile payloads from costing memory.
  @inlinable @inline(__always)
  package static var depthLimit: Int { 512 }

  /// The index so far.
  package private(set) var nodes: [JSONNode]
  private var open: [Int] = []

  /// A scanner that uses the memory of `nodes` again.
  package init(nodes: consuming [JSONNode] = []) {
    self.nodes = nodes
    self.nodes.removeAll(keepingCapacity: true)
  }

  /// Reads `text`; throws if it isn't a single JSON value, with white space around it.
  package mutating func scan(_ text: [UInt8]) throws(JSONError) {
    let failure = text.withUnsafeBufferPointer { buffer -> JSONError? in
      do throws(JSONError) {
        try scan(buffer)
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  private mutating func scan(_ text: UnsafeBufferPointer<UInt8>) throws(JSONError) {
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
          nodes.isEmpty ? "a value is missing" : "the text ends too early", at: index, in: text
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
            JSONNode(
              kind: isObject ? .object : .array, isSpecial: false, start: Int32(index), end: 0, next: 0))
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

  private mutating func close(at end: Int) {
    let container = open.removeLast()
    nodes[container].end = Int32(end)
    nodes[container].next = Int32(nodes.count)
  }

  private mutating func add(_ kind: JSONNode.Kind, _ start: Int, _ end: Int, isSpecial: Bool = false) {
    nodes.append(
      JSONNode(
        kind: kind, isSpecial: isSpecial, start: Int32(start), end: Int32(end), next: Int32(nodes.count + 1)))
  }

  private mutating func word(
    _ word: StaticString, _ kind: JSONNode.Kind, _ text: UnsafeBufferPointer<UInt8>, at start: Int
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

  private mutating func number(_ text: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONError) -> Int {
    var index = start
    func isDigit(_ index: Int) -> Bool {
      index < text.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index])
    }
    func digits() throws(JSONError) {
      guard isDigit(index) else { throw JSONError("a digit is missing in a number", at: index, in: text) }
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

  private mutating func string(_ text: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONError) -> Int {
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
        guard length > 0 else { throw JSONError("bytes that aren't valid UTF-8", at: index, in: text) }
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
  package static func sequenceLength(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
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

  package static func hexadecimalDigit(_ byte: UInt8) -> UInt32? {
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
}
