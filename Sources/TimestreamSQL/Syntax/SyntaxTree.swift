/// An expression as written.
struct Expression: Sendable {
  indirect enum Kind: Sendable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case double(Double)
    case text(String)
    /// Nanoseconds.
    case duration(Int64)
    /// `timestamp '…'`, `date '…'`, `time '…'`.
    case typedText(type: String, text: String)
    /// `INTERVAL '1' HOUR`; `end` is HOUR in `INTERVAL '1 2' DAY TO HOUR`.
    case interval(text: String, isNegative: Bool, unit: String, end: String?)
    /// `a`, `a.b`, `a.b.c`.
    case name([String])
    case call(Call)
    case unary(String, Expression)
    case binary(String, Expression, Expression)
    case and([Expression])
    case or([Expression])
    case not(Expression)
    case between(Expression, low: Expression, high: Expression)
    case inList(Expression, [Expression])
    case inQuery(Expression, Query)
    case exists(Query)
    case like(Expression, pattern: Expression, escape: Expression?)
    case isNull(Expression)
    case isDistinct(Expression, Expression)
    case choice(operand: Expression?, cases: [(when: Expression, then: Expression)], otherwise: Expression?)
    case cast(Expression, type: TypeName, isTry: Bool)
    case extract(String, Expression)
    case subquery(Query)
    case array([Expression])
    case row([Expression])
    case element(Expression, index: Expression)
    case field(Expression, String)
    case lambda(parameters: [String], body: Expression)
  }

  let kind: Kind
  let place: Place
  /// Levels of nesting, which bound every later recursion.
  let depth: Int

  /// A call of a function or an aggregate.
  struct Call: Sendable {
    let name: String
    var arguments: [Expression] = []
    /// `count(*)`.
    var isStar = false
    var isDistinct = false
    var order: [SortItem] = []
    var filter: Expression?
    var window: Window?
    var ignoresNulls = false
  }
}

/// `OVER (…)`.
struct Window: Sendable {
  var partition: [Expression] = []
  var order: [SortItem] = []
  /// `ROWS BETWEEN …` in SQL, checked by the parser.
  var frame: String?
}

struct SortItem: Sendable {
  let expression: Expression
  let isDescending: Bool
  /// nil means NULLs last, which is Presto's default for both directions.
  let nullsFirst: Bool?
}

/// `varchar`, `array(double)`, `row(a bigint, b double)`.
struct TypeName: Sendable {
  let name: String
  let parameters: [(field: String?, type: TypeName)]
  let place: Place
}

/// A query's body with the clauses around it.
struct Query: Sendable {
  var with: [CommonTable] = []
  var body: QueryBody
  var order: [SortItem] = []
  var offset: Int64?
  var limit: Int64?
  let place: Place
}

struct CommonTable: Sendable {
  let name: String
  let columns: [String]?
  let query: Query
  let place: Place
}

indirect enum QueryBody: Sendable {
  case select(Select)
  case values([[Expression]])
  case combined(QueryBody, SetOperator, isAll: Bool, QueryBody, Place)
  case nested(Query)
}

enum SetOperator: String, Sendable { case union = "UNION", intersect = "INTERSECT", except = "EXCEPT" }

struct Select: Sendable {
  var isDistinct = false
  var items: [SelectItem] = []
  var from: Relation?
  var filter: Expression?
  var groups: [Expression]?
  var having: Expression?
  let place: Place
}

enum SelectItem: Sendable {
  /// `*`, or `t.*`.
  case all(qualifier: [String], Place)
  case expression(Expression, alias: String?)
}

/// A relation after FROM.
indirect enum Relation: Sendable {
  case table([String], Place)
  case query(Query)
  case unnest([Expression], withOrdinality: Bool, Place)
  case aliased(Relation, String, columns: [String]?)
  case join(Relation, Relation, JoinKind, JoinCondition, Place)
}

enum JoinKind: String, Sendable {
  case inner = "JOIN", left = "LEFT JOIN", right = "RIGHT JOIN", full = "FULL JOIN", cross = "CROSS JOIN"
}

enum JoinCondition: Sendable {
  case none
  case on(Expression)
  case using([String])
}

/// A whole statement.
enum Statement: Sendable {
  case query(Query)
  case showDatabases(like: String?)
  case showTables(database: String?, like: String?, Place)
  case showMeasures(table: [String], like: String?, Place)
  case describe(table: [String], Place)
  case explain(Query)
}
