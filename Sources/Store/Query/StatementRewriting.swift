import Time

/// Rewrites a statement of Timestream's query language into SQLite's.
///
/// What differs: `measure_value::double` without quotation marks, durations such as `15m`, `timestamp '…'` literals,
/// times compared with texts, and `SHOW` and `DESCRIBE`. Everything else is written alike in both, or is done by a
/// function (`QueryFunctions`). Times are nanoseconds since 1970.
enum StatementRewriting {
  /// The statement for SQLite.
  static func rewritten(_ sql: String) -> String {
    if let listing = listing(sql) { return listing }
    let tokens = tokens(of: sql)
    var result = ""
    var index = 0
    while index < tokens.count {
      let token = tokens[index]
      // `measure_value::double`
      if token.kind == .word, token.text.lowercased() == "measure_value", index + 2 < tokens.count,
        tokens[index + 1].text == "::", tokens[index + 2].kind == .word
      {
        result += "\"measure_value::\(tokens[index + 2].text.lowercased())\""
        index += 3
        continue
      }
      switch token.kind {
      case .duration:
        result += nanoseconds(ofDuration: token.text).map(String.init) ?? token.text
      case .word where token.text.lowercased() == "timestamp":
        // `timestamp '2024-10-23 17:00:00'`; a column may have that name too.
        if let literal = next(tokens, after: index), tokens[literal].kind == .string,
          let moment = Timestamp.parse(unquoted(tokens[literal].text))
        {
          result += String(moment)
          index = literal
        } else {
          result += token.text
        }
      case .string:
        if isComparedWithTime(tokens, at: index), let moment = Timestamp.parse(unquoted(token.text)) {
          result += String(moment)
        } else {
          result += token.text
        }
      default: result += token.text
      }
      index += 1
    }
    return result
  }

  private static func listing(_ sql: String) -> String? {
    let words = tokens(of: sql).filter { $0.kind != .space && $0.text != ";" }
    switch words.first?.text.uppercased() {
    case "SHOW":
      switch words.dropFirst().first?.text.uppercased() {
      case "TABLES": return "SELECT name AS \"Table\" FROM ts_tables ORDER BY name"
      case "DATABASES":
        return
          "SELECT name AS \"Database\" FROM pragma_database_list() WHERE name <> 'main' AND name <> 'temp'"
      case "MEASURES":
        guard let table = words.last, words.count >= 4 else { return nil }
        return
          "SELECT m.name AS measure_name, lower(m.type) AS data_type, (SELECT json_group_array(json_object("
          + "'dimension_name', d.name, 'data_type', 'varchar')) FROM ts_dimensions d WHERE d.table_id = m.table_id) AS "
          + "dimensions FROM ts_measures m JOIN ts_tables t ON t.id = m.table_id "
          + "WHERE t.name = \(literal(table)) ORDER BY m.id"
      default: return nil
      }
    case "DESCRIBE", "DESC":
      guard let table = words.last, words.count >= 2 else { return nil }
      let name = literal(table)
      return
        "SELECT d.name AS \"Column\", 'varchar' AS \"Type\", 'DIMENSION' AS \"Timestream attribute type\" "
        + "FROM ts_dimensions d JOIN ts_tables t ON t.id = d.table_id WHERE t.name = \(name) "
        + "UNION ALL SELECT 'measure_name', 'varchar', 'MEASURE_NAME' UNION ALL SELECT 'time', 'timestamp', 'TIMESTAMP' "
        + "UNION ALL SELECT DISTINCT 'measure_value::' || lower(m.type), lower(m.type), 'MEASURE_VALUE' "
        + "FROM ts_measures m JOIN ts_tables t ON t.id = m.table_id WHERE t.name = \(name)"
    default: return nil
    }
  }

  private static func literal(_ token: Token) -> String {
    var name = token.text
    if name.hasPrefix("\"") { name = String(name.dropFirst().dropLast()).replacing("\"\"", with: "\"") }
    if name.hasPrefix("'") { name = unquoted(name) }
    return Schema.literal(name)
  }

