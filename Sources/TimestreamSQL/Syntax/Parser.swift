/// Reads Timestream's query language: Presto's SELECT, with durations, `measure_value::double`, SHOW and DESCRIBE.
///
/// This file has statements and queries; expressions are in `Parser+Expressions`.
struct Parser {
  /// The maximum nesting depth: each level takes stack in this parser, the planner and SQLite's parser.
  static let depthLimit = 200

  private let tokens: [Token]
  private(set) var index = 0
  private var depth = 0

  /// Reads one statement, which may end in a semicolon.
  static func statement(_ text: String) throws(QueryError) -> Statement {
    var parser = Parser(tokens: try Scanner.tokens(of: text))
    let statement = try parser.statement()
    _ = parser.accept(sign: ";")
    guard parser.current.kind == .end else { throw parser.mismatch(expecting: "<EOF>") }
    return statement
  }

  private init(tokens: [Token]) { self.tokens = tokens }

  // MARK: Tokens

  var current: Token { tokens[index] }
  func token(ahead offset: Int) -> Token { tokens[min(index + offset, tokens.count - 1)] }
  mutating func advance() { index = min(index + 1, tokens.count - 1) }

  func isAt(_ keyword: String) -> Bool { current.keyword == keyword }
  func isAt(sign: String) -> Bool { current.kind == .sign && current.text == sign }

  mutating func accept(_ keywords: String...) -> Bool {
    for (offset, keyword) in keywords.enumerated() where token(ahead: offset).keyword != keyword {
      return false
    }
    index += keywords.count
    return true
  }

  mutating func accept(sign: String) -> Bool {
    guard isAt(sign: sign) else { return false }
    advance()
    return true
  }

  mutating func expect(_ keyword: String) throws(QueryError) {
    guard accept(keyword) else { throw mismatch(expecting: "'\(keyword)'") }
  }

  mutating func expect(sign: String) throws(QueryError) {
    guard accept(sign: sign) else { throw mismatch(expecting: "'\(sign)'") }
  }

  /// Presto's error for an unexpected token.
  func mismatch(expecting: String) -> QueryError {
    QueryError(
      "mismatched input '\(current.kind == .end ? "<EOF>" : current.text)'. Expecting: \(expecting)",
      at: current.place)
  }

  /// Runs `body` one level deeper.
  mutating func nested<Result>(_ body: (inout Parser) throws(QueryError) -> Result) throws(QueryError)
    -> Result
  {
    guard depth < Self.depthLimit else {
      throw QueryError("The statement is nested more than \(Self.depthLimit) levels deep", at: current.place)
    }
    depth += 1
    let result = try body(&self)
    depth -= 1
    return result
  }

  /// Words that end an expression or an alias, so that they can't be a name without quotes.
  private static let reserved: Set<String> = [
    "ALTER", "AND", "AS", "BETWEEN", "BY", "CASE", "CAST", "CONSTRAINT", "CREATE", "CROSS", "CUBE", "DELETE",
    "DESCRIBE",
    "DISTINCT", "DROP", "ELSE", "END", "ESCAPE", "EXCEPT", "EXECUTE", "EXISTS", "EXTRACT", "FALSE", "FOR",
    "FROM", "FULL",
    "GROUP", "GROUPING", "HAVING", "IN", "INNER", "INSERT", "INTERSECT", "INTO", "IS", "JOIN", "LEFT", "LIKE",
    "LIMIT",
    "NATURAL", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "PREPARE", "RIGHT", "ROLLUP", "SELECT",
    "TABLE",
    "THEN", "TRUE", "UNION", "UNNEST", "USING", "VALUES", "WHEN", "WHERE", "WITH",
  ]

  func isName(_ token: Token) -> Bool {
    token.kind == .quotedName || token.kind == .word && !Self.reserved.contains(token.keyword)
  }

  /// A name as written; unquoted words are case-insensitive when they are compared.
  mutating func name() throws(QueryError) -> String {
    guard isName(current) else { throw mismatch(expecting: "<identifier>") }
    defer { advance() }
    return current.text
  }

  mutating func qualifiedName() throws(QueryError) -> [String] {
    var parts = [try name()]
    while isAt(sign: "."), isName(token(ahead: 1)) {
      advance()
      parts.append(try name())
    }
    return parts
  }

  private mutating func names() throws(QueryError) -> [String] {
    try expect(sign: "(")
    var names = [try name()]
    while accept(sign: ",") { names.append(try name()) }
    try expect(sign: ")")
    return names
  }

  // MARK: Statements

