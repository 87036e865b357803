/// A text with substitution templates, `${expression}`, as in the fields of actions.
public struct Template: Sendable {
  enum Part: Sendable { case text(String), expression(Expression) }

  let parts: [Part]
  /// The text as it was written.
  public let source: String
  /// Calls of other AWS services in its expressions. Those expressions stay as they were written.
  let unsupported: [SQLError]

  /// Reads `text`, whose expressions may use `variables` of SET.
  public init(_ text: String, variables: [String] = []) throws(SQLError) {
    source = text
    var unsupported: [SQLError] = []
    var parts: [Part] = []
    let bytes = Array(text.utf8)
    var plain = 0
    var index = 0
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "$"), index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "{")
      else {
        index += 1
        continue
      }
      if plain < index { parts.append(.text(String(decoding: bytes[plain..<index], as: UTF8.self))) }
      guard let end = Self.end(bytes, from: index + 2) else {
        throw SQLError("a substitution template '${' that is never closed", at: index, in: bytes)
      }
      let expression = String(decoding: bytes[index + 2..<end], as: UTF8.self)
      let parsed = try Parser.expression(expression, variables: variables)
      unsupported += parsed.unsupported
      parts.append(
        parsed.unsupported.isEmpty ? .expression(parsed.expression) : .text("${\(expression)}"))
      index = end + 1
      plain = index
    }
    if plain < bytes.count { parts.append(.text(String(decoding: bytes[plain...], as: UTF8.self))) }
    self.parts = parts
    self.unsupported = unsupported
    isConstant = unsupported.isEmpty && parts.allSatisfy { if case .text = $0 { true } else { false } }
  }

  /// A filter for the topics that the template can produce: `+` stands for a level that is `${topic(n)}`. It is `#` if
  /// the template may produce other topics.
  public var topicFilter: String {
    var filter = ""
    for part in parts {
      switch part {
      case .text(let text) where !text.contains(where: { "+#".contains($0) }): filter += text
      case .expression(.call(let function, let arguments))
      where function.name == "topic" && arguments.count == 1:
        filter += "+"
      default: return "#"
      }
    }
    let levels = filter.split(separator: "/", omittingEmptySubsequences: false)
    return levels.allSatisfy { $0 == "+" || !$0.contains("+") } ? filter : "#"
  }

  /// The place of the brace that closes an expression, which may itself have braces and strings.
  private static func end(_ bytes: [UInt8], from start: Int) -> Int? {
    var depth = 0
    var quote: UInt8?
    for index in start..<bytes.count {
      let byte = bytes[index]
      if let open = quote {
        if byte == open { quote = nil }
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        quote = byte
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        if depth == 0 { return index }
        depth -= 1
      }
    }
    return nil
  }

  var expressions: [Expression] {
    parts.compactMap { if case .expression(let expression) = $0 { expression } else { nil } }
  }

  /// Whether it has no expression.
  public let isConstant: Bool

  /// The text for a message; Undefined becomes an empty text.
  func text(_ evaluator: Evaluator) throws(LimitError) -> String {
    if isConstant { return source }
    var result = ""
    for part in parts {
      switch part {
      case .text(let text): result += text
      case .expression(let expression): result += evaluator.text(of: evaluator.value(of: expression)) ?? ""
      }
      if result.utf8.count > EvaluationLimits.bytes { evaluator.budget.exceed(.length) }
      if let excess = evaluator.budget.excess { throw excess }
    }
    return result
  }
}
