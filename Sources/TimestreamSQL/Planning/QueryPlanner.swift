import Text

/// A query as SQLite's SQL, with columns `c0`, `c1` and so on.
struct PlannedQuery {
  struct Column {
    let name: String?
    let type: SQLType
  }

  let sql: String
  let columns: [Column]
}

/// A relation after FROM: its SQL and its columns.
struct PlannedRelation {
  let sql: String
  var columns: [Scope.Column]
  /// The table, if the relation is just a table with rollups; otherwise nil.
  var rolled: RolledTable?
}

/// Plans queries: resolves their names, checks them by Presto's rules, and writes them in SQLite's SQL.
///
/// SQLite scans, joins, groups, sorts and orders windows; whatever it would evaluate differently becomes a registered function
/// (`Emitter`). Every column of a query gets a generated name, so that the only names of users in the SQL are those of tables'
/// columns.
final class QueryPlanner {
  private let catalog: any QueryCatalog
  let now: Int64
  private let usesRollups: Bool
  /// While a query that reads rollups is written: the SQL of its aggregates, by key.
  var partialAggregates: [String: String] = [:]
  var parameters: [Datum] = []
  var programs: [QueryPlan.Program] = []
  var aggregates: [QueryPlan.Aggregate] = []
  /// Shared by all aggregates of the statement.
  let memory = MemoryBudget()
  private var commonTables: [[String: (source: String, columns: [PlannedQuery.Column])]] = []
  private var lastRelation = 0
  private var lastCommonTable = 0

  init(catalog: any QueryCatalog, now: Int64, usesRollups: Bool) {
    self.catalog = catalog
    self.now = now
    self.usesRollups = usesRollups
  }

  // MARK: Queries

  func plan(_ query: Query, outer: Scope?) throws(QueryError) -> PlannedQuery {
    commonTables.append([:])
    defer { commonTables.removeLast() }
    var with: [String] = []
    for table in query.with {
      let planned = try plan(table.query, outer: outer)
      var columns = planned.columns
      if let names = table.columns {
        guard names.count == columns.count else {
          throw QueryError(
            "Column alias list has \(names.count) entries but relation has \(columns.count) columns",
            at: table.place)
        }
        columns = zip(names, columns).map { .init(name: $0, type: $1.type) }
      }
      lastCommonTable += 1
      with.append("w\(lastCommonTable) AS (\(planned.sql))")
      commonTables[commonTables.count - 1][table.name.lowercased()] = ("w\(lastCommonTable)", columns)
    }
    let body = try plan(query.body, order: query.order, outer: outer)
    var sql = body.sql
    if query.limit != nil || query.offset != nil {
      sql += " LIMIT \(query.limit ?? -1)" + (query.offset.map { " OFFSET \($0)" } ?? "")
    }
    return PlannedQuery(
      sql: (with.isEmpty ? "" : "WITH \(with.joined(separator: ", ")) ") + sql, columns: body.columns)
  }

  private func plan(_ body: QueryBody, order: [SortItem], outer: Scope?) throws(QueryError) -> PlannedQuery {
    if case .select(let select) = body { return try SelectPlanner(self, select, order, outer: outer).plan() }
    let planned: PlannedQuery
    switch body {
    case .select(let select): planned = try SelectPlanner(self, select, [], outer: outer).plan()
    case .nested(let query): planned = try plan(query, outer: outer)
    case .values(let rows): planned = try values(rows, outer: outer)
    case .combined(let left, let operation, let isAll, let right, let place):
      planned = try combined(left, operation, isAll: isAll, right, place, outer: outer)
    }
    // Wraps it in another query, in which its columns' names can be used.
    lastRelation += 1
    let alias = "r\(lastRelation)"
    let columns = planned.columns.enumerated().map { index, column in
      Scope.Column(
        name: column.name, qualifier: [],
        expression: TypedExpression(
          .reference(sql: "\(alias).c\(index)"), column.type, Place(line: 1, column: 1)))
    }
    let list = columns.indices.map { "\(alias).c\($0) AS c\($0)" }.joined(separator: ", ")
    var sql = "SELECT \(list) FROM (\(planned.sql)) AS \(alias)"
    if !order.isEmpty {
      let resolver = ExpressionResolver(scope: Scope(columns, outer: outer), planner: self)
      var terms: [String] = []
      for item in order {
        if case .integer(let position) = item.expression.kind {
          guard position >= 1, position <= Int64(columns.count) else {
            throw QueryError("ORDER BY position \(position) is not in select list", at: item.expression.place)
          }
          terms.append("\(position)\(direction(item.isDescending, item.nullsFirst ?? false))")
        } else {
          let sorted = try resolver.order([item])[0]
          terms.append(try term(sorted))
        }
      }
      sql += " ORDER BY \(terms.joined(separator: ", "))"
    }
    return PlannedQuery(sql: sql, columns: planned.columns)
  }

