import Glibc
import JSON

/// The payload's value at a path that a plan reads.
struct PayloadSlot {
  /// The value's kind; nil if the payload has no such path.
  var kind: JSONNode.Kind?
  /// For a string: it has escapes. For a number: it has a point or an exponent.
  var isSpecial = false
  /// For a number: it has an exponent.
  var hasExponent = false
  /// The range of the value's text, without a string's quotes.
  var start: Int32 = 0
  var end: Int32 = 0
  /// For an array or object: its node in the index.
  var node: Int32 = 0
}

/// Checks a payload's JSON (RFC 8259) in one pass, fills the slots of the wanted paths, and indexes the arrays and
/// objects among their values. It accepts the same texts as `JSONScanner`, which reports what is wrong with a rejected
/// text.
///
/// Strings are read eight bytes at a time: up to eight bytes after the text are read, and have no effect.
struct PayloadScanner {
  /// How many bytes after a text must be readable.
  static let padding = 16

  private let text: UnsafePointer<UInt8>
  private let count: Int
  private let paths: UnsafePointer<PathNode>
  private let names: UnsafePointer<UInt8>
  private let slots: UnsafeMutablePointer<PayloadSlot>
  private let nodes: UnsafeMutablePointer<JSONNode>
  /// The number of nodes in the index so far.
  private(set) var nodeCount = 0
  private var isIndexing: Bool
  /// Whether the last string read has escapes.
  private var hasEscapes = false

  /// An upper bound on the nodes of a text of `count` bytes: each takes a value and a comma, besides brackets that are
  /// never closed.
  static func nodeLimit(_ count: Int) -> Int { count / 2 + JSONScanner.depthLimit + 8 }

  /// A scanner of `count` bytes at `text`; `slots` must be empty, and `nodes` must have room. With `indexes`, everything
  /// is indexed; otherwise only the wanted arrays and objects.
  init(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ paths: borrowing PathTree,
    slots: UnsafeMutablePointer<PayloadSlot>, nodes: UnsafeMutablePointer<JSONNode>, indexes: Bool = false
  ) {
    self.text = text
    self.count = count
    self.paths = UnsafePointer(paths.nodes)
    names = UnsafePointer(paths.names)
    self.slots = slots
    self.nodes = nodes
    isIndexing = indexes
  }

  /// Scans the text; returns false if it isn't a single JSON value, with optional white space around it.
  mutating func scan() -> Bool {
    var index = skipSpace(0)
    guard index < count else { return false }
    index = value(index, 0, 0)
    guard index >= 0 else { return false }
    return skipSpace(index) == count
  }

  @inline(__always) private func skipSpace(_ start: Int) -> Int {
    var index = start
    while index < count, text[index] <= 0x20 {
      guard text[index] == 0x20 || text[index] == 0x0A || text[index] == 0x0D || text[index] == 0x09 else {
        return index
      }
      index += 1
    }
    return index
  }

  // MARK: Values

  /// Reads the value at `start`, which must be inside the text. `path` is the node of its path, or negative if the path
  /// isn't wanted. Returns the end of the value, or -1 if it isn't JSON.
  private mutating func value(_ start: Int, _ depth: Int, _ path: Int) -> Int {
    switch text[start] {
    case UInt8(ascii: "\""):
      let end = string(start + 1)
      guard end >= 0 else { return -1 }
      note(.string, hasEscapes, false, start + 1, end, path)
      return end + 1
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number(start, path)
    case UInt8(ascii: "{"), UInt8(ascii: "["): return container(start, depth, path)
    case UInt8(ascii: "t"): return word(start, 0x6575_7274, 4, .yes, path)
    case UInt8(ascii: "f"):
      return start + 5 <= count && text[start + 4] == UInt8(ascii: "e")
        ? word(start, 0x736C_6166, 5, .no, path) : -1
    case UInt8(ascii: "n"): return word(start, 0x6C6C_756E, 4, .null, path)
    default: return -1
    }
  }

  @inline(__always)
  private mutating func note(
    _ kind: JSONNode.Kind, _ isSpecial: Bool, _ hasExponent: Bool, _ start: Int, _ end: Int, _ path: Int
  ) {
    if path >= 0, paths[path].slot >= 0 {
      slots[Int(paths[path].slot)] = PayloadSlot(
        kind: kind, isSpecial: isSpecial, hasExponent: hasExponent, start: Int32(truncatingIfNeeded: start),
        end: Int32(truncatingIfNeeded: end))
    }
    if isIndexing { add(kind, isSpecial, start, end) }
  }

  @inline(__always)
  private mutating func add(_ kind: JSONNode.Kind, _ isSpecial: Bool, _ start: Int, _ end: Int) {
    (nodes + nodeCount).initialize(
      to: JSONNode(
        kind: kind, isSpecial: isSpecial, start: Int32(truncatingIfNeeded: start),
        end: Int32(truncatingIfNeeded: end), next: Int32(truncatingIfNeeded: nodeCount + 1)))
    nodeCount += 1
  }

