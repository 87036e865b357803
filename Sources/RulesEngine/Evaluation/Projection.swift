import JSON

/// A select list of plainly named items, written as JSON while it is evaluated: names and casts of names, nearly all
/// that rules select, are taken from the payload's text without a value in between.
///
/// `Evaluator.result(of:)` is the reference; a test holds them equal.
struct Projection: Sendable {
  private struct Item: Sendable {
    /// `"name":`.
    let key: [UInt8]
    let source: Source
  }

  private enum Source: Sendable {
    case path([String])
    case cast([String], Expression.CastType)
    case expression(Expression)
  }

  private let items: [Item]
  private let condition: Expression?

  /// Nil where the list has `*`, `VALUE`, an alias with dots, a name twice, or a name for the row.
  init?(_ select: Select) {
    guard case .list(let list) = select.items, select.alias == nil else { return nil }
    var names: Set<String> = []
    var items: [Item] = []
    for item in list {
      guard case .expression(let expression, let path) = item, path.count == 1, names.insert(path[0]).inserted
      else { return nil }
      var key: [UInt8] = []
      JSONText.appendString(path[0], to: &key)
      key.append(UInt8(ascii: ":"))
      let source: Source =
        switch expression {
        case .path(let names): .path(names)
        case .cast(.path(let names), let type) where type == .decimal || type == .int: .cast(names, type)
        default: .expression(expression)
        }
      items.append(Item(key: key, source: source))
    }
    self.items = items
    condition = select.condition
  }

  /// Appends the object; false where WHERE lets nothing through. If the evaluator's budget is exceeded then, what was
  /// appended is a part only.
  func append(_ document: JSONDocument, _ evaluator: Evaluator, to bytes: inout [UInt8]) -> Bool {
    if let condition, evaluator.value(of: condition).asBoolean != true { return false }
    bytes.append(UInt8(ascii: "{"))
    let begin = bytes.count
    for item in items {
      let start = bytes.count
      if start > begin { bytes.append(UInt8(ascii: ",")) }
      bytes.append(contentsOf: item.key)
      // What is Undefined is left out.
      if !append(item.source, document, evaluator, to: &bytes) { bytes.removeLast(bytes.count - start) }
      guard bytes.count - begin < EvaluationLimits.bytes else {
        evaluator.budget.exceed(.length)
        return true
      }
      guard evaluator.budget.excess == nil else { return true }
    }
    bytes.append(UInt8(ascii: "}"))
    return true
  }

  private func append(
    _ source: Source, _ document: JSONDocument, _ evaluator: Evaluator, to bytes: inout [UInt8]
  ) -> Bool {
    let value: Value
    switch source {
    case .path(let names):
      guard let index = document.find(names) else { return false }
      let node = document.nodes[index]
      if node.kind == .string, !node.isSpecial {
        // A string without escapes needs none: its quotes are in the text, too.
        bytes.append(contentsOf: document.bytes[Int(node.start) - 1...Int(node.end)])
        return true
      }
      value = document.value(of: index, version: evaluator.version)
    case .cast(let names, let type):
      guard let index = document.find(names) else { return false }
      let node = document.nodes[index]
      switch node.kind {
      case .number: value = evaluator.cast(document.value(of: index, version: evaluator.version), type)
      case .string where !node.isSpecial:
        guard !document.bytes[Int(node.start)..<Int(node.end)].contains(UInt8(ascii: "+")) else {
          return false
        }
        guard evaluator.budget.take(Int(node.end - node.start), times: Budget.digit) else { return false }
        let decimal = document.decimal(of: node)
        value =
          type == .int
          ? evaluator.number(decimal?.rounded(.down), isInt: true) : evaluator.number(decimal, isInt: false)
      default: value = evaluator.cast(document.value(of: index, version: evaluator.version), type)
      }
    case .expression(let expression): value = evaluator.value(of: expression)
    }
    if value.isUndefined { return false }
    do throws(LimitError) {
      try value.appendJSON(to: &bytes)
      return true
    } catch {
      evaluator.budget.exceed(error)
      return false
    }
  }
}