  /// By default, SQLite sorts NULL as the least value, Presto last in both directions.
  func direction(_ isDescending: Bool, _ nullsFirst: Bool) -> String {
    (isDescending ? " DESC" : "") + (nullsFirst ? " NULLS FIRST" : " NULLS LAST")
  }

  func term(_ order: AggregateCall.Order) throws(QueryError) -> String {
    try positioned(order.expression) + direction(order.isDescending, order.nullsFirst)
  }

  /// The SQL of a value after ORDER BY or GROUP BY, where SQLite reads a bare number as a column's position.
  func positioned(_ value: TypedExpression) throws(QueryError) -> String {
    let text = try sql(value)
    if case .constant = value.kind {
      return
        "CAST(\(text) AS \(value.type == .double ? "REAL" : value.type == .varchar ? "TEXT" : "INTEGER"))"
    }
    return text
  }

  private func values(_ rows: [[Expression]], outer: Scope?) throws(QueryError) -> PlannedQuery {
    let resolver = ExpressionResolver(
      scope: Scope([], outer: outer), planner: self, clauseWithoutAggregates: "VALUES")
    var types: [SQLType] = []
    var typed: [[TypedExpression]] = []
    for row in rows {
      guard typed.isEmpty || row.count == types.count else {
        throw QueryError(
          "Values rows have mismatched sizes: \(types.count) vs \(row.count)", at: row[0].place)
      }
      var values: [TypedExpression] = []
      for (index, item) in row.enumerated() {
        let value = try resolver.resolve(item)
        if typed.isEmpty {
          types.append(value.type)
        } else if let common = SQLType.common(types[index], value.type) {
          types[index] = common
        } else {
          throw QueryError(
            "Values rows have mismatched types: \(types[index].text) vs \(value.type.text)", at: item.place)
        }
        values.append(value)
      }
      typed.append(values)
    }
    var lines: [String] = []
    for row in typed {
      var texts: [String] = []
      for (value, type) in zip(row, types) { texts.append(try sql(resolver.coerced(value, to: type))) }
      lines.append("(\(texts.joined(separator: ", ")))")
    }
    let list = types.indices.map { "column\($0 + 1) AS c\($0)" }.joined(separator: ", ")
    return PlannedQuery(
      sql: "SELECT \(list) FROM (VALUES \(lines.joined(separator: ", ")))",
      columns: types.map { .init(name: nil, type: $0) })
  }

  private func combined(
    _ left: QueryBody, _ operation: SetOperator, isAll: Bool, _ right: QueryBody, _ place: Place,
    outer: Scope?
  ) throws(QueryError) -> PlannedQuery {
    let (one, other) = (try plan(left, order: [], outer: outer), try plan(right, order: [], outer: outer))
    guard one.columns.count == other.columns.count else {
      throw QueryError(
        "\(operation.rawValue) query has different number of fields: \(one.columns.count), \(other.columns.count)",
        at: place)
    }
    guard !isAll || operation == .union else {
      throw QueryError("\(operation.rawValue) ALL is not supported", at: place)
    }
    var types: [SQLType] = []
    for (index, pair) in zip(one.columns, other.columns).enumerated() {
      guard let type = SQLType.common(pair.0.type, pair.1.type) else {
        throw QueryError(
          "column \(index + 1) in \(operation.rawValue) query has incompatible types: \(pair.0.type.text), \(pair.1.type.text)",
          at: place)
      }
      types.append(type)
    }
    func side(_ query: PlannedQuery) throws(QueryError) -> String {
      lastRelation += 1
      let alias = "r\(lastRelation)"
      let resolver = ExpressionResolver(scope: Scope([], outer: nil), planner: self)
      var list: [String] = []
      for (index, type) in types.enumerated() {
        let value = TypedExpression(.reference(sql: "\(alias).c\(index)"), query.columns[index].type, place)
        list.append("\(try sql(resolver.coerced(value, to: type))) AS c\(index)")
      }
      return "SELECT \(list.joined(separator: ", ")) FROM (\(query.sql)) AS \(alias)"
    }
    return PlannedQuery(
      sql: "\(try side(one)) \(operation.rawValue)\(isAll ? " ALL" : "") \(try side(other))",
      columns: zip(one.columns, types).map { .init(name: $0.name, type: $1) })
  }

