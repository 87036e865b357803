import MQTT
import Text

/// Parses a statement into its tree by recursive descent, with one method for each rule of the grammar.
struct Parser {
  private let sql: [UInt8]
  private let tokens: [Token]
  private var index = 0
  private var depth = 0
  /// The variables of SET by name.
  private var variableNumbers: [String: Int] = [:]
  private static let depthLimit = 128
  /// AWS's limit on a rule document, in bytes.
  private static let lengthLimit = 1 << 18
  private var operators = 0
  private var constructions = 0
  private var unsupported: [SQLError] = []
  private var doubts: [SQLError] = []

  /// Parses a whole statement. A statement without FROM serves Basic Ingest only, and needs `allowsNoSource`.
  static func statement(_ text: String, allowsNoSource: Bool) throws(SQLError) -> Statement {
    var parser = try Parser(text)
    let statement = try parser.statement(allowsNoSource: allowsNoSource)
    try parser.expectEnd()
    return statement
  }

  /// Parses one expression, for example in a substitution template, that may use `variables`.
  ///
  /// `unsupported` lists calls of services that aren't available here.
  static func expression(
    _ text: String, variables: [String]
  ) throws(SQLError) -> (expression: Expression, unsupported: [SQLError]) {
    var parser = try Parser(text)
    for (number, name) in variables.enumerated() { parser.variableNumbers[name] = number }
    let expression = try parser.expression()
    try parser.expectEnd()
    return (expression, parser.unsupported)
  }

  private init(_ text: String) throws(SQLError) {
    sql = Array(text.utf8)
    guard sql.count <= Self.lengthLimit else {
      throw SQLError("a statement of more than \(Self.lengthLimit) bytes", at: 0, in: [])
    }
    tokens = try Lexer.tokens(of: sql)
  }

  // MARK: Statement

  private mutating func statement(allowsNoSource: Bool) throws(SQLError) -> Statement {
    var assignments: [(name: String, expression: Expression)] = []
    if accept(keyword: "SET") {
      repeat {
        guard case .variable(let name) = token.kind else { throw unexpected("a variable such as @x") }
        if variableNumbers[name] != nil { throw error("'@\(name)' is set twice") }
        try countConstruction()
        advance()
        try expect("=")
        assignments.append((name, try expression()))
        // A variable may be used from the next assignment on.
        variableNumbers[name] = variableNumbers.count
      } while accept(",")
    }
    if assignments.count > Self.documentedVariables {
      doubts.append(
        error("the statement sets \(assignments.count) variables; AWS may allow \(Self.documentedVariables)"))
    }
    guard isKeyword("SELECT") else { throw unexpected("SELECT") }
    var filter: String?
    let select = try select { (parser: inout Parser) throws(SQLError) in
      if parser.accept(keyword: "FROM") {
        filter = try parser.topicFilter()
      } else if !allowsNoSource {
        throw parser.unexpected("FROM with a topic filter in quotes")
      }
    }
    if isSymbol(";") {
      doubts.append(error("a ';' at the end isn't in AWS's guide"))
      advance()
    }
    return Statement(
      assignments: assignments, select: select, filter: filter, unsupported: unsupported, doubts: doubts)
  }

  /// The most variables of SET that AWS's guide mentions.
  private static let documentedVariables = 10

  private mutating func topicFilter() throws(SQLError) -> String {
    guard case .string(let text) = token.kind else { throw unexpected("a topic filter in quotes") }
    do {
      _ = try TopicFilter(text)
    } catch {
      throw self.error(error.message)
    }
    advance()
    return text
  }

  private mutating func select(
    source: (inout Parser) throws(SQLError) -> Void
  ) throws(SQLError) -> Select {
    advance()
    let items = try items()
    try source(&self)
    let alias = accept(keyword: "AS") ? try name("a name for the rows") : nil
    var condition: Expression?
    if accept(keyword: "WHERE") { condition = try expression() }
    return Select(items: items, condition: condition, alias: alias)
  }

  private mutating func items() throws(SQLError) -> Select.Items {
    guard isKeyword("VALUE"), !valueIsName else { return .list(try list()) }
    advance()
    return .value(try expression())
  }