  private mutating func statement() throws(QueryError) -> Statement {
    let place = current.place
    switch current.keyword {
    case "SHOW":
      advance()
      if accept("DATABASES") || accept("SCHEMAS") { return .showDatabases(like: try likePattern()) }
      if accept("TABLES") {
        let database = accept("FROM") || accept("IN") ? try name() : nil
        return .showTables(database: database, like: try likePattern(), place)
      }
      if accept("MEASURES") {
        guard accept("FROM") || accept("IN") else { throw mismatch(expecting: "'FROM'") }
        return .showMeasures(table: try qualifiedName(), like: try likePattern(), place)
      }
      throw mismatch(expecting: "'DATABASES', 'MEASURES', 'TABLES'")
    case "DESCRIBE", "DESC":
      advance()
      return .describe(table: try qualifiedName(), place)
    case "EXPLAIN":
      advance()
      return .explain(try query())
    case "UNLOAD", "PREPARE", "EXECUTE", "INSERT", "CREATE", "DELETE", "DROP", "UPDATE", "ALTER":
      throw QueryError("\(current.keyword) is not supported; statements can only read", at: place)
    default:
      return .query(try query())
    }
  }

  private mutating func likePattern() throws(QueryError) -> String? {
    guard accept("LIKE") else { return nil }
    guard current.kind == .text else { throw mismatch(expecting: "<string>") }
    defer { advance() }
    return current.text
  }

  // MARK: Queries

  mutating func query() throws(QueryError) -> Query {
    try nested { (parser) throws(QueryError) in try parser.queryHere() }
  }

  private mutating func queryHere() throws(QueryError) -> Query {
    let place = current.place
    var with: [CommonTable] = []
    if accept("WITH") {
      if isAt("RECURSIVE") { throw QueryError("WITH RECURSIVE is not supported", at: current.place) }
      repeat {
        let tablePlace = current.place
        let name = try name()
        let columns = isAt(sign: "(") ? try names() : nil
        try expect("AS")
        try expect(sign: "(")
        let query = try query()
        try expect(sign: ")")
        with.append(CommonTable(name: name, columns: columns, query: query, place: tablePlace))
      } while accept(sign: ",")
    }
    var query = Query(with: with, body: try body(), place: place)
    if accept("ORDER", "BY") { query.order = try sortItems() }
    if accept("OFFSET") {
      query.offset = try count("OFFSET")
      _ = accept("ROWS") || accept("ROW")
    }
    if accept("LIMIT") { query.limit = accept("ALL") ? nil : try count("LIMIT") }
    if isAt("FETCH") { throw QueryError("FETCH is not supported; write LIMIT", at: current.place) }
    if query.offset == nil, accept("OFFSET") { query.offset = try count("OFFSET") }
    return query
  }

  private mutating func count(_ clause: String) throws(QueryError) -> Int64 {
    guard current.kind == .integer, let number = Int64(current.text) else {
      throw mismatch(expecting: "<integer>")
    }
    advance()
    return number
  }

  /// UNION and EXCEPT have the same precedence, INTERSECT binds tighter.
  private mutating func body() throws(QueryError) -> QueryBody {
    var left = try intersection()
    while let (operation, place) = setOperator(["UNION", "EXCEPT"]) {
      let isAll = accept("ALL")
      if !isAll { _ = accept("DISTINCT") }
      left = .combined(left, operation, isAll: isAll, try intersection(), place)
      try countLink()
    }
    return left
  }

  private mutating func intersection() throws(QueryError) -> QueryBody {
    var left = try queryTerm()
    while let (operation, place) = setOperator(["INTERSECT"]) {
      let isAll = accept("ALL")
      if !isAll { _ = accept("DISTINCT") }
      left = .combined(left, operation, isAll: isAll, try queryTerm(), place)
      try countLink()
    }
    return left
  }

  /// The number of set operations and joins so far: a chain of them is a tree as deep as the chain is long.
  private var links = 0

  private mutating func countLink() throws(QueryError) {
    links += 1
    guard links < Self.depthLimit else {
      throw QueryError(
        "The statement combines more than \(Self.depthLimit) queries and tables", at: current.place)
    }
  }

  private mutating func setOperator(_ keywords: [String]) -> (SetOperator, Place)? {
    guard keywords.contains(current.keyword), let operation = SetOperator(rawValue: current.keyword) else {
      return nil
    }
    defer { advance() }
    return (operation, current.place)
  }

  private mutating func queryTerm() throws(QueryError) -> QueryBody {
    if accept(sign: "(") {
      let query = try query()
      try expect(sign: ")")
      return .nested(query)
    }
    if accept("VALUES") {
      var rows: [[Expression]] = []
      repeat {
        let row = try expression()
        if case .row(let values) = row.kind { rows.append(values) } else { rows.append([row]) }
      } while accept(sign: ",")
      return .values(rows)
    }
    if isAt("TABLE") {
      advance()
      let place = current.place
      var select = Select(place: place)
      select.items = [.all(qualifier: [], place)]
      select.from = .table(try qualifiedName(), place)
      return .select(select)
    }
    guard isAt("SELECT") else { throw mismatch(expecting: "'(', 'SELECT', 'TABLE', 'VALUES', 'WITH'") }
    return .select(try select())
  }

