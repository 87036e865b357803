extension Functions {
  /// Strings in, by conversion; positions count characters (Unicode scalars) from 0.
  static let strings: [Function] = [
    Function(string: "lower") { .string($0.lowercased()) },
    Function(string: "upper") { .string($0.uppercased()) },
    Function(string: "trim") { .string(trimmed($0, start: true, end: true)) },
    Function(string: "ltrim") { .string(trimmed($0, start: true, end: false)) },
    Function(string: "rtrim") { .string(trimmed($0, start: false, end: true)) },
    Function(string: "length") { .int($0.unicodeScalars.count) },
    Function(string: "numbytes") { .int($0.utf8.count) },
    Function("concat", 0...1000, concatenation),
    two("startswith") { .boolean($0.starts(with: $1)) },
    two("endswith") { .boolean($0.count >= $1.count && $0.suffix($1.count).elementsEqual($1)) },
    two("indexof") { .int(place(of: $1[...], in: $0[...]) ?? -1) },
    Function("replace", 3...3) { arguments, _ in
      guard let texts = scalars(arguments) else { return .undefined }
      return .string(replacing(texts[1], in: texts[0], with: texts[2]))
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

  private static func two(
    _ name: String, _ body: @escaping @Sendable ([UnicodeScalar], [UnicodeScalar]) -> Value
  ) -> Function {
    Function(name, 2...2) { arguments, _ in
      scalars(arguments).map { body($0[0], $0[1]) } ?? .undefined
    }
  }

  private static func place(of part: ArraySlice<UnicodeScalar>, in text: ArraySlice<UnicodeScalar>) -> Int? {
    guard part.count <= text.count else { return nil }
    for start in text.startIndex...(text.endIndex - part.count) where text[start...].starts(with: part) {
      return start
    }
    return nil
  }

  private static func replacing(_ part: [UnicodeScalar], in text: [UnicodeScalar], with new: [UnicodeScalar])
    -> String
  {
    var result = String.UnicodeScalarView()
    guard !part.isEmpty else {
      result.append(contentsOf: text)
      return String(result)
    }
    var rest = text[...]
    while let start = place(of: part[...], in: rest) {
      result.append(contentsOf: rest[..<start])
      result.append(contentsOf: new)
      rest = rest[(start + part.count)...]
    }
    result.append(contentsOf: rest)
    return String(result)
  }

  /// With an array among the arguments all become one array, else all become one String.
  private static let concatenation: @Sendable ([Value], Evaluator) -> Value = { arguments, _ in
    guard !arguments.isEmpty else { return .undefined }
    let hasArray = arguments.contains { if case .array = $0 { true } else { false } }
    if hasArray {
      var elements: [Value] = []
      for argument in arguments {
        switch argument {
        case .array(let more): elements += more
        case .undefined: return .undefined
        default: elements.append(argument)
        }
      }
      return .array(elements)
    }
    var text = ""
    for argument in arguments {
      guard let part = argument.asString else { return .undefined }
      text += part
    }
    return .string(text)
  }

  /// 0 to 1000 spaces; a count beyond is brought to the nearer end.
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

  /// From a position, and up to, without, a second one; both are brought into the text.
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