  /// Whether the word VALUE is an attribute here: `SELECT value - 32 AS degrees`.
  private var valueIsName: Bool {
    switch tokens[index + 1].kind {
    case .end: return true
    case .identifier(let word): return ["FROM", "AS", "WHERE", "IN", "AND", "OR"].contains(word.uppercased())
    case .symbol("*"):
      switch tokens[min(index + 2, tokens.count - 1)].kind {
      case .symbol("."), .symbol(")"), .end: return false
      case .identifier(let word): return !["FROM", "WHERE"].contains(word.uppercased())
      default: return true
      }
    case .symbol("-"):
      // If AS or another item follows, it is a subtraction.
      var depth = 0
      for token in tokens[(index + 2)...] {
        switch token.kind {
        case .symbol("("), .symbol("["), .symbol("{"): depth += 1
        case .symbol(")") where depth == 0, .symbol(";"): return false
        case .symbol(")"), .symbol("]"), .symbol("}"): depth -= 1
        case .symbol(",") where depth == 0: return true
        case .identifier(let word) where depth == 0:
          if word.uppercased() == "AS" { return true }
          if ["FROM", "WHERE"].contains(word.uppercased()) { return false }
        default: break
        }
      }
      return false
    case .symbol(let symbol): return !["(", "[", "{"].contains(symbol)
    default: return false
    }
  }

  private mutating func list() throws(SQLError) -> [Select.Item] {
    var list: [Select.Item] = []
    repeat { list.append(try item()) } while accept(",")
    return list
  }

  private mutating func item() throws(SQLError) -> Select.Item {
    let start = token.start
    if isSymbol("*"), tokens[index + 1].kind != .symbol(".") {
      advance()
      return accept(keyword: "AS") ? .expression(.row, path: try alias()) : .everything
    }
    let expression = try expression()
    if isSymbol("."), tokens[index + 1].kind == .symbol("*") {
      advance()
      advance()
      guard isKeyword("AS") else { return .members(expression) }
      doubts.append(error("'.*' after a name isn't in AWS's guide; the name alone selects the object"))
      advance()
      return .expression(expression, path: try alias())
    }
    let end = tokens[index - 1].end
    if accept(keyword: "AS") { return .expression(expression, path: try alias()) }
    switch expression {
    case .path(let names): return .expression(expression, path: [names[names.count - 1]])
    case .member(_, let name): return .expression(expression, path: [name])
    default:
      // AWS doesn't document the name of an expression without an alias; here it is the expression's own text.
      return .expression(expression, path: [String(decoding: sql[start..<end], as: UTF8.self)])
    }
  }

  private mutating func alias() throws(SQLError) -> [String] {
    if case .string(let name) = token.kind {
      advance()
      return [name]
    }
    var names = [try name("an alias")]
    while accept(".") {
      try countOperator()
      names.append(try name("an alias"))
    }
    return names
  }

  // MARK: Expressions