  private mutating func select() throws(QueryError) -> Select {
    var select = Select(place: current.place)
    try expect("SELECT")
    if accept("DISTINCT") { select.isDistinct = true } else { _ = accept("ALL") }
    repeat { select.items.append(try selectItem()) } while accept(sign: ",")
    if accept("FROM") {
      var from = try relation()
      while isAt(sign: ",") {
        let place = current.place
        advance()
        try countLink()
        from = .join(from, try relation(), .cross, .none, place)
      }
      select.from = from
    }
    if accept("WHERE") { select.filter = try expression() }
    if accept("GROUP", "BY") {
      if ["ROLLUP", "CUBE", "GROUPING"].contains(current.keyword) {
        throw QueryError("GROUP BY \(current.keyword) is not supported", at: current.place)
      }
      var groups: [Expression] = []
      repeat {
        let item = try expression()
        if case .row(let parts) = item.kind { groups += parts } else { groups.append(item) }
      } while accept(sign: ",")
      select.groups = groups
    }
    if accept("HAVING") { select.having = try expression() }
    if isAt("WINDOW") || isAt("QUALIFY") {
      throw QueryError("\(current.keyword) is not supported", at: current.place)
    }
    return select
  }

  private mutating func selectItem() throws(QueryError) -> SelectItem {
    let place = current.place
    if accept(sign: "*") { return .all(qualifier: [], place) }
    // `t.*`, `d.t.*`
    var length = 0
    while isName(token(ahead: length)), token(ahead: length + 1).kind == .sign,
      token(ahead: length + 1).text == "."
    {
      length += 2
      if token(ahead: length).kind == .sign, token(ahead: length).text == "*" {
        let qualifier = stride(from: 0, to: length, by: 2).map { token(ahead: $0).text }
        index += length + 1
        return .all(qualifier: qualifier, place)
      }
    }
    let expression = try expression()
    if accept("AS") { return .expression(expression, alias: try name()) }
    return .expression(expression, alias: isName(current) ? try name() : nil)
  }

  mutating func sortItems() throws(QueryError) -> [SortItem] {
    var items: [SortItem] = []
    repeat {
      let expression = try expression()
      let isDescending = accept("DESC")
      if !isDescending { _ = accept("ASC") }
      var nullsFirst: Bool?
      if accept("NULLS") {
        if accept("FIRST") {
          nullsFirst = true
        } else {
          try expect("LAST")
          nullsFirst = false
        }
      }
      items.append(SortItem(expression: expression, isDescending: isDescending, nullsFirst: nullsFirst))
    } while accept(sign: ",")
    return items
  }

  // MARK: Relations

  private mutating func relation() throws(QueryError) -> Relation {
    var left = try aliased()
    while true {
      let place = current.place
      if accept("CROSS", "JOIN") {
        left = .join(left, try aliased(), .cross, .none, place)
      } else if isAt("NATURAL") {
        throw QueryError("NATURAL JOIN is not supported; write ON or USING", at: place)
      } else if let kind = joinKind() {
        let right = try aliased()
        if accept("ON") {
          left = .join(left, right, kind, .on(try expression()), place)
        } else {
          guard accept("USING") else { throw mismatch(expecting: "'ON', 'USING'") }
          left = .join(left, right, kind, .using(try names()), place)
        }
      } else {
        return left
      }
      try countLink()
    }
  }

  private mutating func joinKind() -> JoinKind? {
    if accept("JOIN") || accept("INNER", "JOIN") { return .inner }
    for (word, kind) in [("LEFT", JoinKind.left), ("RIGHT", .right), ("FULL", .full)]
    where accept(word, "JOIN") || accept(word, "OUTER", "JOIN") {
      return kind
    }
    return nil
  }

  private mutating func aliased() throws(QueryError) -> Relation {
    let relation = try relationPrimary()
    guard accept("AS") || isName(current) else { return relation }
    let alias = try name()
    return .aliased(relation, alias, columns: isAt(sign: "(") ? try names() : nil)
  }

  private mutating func relationPrimary() throws(QueryError) -> Relation {
    let place = current.place
    if accept("UNNEST") {
      try expect(sign: "(")
      var arrays = [try expression()]
      while accept(sign: ",") { arrays.append(try expression()) }
      try expect(sign: ")")
      return .unnest(arrays, withOrdinality: accept("WITH", "ORDINALITY"), place)
    }
    if isAt("LATERAL") { throw QueryError("LATERAL is not supported", at: place) }
    guard accept(sign: "(") else { return .table(try qualifiedName(), place) }
    // A query, or a join in parentheses.
    var ahead = 0
    while token(ahead: ahead).kind == .sign, token(ahead: ahead).text == "(" { ahead += 1 }
    if ["SELECT", "WITH", "VALUES", "TABLE"].contains(token(ahead: ahead).keyword) {
      let query = try query()
      try expect(sign: ")")
      return .query(query)
    }
    let inner = try nested { (parser) throws(QueryError) in try parser.relation() }
    try expect(sign: ")")
    return inner
  }
}
