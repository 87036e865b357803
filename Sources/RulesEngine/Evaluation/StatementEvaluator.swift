import JSON

/// Evaluates statements. One object is reused for many messages, by one thread at a time.
///
/// If a statement has a plan, the plan evaluates the messages that it supports; the plain evaluator does the rest.
public final class StatementEvaluator {
  private let document: JSONDocument
  private let budget: Budget
  private let usesPlans: Bool
  private var run = PlanRun()
  /// The result of the last evaluation, until the next one.
  private var last: Last?
  private var documentScans = 0
  /// The message whose payload `run` has indexed.
  private var indexed: MessageState?
  /// The message whose payload `document` holds, and what is wrong with the payload.
  private var read: (state: MessageState, failure: JSONError?)?

  /// A message and the revision of its payload.
  private struct MessageState: Equatable {
    let message: Message
    let revision: Int

    init(_ message: Message) { (self.message, revision) = (message, message.revision) }

    static func == (left: MessageState, right: MessageState) -> Bool {
      left.message === right.message && left.revision == right.revision
    }
  }

  private struct Last {
    let state: MessageState
    let result: Result

    enum Result {
      /// The result is in `run`.
      case plan(Plan)
      /// The plain evaluator's result, and its JSON.
      case value(Value, [UInt8])
    }
  }

  /// An evaluator.
  public convenience init() { self.init(work: EvaluationLimits.work) }

  /// An evaluator with another budget for each message, in bytes, or one without plans.
  init(work: Int = EvaluationLimits.work, usesPlans: Bool = true) {
    budget = Budget(work)
    document = JSONDocument(budget: budget)
    self.usesPlans = usesPlans
  }

  /// How many times a payload has been read.
  var scans: Int { run.scans + documentScans }

  /// Reads the payload of a message for which several statements are evaluated, so that none of them reads it again.
  public func share(_ message: Message) {
    indexed = nil
    guard usesPlans, !message.payload.isEmpty, message.payload.count <= EvaluationLimits.bytes,
      run.index(message.payload)
    else {
      return
    }
    indexed = MessageState(message)
  }

  /// Evaluates `statement` for a message whose topic has already matched.
  public func evaluate(_ statement: CompiledStatement, _ message: Message) -> Outcome {
    var output: [UInt8] = []
    switch append(statement, message, to: &output) {
    case .noMatch: return .noMatch
    case .output: return .output(output)
    case .payloadError(let error): return .payloadError(error)
    case .limitExceeded(let limit): return .limitExceeded(limit)
    }
  }

  /// Evaluates `statement` and appends the outgoing payload to `bytes`; the payload in the outcome is empty.
  public func append(_ statement: CompiledStatement, _ message: Message, to bytes: inout [UInt8]) -> Outcome {
    last = nil
    if usesPlans, let plan = statement.plan, !message.payload.isEmpty,
      message.payload.count <= plan.longestPayload(message, work: budget.work)
    {
      run.clear()
      let isIndexed = indexed == MessageState(message)
      if !isIndexed { indexed = nil }
      switch isIndexed ? run.runIndexed(plan, message) : run.run(plan, message) {
      case .noMatch: return .noMatch
      case .output:
        bytes.append(contentsOf: run.output.bytes)
        last = Last(state: MessageState(message), result: .plan(plan))
        return .output([])
      case .unable: break
      }
    }
    let (evaluator, error) = prepare(statement, message)
    if let error { return .payloadError(error) }
    let start = bytes.count
    let result = evaluator.result(of: statement.statement.select)
    if let result { append(result, to: &bytes) }
    if bytes.count - start > EvaluationLimits.bytes { budget.exceed(.length) }
    if let excess = budget.excess {
      bytes.removeLast(bytes.count - start)
      return .limitExceeded(excess)
    }
    guard let result else { return .noMatch }
    last = Last(state: MessageState(message), result: .value(result, Array(bytes[start...])))
    return .output([])
  }

  /// Appends a value, or a part of it if the budget is exceeded.
  private func append(_ value: Value, to bytes: inout [UInt8]) {
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
  }

  /// An evaluator with the payload and the variables for expressions of `statement`'s rule, and what is wrong with a
  /// payload that the statement can't accept.
  func prepare(_ statement: CompiledStatement, _ message: Message) -> (Evaluator, JSONError?) {
    budget.reset()
    // A rule may add data to a message that has none (AWS IoT developer guide, "Working with binary payloads").
    let isEmpty = message.payload.isEmpty
    let failure = isEmpty ? nil : read(message)
    var evaluator = Evaluator(
      message: message, version: statement.version,
      row: isEmpty ? .value(.undefined) : .payload(failure == nil ? document : nil), budget: budget)
    if let failure, !statement.takesAnyPayload { return (evaluator, failure) }
    for assignment in statement.statement.assignments {
      evaluator.variables.append(evaluator.value(of: assignment.expression))
    }
    return (evaluator, nil)
  }

  /// Loads the message's payload into `document`; returns what is wrong with the payload.
  private func read(_ message: Message) -> JSONError? {
    let state = MessageState(message)
    if let read, read.state == state { return read.failure }
    var failure: JSONError?
    do throws(JSONError) {
      guard message.payload.count <= EvaluationLimits.bytes else {
        throw JSONError("the payload has \(message.payload.count) bytes, more than \(EvaluationLimits.bytes)")
      }
      if indexed == state {
        document.take(message.payload, run.index)
      } else {
        documentScans += 1
        try document.read(message.payload)
      }
    } catch {
      failure = error
    }
    read = (state, failure)
    return failure
  }

  // MARK: What actions get

  /// The context of an action's substitution templates, which share one budget.
  func templates(_ statement: CompiledStatement, _ message: Message) -> TemplateContext {
    TemplateContext(self, statement, message)
  }

  /// A template's text, made by the plan that evaluated this message last; nil if there is none.
  fileprivate func planned(_ template: Template, _ statement: CompiledStatement, _ message: Message)
    -> String?
  {
    guard let last, last.state == MessageState(message),
      case .plan(let plan) = last.result, plan === statement.plan, let parts = plan.parts(of: template)
    else { return nil }
    return run.text(parts, plan, message)
  }

  /// The attributes of `output` with their types, without parsing it; nil unless it is an object and the result of the
  /// last evaluation, for this message.
  func attributes(of output: [UInt8], _ message: Message) -> [(name: String, value: Value)]? {
    guard let last, last.state == MessageState(message) else { return nil }
    switch last.result {
    case .plan(let plan):
      guard output.elementsEqual(run.output.bytes) else { return nil }
      return run.attributes(plan)
    case .value(.object(let object), output):
      return zip(object.keys, object.values).filter { !$1.isUndefined }.map { ($0, $1) }
    case .value: return nil
    }
  }
}

/// Evaluates the substitution templates of one action for a message.
final class TemplateContext {
  private let statements: StatementEvaluator
  private let statement: CompiledStatement
  private let message: Message
  private var plain: Evaluator?

  fileprivate init(_ statements: StatementEvaluator, _ statement: CompiledStatement, _ message: Message) {
    self.statements = statements
    self.statement = statement
    self.message = message
  }

  /// A template's text; throws if it exceeds a limit for one message.
  func text(_ template: Template) throws(LimitError) -> String {
    if template.isConstant { return template.source }
    if plain == nil, let text = statements.planned(template, statement, message) { return text }
    let evaluator = plain ?? statements.prepare(statement, message).0
    plain = evaluator
    return try template.text(evaluator)
  }
}
