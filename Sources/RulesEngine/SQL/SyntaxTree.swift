/// A statement as it was written, its functions found and its variables numbered.
struct Statement: Sendable {
  /// The expressions of SET, in order; a variable's number is its place.
  var assignments: [(name: String, expression: Expression)]
  var select: Select
  /// The topic filter of FROM; nil for a statement that serves Basic Ingest only.
  var filter: String?
  /// What needs a service that isn't here, each with its place: the statement can be checked, but not evaluated.
  var unsupported: [SQLError] = []
  /// What is accepted, but not documented by AWS.
  var doubts: [SQLError] = []
}

/// SELECT with its WHERE, of a statement or a nested query.
struct Select: Sendable {
  enum Items: Sendable {
    /// `SELECT VALUE expression`.
    case value(Expression)
    case list([Item])
  }

  /// One thing selected; the path has more than one name for an alias with dots.
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
