import Numbers

/// Functions over texts (Presto documentation, "String Functions", "Regular Expression Functions"). Positions count
/// characters (Unicode scalars) from 1.
enum TextFunctions {
  /// The maximum length of a result, in bytes: functions that multiply text must not fill the memory.
  static let lengthLimit = 1 << 20

  static let all: [FunctionFamily] =
    [
      fixed("lower", [.varchar], .varchar) { .text($0[0].text.lowercased()) },
      fixed("upper", [.varchar], .varchar) { .text($0[0].text.uppercased()) },
      fixed("length", [.varchar], .bigint) { .integer(Int64($0[0].text.unicodeScalars.count)) },
      fixed("reverse", [.varchar], .varchar) { .text(text(scalars($0[0]).reversed())) },
      fixed("trim", [.varchar], .varchar) { .text(trimmed($0[0].text, left: true, right: true)) },
      fixed("ltrim", [.varchar], .varchar) { .text(trimmed($0[0].text, left: true, right: false)) },
      fixed("rtrim", [.varchar], .varchar) { .text(trimmed($0[0].text, left: false, right: true)) },
      fixed("replace", [.varchar, .varchar], .varchar) { (values) throws(QueryError) in
        try replaced(values[0].text, values[1].text, "")
      },
      fixed("replace", [.varchar, .varchar, .varchar], .varchar) { (values) throws(QueryError) in
        try replaced(values[0].text, values[1].text, values[2].text)
      },
      fixed("strpos", [.varchar, .varchar], .bigint) { .integer(position(of: $0[1].text, in: $0[0].text)) },
      fixed("starts_with", [.varchar, .varchar], .boolean) {
        .boolean($0[0].text.utf8.starts(with: $0[1].text.utf8))
      },
      fixed("lpad", [.varchar, .bigint, .varchar], .varchar) { (values) throws(QueryError) in
        try padded(values, left: true)
      },
      fixed("rpad", [.varchar, .bigint, .varchar], .varchar) { (values) throws(QueryError) in
        try padded(values, left: false)
      },
      fixed("chr", [.bigint], .varchar) { (values) throws(QueryError) in
        guard let code = UInt32(exactly: values[0].integer), let scalar = Unicode.Scalar(code) else {
          throw QueryError("Not a valid Unicode code point: \(values[0].integer)")
        }
        return .text(String(Character(scalar)))
      },
      fixed("codepoint", [.varchar], .integer) { (values) throws(QueryError) in
        let all = scalars(values[0])
        guard all.count == 1 else { throw QueryError("codepoint() takes one character") }
        return .integer(Int64(all[0].value))
      },
      fixed("split", [.varchar, .varchar], .array(.varchar)) { (values) throws(QueryError) in
        .list(try split(values[0].text, values[1].text, limit: .max))
      },
      fixed("split", [.varchar, .varchar, .bigint], .array(.varchar)) { (values) throws(QueryError) in
        guard values[2].integer > 0 else { throw QueryError("Limit must be positive") }
        return .list(try split(values[0].text, values[1].text, limit: Int(values[2].integer)))
      },
      fixed("split_part", [.varchar, .varchar, .bigint], .varchar) { (values) throws(QueryError) in
        guard values[2].integer > 0 else { throw QueryError("Index must be greater than zero") }
        let parts = try split(values[0].text, values[1].text, limit: .max)
        return parts[ifPresent: Int(clamping: values[2].integer - 1)] ?? .null
      },
      fixed("hamming_distance", [.varchar, .varchar], .bigint) { (values) throws(QueryError) in
        let (left, right) = (scalars(values[0]), scalars(values[1]))
        guard left.count == right.count else {
          throw QueryError("The input strings to hamming_distance function must have the same length")
        }
        return .integer(Int64(zip(left, right).count { $0 != $1 }))
      },
      fixed("levenshtein_distance", [.varchar, .varchar], .bigint) { (values) throws(QueryError) in
        let (left, right) = (scalars(values[0]), scalars(values[1]))
        guard left.count.saturatingMultiply(right.count) < 10_000_000 else {
          throw QueryError("The texts are too long for levenshtein_distance()")
        }
        var row = Array(0...right.count)
        for (index, one) in left.enumerated() {
          var diagonal = row[0]
          row[0] = index + 1
          for (place, other) in right.enumerated() {
            let next = min(diagonal + (one == other ? 0 : 1), row[place] + 1, row[place + 1] + 1)
            diagonal = row[place + 1]
            row[place + 1] = next
          }
        }
        return .integer(Int64(row[right.count]))
      },
      fixed("like", [.varchar, .varchar], .boolean) { (values) throws(QueryError) in
        .boolean(try LikePattern(values[1].text, escape: nil).matches(values[0].text))
      },
      fixed("like", [.varchar, .varchar, .varchar], .boolean) { (values) throws(QueryError) in
        .boolean(try LikePattern(values[1].text, escape: values[2].text).matches(values[0].text))
      },
      variadicText("concat"), variadicText("||"),
      fixed("regexp_like", [.varchar, .varchar], .boolean) { (values) throws(QueryError) in
        .boolean(
          try RegularExpression.make(values[1].text).firstMatch(in: Array(values[0].text.utf8), from: 0)
            != nil)
      },
      fixed("regexp_extract", [.varchar, .varchar], .varchar) { (values) throws(QueryError) in
        try extracted(values[0].text, values[1].text, group: 0)
      },
      fixed("regexp_extract", [.varchar, .varchar, .bigint], .varchar) { (values) throws(QueryError) in
        try extracted(values[0].text, values[1].text, group: values[2].integer)
      },
      fixed("regexp_extract_all", [.varchar, .varchar], .array(.varchar)) { (values) throws(QueryError) in
        let text = Array(values[0].text.utf8)
        return .list(
          try RegularExpression.make(values[1].text).allMatches(in: text).map { match in
            match[0].map { .text(String(decoding: text[$0], as: UTF8.self)) } ?? .null
          })
      },
      fixed("regexp_split", [.varchar, .varchar], .array(.varchar)) { (values) throws(QueryError) in
        let text = Array(values[0].text.utf8)
        var parts: [Datum] = []
        var start = 0
        for match in try RegularExpression.make(values[1].text).allMatches(in: text) {
          guard let whole = match[0] else { continue }
          parts.append(.text(String(decoding: text[start..<whole.lowerBound], as: UTF8.self)))
          start = whole.upperBound
        }
        return .list(
          try ArrayFunctions.bounded(parts + [.text(String(decoding: text[start...], as: UTF8.self))]))
      },
      fixed("regexp_replace", [.varchar, .varchar], .varchar) { (values) throws(QueryError) in
        .text(try RegularExpression.make(values[1].text).replacing(in: Array(values[0].text.utf8), with: []))
      },
      fixed("regexp_replace", [.varchar, .varchar, .varchar], .varchar) { (values) throws(QueryError) in
        .text(
          try RegularExpression.make(values[1].text).replacing(
            in: Array(values[0].text.utf8), with: Array(values[2].text.utf8)))
      },
    ]
    + ["substr", "substring"].flatMap { name in
      [
        fixed(name, [.varchar, .bigint], .varchar) { .text(part(scalars($0[0]), $0[1].integer, .max)) },
        fixed(name, [.varchar, .bigint, .bigint], .varchar) {
          .text(part(scalars($0[0]), $0[1].integer, $0[2].integer))
        },
      ]
    }

