import JSON
import MQTT

/// A statement ready to be evaluated.
public struct CompiledStatement: Sendable {
  /// The topic filter of FROM; nil for a statement that serves Basic Ingest only.
  public let filter: TopicFilter?
  /// The dialect's version that it is evaluated by.
  public let version: SQLVersion
  let statement: Statement
  /// The select list in its fast form, if it has one.
  let projection: Projection?
  /// Whether it can do with a payload that is no JSON.
  let takesAnyPayload: Bool

  /// Reads and checks `sql`; throws `SQLError` with the place of what is wrong.
  public init(_ sql: String, version: SQLVersion, allowsNoSource: Bool = false) throws(SQLError) {
    statement = try Parser.statement(sql, allowsNoSource: allowsNoSource)
    self.version = version
    // The parser has checked it.
    filter = statement.filter.flatMap { try? TopicFilter($0) }
    takesAnyPayload = !statement.readsJSON
    projection = Projection(statement.select)
  }

  /// What it needs that isn't here: a call of another AWS service. Such a statement can be checked, but must not be
  /// evaluated.
  public var unsupported: [SQLError] { statement.unsupported }

  /// The names of SET's variables.
  public var variables: [String] { statement.assignments.map(\.name) }
}

extension Statement {
  /// Whether any part looks into the payload. `SELECT *` alone passes on what it gets.
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
    // What its items name is in the rows of its source.
    case .query(_, let source): source.readsJSON
    }
  }
}

/// What evaluation made of a message.
public enum Outcome: Sendable {
  /// WHERE let nothing through.
  case noMatch
  /// The outgoing payload.
  case output([UInt8])
  /// The payload isn't JSON but the statement looks into it, or it is too large; AWS counts a `ParseError`.
  case payloadError(JSONError)
  /// The statement makes too much of the payload. A part of its result would be wrong, so that there is none.
  case limitExceeded(LimitError)
}

/// Evaluates statements; one object is used again for many messages, by one thread at a time.
public final class StatementEvaluator {
  private let document: JSONDocument
  private let budget: Budget

  /// An evaluator.
  public convenience init() { self.init(work: EvaluationLimits.work) }

  /// An evaluator with another budget for each message, in bytes.
  init(work: Int) {
    budget = Budget(work)
    document = JSONDocument(budget: budget)
  }

  /// Evaluates `statement` for a message whose topic has matched already.
  public func evaluate(_ statement: CompiledStatement, _ message: Message) -> Outcome {
    var output: [UInt8] = []
    switch append(statement, message, to: &output) {
    case .noMatch: return .noMatch
    case .output: return .output(output)
    case .payloadError(let error): return .payloadError(error)
    case .limitExceeded(let limit): return .limitExceeded(limit)
    }
  }

  /// Evaluates `statement` and appends the outgoing payload to `bytes`; the outcome's own is empty.
  public func append(_ statement: CompiledStatement, _ message: Message, to bytes: inout [UInt8]) -> Outcome {
    let (evaluator, error) = prepare(statement, message)
    if let error { return .payloadError(error) }
    let start = bytes.count
    let matches = append(statement, evaluator, to: &bytes)
    if bytes.count - start > EvaluationLimits.bytes { budget.exceed(.length) }
    if let excess = budget.excess {
      bytes.removeLast(bytes.count - start)
      return .limitExceeded(excess)
    }
    return matches ? .output([]) : .noMatch
  }

  /// Appends what the statement yields, or a part of it if the budget is exceeded; false where WHERE lets nothing through.
  private func append(_ statement: CompiledStatement, _ evaluator: Evaluator, to bytes: inout [UInt8]) -> Bool
  {
    if let projection = statement.projection, case .payload(let document?) = evaluator.row {
      return projection.append(document, evaluator, to: &bytes)
    }
    guard let value = evaluator.result(of: statement.statement.select) else { return false }
    switch value {
    case .bytes(let raw): bytes += raw
    case .undefined: break
    default:
      do throws(LimitError) {
        try value.appendJSON(to: &bytes)
      } catch {
        budget.exceed(error)
      }
    }
    return true
  }

  /// What expressions of `statement`'s rule see: its payload and variables.
  func prepare(_ statement: CompiledStatement, _ message: Message) -> (Evaluator, JSONError?) {
    var failure: JSONError?
    budget.reset()
    guard !message.payload.isEmpty else {
      // A rule may add data to a message that has none (AWS IoT developer guide, "Working with binary payloads").
      return (evaluator(statement, message, row: .value(.undefined)), nil)
    }
    do throws(JSONError) {
      guard message.payload.count <= EvaluationLimits.bytes else {
        throw JSONError("the payload has \(message.payload.count) bytes, more than \(EvaluationLimits.bytes)")
      }
      try document.read(message.payload)
    } catch {
      failure = error
    }
    if let failure, !statement.takesAnyPayload {
      return (
        Evaluator(message: message, version: statement.version, row: .payload(nil), budget: budget), failure
      )
    }
    return (evaluator(statement, message, row: .payload(failure == nil ? document : nil)), nil)
  }

  private func evaluator(
    _ statement: CompiledStatement, _ message: Message, row: Evaluator.Row
  ) -> Evaluator {
    var evaluator = Evaluator(message: message, version: statement.version, row: row, budget: budget)
    for assignment in statement.statement.assignments {
      evaluator.variables.append(evaluator.value(of: assignment.expression))
    }
    return evaluator
  }

  /// What the substitution templates of an action see, and have as a budget together.
  func templates(_ statement: CompiledStatement, _ message: Message) -> TemplateContext {
    TemplateContext(evaluator: prepare(statement, message).0)
  }
}

/// What the substitution templates of one action see of a message.
struct TemplateContext {
  fileprivate let evaluator: Evaluator

  /// A template's text; throws if it exceeds what one message may cost.
  func text(_ template: Template) throws(LimitError) -> String { try template.text(evaluator) }
}
