import JSON
import MQTT

/// A statement ready to be evaluated.
public struct CompiledStatement: Sendable {
  /// The topic filter of FROM; nil for a statement that serves Basic Ingest only.
  public let filter: TopicFilter?
  /// The version of the dialect that applies.
  public let version: SQLVersion
  let statement: Statement
  /// The statement's plan; nil if only the plain evaluator can evaluate the statement.
  let plan: Plan?
  /// Whether it accepts a payload that isn't JSON.
  let takesAnyPayload: Bool

  /// Parses and checks `sql`; throws `SQLError` with the position of the error.
  public init(_ sql: String, version: SQLVersion, allowsNoSource: Bool = false) throws(SQLError) {
    statement = try Parser.statement(sql, allowsNoSource: allowsNoSource)
    self.version = version
    // The parser has checked the filter.
    filter = statement.filter.flatMap { try? TopicFilter($0) }
    takesAnyPayload = !statement.readsJSON
    plan = Plan(statement, version: version)
  }

  /// The same statement, with a plan that also evaluates `templates` of its rule's actions.
  func with(_ templates: [Template]) -> CompiledStatement {
    CompiledStatement(self, plan: Plan(statement, version: version, templates: templates))
  }

  private init(_ other: CompiledStatement, plan: Plan?) {
    filter = other.filter
    version = other.version
    statement = other.statement
    takesAnyPayload = other.takesAnyPayload
    self.plan = plan
  }

  /// Calls of other AWS services, which aren't available here. A statement that has one can be checked, but must not be
  /// evaluated.
  public var unsupported: [SQLError] { statement.unsupported }

  /// The names of SET's variables.
  public var variables: [String] { statement.assignments.map(\.name) }
}

extension Statement {
  /// Whether any part reads the payload's attributes. A plain `SELECT *` passes the payload on unread.
  fileprivate var readsJSON: Bool {
    let isPassing: Bool
    switch select.items {
    case .value(.row): isPassing = true
    case .list(let items) where items.count == 1:
      isPassing =
        if case .everything = items[0] { true } else { false }
    default: isPassing = false
    }
    return assignments.contains { $0.expression.readsJSON } || (select.condition?.readsJSON ?? false)
      || (!isPassing && select.readsJSON)
  }
}

extension Select {
  fileprivate var readsJSON: Bool {
    switch items {
    case .value(let expression): expression.readsJSON
    case .list(let items):
      items.contains { item in
        switch item {
        case .everything: true
        case .members(let expression), .expression(let expression, _): expression.readsJSON
        }
      }
    }
  }
}

extension Expression {
  fileprivate var readsJSON: Bool {
    switch self {
    case .literal, .variable, .payload: false
    case .path, .row: true
    case .member(let object, _): object.readsJSON
    case .call(_, let arguments): arguments.contains(where: \.readsJSON)
    case .cast(let operand, _), .negate(let operand), .not(let operand): operand.readsJSON
    case .binary(_, let left, let right): left.readsJSON || right.readsJSON
    case .choice(let subject, let cases, let otherwise):
      subject.readsJSON || cases.contains { $0.when.readsJSON || $0.then.readsJSON }
        || otherwise?.readsJSON ?? false
    case .array(let elements): elements.contains(where: \.readsJSON)
    case .object(let members): members.contains { $0.key.readsJSON || $0.value.readsJSON }
    // A query's items refer to the rows of its source.
    case .query(_, let source): source.readsJSON
    }
  }
}

/// The result of evaluating a message.
public enum Outcome: Sendable {
  /// WHERE rejected the message.
  case noMatch
  /// The outgoing payload.
  case output([UInt8])
  /// The payload isn't JSON but the statement looks into it, or it is too large; AWS counts a `ParseError`.
  case payloadError(JSONError)
  /// The statement exceeds a limit. A partial result would be wrong, so there is none.
  case limitExceeded(LimitError)
}