  private mutating func word(
    _ start: Int, _ letters: UInt32, _ length: Int, _ kind: JSONNode.Kind, _ path: Int
  )
    -> Int
  {
    guard start + length <= count,
      UnsafeRawPointer(text + start).loadUnaligned(as: UInt32.self) == UInt32(littleEndian: letters)
    else { return -1 }
    note(kind, false, false, start, start + length, path)
    return start + length
  }

  private mutating func number(_ start: Int, _ path: Int) -> Int {
    var index = start
    if text[index] == UInt8(ascii: "-") { index += 1 }
    var first = index
    while index < count, text[index] &- UInt8(ascii: "0") < 10 { index += 1 }
    guard index > first, index == first + 1 || text[first] != UInt8(ascii: "0") else { return -1 }
    var isSpecial = false
    var hasExponent = false
    if index < count, text[index] == UInt8(ascii: ".") {
      isSpecial = true
      index += 1
      first = index
      while index < count, text[index] &- UInt8(ascii: "0") < 10 { index += 1 }
      guard index > first else { return -1 }
    }
    if index < count, text[index] | 0x20 == UInt8(ascii: "e") {
      isSpecial = true
      hasExponent = true
      index += 1
      if index < count, text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-") { index += 1 }
      first = index
      while index < count, text[index] &- UInt8(ascii: "0") < 10 { index += 1 }
      guard index > first else { return -1 }
    }
    note(.number, isSpecial, hasExponent, start, index, path)
    return index
  }

  // MARK: Arrays and objects

  private mutating func container(_ start: Int, _ depth: Int, _ path: Int) -> Int {
    guard depth < JSONScanner.depthLimit else { return -1 }
    let isObject = text[start] == UInt8(ascii: "{")
    let slot = path >= 0 ? Int(paths[path].slot) : -1
    let wasIndexing = isIndexing
    if slot >= 0 { isIndexing = true }
    let node = nodeCount
    if isIndexing { add(isObject ? .object : .array, false, start, start) }
    let end = isObject ? object(start + 1, depth + 1, path) : array(start + 1, depth + 1)
    guard end >= 0 else { return -1 }
    if isIndexing {
      nodes[node].end = Int32(truncatingIfNeeded: end)
      nodes[node].next = Int32(truncatingIfNeeded: nodeCount)
    }
    if slot >= 0 {
      slots[slot] = PayloadSlot(
        kind: isObject ? .object : .array, start: Int32(truncatingIfNeeded: start),
        end: Int32(truncatingIfNeeded: end), node: Int32(truncatingIfNeeded: node))
    }
    isIndexing = wasIndexing
    return end
  }

  private mutating func array(_ start: Int, _ depth: Int) -> Int {
    var index = skipSpace(start)
    guard index < count else { return -1 }
    if text[index] == UInt8(ascii: "]") { return index + 1 }
    while true {
      index = value(index, depth, -1)
      guard index >= 0 else { return -1 }
      index = skipSpace(index)
      guard index < count else { return -1 }
      if text[index] == UInt8(ascii: "]") { return index + 1 }
      guard text[index] == UInt8(ascii: ",") else { return -1 }
      index = skipSpace(index + 1)
      guard index < count else { return -1 }
    }
  }

  private mutating func object(_ start: Int, _ depth: Int, _ path: Int) -> Int {
    var index = skipSpace(start)
    guard index < count else { return -1 }
    if text[index] == UInt8(ascii: "}") { return index + 1 }
    while true {
      guard text[index] == UInt8(ascii: "\"") else { return -1 }
      let key = index + 1
      index = string(key)
      guard index >= 0 else { return -1 }
      let below = path >= 0 ? child(of: path, key, index, hasEscapes) : -1
      if isIndexing { add(.string, hasEscapes, key, index) }
      index = skipSpace(index + 1)
      guard index < count, text[index] == UInt8(ascii: ":") else { return -1 }
      index = skipSpace(index + 1)
      guard index < count else { return -1 }
      index = value(index, depth, below)
      guard index >= 0 else { return -1 }
      index = skipSpace(index)
      guard index < count else { return -1 }
      if text[index] == UInt8(ascii: "}") { return index + 1 }
      guard text[index] == UInt8(ascii: ",") else { return -1 }
      index = skipSpace(index + 1)
      guard index < count else { return -1 }
    }
  }

