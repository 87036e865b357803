import JSON

/// Positions in documents that people write, for error messages.
extension JSONDocument {
  /// Reads a document that people write. No object in it may have a key twice: the second value would silently win.
  func readChecked(_ text: [UInt8]) throws(JSONError) {
    try read(text)
    for (index, node) in nodes.enumerated() where node.kind == .object {
      var keys: Set<String> = []
      var key = index + 1
      while key < Int(node.next) {
        // With escapes, the same key can be written in another way.
        let name = string(of: nodes[key])
        guard keys.insert(name).inserted else {
          throw error("the key \(JSONText.quoted(name)) appears twice in one object", at: key)
        }
        key = Int(nodes[key + 1].next)
      }
    }
  }

  /// An error at the node with this index.
  func error(_ message: String, at index: Int) -> JSONError {
    let node = nodes[index]
    // A string's node begins after its quotation mark.
    let offset = Int(node.start) - (node.kind == .string ? 1 : 0)
    return bytes.withUnsafeBufferPointer { JSONError(message, at: offset, in: $0) }
  }

  /// The node that a path such as `actions[0].republish.topic` leads to or, if it doesn't exist, the last node on the way
  /// to it.
  func node(at path: String) -> Int {
    var node = 0
    for part in path.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
      if nodes[node].kind == .array, let place = Int(part) {
        let end = Int(nodes[node].next)
        var child = node + 1
        var left = place
        while left > 0, child < end {
          child = Int(nodes[child].next)
          left -= 1
        }
        guard place >= 0, child < end else { return node }
        node = child
      } else {
        guard let next = find([String(part)], from: node) else { return node }
        node = next
      }
    }
    return node
  }
}