  private static func variadicText(_ name: String) -> FunctionFamily {
    generic(name, "\(name)(varchar, ...)") { types in
      guard types.count >= 2, types.allSatisfy({ $0.coerces(to: .varchar) }) else { return nil }
      return ScalarFunction(name: name, parameters: types.map { _ in .varchar }, result: .varchar) {
        (values, _) throws(QueryError) in
        .text(try bounded(values.map(\.text).joined()))
      }
    }
  }

  static func bounded(_ text: String) throws(QueryError) -> String {
    guard text.utf8.count <= lengthLimit else {
      throw QueryError("A text is longer than \(lengthLimit) bytes")
    }
    return text
  }

  private static func scalars(_ datum: Datum) -> [Unicode.Scalar] { Array(datum.text.unicodeScalars) }

  private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  private static func trimmed(_ value: String, left: Bool, right: Bool) -> String {
    var rest = value.unicodeScalars[...]
    if left { rest = rest.drop { $0.properties.isWhitespace } }
    if right { while let last = rest.last, last.properties.isWhitespace { rest.removeLast() } }
    return String(rest)
  }

  private static func replaced(_ text: String, _ old: String, _ new: String) throws(QueryError) -> Datum {
    if old.isEmpty {
      // Presto puts the replacement before each character and at the end.
      let count = text.unicodeScalars.count + 1
      guard count.saturatingMultiply(new.utf8.count).saturatingAdd(text.utf8.count) <= lengthLimit else {
        throw QueryError("A text is longer than \(lengthLimit) bytes")
      }
      return .text(new + text.unicodeScalars.map { String($0) + new }.joined())
    }
    let (bytes, old, new) = (Array(text.utf8), Array(old.utf8), Array(new.utf8))
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == old[0], bytes[index...].starts(with: old) {
        result += new
        index += old.count
      } else {
        result.append(bytes[index])
        index += 1
      }
      guard result.count <= lengthLimit else {
        throw QueryError("A text is longer than \(lengthLimit) bytes")
      }
    }
    return .text(String(decoding: result, as: UTF8.self))
  }

  private static func position(of part: String, in whole: String) -> Int64 {
    if part.isEmpty { return 1 }
    guard let range = whole.utf8.firstRange(of: Array(part.utf8)) else { return 0 }
    return Int64(whole.unicodeScalars.distance(from: whole.startIndex, to: range.lowerBound)) + 1
  }

  private static func padded(_ values: [Datum], left: Bool) throws(QueryError) -> Datum {
    let (all, fill) = (scalars(values[0]), scalars(values[2]))
    guard !fill.isEmpty else { throw QueryError("Padding string must not be empty") }
    guard (0...Int64(lengthLimit)).contains(values[1].integer) else {
      throw QueryError("Target length must be in the range [0..\(lengthLimit)]")
    }
    let length = Int(values[1].integer)
    guard length > all.count else { return .text(text(all.prefix(length))) }
    let padding = (0..<length - all.count).map { fill[$0 % fill.count] }
    return .text(try bounded(text(left ? padding + all : all + padding)))
  }

  private static func part(_ all: [Unicode.Scalar], _ start: Int64, _ length: Int64) -> String {
    let count = Int64(all.count)
    guard start != 0, length > 0, start <= count, start >= -count else { return "" }
    let first = start > 0 ? start - 1 : count + start
    return text(all[Int(first)..<Int(min(count, first.saturatingAdd(length)))])
  }

  private static func split(_ text: String, _ delimiter: String, limit: Int) throws(QueryError) -> [Datum] {
    guard !delimiter.isEmpty else { throw QueryError("The delimiter may not be the empty string") }
    let (bytes, delimiter) = (Array(text.utf8), Array(delimiter.utf8))
    var parts: [Datum] = []
    var start = 0
    var index = 0
    while index + delimiter.count <= bytes.count, parts.count + 1 < limit {
      if bytes[index] == delimiter[0], bytes[index...].starts(with: delimiter) {
        parts.append(.text(String(decoding: bytes[start..<index], as: UTF8.self)))
        index += delimiter.count
        start = index
      } else {
        index += 1
      }
    }
    parts.append(.text(String(decoding: bytes[start...], as: UTF8.self)))
    return parts
  }

  private static func extracted(_ text: String, _ pattern: String, group: Int64) throws(QueryError) -> Datum {
    let expression = try RegularExpression.make(pattern)
    guard group >= 0, group <= Int64(expression.groupCount) else {
      throw QueryError("Pattern has \(expression.groupCount) groups. Cannot access group \(group)")
    }
    let bytes = Array(text.utf8)
    guard let match = try expression.firstMatch(in: bytes, from: 0),
      let range = match[ifPresent: Int(group)] ?? nil
    else {
      return .null
    }
    return .text(String(decoding: bytes[range], as: UTF8.self))
  }
}

