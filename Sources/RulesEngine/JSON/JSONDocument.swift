import Glibc
import JSON

/// A JSON text (RFC 8259), checked as a whole and indexed; values are made only on request.
///
/// The index has a node for each value and key, in the order of the text, with the number of the node that follows it, so
/// that unwanted values are skipped. One document object is reused for many texts.
final class JSONDocument {
  typealias Node = JSONNode

  private(set) var nodes: [Node] = []
  private(set) var bytes: [UInt8] = []
  /// Pays for the values looked up and made from a message's payload; other documents have none.
  private let budget: Budget?

  init(budget: Budget? = nil) { self.budget = budget }

  /// Reads `text`; throws if it isn't a single JSON value, with optional white space around it.
  func read(_ text: [UInt8]) throws(JSONError) {
    // Copying into the same memory again costs less than an array with two references.
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: text)
    var scanner = JSONScanner(nodes: nodes)
    nodes = []
    defer { nodes = scanner.nodes }
    try scanner.scan(bytes)
  }

  /// Takes over the index of a text that was read elsewhere.
  func take(_ text: [UInt8], _ index: UnsafeBufferPointer<Node>) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: text)
    nodes.removeAll(keepingCapacity: true)
    nodes.append(contentsOf: index)
  }

  // MARK: Values

  /// The value of a whole text.
  static func value(of text: [UInt8]) throws(JSONError) -> Value {
    let document = JSONDocument()
    try document.read(text)
    return document.value(of: 0, version: .v2015)
  }

  /// What it costs to compare a name with a key.
  private static let lookUpCost = 8

  /// The node of the value that `path` leads to from `root`; the last of repeated keys counts. Nil if there is none.
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
    var count = 0
    while key < end {
      if isKey(key, name) { found = key + 1 }
      key = Int(nodes[key + 1].next)
      count += 1
    }
    budget?.take(count &* Self.lookUpCost)
    return found
  }

  private func isKey(_ index: Int, _ name: String) -> Bool {
    let node = nodes[index]
    if node.isSpecial { return string(of: node).utf8.elementsEqual(name.utf8) }
    let count = Int(node.end - node.start)
    guard name.utf8.count == count else { return false }
    // Empty buffers have no address.
    if count == 0 { return true }
    return bytes.withUnsafeBytes { bytes in
      // A native string's bytes are always contiguous.
      name.utf8.withContiguousStorageIfAvailable {
        guard let text = bytes.baseAddress, let name = $0.baseAddress else { return false }
        return memcmp(text + Int(node.start), name, count) == 0
      } ?? false
    }
  }

  /// The value of a node, with everything that it contains; Undefined if too little of the budget is left for it.
  func value(of index: Int, version: SQLVersion) -> Value {
    let node = nodes[index]
    if let budget {
      let length = Int(node.end - node.start)
      let cost =
        (Int(node.next) - index) &* Budget.element &+ (node.kind == .number ? length &* Budget.digit : length)
      guard budget.take(cost) else { return .undefined }
    }
    return made(of: index, version: version)
  }

  private func made(of index: Int, version: SQLVersion) -> Value {
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
        elements.append(made(of: child, version: version))
        child = Int(nodes[child].next)
      }
      return .array(elements)
    case .object:
      var object = ObjectValue()
      var key = index + 1
      while key < Int(node.next) {
        object.set(string(of: nodes[key]), made(of: key + 1, version: version))
        key = Int(nodes[key + 1].next)
      }
      return .object(object)
    }
  }

  /// The number of a node; Undefined if it is beyond the dialect's range.
  private func number(of node: Node, version: SQLVersion) -> Value {
    let decimal = decimal(of: node)
    guard let decimal else { return .undefined }
    let isInt = version == .v2016 ? decimal.isWhole : !node.isSpecial
    return .number(Number(decimal: decimal, isInt: isInt && decimal.isWhole))
  }

  /// The number that a node's text stands for; nil if it is beyond the range.
  func decimal(of node: Node) -> Decimal34? {
    bytes.withUnsafeBufferPointer {
      Decimal34(UnsafeBufferPointer(rebasing: $0[Int(node.start)..<Int(node.end)]))
    }
  }

  /// The text of a string or key.
  func string(of node: Node) -> String {
    bytes.withUnsafeBufferPointer { JSONText.unescaped(node, of: $0) }
  }
}
