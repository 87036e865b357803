import JSON

/// A payload that was read: its text, and the nodes that were indexed.
struct PlanPayload {
  var text: UnsafePointer<UInt8>
  var count: Int
  var nodes: UnsafePointer<JSONNode>

  /// The text of a node that isn't an array or an object, without escapes.
  func string(_ node: JSONNode) -> String {
    JSONText.unescaped(node, of: UnsafeBufferPointer(start: text, count: count))
  }

  /// The value of a node, with everything that it contains, as the plain evaluator represents it.
  func value(of index: Int, _ version: SQLVersion) -> Value {
    let node = nodes[index]
    switch node.kind {
    case .null: return .null
    case .yes: return .boolean(true)
    case .no: return .boolean(false)
    case .string: return .string(string(node))
    case .number:
      let text = UnsafeBufferPointer(start: self.text + Int(node.start), count: Int(node.end - node.start))
      guard let decimal = Decimal34(text) else { return .undefined }
      let isInt = (version == .v2016 || !node.isSpecial) && decimal.isWhole
      return .number(Number(decimal: decimal, isInt: isInt))
    case .array:
      var elements: [Value] = []
      var child = index + 1
      while child < Int(node.next) {
        elements.append(value(of: child, version))
        child = Int(nodes[child].next)
      }
      return .array(elements)
    case .object:
      var object = ObjectValue()
      var key = index + 1
      while key < Int(node.next) {
        object.set(string(nodes[key]), value(of: key + 1, version))
        key = Int(nodes[key + 1].next)
      }
      return .object(object)
    }
  }
}
