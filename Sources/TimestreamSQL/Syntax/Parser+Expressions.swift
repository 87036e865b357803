/// Expressions, parsed by precedence climbing:
/// OR, AND, NOT, comparisons and predicates, `||`, `+ -`, `* / %`, signs, `[…]` and `.name`.
extension Parser {
  private enum Precedence {
    static let or = 1
    static let and = 2
    static let not = 3
    static let comparison = 4
    static let concatenation = 5
    static let sum = 6
    static let product = 7
  }

  /// An expression.
  mutating func expression() throws(QueryError) -> Expression { try expression(above: 0) }

  /// An expression of operators that bind tighter than `precedence`.
  private mutating func expression(above precedence: Int) throws(QueryError) -> Expression {
    try nested { (parser) throws(QueryError) in try parser.operators(above: precedence) }
  }

  private func make(_ kind: Expression.Kind, _ place: Place, _ parts: [Expression] = []) throws(QueryError)
    -> Expression
  {
    let depth = (parts.lazy.map(\.depth).max() ?? 0) + 1
    guard depth <= Self.depthLimit else {
      throw QueryError("The statement is nested more than \(Self.depthLimit) levels deep", at: place)
    }
    return Expression(kind: kind, place: place, depth: depth)
  }

  private mutating func operators(above minimum: Int) throws(QueryError) -> Expression {
    var left: Expression
    if isAt("NOT"), minimum < Precedence.not {
      let place = current.place
      advance()
      let operand = try expression(above: Precedence.not - 1)
      left = try make(.not(operand), place, [operand])
    } else {
      left = try signed()
    }
    while true {
      let place = current.place
      switch current.keyword {
      case "OR" where minimum < Precedence.or:
        left = try chain("OR", left, above: Precedence.or) { .or($0) }
        continue
      case "AND" where minimum < Precedence.and:
        left = try chain("AND", left, above: Precedence.and) { .and($0) }
        continue
      case "NOT", "BETWEEN", "IN", "LIKE", "IS":
        guard minimum < Precedence.comparison, let predicate = try predicate(left) else { return left }
        left = predicate
        continue
      default: break
      }
      guard current.kind == .sign else { return left }
      let sign = current.text
      let precedence: Int
      switch sign {
      case "=", "<>", "!=", "<", "<=", ">", ">=": precedence = Precedence.comparison
      case "||": precedence = Precedence.concatenation
      case "+", "-": precedence = Precedence.sum
      case "*", "/", "%": precedence = Precedence.product
      default: return left
      }
      guard precedence > minimum else { return left }
      advance()
      let right = try expression(above: precedence)
      left = try make(.binary(sign == "!=" ? "<>" : sign, left, right), place, [left, right])
    }
  }

  /// `a OR b OR c` as one node, however long it is.
  private mutating func chain(
    _ keyword: String, _ first: Expression, above precedence: Int, _ kind: ([Expression]) -> Expression.Kind
  ) throws(QueryError) -> Expression {
    var parts = [first]
    while accept(keyword) { parts.append(try expression(above: precedence)) }
    return try make(kind(parts), first.place, parts)
  }

  private mutating func predicate(_ left: Expression) throws(QueryError) -> Expression? {
    let place = current.place
    if accept("IS") {
      let isNegated = accept("NOT")
      if accept("NULL") { return try negate(isNegated, try make(.isNull(left), place, [left])) }
      if accept("DISTINCT", "FROM") {
        let right = try expression(above: Precedence.comparison)
        return try negate(isNegated, try make(.isDistinct(left, right), place, [left, right]))
      }
      throw mismatch(expecting: "'DISTINCT', 'NOT', 'NULL'")
    }
    let isNegated = isAt("NOT") && ["BETWEEN", "IN", "LIKE"].contains(token(ahead: 1).keyword)
    if isNegated { advance() }
    switch current.keyword {
    case "BETWEEN":
      advance()
      let low = try expression(above: Precedence.comparison)
      try expect("AND")
      let high = try expression(above: Precedence.comparison)
      return try negate(isNegated, try make(.between(left, low: low, high: high), place, [left, low, high]))
    case "IN":
      advance()
      try expect(sign: "(")
      if isAt("SELECT") || isAt("WITH") || isAt("VALUES") {
        let query = try query()
        try expect(sign: ")")
        return try negate(isNegated, try make(.inQuery(left, query), place, [left]))
      }
      var choices = [try expression()]
      while accept(sign: ",") { choices.append(try expression()) }
      try expect(sign: ")")
      return try negate(isNegated, try make(.inList(left, choices), place, choices + [left]))
    case "LIKE":
      advance()
      let pattern = try expression(above: Precedence.comparison)
      let escape = accept("ESCAPE") ? try expression(above: Precedence.comparison) : nil
      return try negate(
        isNegated,
        try make(
          .like(left, pattern: pattern, escape: escape), place, [left, pattern] + (escape.map { [$0] } ?? []))
      )
    default: return nil
    }
  }

