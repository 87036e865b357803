internal import CLinux

extension Functions {
  /// Functions on Strings. Arguments are converted to Strings; positions count characters (Unicode scalars) from 0.
  static let strings: [Function] = [
    Function(string: "lower") { .string($0.lowercased()) },
    Function(string: "upper") { .string($0.uppercased()) },
    Function(string: "trim") { .string(trimmed($0, start: true, end: true)) },
    Function(string: "ltrim") { .string(trimmed($0, start: true, end: false)) },
    Function(string: "rtrim") { .string(trimmed($0, start: false, end: true)) },
    Function(string: "length") { .int($0.unicodeScalars.count) },
    Function(string: "numbytes") { .int($0.utf8.count) },
    Function("concat", 0...1000, takesContainers: true, concatenation),
    two("startswith") { .boolean($0.starts(with: $1)) },
    two("endswith") { .boolean($0.count >= $1.count && $0.suffix($1.count).elementsEqual($1)) },
    two("indexof") { text, part in
      // A position counts characters, so bytes that continue a character are left out.
      place(of: part, in: text[...]).map { .int(text[..<$0].count { $0 & 0xC0 != 0x80 }) } ?? .int(-1)
    },
    Function("replace", 3...3) { arguments, evaluator in
      guard let text = arguments[0].asString, let old = arguments[1].asString, let new = arguments[2].asString
      else { return .undefined }
      return replacing(Array(old.utf8), in: Array(text.utf8), with: Array(new.utf8), evaluator)
    },
    padding("lpad") { text, spaces in spaces + text }, padding("rpad") { text, spaces in text + spaces },
    Function("substring", 2...3, substring),
    Function("chr") { value, _ in
      guard let code = value.asIntegerArgument, let scalar = UInt32(exactly: code).flatMap(UnicodeScalar.init)
      else { return .undefined }
      return .string(String(scalar))
    },
  ]

  private static func trimmed(_ text: String, start: Bool, end: Bool) -> String {
    var scalars = Substring(text).unicodeScalars
    while start, let first = scalars.first, first == " " || first == "\t" { scalars.removeFirst() }
    while end, let last = scalars.last, last == " " || last == "\t" { scalars.removeLast() }
    return String(Substring(scalars))
  }

  private static func scalars(_ values: [Value]) -> [[UnicodeScalar]]? {
    var result: [[UnicodeScalar]] = []
    for value in values {
      guard let text = value.asString else { return nil }
      result.append(Array(text.unicodeScalars))
    }
    return result
  }

  /// A function of two texts as UTF-8, where equal texts have equal bytes.
  private static func two(
    _ name: String, _ body: @escaping @Sendable ([UInt8], [UInt8]) -> Value
  ) -> Function {
    Function(name, 2...2) { arguments, _ in
      guard let one = arguments[0].asString, let other = arguments[1].asString else { return .undefined }
      return body(Array(one.utf8), Array(other.utf8))
    }
  }

  /// Where `part` begins in `text`, found in linear time whatever they are.
  private static func place(of part: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
    text.withUnsafeBytes { text -> Int? in
      guard !part.isEmpty else { return 0 }
      guard let start = text.baseAddress, let found = ts_memmem(start, text.count, part, part.count) else {
        return nil
      }
      return UnsafeRawPointer(found) - start
    }.map { text.startIndex + $0 }
  }

  private static func replacing(
    _ part: [UInt8], in text: [UInt8], with new: [UInt8], _ evaluator: Evaluator
  ) -> Value {
    guard !part.isEmpty else { return .string(String(decoding: text, as: UTF8.self)) }
    var result: [UInt8] = []
    var rest = text[...]
    while let start = place(of: part, in: rest) {
      result += rest[..<start]
      result += new
      rest = rest[(start + part.count)...]
      guard evaluator.budget.take(Budget.step), result.count <= EvaluationLimits.bytes else {
        evaluator.budget.exceed(.length)
        return .undefined
      }
    }
    return .string(String(decoding: result + rest, as: UTF8.self))
  }

  /// If an argument is an array, all arguments become one array; otherwise they become one String.
  private static let concatenation: @Sendable ([Value], Evaluator) -> Value = { arguments, evaluator in
    guard !arguments.isEmpty else { return .undefined }
    let hasArray = arguments.contains { if case .array = $0 { true } else { false } }
    if hasArray {
      var elements: [Value] = []
      for argument in arguments {
        switch argument {
        case .array(let more):
          guard evaluator.budget.take(more.count, times: Budget.element) else { return .undefined }
          elements += more
        case .undefined: return .undefined
        default: elements.append(argument)
        }
      }
      return .array(elements)
    }
    var text = ""
    for argument in arguments {
      guard let part = evaluator.text(of: argument) else { return .undefined }
      text += part
      if text.utf8.count > EvaluationLimits.bytes { break }
    }
    return .string(text)
  }

  /// Pads with 0 to 1000 spaces; a count outside this range is clamped to it.
  private static func padding(_ name: String, _ body: @escaping @Sendable (String, String) -> String)
    -> Function
  {
    Function(name, 2...2) { arguments, _ in
      guard let text = arguments[0].asString, let count = arguments[1].asIntegerArgument else {
        return .undefined
      }
      return .string(body(text, String(repeating: " ", count: max(0, min(count, 1000)))))
    }
  }

  /// The text from a position to its end, or to a second position (exclusive); both are clamped to the text.
  private static let substring: @Sendable ([Value], Evaluator) -> Value = { arguments, _ in
    guard let text = scalars([arguments[0]])?[0], let from = arguments[1].asIntegerArgument else {
      return .undefined
    }
    var end = text.count
    if arguments.count == 3 {
      guard let to = arguments[2].asIntegerArgument else { return .undefined }
      end = max(0, min(to, text.count))
    }
    let start = max(0, min(from, text.count))
    guard start < end else { return .string("") }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: text[start..<end])
    return .string(String(result))
  }
}
