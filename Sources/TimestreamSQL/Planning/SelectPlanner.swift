/// Plans one SELECT with its ORDER BY.
final class SelectPlanner {
  private let planner: QueryPlanner
  private let select: Select
  private let order: [SortItem]
  private let outer: Scope?

  private struct Item {
    let name: String?
    let value: TypedExpression
  }

  init(_ planner: QueryPlanner, _ select: Select, _ order: [SortItem], outer: Scope?) {
    self.planner = planner
    self.select = select
    self.order = order
    self.outer = outer
  }

  func plan() throws(QueryError) -> PlannedQuery {
    let from = try select.from.map { (relation) throws(QueryError) in try planner.plan(relation, outer: outer)
    }
    let scope = Scope(from?.columns ?? [], outer: outer)
    let resolver = ExpressionResolver(scope: scope, planner: planner)
    var plain = resolver
    plain.clauseWithoutAggregates = "WHERE clause"
    let filter = try select.filter.map { (filter) throws(QueryError) in
      try plain.resolve(filter, as: .boolean, what: "WHERE clause")
    }
    let items = try items(scope, resolver)
    let groups = try groups(items, resolver)
    let having = try select.having.map { (having) throws(QueryError) in
      try resolver.resolve(having, as: .boolean, what: "HAVING clause")
    }
    let terms = try sortTerms(items, scope)
    let all = items.map(\.value) + (having.map { [$0] } ?? []) + terms.map(\.expression)
    let isAggregated =
      groups != nil || having != nil || all.contains { $0.containsAggregate(windowed: false) }
    if isAggregated {
      let keys = Set((groups ?? []).map(\.key))
      let own = Set(scope.columns.map(\.expression.key))
      for value in all { try check(value, keys, own) }
    }
    var rolled: RollupPlanner.Plan?
    // DISTINCT groups, too: by all items of the select list.
    if isAggregated || select.isDistinct, let table = from?.rolled,
      var rollups = RollupPlanner(planner, table)
    {
      rolled = try rollups.plan(filter, outputs: all + (groups ?? []), isGrouped: isAggregated)
    }
    planner.partialAggregates = rolled?.aggregates ?? [:]
    defer { planner.partialAggregates = [:] }
    var sql = "SELECT \(select.isDistinct ? "DISTINCT " : "")"
    var list: [String] = []
    for (index, item) in items.enumerated() { list.append("\(try planner.sql(item.value)) AS c\(index)") }
    sql += list.joined(separator: ", ")
    if let rolled {
      sql += " FROM \(rolled.source)"
    } else {
      if let from { sql += " FROM \(from.sql)" }
      if let filter { sql += " WHERE \(try planner.sql(filter))" }
    }
    if let groups, !groups.isEmpty {
      var texts: [String] = []
      for group in groups { texts.append(try planner.positioned(group)) }
      sql += " GROUP BY \(texts.joined(separator: ", "))"
    }
    if let having { sql += " HAVING \(try planner.sql(having))" }
    if !terms.isEmpty {
      var texts: [String] = []
      for term in terms {
        if let index = items.firstIndex(where: { $0.value.key == term.expression.key }) {
          texts.append("\(index + 1)\(planner.direction(term.isDescending, term.nullsFirst))")
        } else {
          guard !select.isDistinct else {
            throw QueryError(
              "For SELECT DISTINCT, ORDER BY expressions must appear in select list",
              at: term.expression.place)
          }
          texts.append(try planner.term(term))
        }
      }
      sql += " ORDER BY \(texts.joined(separator: ", "))"
    }
    return PlannedQuery(sql: sql, columns: items.map { .init(name: $0.name, type: $0.value.type) })
  }