/// A LIKE pattern: `%` stands for any characters, `_` for one. Case-sensitive.
struct LikePattern {
  private enum Part { case any, one, scalar(Unicode.Scalar) }
  private let parts: [Part]

  init(_ pattern: String, escape: String?) throws(QueryError) {
    let escapes = escape.map { Array($0.unicodeScalars) }
    guard escapes.map({ $0.count == 1 }) ?? true else {
      throw QueryError("Escape string must be a single character")
    }
    var parts: [Part] = []
    var isEscaped = false
    for scalar in pattern.unicodeScalars {
      if isEscaped {
        guard scalar == "%" || scalar == "_" || scalar == escapes?[0] else {
          throw QueryError("Escape character must be followed by '%', '_' or the escape character itself")
        }
        parts.append(.scalar(scalar))
        isEscaped = false
      } else if scalar == escapes?[0] {
        isEscaped = true
      } else if scalar == "%" {
        if case .any? = parts.last {} else { parts.append(.any) }
      } else {
        parts.append(scalar == "_" ? .one : .scalar(scalar))
      }
    }
    guard !isEscaped else {
      throw QueryError("Escape character must be followed by '%', '_' or the escape character itself")
    }
    self.parts = parts
  }

  /// Backtracks only to the last `%`, so that the time is at most proportional to the product of the lengths.
  func matches(_ text: String) -> Bool {
    let text = Array(text.unicodeScalars)
    var (index, part) = (0, 0)
    var retry: (index: Int, part: Int)?
    while index < text.count {
      if part < parts.count {
        switch parts[part] {
        case .any:
          retry = (index, part)
          part += 1
          continue
        case .one:
          index += 1
          part += 1
          continue
        case .scalar(let scalar) where scalar == text[index]:
          index += 1
          part += 1
          continue
        case .scalar: break
        }
      }
      guard let last = retry else { return false }
      retry = (last.index + 1, last.part)
      index = last.index + 1
      part = last.part + 1
    }
    return parts[part...].allSatisfy { if case .any = $0 { true } else { false } }
  }
}