  private func negate(_ isNegated: Bool, _ expression: Expression) throws(QueryError) -> Expression {
    isNegated ? try make(.not(expression), expression.place, [expression]) : expression
  }

  private mutating func signed() throws(QueryError) -> Expression {
    guard isAt(sign: "-") || isAt(sign: "+") else { return try postfix() }
    let sign = current.text
    let place = current.place
    advance()
    // The least 64-bit integer, whose digits don't fit without the sign.
    if sign == "-", current.kind == .integer, current.text == "9223372036854775808" {
      advance()
      return try make(.integer(.min), place)
    }
    let operand = try nested { (parser) throws(QueryError) in try parser.signed() }
    return try make(.unary(sign, operand), place, [operand])
  }

  private mutating func postfix() throws(QueryError) -> Expression {
    var value = try primary()
    while true {
      let place = current.place
      if accept(sign: "[") {
        let index = try expression()
        try expect(sign: "]")
        value = try make(.element(value, index: index), place, [value, index])
      } else if isAt(sign: "."), isName(token(ahead: 1)) {
        advance()
        var field = try name()
        // `t.measure_value::double`
        if field.lowercased() == "measure_value", accept(sign: "::") {
          field = "measure_value::\(try name().lowercased())"
        }
        if case .name(let parts) = value.kind {
          guard parts.count < Self.depthLimit else {
            throw QueryError("A name has more than \(Self.depthLimit) parts", at: place)
          }
          value = try make(.name(parts + [field]), value.place)
        } else {
          value = try make(.field(value, field), place, [value])
        }
      } else {
        return value
      }
    }
  }

  // MARK: Primaries

  private mutating func primary() throws(QueryError) -> Expression {
    let token = current
    let place = token.place
    switch token.kind {
    case .integer:
      guard let number = Int64(token.text) else {
        throw QueryError("Invalid numeric literal: \(token.text)", at: place)
      }
      advance()
      return try make(.integer(number), place)
    case .number:
      guard
        let number = Double(
          token.text.hasSuffix(".")
            ? token.text + "0" : token.text.hasPrefix(".") ? "0" + token.text : token.text),
        number.isFinite
      else { throw QueryError("Invalid numeric literal: \(token.text)", at: place) }
      advance()
      return try make(.double(number), place)
    case .text:
      advance()
      return try make(.text(token.text), place)
    case .duration:
      advance()
      if let years = Duration.years(of: token.text) {
        return try make(.interval(text: years, isNegative: false, unit: "YEAR", end: nil), place)
      }
      return try make(.duration(Duration.nanoseconds(of: token.text) ?? 0), place)
    case .sign where token.text == "(":
      return try parentheses()
    case .sign where token.text == "?":
      throw QueryError("Query parameters are not supported here", at: place)
    case .quotedName, .word: return try word(token)
    default: throw mismatch(expecting: "<expression>")
    }
  }

  /// `(a)`, `(a, b)`, `(SELECT …)`, `(x, y) -> …`, `() -> …`.
  private mutating func parentheses() throws(QueryError) -> Expression {
    let place = current.place
    if let parameters = lambdaParameters() {
      let body = try expression()
      return try make(.lambda(parameters: parameters, body: body), place, [body])
    }
    try expect(sign: "(")
    if isAt("SELECT") || isAt("WITH") || isAt("VALUES") {
      let query = try query()
      try expect(sign: ")")
      return try make(.subquery(query), place)
    }
    let first = try expression()
    guard isAt(sign: ",") else {
      try expect(sign: ")")
      return first
    }
    var parts = [first]
    while accept(sign: ",") { parts.append(try expression()) }
    try expect(sign: ")")
    return try make(.row(parts), place, parts)
  }

