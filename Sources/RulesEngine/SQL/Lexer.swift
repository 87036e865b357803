/// A word, literal or symbol of a statement.
struct Token: Equatable {
  enum Kind: Equatable {
    case identifier(String)
    case variable(String)
    case string(String)
    /// A number and whether it has a point or an exponent.
    case number(Decimal34, isDecimal: Bool)
    case symbol(String)
    case end
  }

  let kind: Kind
  let start: Int
  let end: Int

  /// The text for an error message.
  var text: String {
    switch kind {
    case .identifier(let name): "'\(name)'"
    case .variable(let name): "'@\(name)'"
    case .string: "a string"
    case .number: "a number"
    case .symbol(let symbol): "'\(symbol)'"
    case .end: "the end of the statement"
    }
  }
}

/// Splits a statement into tokens. The dialect has no comments.
struct Lexer {
  private let sql: [UInt8]
  private var index = 0

  static func tokens(of sql: [UInt8]) throws(SQLError) -> [Token] {
    var lexer = Lexer(sql: sql)
    var tokens: [Token] = []
    repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
    return tokens
  }

  private init(sql: [UInt8]) { self.sql = sql }

  private mutating func next() throws(SQLError) -> Token {
    while index < sql.count, [0x20, 0x09, 0x0A, 0x0D].contains(sql[index]) { index += 1 }
    let start = index
    guard index < sql.count else { return Token(kind: .end, start: start, end: start) }
    let kind: Token.Kind
    switch sql[index] {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): kind = .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9"): kind = try number()
    case UInt8(ascii: "@"):
      index += 1
      let name = word()
      guard !name.isEmpty, name.utf8.count <= 64 else {
        throw SQLError("a variable's name has 1 to 64 letters, digits and underscores", at: start, in: sql)
      }
      kind = .variable(name)
    case let byte where Self.beginsWord(byte): kind = .identifier(word())
    default: kind = .symbol(try symbol())
    }
    return Token(kind: kind, start: start, end: index)
  }

  private static func beginsWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
    default: false
    }
  }

  private mutating func word() -> String {
    let start = index
    while index < sql.count,
      Self.beginsWord(sql[index]) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(sql[index])
    {
      index += 1
    }
    return String(decoding: sql[start..<index], as: UTF8.self)
  }

  /// Reads a string, in which a quote is written twice.
  private mutating func string() throws(SQLError) -> String {
    let start = index
    let quote = sql[index]
    var bytes: [UInt8] = []
    index += 1
    while true {
      guard index < sql.count else { throw SQLError("a string that is never closed", at: start, in: sql) }
      if sql[index] == quote {
        index += 1
        guard index < sql.count, sql[index] == quote else { break }
      }
      bytes.append(sql[index])
      index += 1
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SQLError("a string that isn't UTF-8", at: start, in: sql)
    }
    return text
  }

  private mutating func number() throws(SQLError) -> Token.Kind {
    let start = index
    var isDecimal = false
    func isDigit(_ index: Int) -> Bool {
      index < sql.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(sql[index])
    }
    while isDigit(index) { index += 1 }
    if index < sql.count, sql[index] == UInt8(ascii: "."), isDigit(index + 1) {
      isDecimal = true
      index += 1
      while isDigit(index) { index += 1 }
    }
    if index < sql.count, sql[index] | 0x20 == UInt8(ascii: "e") {
      let hasSign =
        index + 1 < sql.count && (sql[index + 1] == UInt8(ascii: "-") || sql[index + 1] == UInt8(ascii: "+"))
      let digits = index + (hasSign ? 2 : 1)
      if isDigit(digits) {
        isDecimal = true
        index = digits
        while isDigit(index) { index += 1 }
      }
    }
    if index < sql.count, Self.beginsWord(sql[index]) {
      throw SQLError(
        "a name can't begin with a digit; use get(*, \"name\") for such an attribute", at: start, in: sql)
    }
    guard let value = Decimal34(sql[start..<index]) else {
      throw SQLError("a number beyond the dialect's exponents of -999 to 999", at: start, in: sql)
    }
    return .number(value, isDecimal: isDecimal)
  }

  private mutating func symbol() throws(SQLError) -> String {
    let two = String(decoding: sql[index..<min(index + 2, sql.count)], as: UTF8.self)
    if ["<>", "<=", ">=", "!="].contains(two) {
      index += 2
      return two
    }
    let one = String(decoding: [sql[index]], as: UTF8.self)
    guard "=<>+-*/%(),.[]{}:;".contains(one) else {
      throw SQLError("'\(one)' is not in the dialect", at: index, in: sql)
    }
    index += 1
    return one
  }
}
