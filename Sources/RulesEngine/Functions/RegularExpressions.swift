internal import CPCRE2

extension Functions {
  /// AWS refers to Java's regular expressions; PCRE2's behave the same for what both document. An invalid pattern makes
  /// the call Undefined; a pattern that exceeds a limit, when compiled or matched, ends the evaluation.
  static let regularExpressions: [Function] = [
    Function("regexp_matches", 2...2) { arguments, evaluator in
      matching(arguments, evaluator) { expression, text throws(LimitError) in
        .boolean(try expression.firstMatch(in: text, from: 0) != nil)
      }
    },
    Function("regexp_substr", 2...2) { arguments, evaluator in
      matching(arguments, evaluator) { expression, text throws(LimitError) in
        guard let match = try expression.firstMatch(in: text, from: 0) else { return .undefined }
        return .string(String(decoding: text[match[0] ?? 0..<0], as: UTF8.self))
      }
    },
    Function("regexp_replace", 3...3) { arguments, evaluator in
      guard let replacement = arguments[2].asString else { return .undefined }
      return matching(arguments, evaluator) { expression, text throws(LimitError) in
        .string(try expression.replacing(in: text, with: Array(replacement.utf8)))
      }
    },
  ]

  private static func matching(
    _ arguments: [Value], _ evaluator: Evaluator,
    _ body: (RegularExpression, [UInt8]) throws(LimitError) -> Value
  ) -> Value {
    guard let text = arguments[0].asString, let pattern = arguments[1].asString else { return .undefined }
    do throws(LimitError) {
      guard let expression = try RegularExpression(pattern, evaluator.budget) else { return .undefined }
      return try body(expression, Array(text.utf8))
    } catch {
      evaluator.budget.exceed(error)
      return .undefined
    }
  }
}

/// A compiled pattern for one call of a function; its cost is taken from the message's budget.
private final class RegularExpression {
  private let code: OpaquePointer
  private let data: OpaquePointer
  private let context: OpaquePointer
  private let spent: UnsafeMutablePointer<ts_pcre2_budget>
  private let budget: Budget
  /// Nil if the text isn't a valid pattern.
  init?(_ pattern: String, _ budget: Budget) throws(LimitError) {
    let bytes = Array(pattern.utf8)
    guard bytes.count <= EvaluationLimits.patternBytes else { throw .pattern }
    guard budget.take(Int(clamping: ts_pcre2_compile_cost(bytes, bytes.count))) else { throw .work }
    guard let code = ts_pcre2_compile(bytes, bytes.count) else { return nil }
    guard ts_pcre2_group_count(code) <= EvaluationLimits.patternGroups else {
      ts_pcre2_free(code)
      throw .pattern
    }
    spent = .allocate(capacity: 1)
    spent.initialize(to: ts_pcre2_budget())
    guard let data = ts_pcre2_data(code), let context = ts_pcre2_context(code, bytes, bytes.count, spent)
    else {
      ts_pcre2_free(code)
      spent.deallocate()
      throw .pattern
    }
    self.code = code
    self.data = data
    self.context = context
    self.budget = budget
  }

  deinit {
    ts_pcre2_free_data(data)
    ts_pcre2_free_context(context)
    ts_pcre2_free(code)
    spent.deallocate()
  }

  /// The ranges of the whole match and of each group; a group that took no part is nil.
  func firstMatch(in text: [UInt8], from start: Int) throws(LimitError) -> [Range<Int>?]? {
    let left = UInt64(clamping: budget.left)
    spent.pointee.left = left
    let count = ts_pcre2_match(code, text, text.count, start, data, context, spent)
    guard budget.take(Int(clamping: left - min(left, spent.pointee.left)) + Budget.step) else { throw .work }
    guard count != TS_PCRE2_NOMATCH else { return nil }
    guard count > 0, let offsets = ts_pcre2_offsets(data) else {
      throw spent.pointee.left == 0 ? .work : .pattern
    }
    return (0..<Int(count)).map { group in
      let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
      return start <= end && end <= text.count ? start..<end : nil
    }
  }

  /// Replaces all matches; `$1` is a group, as in Java's `replaceAll`.
  func replacing(in text: [UInt8], with replacement: [UInt8]) throws(LimitError) -> String {
    var result: [UInt8] = []
    var position = 0
    var copied = 0
    while position <= text.count, let match = try firstMatch(in: text, from: position), let whole = match[0] {
      result += text[copied..<whole.lowerBound]
      guard budget.take(replacement.count) else { throw .work }
      append(replacement, groups: match, of: text, to: &result)
      guard result.count <= EvaluationLimits.bytes else { throw .length }
      copied = whole.upperBound
      position = whole.upperBound
      if whole.isEmpty {
        // After an empty match, the search continues after the next character with all its bytes.
        position += 1
        while position < text.count, text[position] & 0xC0 == 0x80 { position += 1 }
      }
    }
    return String(decoding: result + text[copied...], as: UTF8.self)
  }

  private func append(
    _ replacement: [UInt8], groups: [Range<Int>?], of text: [UInt8], to result: inout [UInt8]
  ) {
    var index = 0
    while index < replacement.count {
      let byte = replacement[index]
      let next = index + 1 < replacement.count ? replacement[index + 1] : 0
      if byte == UInt8(ascii: "$"), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) {
        let group = Int(next - UInt8(ascii: "0"))
        if group < groups.count, let range = groups[group] { result += text[range] }
        index += 2
      } else if byte == UInt8(ascii: "\\"), index + 1 < replacement.count {
        result.append(next)
        index += 2
      } else {
        result.append(byte)
        index += 1
      }
    }
  }
}