  /// Reads `(x, y) ->` if it comes next.
  private mutating func lambdaParameters() -> [String]? {
    var names: [String] = []
    var ahead = 1
    while isName(token(ahead: ahead)) {
      names.append(token(ahead: ahead).text)
      ahead += 1
      guard token(ahead: ahead).kind == .sign, token(ahead: ahead).text == "," else { break }
      ahead += 1
    }
    guard token(ahead: ahead).kind == .sign, token(ahead: ahead).text == ")",
      token(ahead: ahead + 1).kind == .sign, token(ahead: ahead + 1).text == "->"
    else { return nil }
    for _ in 0..<ahead + 2 { advance() }
    return names
  }

  private mutating func word(_ token: Token) throws(QueryError) -> Expression {
    let place = token.place
    let next = self.token(ahead: 1)
    let isCall = next.kind == .sign && next.text == "("
    switch token.keyword {
    case "NULL", "TRUE", "FALSE":
      advance()
      return try make(token.keyword == "NULL" ? .null : .boolean(token.keyword == "TRUE"), place)
    case "CASE": return try choice()
    case "CAST", "TRY_CAST":
      advance()
      try expect(sign: "(")
      let value = try expression()
      try expect("AS")
      let type = try typeName()
      try expect(sign: ")")
      return try make(.cast(value, type: type, isTry: token.keyword == "TRY_CAST"), place, [value])
    case "EXISTS":
      advance()
      try expect(sign: "(")
      let query = try query()
      try expect(sign: ")")
      return try make(.exists(query), place)
    case "EXTRACT" where isCall:
      advance()
      advance()
      let field = try name()
      try expect("FROM")
      let value = try expression()
      try expect(sign: ")")
      return try make(.extract(field.lowercased(), value), place, [value])
    case "POSITION" where isCall:
      advance()
      advance()
      let part = try expression(above: Precedence.comparison)
      try expect("IN")
      let whole = try expression()
      try expect(sign: ")")
      return try make(.call(.init(name: "strpos", arguments: [whole, part])), place, [part, whole])
    case "ARRAY" where next.kind == .sign && next.text == "[":
      advance()
      advance()
      var elements: [Expression] = []
      if !isAt(sign: "]") {
        repeat { elements.append(try expression()) } while accept(sign: ",")
      }
      try expect(sign: "]")
      return try make(.array(elements), place, elements)
    case "ROW" where isCall:
      advance()
      advance()
      var parts = [try expression()]
      while accept(sign: ",") { parts.append(try expression()) }
      try expect(sign: ")")
      return try make(.row(parts), place, parts)
    case "INTERVAL" where next.kind == .text || next.kind == .sign && "+-".contains(next.text):
      return try interval()
    case "TIMESTAMP" where next.kind == .text, "DATE" where next.kind == .text,
      "TIME" where next.kind == .text:
      advance()
      advance()
      return try make(.typedText(type: token.keyword.lowercased(), text: next.text), place)
    case "DOUBLE" where next.kind == .text, "BIGINT" where next.kind == .text,
      "INTEGER" where next.kind == .text,
      "VARCHAR" where next.kind == .text, "BOOLEAN" where next.kind == .text:
      advance()
      advance()
      let text = try make(.text(next.text), next.place)
      let type = TypeName(name: token.text.lowercased(), parameters: [], place: place)
      return try make(.cast(text, type: type, isTry: false), place, [text])
    case "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIMESTAMP", "LOCALTIME":
      advance()
      if isCall {
        advance()
        try expect(sign: ")")
      }
      return try make(.call(.init(name: token.text.lowercased())), place)
    default: break
    }
    guard isName(token) else { throw mismatch(expecting: "<expression>") }
    if isCall { return try call() }
    advance()
    // `x -> x + 1`
    if token.kind == .word || token.kind == .quotedName, accept(sign: "->") {
      let body = try expression()
      return try make(.lambda(parameters: [token.text], body: body), place, [body])
    }
    // `measure_value::double`
    if token.text.lowercased() == "measure_value", accept(sign: "::") {
      let type = try name()
      return try make(.name(["measure_value::\(type.lowercased())"]), place)
    }
    return try make(.name([token.text]), place)
  }

  private mutating func interval() throws(QueryError) -> Expression {
    let place = current.place
    advance()
    let isNegative = isAt(sign: "-")
    if isNegative || isAt(sign: "+") { advance() }
    guard current.kind == .text else { throw mismatch(expecting: "<string>") }
    let text = current.text
    advance()
    let unit = try name().uppercased()
    let end = accept("TO") ? try name().uppercased() : nil
    return try make(.interval(text: text, isNegative: isNegative, unit: unit, end: end), place)
  }

