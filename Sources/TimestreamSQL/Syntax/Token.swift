/// A word, number, text or sign of a statement.
struct Token: Sendable {
  enum Kind: Sendable, Equatable {
    /// An unquoted word.
    case word
    /// A name in double quotes.
    case quotedName
    /// A text in single quotes.
    case text
    case integer
    /// A number with a point or an exponent.
    case number
    /// `15m`: a number and a unit.
    case duration
    /// An operator or a bracket.
    case sign
    case end
  }

  let kind: Kind
  /// The token's content: a word as written, names and texts without their quotes.
  let text: String
  let place: Place

  /// The word in capital letters; empty for other tokens.
  var keyword: String { kind == .word ? text.uppercased() : "" }

  /// The token as error messages show it.
  var shown: String { kind == .end ? "<EOF>" : kind == .text ? "'\(text)'" : text }
}