  /// Returns the node of the key from `start` to `end` below `path`, and empties its slots, because the last of repeated
  /// keys counts. Returns -1 if the key isn't wanted.
  @inline(__always)
  private func child(of path: Int, _ start: Int, _ end: Int, _ hasEscapes: Bool) -> Int {
    let (first, last) = paths[path].children
    guard first < last else { return -1 }
    if hasEscapes { return escapedChild(of: path, start, end) }
    let length = end - start
    var prefix = UnsafeRawPointer(text + start).loadUnaligned(as: UInt64.self).littleEndian
    if length < 8 { prefix &= (1 << UInt64(truncatingIfNeeded: 8 * length)) &- 1 }
    for candidate in Int(first)..<Int(last)
    where paths[candidate].prefix == prefix && paths[candidate].length == length {
      guard length <= 8 || memcmp(text + start + 8, names + Int(paths[candidate].rest), length - 8) == 0
      else { continue }
      empty(candidate)
      return candidate
    }
    return -1
  }

  private func empty(_ path: Int) {
    for slot in Int(paths[path].slots.first)..<Int(paths[path].slots.end) { slots[slot].kind = nil }
  }

  /// `child` for a key with escapes.
  private func escapedChild(of path: Int, _ start: Int, _ end: Int) -> Int {
    let node = JSONNode(
      kind: .string, isSpecial: true, start: Int32(truncatingIfNeeded: start),
      end: Int32(truncatingIfNeeded: end), next: 0)
    let key = Array(JSONText.unescaped(node, of: UnsafeBufferPointer(start: text, count: count)).utf8)
    let prefix = PathTree.prefix(key)
    for candidate in Int(paths[path].children.first)..<Int(paths[path].children.end)
    where paths[candidate].prefix == prefix && paths[candidate].length == key.count {
      guard
        key.count <= 8
          || key.withUnsafeBufferPointer({ bytes in
            bytes.dropFirst(8).elementsEqual(
              UnsafeBufferPointer(start: names + Int(paths[candidate].rest), count: key.count - 8))
          })
      else { continue }
      empty(candidate)
      return candidate
    }
    return -1
  }

  // MARK: The index

  /// Fills the slots as `scan` does, but from the index of the whole text, without scanning it again.
  func fill(_ index: Int = 0, _ path: Int = 0) {
    let node = nodes[index]
    if paths[path].slot >= 0 {
      slots[Int(paths[path].slot)] = PayloadSlot(
        kind: node.kind, isSpecial: node.isSpecial,
        hasExponent: node.kind == .number && node.isSpecial && hasExponent(node), start: node.start,
        end: node.end, node: Int32(truncatingIfNeeded: index))
    }
    guard node.kind == .object, paths[path].children.first < paths[path].children.end else { return }
    var key = index + 1
    while key < Int(node.next) {
      let below = child(of: path, Int(nodes[key].start), Int(nodes[key].end), nodes[key].isSpecial)
      if below >= 0 { fill(key + 1, below) }
      key = Int(nodes[key + 1].next)
    }
  }

  private func hasExponent(_ node: JSONNode) -> Bool {
    (Int(node.start)..<Int(node.end)).contains { text[$0] | 0x20 == UInt8(ascii: "e") }
  }

  // MARK: Strings

  private static let ones: UInt64 = 0x0101_0101_0101_0101

  /// The position of the closing quote of the string that begins at `start`; -1 if the string isn't JSON.
  @inline(__always)
  private mutating func string(_ start: Int) -> Int {
    hasEscapes = false
    var index = start
    while true {
      // Sets the top bit of each byte that is a quote, a backslash, a control character or not ASCII. Only the lowest bit
      // set is reliable (Hacker's Delight, 6-1).
      let word = UnsafeRawPointer(text + index).loadUnaligned(as: UInt64.self).littleEndian
      let quote = word ^ (Self.ones &* 0x22)
      let backslash = word ^ (Self.ones &* 0x5C)
      let found =
        ((quote &- Self.ones) & ~quote | (backslash &- Self.ones) & ~backslash
          | (word &- Self.ones &* 0x20) & ~word | word) & (Self.ones &* 0x80)
      guard found != 0 else {
        index += 8
        guard index < count else { return -1 }
        continue
      }
      index += found.trailingZeroBitCount >> 3
      guard index < count else { return -1 }
      if text[index] == UInt8(ascii: "\"") { return index }
      index = special(index)
      guard index >= 0, index < count else { return -1 }
    }
  }

  /// The end of the escape or UTF-8 sequence at `index`; -1 if a string must not contain it.
  private mutating func special(_ index: Int) -> Int {
    let byte = text[index]
    if byte >= 0x80 {
      let length = JSONScanner.sequenceLength(UnsafeBufferPointer(start: text, count: count), at: index)
      return length > 0 ? index + length : -1
    }
    guard byte == UInt8(ascii: "\\"), index + 1 < count else { return -1 }
    hasEscapes = true
    switch text[index + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return index + 2
    case UInt8(ascii: "u"):
      guard index + 6 <= count else { return -1 }
      for offset in 2..<6 where JSONScanner.hexadecimalDigit(text[index + offset]) == nil { return -1 }
      return index + 6
    default: return -1
    }
  }
}