  // MARK: Relations

  func plan(_ relation: Relation, outer: Scope?, lateral: [Scope.Column] = []) throws(QueryError)
    -> PlannedRelation
  {
    switch relation {
    case .table(let parts, let place): return try table(parts, place)
    case .query(let query):
      let planned = try plan(query, outer: outer)
      let alias = nextAlias()
      return PlannedRelation(
        sql: "(\(planned.sql)) AS \(alias)",
        columns: columns(planned.columns, alias, qualifier: [], query.place))
    case .unnest(let arrays, let withOrdinality, let place):
      let (sql, columns) = try unnest(arrays, withOrdinality, place, Scope(lateral, outer: outer))
      return PlannedRelation(sql: sql, columns: columns)
    case .aliased(let inner, let alias, let names):
      var planned = try plan(inner, outer: outer, lateral: lateral)
      if let names, names.count != planned.columns.count {
        throw QueryError(
          "Column alias list has \(names.count) entries but '\(alias)' has \(planned.columns.count) columns available",
          at: place(of: inner))
      }
      for (index, column) in planned.columns.enumerated() {
        planned.columns[index] = Scope.Column(
          name: names?[index] ?? column.name, qualifier: [alias], expression: column.expression)
      }
      return planned
    case .join(let left, let right, let kind, let condition, let place):
      let (sql, columns) = try join(left, right, kind, condition, place, outer: outer, lateral: lateral)
      return PlannedRelation(sql: sql, columns: columns)
    }
  }

  private func nextAlias() -> String {
    lastRelation += 1
    return "r\(lastRelation)"
  }

  private func place(of relation: Relation) -> Place {
    switch relation {
    case .table(_, let place), .unnest(_, _, let place), .join(_, _, _, _, let place): place
    case .query(let query): query.place
    case .aliased(let inner, _, _): place(of: inner)
    }
  }

  private func columns(
    _ columns: [PlannedQuery.Column], _ alias: String, qualifier: [String], _ place: Place
  ) -> [Scope.Column] {
    columns.enumerated().map { index, column in
      Scope.Column(
        name: column.name, qualifier: qualifier,
        expression: TypedExpression(.reference(sql: "\(alias).c\(index)"), column.type, place))
    }
  }

  private func table(_ parts: [String], _ place: Place) throws(QueryError) -> PlannedRelation {
    if parts.count == 1 {
      for level in commonTables.reversed() {
        guard let common = level[parts[0].lowercased()] else { continue }
        let alias = nextAlias()
        return PlannedRelation(
          sql: "\(common.source) AS \(alias)",
          columns: columns(common.columns, alias, qualifier: [parts[0]], place))
      }
    }
    let (table, database) = try find(parts, place)
    let alias = nextAlias()
    let columns = table.columns.map { column in
      Scope.Column(
        name: column.name, qualifier: [database, parts[parts.count - 1]],
        expression: TypedExpression(
          .reference(sql: "\(alias).\(Emitter.quoted(column.name))"), column.type, place))
    }
    let rolled = table.rollups.map {
      RolledTable(
        rollups: $0, source: table.source, alias: alias, columns: table.columns,
        measureNames: table.measures.map(\.name))
    }
    return PlannedRelation(
      sql: "\(table.source) AS \(alias)", columns: columns, rolled: usesRollups ? rolled : nil)
  }

