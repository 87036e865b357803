import Health
import Store

/// Runs the actions of one kind for all rules of a service. Used on the service's loop only.
///
/// To add one: a case of `Action`, a runner in a file of this folder, and a line in `ActionRunners`.
protocol ActionRunner: AnyObject {
  /// The action as a rule's document has it.
  associatedtype Definition

  /// Starts an action, and ends it exactly once by `ActionOwner.ended`: before this returns or later. It must take what
  /// it needs from the evaluation (templates, typed values) before this returns, because the next evaluation replaces
  /// it.
  func start(_ action: Definition, _ execution: RuleExecution)

  /// The actions of all arrived messages are started: sends the batches.
  func flush()
}

extension ActionRunner {
  /// Does nothing by default.
  func flush() {}
}

/// One rule's result for one message, which its actions share.
final class RuleExecution {
  let rule: LoadedRule
  let message: Message
  /// What the statement made of the message; for an error action, AWS's description of what failed.
  let output: [UInt8]
  let isErrorAction: Bool
  /// Whether only a store's failure brought the message again.
  let isRetry: Bool
  /// Whether the broker keeps the message until it is acknowledged, and delivers it again.
  let isKept: Bool
  /// How many actions run for the message.
  let actions: Int
  /// Actions that aren't ended.
  var unfinished: Int
  var failures: [ActionFailure] = []

  init(
    _ rule: LoadedRule, _ message: Message, output: [UInt8], actions: Int, isErrorAction: Bool = false,
    isRetry: Bool = false, isKept: Bool = true
  ) {
    self.rule = rule
    self.message = message
    self.output = output
    self.actions = actions
    unfinished = actions
    self.isErrorAction = isErrorAction
    self.isRetry = isRetry
    self.isKept = isKept
  }
}

/// How an action ended.
enum ActionEnd {
  case done
  /// Another service would have done it.
  case notRunHere
  /// It failed; `effect` says what happens to the message. Repeated failures aren't reported.
  case failed(ActionFailure, FailureEffect, isNews: Bool = true)
}

/// What a failed action means for its message.
enum FailureEffect {
  /// It is lost for this action, for a reason that health counts (the failure's message if there is none). An action that
  /// `isRepeated` comes again with its message if a store fails, and its loss counts only when the message is acknowledged.
  case lost(Health.Kind, reason: String? = nil, isRepeated: Bool)
  /// The message comes again, and the action is tried again.
  case triedAgain
}

/// The service that owns the runners; they call it on its thread.
protocol ActionOwner: AnyObject {
  /// An action has ended.
  func ended(_ execution: RuleExecution, _ end: ActionEnd)
  /// A batch for a store has ended, after its actions; with the error if they are to be tried again.
  func storeEnded(_ error: StoreError?)
  /// Whether no message arrives before actions end, so that batches should be sent now.
  var nothingArrives: Bool { get }
  /// Actions have ended later than they were started.
  func progressed()
  /// A `log` action's output.
  func output(of rule: LoadedRule, _ bytes: [UInt8])
  /// A sentence for a person.
  func report(_ text: String)
}

/// What the runners of a service share.
final class ActionContext {
  /// What evaluates the messages.
  let evaluator: StatementEvaluator
  /// Hears of everything.
  weak var owner: (any ActionOwner)?

  init(_ evaluator: StatementEvaluator) { self.evaluator = evaluator }

  /// The texts of an action's templates for a message.
  func templates(_ execution: RuleExecution) -> TemplateContext {
    evaluator.templates(execution.rule.document.statement, execution.message)
  }

  /// Ends an action.
  func end(_ execution: RuleExecution, _ end: ActionEnd) { owner?.ended(execution, end) }
}
