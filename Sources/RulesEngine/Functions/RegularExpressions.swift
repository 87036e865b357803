internal import CPCRE2

extension Functions {
  /// AWS names Java's regular expressions; PCRE2's are the same for what both document. A pattern that is none makes
  /// the call Undefined.
  static let regularExpressions: [Function] = [
    Function("regexp_matches", 2...2) { arguments, _ in
      matching(arguments) { expression, text in .boolean(expression.firstMatch(in: text, from: 0) != nil) }
    },
    Function("regexp_substr", 2...2) { arguments, _ in
      matching(arguments) { expression, text in
        guard let match = expression.firstMatch(in: text, from: 0) else { return .undefined }
        return .string(String(decoding: text[match[0] ?? 0..<0], as: UTF8.self))
      }
    },
    Function("regexp_replace", 3...3) { arguments, _ in
      guard let replacement = arguments[2].asString else { return .undefined }
      return matching(arguments) { expression, text in
        expression.replacing(in: text, with: Array(replacement.utf8)).map { .string($0) } ?? .undefined
      }
    },
  ]

  private static func matching(
    _ arguments: [Value], _ body: (RegularExpression, [UInt8]) -> Value
  ) -> Value {
    guard let text = arguments[0].asString, let pattern = arguments[1].asString,
      let expression = RegularExpression(pattern)
    else { return .undefined }
    return body(expression, Array(text.utf8))
  }
}

/// A compiled pattern.
private final class RegularExpression {
  private let code: OpaquePointer
  private let data: OpaquePointer
  private let context: OpaquePointer
  /// About a second of backtracking.
  private static let matchLimit: UInt32 = 1_000_000
  /// Bytes of a pattern; a longer one takes long to compile.
  private static let patternLimit = 32_768

  init?(_ pattern: String) {
    let bytes = Array(pattern.utf8)
    guard bytes.count <= Self.patternLimit, let code = ts_pcre2_compile(bytes, bytes.count) else { return nil }
    self.code = code
    data = ts_pcre2_data(code)
    context = ts_pcre2_context(Self.matchLimit)
  }

  deinit {
    ts_pcre2_free_data(data)
    ts_pcre2_free_context(context)
    ts_pcre2_free(code)
  }

  /// The ranges of the whole match and of each group; a group that took no part is nil.
  func firstMatch(in text: [UInt8], from start: Int) -> [Range<Int>?]? {
    let count = ts_pcre2_match(code, text, text.count, start, data, context)
    guard count > 0, let offsets = ts_pcre2_offsets(data) else { return nil }
    return (0..<Int(count)).map { group in
      let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
      return start <= end && end <= text.count ? start..<end : nil
    }
  }

  /// Replaces all matches; `$1` is a group, as in Java's `replaceAll`.
  ///
  /// Nil if the result is longer than any payload.
  func replacing(in text: [UInt8], with replacement: [UInt8]) -> String? {
    var result: [UInt8] = []
    var position = 0
    var copied = 0
    while position <= text.count, let match = firstMatch(in: text, from: position), let whole = match[0] {
      result += text[copied..<whole.lowerBound]
      append(replacement, groups: match, of: text, to: &result)
      guard result.count <= EvaluationLimits.bytes else { return nil }
      copied = whole.upperBound
      position = whole.upperBound
      if whole.isEmpty {
        // A match of nothing is followed by the next character, all its bytes.
        position += 1
        while position < text.count, text[position] & 0xC0 == 0x80 { position += 1 }
      }
    }
    result += text[copied...]
    return result.count <= EvaluationLimits.bytes ? String(decoding: result, as: UTF8.self) : nil
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
