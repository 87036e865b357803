import Numbers

internal import CPCRE2

/// A compiled pattern. For what Presto documents, PCRE2's syntax is the same as Java's. The cost of a call is limited.
final class RegularExpression {
  private let code: OpaquePointer
  private let data: OpaquePointer
  private let context: OpaquePointer
  private let budget: UnsafeMutablePointer<ts_pcre2_budget>
  let groupCount: Int
  /// The maximum number of bytes that a call of a function may read while it matches; each takes about a nanosecond.
  private static let workLimit: UInt64 = 1 << 28
  private static let patternLimit = 32_768
  /// The maximum number of groups: each one enlarges every backtracking point that is kept.
  private static let groupLimit: Int32 = 100

  static func make(_ pattern: String) throws(QueryError) -> RegularExpression {
    let bytes = Array(pattern.utf8)
    guard ts_pcre2_compile_cost(bytes, bytes.count) <= workLimit else {
      throw QueryError("The regular expression takes too long")
    }
    guard bytes.count <= patternLimit, let code = ts_pcre2_compile(bytes, bytes.count) else {
      throw QueryError("Invalid regular expression: \(pattern.prefix(100))")
    }
    guard ts_pcre2_group_count(code) <= groupLimit else {
      ts_pcre2_free(code)
      throw QueryError("The regular expression has more than \(groupLimit) groups")
    }
    return RegularExpression(code, bytes)
  }

  private init(_ code: OpaquePointer, _ pattern: [UInt8]) {
    self.code = code
    data = ts_pcre2_data(code)
    budget = .allocate(capacity: 1)
    budget.initialize(to: ts_pcre2_budget())
    context = ts_pcre2_context(code, pattern, pattern.count, budget)
    groupCount = max(0, Int(ts_pcre2_group_count(code)))
  }

  deinit {
    ts_pcre2_free_data(data)
    ts_pcre2_free_context(context)
    ts_pcre2_free(code)
    budget.deallocate()
  }

  /// The ranges of the whole match and of each group, nil for a group that didn't match; nil if nothing matches.
  func firstMatch(in text: [UInt8], from start: Int) throws(QueryError) -> [Range<Int>?]? {
    budget.pointee.left = Self.workLimit
    return try nextMatch(in: text, from: start)
  }

  private func nextMatch(in text: [UInt8], from start: Int) throws(QueryError) -> [Range<Int>?]? {
    let count = ts_pcre2_match(code, text, text.count, start, data, context, budget)
    if count < TS_PCRE2_NOMATCH { throw QueryError("The regular expression takes too long") }
    guard count > 0, let offsets = ts_pcre2_offsets(data) else { return nil }
    return (0...groupCount).map { group in
      guard group < Int(count) else { return nil }
      let (start, end) = (offsets[2 * group], offsets[2 * group + 1])
      return start <= end && end <= text.count ? start..<end : nil
    }
  }

  func allMatches(in text: [UInt8]) throws(QueryError) -> [[Range<Int>?]] {
    var matches: [[Range<Int>?]] = []
    var position = 0
    budget.pointee.left = Self.workLimit
    while position <= text.count, let match = try nextMatch(in: text, from: position), let whole = match[0] {
      matches.append(match)
      position = whole.upperBound
      if whole.isEmpty {
        // An empty match is followed by the next character, with all its bytes.
        position += 1
        while position < text.count, text[position] & 0xC0 == 0x80 { position += 1 }
      }
    }
    return matches
  }

  /// Replaces all matches; `$1` stands for a group.
  func replacing(in text: [UInt8], with replacement: [UInt8]) throws(QueryError) -> String {
    var result: [UInt8] = []
    var copied = 0
    for match in try allMatches(in: text) {
      guard let whole = match[0] else { continue }
      result += text[copied..<whole.lowerBound]
      var index = 0
      while index < replacement.count {
        let next = replacement[ifPresent: index + 1] ?? 0
        if replacement[index] == UInt8(ascii: "$"), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) {
          if let range = match[ifPresent: Int(next - UInt8(ascii: "0"))] ?? nil { result += text[range] }
          index += 2
        } else if replacement[index] == UInt8(ascii: "\\"), index + 1 < replacement.count {
          result.append(next)
          index += 2
        } else {
          result.append(replacement[index])
          index += 1
        }
      }
      guard result.count <= TextFunctions.lengthLimit else {
        throw QueryError("A text is longer than \(TextFunctions.lengthLimit) bytes")
      }
      copied = whole.upperBound
    }
    return String(decoding: result + text[copied...], as: UTF8.self)
  }
}
