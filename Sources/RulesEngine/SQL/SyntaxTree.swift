/// A parsed statement, whose functions are resolved and whose variables are numbered.
struct Statement: Sendable {
  /// The expressions of SET, in order; a variable's number is its index.
  var assignments: [(name: String, expression: Expression)]
  var select: Select
  /// The topic filter of FROM; nil for a statement that serves Basic Ingest only.
  var filter: String?
  /// Calls of services that aren't available here, with their positions: the statement can be checked, but not evaluated.
  var unsupported: [SQLError] = []
  /// What is accepted although AWS doesn't document it.
  var doubts: [SQLError] = []
}

/// SELECT with its WHERE, in a statement or a nested query.
struct Select: Sendable {
  enum Items: Sendable {
    /// `SELECT VALUE expression`.
    case value(Expression)
    case list([Item])
  }

  /// One selected item; the path has more than one name if the alias has dots.
  enum Item: Sendable {
    case everything
    /// `expression.*`: the members of an object.
    case members(Expression)
    case expression(Expression, path: [String])
  }

  var items: Items
  var condition: Expression?
  /// The name that `FROM … AS name` gives the row.
  var alias: String?
}

/// An expression of the dialect.
indirect enum Expression: Sendable {
  enum BinaryOperator: String, Sendable {
    case or = "OR"
    case and = "AND"
    case equal = "="
    case unequal = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
    case isIn = "IN"
  }

  enum CastType: Sendable { case string, int, decimal, boolean }

  case literal(Value)
  /// `a.b.c` of the row.
  case path([String])
  /// `(expression).name`.
  case member(Expression, String)
  case variable(Int)
  /// The whole row.
  case row
  /// The payload's bytes, JSON or not.
  case payload
  case call(Function, [Expression])
  case cast(Expression, CastType)
  case negate(Expression)
  case not(Expression)
  case binary(BinaryOperator, Expression, Expression)
  case choice(Expression, cases: [(when: Expression, then: Expression)], otherwise: Expression?)
  case array([Expression])
  case object([(key: Expression, value: Expression)])
  case query(Select, source: Expression)
}
