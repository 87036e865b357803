import Identity

/// A query of AWS IoT's fleet indexing ("Query syntax", developer guide): terms `field:value` with `*` and `?`, numeric
/// comparisons, AND (which may be omitted), OR, NOT and `-`, parentheses.
indirect enum SearchQuery: Equatable {
  case term(field: String?, Comparison)
  case all([SearchQuery])
  case any([SearchQuery])
  case not(SearchQuery)

  /// The condition that a term sets for a field's value.
  enum Comparison: Equatable {
    /// A pattern with `*` and `?`.
    case pattern(String)
    case below(Double, orEqual: Bool)
    case above(Double, orEqual: Bool)
  }

  /// The maximum nesting depth of parentheses.
  private static let depthLimit = 20

  /// Reads a query. Returns nil for a query without terms, which matches nothing.
  static func parse(_ text: String) throws(AWSFault) -> SearchQuery? {
    var parser = Parser(tokens: try tokens(text))
    if parser.tokens.isEmpty { return nil }
    let query = try parser.alternatives(depth: 0)
    guard parser.tokens.isEmpty else { throw Self.invalid("unexpected ')'") }
    return query
  }

  private static func invalid(_ message: String) -> AWSFault {
    AWSFault("InvalidQueryException", "The query string is invalid: \(message)")
  }

  // MARK: Reading

  private enum Token: Equatable {
    case open, close, and, or, not, minus
    case term(String)
  }

  private static func tokens(_ text: String) throws(AWSFault) -> [Token] {
    var tokens: [Token] = []
    var rest = text[...]
    while let character = rest.first {
      if character.isWhitespace {
        rest.removeFirst()
      } else if character == "(" || character == ")" {
        tokens.append(character == "(" ? .open : .close)
        rest.removeFirst()
      } else if character == "-" {
        tokens.append(.minus)
        rest.removeFirst()
      } else {
        var word = ""
        var isQuoted = false
        while let next = rest.first, isQuoted || !(next.isWhitespace || next == "(" || next == ")") {
          rest.removeFirst()
          if next == "\"" {
            isQuoted.toggle()
          } else if next == "\\", let escaped = rest.popFirst() {
            word.append(escaped)
          } else {
            word.append(next)
          }
        }
        guard !isQuoted else { throw invalid("a '\"' has no end") }
        switch word {
        case "AND": tokens.append(.and)
        case "OR": tokens.append(.or)
        case "NOT": tokens.append(.not)
        default: tokens.append(.term(word))
        }
      }
    }
    return tokens
  }

  /// A recursive descent parser; OR binds less tightly than AND.
  private struct Parser {
    var tokens: [Token]

    private var next: Token? { tokens.first }

    private mutating func take(_ token: Token) -> Bool {
      guard next == token else { return false }
      tokens.removeFirst()
      return true
    }

    mutating func alternatives(depth: Int) throws(AWSFault) -> SearchQuery {
      guard depth < SearchQuery.depthLimit else { throw SearchQuery.invalid("too many parentheses") }
      var parts = [try conjunction(depth: depth)]
      while take(.or) { parts.append(try conjunction(depth: depth)) }
      return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func conjunction(depth: Int) throws(AWSFault) -> SearchQuery {
      var parts = [try factor(depth: depth)]
      while true {
        if take(.and) {
          parts.append(try factor(depth: depth))
        } else if let next, next != .or, next != .close {
          parts.append(try factor(depth: depth))
        } else {
          return parts.count == 1 ? parts[0] : .all(parts)
        }
      }
    }

    private mutating func factor(depth: Int) throws(AWSFault) -> SearchQuery {
      var isNegated = false
      while take(.not) || take(.minus) { isNegated.toggle() }
      let query: SearchQuery
      guard !tokens.isEmpty else { throw SearchQuery.invalid("it ends where a term is expected") }
      switch tokens.removeFirst() {
      case .open:
        query = try alternatives(depth: depth + 1)
        guard take(.close) else { throw SearchQuery.invalid("a '(' has no ')'") }
      case .term(let text): query = SearchQuery.term(text)
      case .and, .or, .close, .not, .minus: throw SearchQuery.invalid("a term is expected")
      }
      return isNegated ? .not(query) : query
    }
  }

  private static func term(_ text: String) -> SearchQuery {
    for (sign, comparison) in comparisons {
      guard let range = text.firstRange(of: sign), !text[..<range.lowerBound].contains(":"),
        let number = Double(text[range.upperBound...])
      else { continue }
      return .term(field: String(text[..<range.lowerBound]), comparison(number))
    }
    guard let colon = text.firstIndex(of: ":") else { return .term(field: nil, .pattern(text)) }
    return .term(
      field: String(text[..<colon]), .pattern(String(text[text.index(after: colon)...])))
  }

  private static let comparisons: [(sign: String, comparison: @Sendable (Double) -> Comparison)] = [
    ("<=", { .below($0, orEqual: true) }), (">=", { .above($0, orEqual: true) }),
    ("<", { .below($0, orEqual: false) }), (">", { .above($0, orEqual: false) }),
  ]

  // MARK: Matching

  /// Whether a document with these field values matches.
  func matches(_ fields: [String: [String]]) -> Bool {
    switch self {
    case .all(let parts): parts.allSatisfy { $0.matches(fields) }
    case .any(let parts): parts.contains { $0.matches(fields) }
    case .not(let part): !part.matches(fields)
    // A term without a field matches anywhere in a value of any field.
    case .term(nil, .pattern(let text)):
      fields.values.joined().contains { Self.fits($0, "*\(text)*") }
    case .term(let field, .pattern(let text)):
      (fields[field ?? ""] ?? []).contains { Self.fits($0, text) }
    case .term(let field, let comparison):
      (fields[field ?? ""] ?? []).lazy.compactMap(Double.init).contains { value in
        switch comparison {
        case .below(let limit, let orEqual): value < limit || orEqual && value == limit
        case .above(let limit, let orEqual): value > limit || orEqual && value == limit
        case .pattern: false
        }
      }
    }
  }

  private static func fits(_ value: String, _ pattern: String) -> Bool {
    Wildcards.match(Array(value.unicodeScalars), Array(pattern.unicodeScalars))
  }
}

/// Patterns in which `*` stands for any characters and `?` for one.
private enum Wildcards {
  /// Takes time proportional to the product of both lengths at worst.
  static func match(_ text: [Unicode.Scalar], _ pattern: [Unicode.Scalar]) -> Bool {
    var (place, token) = (0, 0)
    var retry: (place: Int, token: Int)?
    while place < text.count {
      if token < pattern.count, pattern[token] == "*" {
        retry = (place, token)
        token += 1
      } else if token < pattern.count, pattern[token] == "?" || pattern[token] == text[place] {
        token += 1
        place += 1
      } else if let last = retry {
        retry = (last.place + 1, last.token)
        (place, token) = (last.place + 1, last.token + 1)
      } else {
        return false
      }
    }
    return pattern[token...].allSatisfy { $0 == "*" }
  }
}