  private func find(_ parts: [String], _ place: Place) throws(QueryError) -> (QueryTable, database: String) {
    guard parts.count <= 2 else {
      throw QueryError("Table '\(parts.joined(separator: "."))' does not exist", at: place)
    }
    let database = try existing(parts.count == 2 ? parts[0] : catalog.defaultDatabase, place)
    let name = parts[parts.count - 1]
    if let table = catalog.table(name, in: database) { return (table, database) }
    let names = catalog.tables(in: database) ?? []
    if let other = names.first(where: { $0.lowercased() == name.lowercased() }),
      let table = catalog.table(other, in: database)
    {
      return (table, database)
    }
    throw QueryError(
      "Table '\(database).\(name)' does not exist", at: place,
      suggestion: NearestName.of(name, among: names).map { "Did you mean '\($0)'?" }
        ?? (names.isEmpty ? nil : "The database has: \(names.joined(separator: ", "))"))
  }

  private func existing(_ database: String, _ place: Place) throws(QueryError) -> String {
    let names = catalog.databases
    guard
      let name = names.first(where: { $0 == database })
        ?? names.first(where: { $0.lowercased() == database.lowercased() })
    else {
      throw QueryError(
        "Database '\(database)' does not exist", at: place,
        suggestion: NearestName.of(database, among: names).map { "Did you mean '\($0)'?" })
    }
    return name
  }

  private func unnest(
    _ arrays: [Expression], _ withOrdinality: Bool, _ place: Place, _ scope: Scope
  ) throws(QueryError) -> (sql: String, columns: [Scope.Column]) {
    let resolver = ExpressionResolver(scope: scope, planner: self, clauseWithoutAggregates: "UNNEST")
    let alias = nextAlias()
    guard arrays.count <= UnnestColumns.limit else {
      throw QueryError("UNNEST takes \(UnnestColumns.limit) arrays at most", at: place)
    }
    var arguments: [String] = []
    var columns: [Scope.Column] = []
    for (index, array) in arrays.enumerated() {
      let value = try resolver.resolve(array)
      guard let element = ArrayFunctions.elementType(value.type) else {
        throw QueryError("Cannot unnest type: \(value.type.text)", at: array.place)
      }
      arguments.append(try sql(value))
      let reference = TypedExpression(.reference(sql: "\(alias).v\(index)"), element, place)
      if case .row(let fields) = element {
        for (place, field) in fields.enumerated() {
          columns.append(
            Scope.Column(
              name: field.name, qualifier: [], expression: RowFields.field(place, of: reference, field.type)))
        }
      } else {
        columns.append(Scope.Column(name: nil, qualifier: [], expression: reference))
      }
    }
    if withOrdinality {
      columns.append(
        Scope.Column(
          name: "ordinality", qualifier: [],
          expression: TypedExpression(.reference(sql: "\(alias).n"), .bigint, place)))
    }
    return ("\(UnnestColumns.function)(\(arguments.joined(separator: ", "))) AS \(alias)", columns)
  }

  private func join(
    _ left: Relation, _ right: Relation, _ kind: JoinKind, _ condition: JoinCondition, _ place: Place,
    outer: Scope?,
    lateral: [Scope.Column]
  ) throws(QueryError) -> (sql: String, columns: [Scope.Column]) {
    let planned = try plan(left, outer: outer, lateral: lateral)
    let (leftSQL, leftColumns) = (planned.sql, planned.columns)
    // UNNEST may read the relations before it.
    let other = try plan(right, outer: outer, lateral: lateral + leftColumns)
    let (rightSQL, rightColumns) = (other.sql, other.columns)
    // SQLite's CROSS JOIN would fix the order of the loops.
    let word = kind == .cross ? "JOIN" : kind.rawValue
    let isJoin = if case .join = right { true } else { false }
    let sql = "\(leftSQL) \(word) \(isJoin ? "(\(rightSQL))" : rightSQL)"
    switch condition {
    case .none: return (sql, leftColumns + rightColumns)
    case .on(let expression):
      let resolver = ExpressionResolver(
        scope: Scope(leftColumns + rightColumns, outer: outer), planner: self,
        clauseWithoutAggregates: "JOIN clause")
      let value = try resolver.resolve(expression, as: .boolean, what: "JOIN ON clause")
      return ("\(sql) ON \(try self.sql(value))", leftColumns + rightColumns)
    case .using(let names):
      var shared: [Scope.Column] = []
      var terms: [String] = []
      var (restLeft, restRight) = (leftColumns, rightColumns)
      for name in names {
        guard let one = only(name, in: restLeft), let other = only(name, in: restRight) else {
          throw QueryError("Column '\(name)' is missing from one side of the join, or ambiguous", at: place)
        }
        let (left, right) = (restLeft.remove(at: one).expression, restRight.remove(at: other).expression)
        guard let type = SQLType.common(left.type, right.type) else {
          throw QueryError("'=' cannot be applied to \(left.type.text), \(right.type.text)", at: place)
        }
        let resolver = ExpressionResolver(scope: Scope([], outer: nil), planner: self)
        let (a, b) = (resolver.coerced(left, to: type), resolver.coerced(right, to: type))
        terms.append("\(try self.sql(a)) = \(try self.sql(b))")
        let value =
          kind == .right
          ? b
          : kind == .full
            ? TypedExpression(
              .choice([(TypedExpression(.isNull(a), .boolean, place), b)], otherwise: a), type, place) : a
        shared.append(Scope.Column(name: name, qualifier: [], expression: value))
      }
      return ("\(sql) ON \(terms.joined(separator: " AND "))", shared + restLeft + restRight)
    }
  }