  private mutating func expression() throws(SQLError) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw error("more than \(Self.depthLimit) levels of nesting") }
    var left = try conjunction()
    while accept(keyword: "OR") {
      try countOperator()
      left = .binary(.or, left, try conjunction())
    }
    return left
  }

  private mutating func conjunction() throws(SQLError) -> Expression {
    var left = try negation()
    while accept(keyword: "AND") {
      try countOperator()
      left = .binary(.and, left, try negation())
    }
    return left
  }

  /// Limits operators: a chain of them makes a tree as deep as it is long, which evaluation walks.
  private mutating func countOperator() throws(SQLError) {
    operators += 1
    guard operators <= EvaluationLimits.operators else {
      throw error("more than \(EvaluationLimits.operators) operators in one statement")
    }
  }

  /// Limits constructions: each can nest a value one level deeper, and values can share parts, so what walks them
  /// recurses as deep.
  private mutating func countConstruction() throws(SQLError) {
    constructions += 1
    guard constructions <= EvaluationLimits.constructions else {
      throw error(
        "more than \(EvaluationLimits.constructions) calls, arrays, objects, nested queries, CASEs and variables "
          + "in one statement")
    }
  }

  private mutating func negation() throws(SQLError) -> Expression {
    var count = 0
    while accept(keyword: "NOT") {
      try countOperator()
      count += 1
    }
    var result = try comparison()
    for _ in 0..<count { result = .not(result) }
    return result
  }

  private mutating func comparison() throws(SQLError) -> Expression {
    let left = try sum()
    if isSymbol("!=") {
      doubts.append(error("'!=' isn't in AWS's guide, though other engines accept it; write '<>'"))
      advance()
      return .binary(.unequal, left, try sum())
    }
    if accept(keyword: "IN") { return .binary(.isIn, left, try choices()) }
    guard let comparison = accept(oneOf: [.equal, .unequal, .less, .lessOrEqual, .greater, .greaterOrEqual])
    else { return left }
    return .binary(comparison, left, try sum())
  }

  /// The right side of IN: an array, or values in parentheses.
  private mutating func choices() throws(SQLError) -> Expression {
    guard isSymbol("("), tokens[index + 1].text.uppercased() != "'SELECT'" else { return try sum() }
    let place = error("a list in parentheses after IN isn't in AWS's guide, which has arrays: [1, 2]")
    advance()
    var elements = [try expression()]
    while accept(",") { elements.append(try expression()) }
    try expect(")")
    guard elements.count > 1 else { return elements[0] }
    try countConstruction()
    doubts.append(place)
    return .array(elements)
  }

  private mutating func sum() throws(SQLError) -> Expression {
    var left = try product()
    while let operation = accept(oneOf: [.add, .subtract]) {
      try countOperator()
      left = .binary(operation, left, try product())
    }
    return left
  }

  private mutating func product() throws(SQLError) -> Expression {
    var left = try signed()
    while let operation = accept(oneOf: [.multiply, .divide, .remainder]) {
      try countOperator()
      left = .binary(operation, left, try signed())
    }
    return left
  }

  private mutating func signed() throws(SQLError) -> Expression {
    var isNegative = false
    var count = 0
    while accept("-") {
      isNegative.toggle()
      count += 1
    }
    let operand = try postfix()
    guard count > 0 else { return operand }
    if case .literal(.number(let number)) = operand, isNegative {
      return .literal(.number(Number(decimal: -number.decimal, isInt: number.isInt)))
    }
    return isNegative ? .negate(operand) : .negate(.negate(operand))
  }

  private mutating func postfix() throws(SQLError) -> Expression {
    var result = try primary()
    // `object.*` is an item of SELECT, not an attribute.
    while isSymbol("."), tokens[index + 1].kind != .symbol("*") {
      advance()
      try countOperator()
      let name = try name("an attribute's name")
      switch result {
      case .path(let names): result = .path(names + [name])
      case .row: result = .path([name])
      default: result = .member(result, name)
      }
    }
    return result
  }

  private static let reserved: Set<String> = [
    "SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "END",
  ]

  private mutating func primary() throws(SQLError) -> Expression {
    let start = token
    switch start.kind {
    case .number(let value, let isDecimal):
      advance()
      return .literal(.number(Number(decimal: value, isInt: !isDecimal)))
    case .string(let text):
      advance()
      return .literal(.string(text))
    case .variable(let name):
      guard let number = variableNumbers[name] else {
        throw error("'@\(name)' is not set; write 'SET @\(name) = …' before SELECT")
      }
      advance()
      return .variable(number)
    case .symbol("("):
      advance()
      let inner = try operand()
      try expect(")")
      return inner
    case .symbol("["):
      try countConstruction()
      advance()
      return .array(try list(until: "]"))
    case .symbol("{"):
      try countConstruction()
      advance()
      return try object()
    case .symbol("*"):
      advance()
      return .row
    case .identifier(let word):
      return try self.word(word)
    default:
      throw unexpected("an expression")
    }
  }

  private mutating func word(_ word: String) throws(SQLError) -> Expression {
    let start = token
    let upper = word.uppercased()
    let isCall = tokens[index + 1].kind == .symbol("(")
    switch upper {
    case "CASE": return try choice()
    case "TRUE" where !isCall, "FALSE" where !isCall:
      advance()
      return .literal(.boolean(upper == "TRUE"))
    case "NULL" where !isCall:
      advance()
      return .literal(.null)
    case _ where Self.reserved.contains(upper): throw unexpected("an expression")
    default: break
    }
    advance()
    guard isCall else { return .path([word]) }
    advance()
    if upper == "CAST" { return try cast() }
    try countConstruction()
    if upper == "EXISTS" { return try exists() }
    guard let function = Functions.named[word.lowercased()] ?? Functions.ofOtherServices[word.lowercased()]
    else {
      let advice = NearestName.of(
        word.lowercased(), among: Functions.named.keys.sorted())
      throw SQLError(
        "there is no function '\(word)'" + (advice.map { "; did you mean '\($0)'?" } ?? ""), at: start.start,
        in: sql)
    }
    var arguments: [Expression] = []
    if let star = function.star, isSymbol("*"), tokens[index + 1].kind != .symbol(".") {
      advance()
      arguments.append(star)
      if accept(",") { arguments += try self.arguments() } else { try expect(")") }
    } else {
      arguments = try self.arguments()
    }
    if let problem = function.problem?(arguments) { throw SQLError(problem, at: start.start, in: sql) }
    if let service = function.service?(arguments) {
      unsupported.append(
        SQLError(
          "\(function.name)() needs \(service), which isn't available here; without it, the rule can't give AWS's result",
          kind: .unsupported, at: start.start, in: sql))
    }
    return function.call(arguments)
  }

  /// `exists (SELECT …)`.
  private mutating func exists() throws(SQLError) -> Expression {
    let isEnclosed = accept("(")
    guard isKeyword("SELECT") else { throw unexpected("SELECT") }
    let query = try query()
    if isEnclosed { try expect(")") }
    try expect(")")
    return Functions.exists.call([query])
  }

  private mutating func cast() throws(SQLError) -> Expression {
    let operand = try expression()
    guard accept(keyword: "AS") else { throw unexpected("AS and a type") }
    let type = token
    let name = try self.name("a type")
    try expect(")")
    switch name.lowercased() {
    case "string", "nvarchar", "text", "ntext", "varchar": return .cast(operand, .string)
    case "int", "integer": return .cast(operand, .int)
    case "double", "decimal": return .cast(operand, .decimal)
    case "bool", "boolean": return .cast(operand, .boolean)
    default:
      throw SQLError(
        "there is no type '\(name)'; there are String, Int, Decimal, Double and Boolean", at: type.start,
        in: sql)
    }
  }

  private mutating func choice() throws(SQLError) -> Expression {
    try countConstruction()
    advance()
    let subject = try expression()
    var cases: [(when: Expression, then: Expression)] = []
    while accept(keyword: "WHEN") {
      let when = try expression()
      guard accept(keyword: "THEN") else { throw unexpected("THEN") }
      cases.append((when, try expression()))
    }
    guard !cases.isEmpty else { throw unexpected("WHEN") }
    let otherwise = accept(keyword: "ELSE") ? try expression() : nil
    guard accept(keyword: "END") else { throw unexpected("WHEN, ELSE or END") }
    return .choice(subject, cases: cases, otherwise: otherwise)
  }

  /// An expression, or a nested query without parentheses of its own.
  private mutating func operand() throws(SQLError) -> Expression {
    isKeyword("SELECT") ? try query() : try expression()
  }

  private mutating func arguments() throws(SQLError) -> [Expression] {
    if accept(")") { return [] }
    var arguments: [Expression] = []
    repeat { arguments.append(try operand()) } while accept(",")
    try expect(")")
    return arguments
  }

  private mutating func list(until closing: String) throws(SQLError) -> [Expression] {
    if accept(closing) { return [] }
    var elements: [Expression] = []
    repeat { elements.append(try expression()) } while accept(",")
    try expect(closing)
    return elements
  }

  private mutating func object() throws(SQLError) -> Expression {
    var members: [(key: Expression, value: Expression)] = []
    repeat {
      // AWS's own samples have a comma after the last member.
      if isSymbol("}") { break }
      let key = try expression()
      try expect(":")
      members.append((key, try expression()))
    } while accept(",")
    try expect("}")
    return .object(members)
  }

  private mutating func query() throws(SQLError) -> Expression {
    try countConstruction()
    var source = Expression.row
    let select = try select { (parser: inout Parser) throws(SQLError) in
      guard parser.accept(keyword: "FROM") else { throw parser.unexpected("FROM") }
      source = try parser.expression()
    }
    return .query(select, source: source)
  }

  // MARK: Tokens

  private var token: Token { tokens[index] }

  private mutating func advance() { if index < tokens.count - 1 { index += 1 } }

  private func isSymbol(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }

  private func isKeyword(_ keyword: String) -> Bool {
    if case .identifier(let word) = token.kind { word.uppercased() == keyword } else { false }
  }

  private mutating func accept(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  private mutating func accept(keyword: String) -> Bool {
    guard isKeyword(keyword) else { return false }
    advance()
    return true
  }

  private mutating func accept(oneOf operators: [Expression.BinaryOperator]) -> Expression.BinaryOperator? {
    guard case .symbol(let symbol) = token.kind, let found = operators.first(where: { $0.rawValue == symbol })
    else { return nil }
    advance()
    return found
  }

  private mutating func expect(_ symbol: String) throws(SQLError) {
    guard accept(symbol) else { throw unexpected("'\(symbol)'") }
  }

  private mutating func name(_ what: String) throws(SQLError) -> String {
    guard case .identifier(let name) = token.kind else { throw unexpected(what) }
    advance()
    return name
  }

  /// What other SQL has after an expression and AWS IoT SQL hasn't, and what to write instead.
  private static let foreignWords = [
    "BETWEEN": "write x >= 1 AND x <= 2", "LIKE": "use regexp_matches(x, 'pattern')",
    "IS": "compare with isNull(x) or isUndefined(x)", "GROUP": "a rule sees one message at a time",
    "ORDER": "a rule sees one message at a time", "LIMIT": "a rule sees one message at a time",
    "HAVING": "a rule sees one message at a time", "JOIN": "a rule sees one message at a time",
  ]

  private func expectEnd() throws(SQLError) {
    guard token.kind == .end else {
      let found = unexpected("the end of the statement")
      guard case .identifier(let word) = token.kind, let advice = Self.foreignWords[word.uppercased()] else {
        throw found
      }
      throw error("\(found.message); AWS IoT SQL has no \(word.uppercased()): \(advice)")
    }
  }

  private func error(_ message: String) -> SQLError { SQLError(message, at: token.start, in: sql) }

  private func unexpected(_ expected: String) -> SQLError {
    error("\(token.text) where \(expected) is expected")
  }
}
