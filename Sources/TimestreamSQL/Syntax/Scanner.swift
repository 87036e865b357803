/// Splits a statement into tokens.
struct Scanner {
  /// The maximum length of a statement in Timestream's Query operation, in bytes (API reference, QueryString: 262 144).
  static let lengthLimit = 262_144

  private let text: [UInt8]
  private var index = 0
  private var line = 1
  /// The number of characters before `counted` in its line, so that each column is counted from the previous one.
  private var column = 0
  private var counted = 0

  /// The tokens of `statement`, the last one being `.end`.
  static func tokens(of statement: String) throws(QueryError) -> [Token] {
    guard statement.utf8.count <= lengthLimit else {
      throw QueryError("The statement has more than \(lengthLimit) bytes")
    }
    var scanner = Scanner(text: Array(statement.utf8))
    var tokens: [Token] = []
    while true {
      let token = try scanner.next()
      tokens.append(token)
      if token.kind == .end { return tokens }
    }
  }

  private init(text: [UInt8]) { self.text = text }

  private func byte(_ offset: Int = 0) -> UInt8 { index + offset < text.count ? text[index + offset] : 0 }

  private mutating func place() -> Place {
    for byte in text[counted..<index] where byte & 0xC0 != 0x80 { column += 1 }
    counted = index
    return Place(line: line, column: column + 1)
  }

  private mutating func advance() {
    if text[index] == 0x0A {
      line += 1
      column = 0
      counted = index + 1
    }
    index += 1
  }

  private mutating func skipBlanks() throws(QueryError) {
    while index < text.count {
      switch byte() {
      case 0x20, 0x09, 0x0A, 0x0D: advance()
      case UInt8(ascii: "-") where byte(1) == UInt8(ascii: "-"):
        while index < text.count, byte() != 0x0A { advance() }
      case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "*"):
        let begin = place()
        index += 2
        while byte() != UInt8(ascii: "*") || byte(1) != UInt8(ascii: "/") {
          guard index < text.count else { throw QueryError("A comment is never closed", at: begin) }
          advance()
        }
        index += 2
      default: return
      }
    }
  }

  private mutating func next() throws(QueryError) -> Token {
    try skipBlanks()
    let place = place()
    guard index < text.count else { return Token(kind: .end, text: "", place: place) }
    let first = byte()
    switch first {
    case UInt8(ascii: "'"):
      return Token(kind: .text, text: try quoted(place), place: place)
    case UInt8(ascii: "\""):
      let name = try quoted(place)
      guard !name.isEmpty else { throw QueryError("Zero-length delimited identifier not allowed", at: place) }
      return Token(kind: .quotedName, text: name, place: place)
    case _ where Self.isDigit(first), UInt8(ascii: ".") where Self.isDigit(byte(1)):
      return try number(place)
    case _ where Self.isLetter(first):
      let start = index
      while Self.isLetter(byte()) || Self.isDigit(byte()) { index += 1 }
      return Token(kind: .word, text: String(decoding: text[start..<index], as: UTF8.self), place: place)
    default:
      let pair = String(decoding: text[index..<min(index + 2, text.count)], as: UTF8.self)
      if ["<=", ">=", "<>", "!=", "||", "->", "::", "=>"].contains(pair) {
        index += 2
        return Token(kind: .sign, text: pair, place: place)
      }
      guard "+-*/%=<>()[],.;?".utf8.contains(first) else {
        let rest = String(decoding: text[index...].prefix(8), as: UTF8.self)
        throw QueryError("mismatched input '\(rest.prefix(1))'", at: place)
      }
      index += 1
      return Token(kind: .sign, text: String(UnicodeScalar(first)), place: place)
    }
  }

  private mutating func quoted(_ place: Place) throws(QueryError) -> String {
    let quote = byte()
    var content: [UInt8] = []
    index += 1
    while true {
      guard index < text.count else {
        throw QueryError(
          quote == UInt8(ascii: "'")
            ? "A text is never closed: a ' is missing" : "A name is never closed: a \" is missing",
          at: place)
      }
      if byte() == quote {
        guard byte(1) == quote else { break }
        index += 1
      }
      content.append(byte())
      advance()
    }
    index += 1
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func number(_ place: Place) throws(QueryError) -> Token {
    let start = index
    var isInteger = true
    while Self.isDigit(byte()) { index += 1 }
    if byte() == UInt8(ascii: "."), Self.isDigit(byte(1)) || !Self.isLetter(byte(1)) {
      isInteger = false
      index += 1
      while Self.isDigit(byte()) { index += 1 }
    }
    if byte() | 0x20 == UInt8(ascii: "e"),
      Self.isDigit(byte(1))
        || [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(byte(1)) && Self.isDigit(byte(2))
    {
      isInteger = false
      index += 2
      while Self.isDigit(byte()) { index += 1 }
    }
    let unitStart = index
    while Self.isLetter(byte()) || Self.isDigit(byte()) { index += 1 }
    let whole = String(decoding: text[start..<index], as: UTF8.self)
    guard unitStart < index else {
      return Token(kind: isInteger ? .integer : .number, text: whole, place: place)
    }
    guard isInteger, Duration.nanoseconds(of: whole) != nil || Duration.years(of: whole) != nil else {
      if isInteger, Duration.isDuration(whole) {
        throw QueryError("the interval \(whole) is out of range", at: place)
      }
      throw QueryError(
        "identifiers must not start with a digit; surround the identifier with double quotes", at: place)
    }
    return Token(kind: .duration, text: whole, place: place)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
      || byte == UInt8(ascii: "$") || byte == UInt8(ascii: "@")
  }
}
