/// A text with `*` (any characters, also none, also '/') and `?` (one character), as in a policy's actions, resources and
/// `StringLike`. Policy variables are already filled in.
struct PolicyPattern: Sendable, Equatable {
  enum Token: Sendable, Equatable {
    case scalar(Unicode.Scalar)
    case one
    case any
  }

  let tokens: [Token]

  /// Fills in `${variable}` with `values`; their characters are never wildcards. `${*}`, `${?}` and `${$}` stand for the
  /// characters themselves. nil if a variable is unknown: in AWS, the statement then matches nothing.
  init?(_ text: String, _ values: (String) -> String? = { _ in nil }) {
    var tokens: [Token] = []
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "*": if tokens.last != .any { tokens.append(.any) }
      case "?": tokens.append(.one)
      case "$" where rest.first == "{":
        guard let end = rest.firstIndex(of: "}") else {
          tokens.append(.scalar(scalar))
          continue
        }
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        rest = rest[rest.index(after: end)...]
        if ["*", "?", "$"].contains(name) {
          tokens += name.unicodeScalars.map(Token.scalar)
        } else {
          guard let value = values(name) else { return nil }
          tokens += value.unicodeScalars.map(Token.scalar)
        }
      default: tokens.append(.scalar(scalar))
      }
    }
    self.tokens = tokens
  }

  /// Whether the whole of `text` matches. Takes time proportional to the product of both lengths at worst.
  func matches(_ text: some StringProtocol, ignoringCase: Bool = false) -> Bool {
    func folded(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
      ignoringCase && ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value + 32)) : scalar
    }
    let scalars = Array(text.unicodeScalars)
    var token = 0
    var place = 0
    var retry: (token: Int, place: Int)?
    while place < scalars.count {
      if token < tokens.count, tokens[token] == .any {
        retry = (token, place)
        token += 1
      } else if token < tokens.count, fits(tokens[token], scalars[place], folded) {
        token += 1
        place += 1
      } else if let last = retry {
        token = last.token + 1
        place = last.place + 1
        retry = (last.token, place)
      } else {
        return false
      }
    }
    return tokens[token...].allSatisfy { $0 == .any }
  }

  private func fits(
    _ token: Token, _ scalar: Unicode.Scalar, _ folded: (Unicode.Scalar) -> Unicode.Scalar
  ) -> Bool {
    switch token {
    case .scalar(let wanted): folded(wanted) == folded(scalar)
    case .one: true
    case .any: false
    }
  }
}