  private func items(_ scope: Scope, _ resolver: ExpressionResolver) throws(QueryError) -> [Item] {
    var items: [Item] = []
    for item in select.items {
      switch item {
      case .all(let qualifier, let place):
        guard select.from != nil else {
          throw QueryError("SELECT * not allowed in queries without FROM clause", at: place)
        }
        let columns = qualifier.isEmpty ? scope.columns : scope.columns(of: qualifier)
        guard !columns.isEmpty || qualifier.isEmpty else {
          throw QueryError("Table '\(qualifier.joined(separator: "."))' not found", at: place)
        }
        items += columns.map { Item(name: $0.name, value: $0.expression) }
      case .expression(let expression, let alias):
        items.append(Item(name: alias ?? name(of: expression), value: try resolver.resolve(expression)))
      }
    }
    guard items.count <= 1000 else {
      throw QueryError("The select list has more than 1000 items", at: select.place)
    }
    return items
  }

  private func name(of expression: Expression) -> String? {
    switch expression.kind {
    case .name(let parts): parts.last
    case .field(_, let name): name
    default: nil
    }
  }

  private func groups(_ items: [Item], _ resolver: ExpressionResolver) throws(QueryError)
    -> [TypedExpression]?
  {
    guard let written = select.groups else { return nil }
    var resolver = resolver
    resolver.clauseWithoutAggregates = "GROUP BY clause"
    var groups: [TypedExpression] = []
    for expression in written {
      guard case .integer(let position) = expression.kind else {
        groups.append(try resolver.resolve(expression))
        continue
      }
      guard position >= 1, position <= Int64(items.count) else {
        throw QueryError("GROUP BY position \(position) is not in select list", at: expression.place)
      }
      let value = items[Int(position) - 1].value
      guard !value.containsAggregate(windowed: false), !value.containsAggregate(windowed: true) else {
        throw QueryError(
          "GROUP BY clause cannot contain aggregations, window functions or grouping operations",
          at: value.place)
      }
      groups.append(value)
    }
    return groups
  }

  /// In ORDER BY, the select list's names hide the columns.
  private func sortTerms(_ items: [Item], _ scope: Scope) throws(QueryError) -> [AggregateCall.Order] {
    let names = items.filter { $0.name != nil }.map {
      Scope.Column(name: $0.name, qualifier: [], expression: $0.value)
    }
    // The same value under one name twice isn't ambiguous.
    var seen: Set<String> = []
    let output = Scope(
      names.filter { seen.insert("\($0.name ?? "") \($0.expression.key)").inserted }, outer: scope)
    let resolver = ExpressionResolver(scope: output, planner: planner)
    var terms: [AggregateCall.Order] = []
    for item in order {
      if case .integer(let position) = item.expression.kind {
        guard position >= 1, position <= Int64(items.count) else {
          throw QueryError("ORDER BY position \(position) is not in select list", at: item.expression.place)
        }
        let value = items[Int(position) - 1].value
        guard value.type.isOrdered else {
          throw QueryError(
            "Type \(value.type.text) is not orderable, and therefore cannot be used in ORDER BY",
            at: item.expression.place)
        }
        terms.append(
          .init(expression: value, isDescending: item.isDescending, nullsFirst: item.nullsFirst ?? false))
      } else {
        terms += try resolver.order([item])
      }
    }
    return terms
  }

  /// In a grouped query every column must be grouped or aggregated.
  private func check(_ value: TypedExpression, _ keys: Set<String>, _ own: Set<String>) throws(QueryError) {
    if keys.contains(value.key) { return }
    switch value.kind {
    case .aggregate(let call) where call.window == nil: return
    case .reference where own.contains(value.key):
      throw QueryError(
        "'\(shown(value))' must be an aggregate expression or appear in GROUP BY clause", at: value.place)
    default:
      for child in value.children { try check(child, keys, own) }
    }
  }

  private func shown(_ value: TypedExpression) -> String {
    guard case .reference(let sql) = value.kind, let point = sql.firstIndex(of: ".") else { return value.key }
    return String(sql[sql.index(after: point)...]).replacing("\"", with: "")
  }
}