  private mutating func choice() throws(QueryError) -> Expression {
    let place = current.place
    advance()
    let operand = isAt("WHEN") ? nil : try expression()
    var cases: [(when: Expression, then: Expression)] = []
    while accept("WHEN") {
      let when = try expression()
      try expect("THEN")
      cases.append((when, try expression()))
    }
    guard !cases.isEmpty else { throw mismatch(expecting: "'WHEN'") }
    let otherwise = accept("ELSE") ? try expression() : nil
    try expect("END")
    return try make(
      .choice(operand: operand, cases: cases, otherwise: otherwise), place,
      cases.flatMap { [$0.when, $0.then] } + [operand, otherwise].compactMap { $0 })
  }

  mutating func typeName() throws(QueryError) -> TypeName {
    try nested { (parser) throws(QueryError) in try parser.typeNameHere() }
  }

  private mutating func typeNameHere() throws(QueryError) -> TypeName {
    let place = current.place
    var name = try name().lowercased()
    if name == "double", isAt("PRECISION") { advance() }
    if name == "interval" {
      // INTERVAL DAY TO SECOND, INTERVAL YEAR TO MONTH
      let from = try self.name().lowercased()
      try expect("TO")
      name = "interval \(from) to \(try self.name().lowercased())"
    }
    var parameters: [(field: String?, type: TypeName)] = []
    if accept(sign: "(") {
      repeat {
        // `varchar(10)`: the length is ignored. `row(a bigint)`: a name, then a type.
        if current.kind == .integer {
          advance()
          continue
        }
        let next = token(ahead: 1)
        let isField = name == "row" && (isName(next) || next.kind == .quotedName)
        let field = isField ? try self.name() : nil
        parameters.append((field, try typeName()))
      } while accept(sign: ",")
      try expect(sign: ")")
    }
    if (name == "timestamp" || name == "time"), accept("WITH", "TIME", "ZONE") {
      throw QueryError("Unknown type: \(name) with time zone", at: place)
    }
    return TypeName(name: name, parameters: parameters, place: place)
  }

  // MARK: Calls

  private mutating func call() throws(QueryError) -> Expression {
    let place = current.place
    var call = Expression.Call(name: try name().lowercased())
    try expect(sign: "(")
    if accept(sign: "*") {
      call.isStar = true
    } else if !isAt(sign: ")") {
      if accept("DISTINCT") { call.isDistinct = true } else { _ = accept("ALL") }
      repeat { call.arguments.append(try expression()) } while accept(sign: ",")
      if accept("ORDER", "BY") { call.order = try sortItems() }
    }
    try expect(sign: ")")
    if isAt("FILTER"), token(ahead: 1).text == "(" {
      advance()
      try expect(sign: "(")
      try expect("WHERE")
      call.filter = try expression()
      try expect(sign: ")")
    }
    if accept("IGNORE", "NULLS") { call.ignoresNulls = true } else { _ = accept("RESPECT", "NULLS") }
    if accept("OVER") { call.window = try window() }
    var parts = call.arguments + call.order.map(\.expression)
    if let filter = call.filter { parts.append(filter) }
    if let window = call.window { parts += window.partition + window.order.map(\.expression) }
    return try make(.call(call), place, parts)
  }

  private mutating func window() throws(QueryError) -> Window {
    var window = Window()
    try expect(sign: "(")
    if accept("PARTITION", "BY") {
      repeat { window.partition.append(try expression()) } while accept(sign: ",")
    }
    if accept("ORDER", "BY") { window.order = try sortItems() }
    if isAt("ROWS") || isAt("RANGE") || isAt("GROUPS") {
      var frame = current.keyword
      advance()
      if accept("BETWEEN") {
        let start = try frameBound()
        try expect("AND")
        frame += " BETWEEN \(start) AND \(try frameBound())"
      } else {
        frame += " \(try frameBound())"
      }
      window.frame = frame
    }
    try expect(sign: ")")
    return window
  }

  private mutating func frameBound() throws(QueryError) -> String {
    if accept("UNBOUNDED") {
      if accept("PRECEDING") { return "UNBOUNDED PRECEDING" }
      try expect("FOLLOWING")
      return "UNBOUNDED FOLLOWING"
    }
    if accept("CURRENT", "ROW") { return "CURRENT ROW" }
    guard current.kind == .integer, let count = Int64(current.text) else {
      throw mismatch(expecting: "'CURRENT', 'UNBOUNDED', <integer>")
    }
    advance()
    if accept("PRECEDING") { return "\(count) PRECEDING" }
    try expect("FOLLOWING")
    return "\(count) FOLLOWING"
  }
}