  private func only(_ name: String, in columns: [Scope.Column]) -> Int? {
    let found = columns.indices.filter { Scope.matches(columns[$0].name, name, exactly: false) }
    return found.count == 1 ? found[0] : nil
  }

  // MARK: SHOW and DESCRIBE

  func listing(_ statement: Statement) throws(QueryError) -> PlannedQuery {
    switch statement {
    case .showDatabases(let like):
      return try rows([("Database", .varchar)], catalog.databases.sorted().map { [.text($0)] }, like: like)
    case .showTables(let database, let like, let place):
      let name = try existing(database ?? catalog.defaultDatabase, place)
      return try rows(
        [("Table", .varchar)], (catalog.tables(in: name) ?? []).sorted().map { [.text($0)] }, like: like)
    case .showMeasures(let parts, let like, let place):
      let (table, _) = try find(parts, place)
      let dimension = SQLType.row([
        .init(name: "dimension_name", type: .varchar), .init(name: "data_type", type: .varchar),
      ])
      let dimensions = Datum.list(
        table.columns.filter { $0.role == .dimension }.map { .list([.text($0.name), .text($0.type.text)]) })
      return try rows(
        [("measure_name", .varchar), ("data_type", .varchar), ("dimensions", .array(dimension))],
        table.measures.map { [.text($0.name), .text($0.type), dimensions] }, like: like)
    case .describe(let parts, let place):
      let (table, _) = try find(parts, place)
      return try rows(
        [("Column", .varchar), ("Type", .varchar), ("Timestream attribute type", .varchar)],
        table.columns.map { [.text($0.name), .text($0.type.text), .text($0.role.rawValue)] }, like: nil)
    case .query(let query), .explain(let query): return try plan(query, outer: nil)
    }
  }

  private func rows(_ columns: [(String, SQLType)], _ rows: [[Datum]], like: String?) throws(QueryError)
    -> PlannedQuery
  {
    let pattern = try like.map { (like) throws(QueryError) in try LikePattern(like, escape: nil) }
    let kept = rows.filter { row in pattern?.matches(row[0].text) ?? true }
    let emitter = Emitter(planner: self)
    let list = columns.indices.map { "column\($0 + 1) AS c\($0)" }.joined(separator: ", ")
    let lines = kept.map { row in
      "(\(zip(row, columns).map { emitter.literal($0, $1.1) }.joined(separator: ", ")))"
    }
    let nothing = "SELECT \(columns.indices.map { "NULL AS c\($0)" }.joined(separator: ", ")) WHERE 0"
    return PlannedQuery(
      sql: lines.isEmpty ? nothing : "SELECT \(list) FROM (VALUES \(lines.joined(separator: ", ")))",
      columns: columns.map { .init(name: $0.0, type: $0.1) })
  }
}

/// The table-valued function behind UNNEST: columns `n` (from 1), `v0`, `v1` and so on.
public enum UnnestColumns {
  /// The function's name in the SQL.
  public static let function = "ts_unnest"
  /// The maximum number of arrays in one UNNEST.
  public static let limit = 8
}
