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
      isPassing = if case .everything = items[0] { true } else { false }
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
        case .expression(let expression, _): expression.readsJSON
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
  /// The payload isn't JSON but the statement looks into it, or it is too large, or the statement makes too much of it;
  /// AWS counts a `ParseError`.
  case payloadError(JSONError)
}

/// Evaluates statements; one object is used again for many messages, by one thread at a time.
public final class StatementEvaluator {
  private let document = JSONDocument()
  private let steps = StepCounter()

  /// An evaluator.
  public init() {}

  /// Evaluates `statement` for a message whose topic has matched already.
  public func evaluate(_ statement: CompiledStatement, _ message: Message) -> Outcome {
    var output: [UInt8] = []
    switch append(statement, message, to: &output) {
    case .noMatch: return .noMatch
    case .output: return .output(output)
    case .payloadError(let error): return .payloadError(error)
    }
  }

  /// Evaluates `statement` and appends the outgoing payload to `bytes`; the outcome's own is empty.
  public func append(_ statement: CompiledStatement, _ message: Message, to bytes: inout [UInt8]) -> Outcome {
    let (evaluator, error) = prepare(statement, message)
    if let error { return .payloadError(error) }
    let start = bytes.count
    if let projection = statement.projection, case .payload(let document?) = evaluator.row {
      guard projection.append(document, evaluator, to: &bytes) else { return ended(.noMatch, start, &bytes) }
      return ended(.output([]), start, &bytes)
    }
    guard let value = evaluator.result(of: statement.statement.select) else {
      return ended(.noMatch, start, &bytes)
    }
    switch value {
    case .bytes(let raw): bytes += raw
    case .undefined: break
    default: guard value.appendJSON(to: &bytes) else { return tooMuch(start, &bytes) }
    }
    return ended(.output([]), start, &bytes)
  }

  /// The outcome, unless the statement has used up its steps or its result is too long: then half a result would be
  /// wrong.
  private func ended(_ outcome: Outcome, _ start: Int, _ bytes: inout [UInt8]) -> Outcome {
    steps.isExhausted || bytes.count - start > EvaluationLimits.bytes ? tooMuch(start, &bytes) : outcome
  }

  private func tooMuch(_ start: Int, _ bytes: inout [UInt8]) -> Outcome {
    bytes.removeLast(bytes.count - start)
    return .payloadError(
      JSONError(
        "the statement makes more of this payload than \(EvaluationLimits.steps) steps or "
          + "\(EvaluationLimits.bytes) bytes"))
  }

  /// What expressions of `statement`'s rule see: its payload and variables.
  func prepare(_ statement: CompiledStatement, _ message: Message) -> (Evaluator, JSONError?) {
    var failure: JSONError?
    steps.reset()
    do throws(JSONError) {
      guard message.payload.count <= EvaluationLimits.bytes else {
        throw JSONError("the payload has \(message.payload.count) bytes, more than \(EvaluationLimits.bytes)")
      }
      try document.read(message.payload)
    } catch {
      failure = error
    }
    var evaluator = Evaluator(
      message: message, version: statement.version, row: .payload(failure == nil ? document : nil), steps: steps)
    if let failure, !statement.takesAnyPayload { return (evaluator, failure) }
    for assignment in statement.statement.assignments {
      evaluator.variables.append(evaluator.value(of: assignment.expression))
    }
    return (evaluator, nil)
  }

  /// The text of a substitution template for a message.
  public func text(_ template: Template, _ statement: CompiledStatement, _ message: Message) -> String {
    template.text(prepare(statement, message).0)
  }
}