  /// Whether the text at `index` is compared with the column `time`: `time >= '…'`, `time BETWEEN '…' AND '…'`.
  private static func isComparedWithTime(_ tokens: [Token], at index: Int) -> Bool {
    guard var place = previous(tokens, before: index) else { return false }
    let operators = ["=", "<", ">", "<=", ">=", "<>", "!=", "==", "BETWEEN"]
    if tokens[place].text.uppercased() == "AND", let low = previous(tokens, before: place),
      tokens[low].kind == .string || tokens[low].text == ")", let between = lastBetween(tokens, before: low)
    {
      place = between
    }
    guard operators.contains(tokens[place].text.uppercased()), let column = previous(tokens, before: place)
    else {
      return false
    }
    return ["time", "\"time\""].contains(tokens[column].text.lowercased())
  }

  private static func lastBetween(_ tokens: [Token], before index: Int) -> Int? {
    tokens[..<index].lastIndex { $0.text.uppercased() == "BETWEEN" || $0.text.uppercased() == "AND" }
      .flatMap { tokens[$0].text.uppercased() == "BETWEEN" ? $0 : nil }
  }

  private static func previous(_ tokens: [Token], before index: Int) -> Int? {
    tokens[..<index].lastIndex { $0.kind != .space }
  }

  private static func next(_ tokens: [Token], after index: Int) -> Int? {
    tokens[(index + 1)...].firstIndex { $0.kind != .space }
  }

  private static func unquoted(_ literal: String) -> String {
    String(literal.dropFirst().dropLast()).replacing("''", with: "'")
  }

  private static let units: [(name: String, nanoseconds: Int64)] = [
    ("ns", 1), ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
    ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
  ]

  /// The nanoseconds of `15m`, `30s`, `100ms`, `2h`, `7d`; nil for anything else.
  static func nanoseconds(ofDuration text: String) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count)
    guard let count = Int64(digits), let known = units.first(where: { $0.name == unit.lowercased() }) else {
      return nil
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: known.nanoseconds)
    return overflow ? nil : product
  }

  // MARK: Tokens

  private struct Token {
    enum Kind { case word, string, quoted, number, duration, space, symbol }
    let kind: Kind
    let text: String
  }

  private static func tokens(of sql: String) -> [Token] {
    let bytes = Array(sql.utf8)
    var tokens: [Token] = []
    var index = 0
    func isWord(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: "_") || byte >= 0x80 || isDigit(byte)
        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
    func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    func end(from start: Int, while condition: (UInt8) -> Bool) -> Int {
      bytes[start...].firstIndex { !condition($0) } ?? bytes.count
    }
    while index < bytes.count {
      let start = index
      let byte = bytes[index]
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      var kind = Token.Kind.symbol
      switch byte {
      case UInt8(ascii: "'"), UInt8(ascii: "\""):
        kind = byte == UInt8(ascii: "'") ? .string : .quoted
        index += 1
        while index < bytes.count {
          if bytes[index] == byte {
            // A doubled quotation mark is one of the text.
            guard index + 1 < bytes.count, bytes[index + 1] == byte else { break }
            index += 1
          }
          index += 1
        }
        index = min(index + 1, bytes.count)
      case UInt8(ascii: "-") where next == UInt8(ascii: "-"):
        kind = .space
        index = end(from: index) { $0 != 0x0A }
      case UInt8(ascii: "/") where next == UInt8(ascii: "*"):
        kind = .space
        index += 2
        while index < bytes.count,
          !(bytes[index] == UInt8(ascii: "/") && bytes[index - 1] == UInt8(ascii: "*"))
        {
          index += 1
        }
        index = min(index + 1, bytes.count)
      case 0x20, 0x09, 0x0A, 0x0D:
        kind = .space
        index = end(from: index) { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
      case _ where isDigit(byte):
        index = end(from: index) { isWord($0) || $0 == UInt8(ascii: ".") }
        kind =
          nanoseconds(ofDuration: String(decoding: bytes[start..<index], as: UTF8.self)) == nil
          ? .number : .duration
      case _ where isWord(byte):
        kind = .word
        index = end(from: index, while: isWord)
      case UInt8(ascii: ":") where next == byte,
        UInt8(ascii: "<") where [UInt8(ascii: "="), UInt8(ascii: ">")].contains(next),
        UInt8(ascii: ">") where next == UInt8(ascii: "="), UInt8(ascii: "!") where next == UInt8(ascii: "="):
        index += 2
      default: index += 1
      }
      tokens.append(Token(kind: kind, text: String(decoding: bytes[start..<index], as: UTF8.self)))
    }
    return tokens
  }
}
