import Health
import Store

/// Runs the actions of one kind for all rules of a service. Used on the service's loop only.
///
/// To add one: a case of `Action`, a runner in a file of this folder, and a line in `ActionRunners`.
protocol ActionRunner: AnyObject {
  /// The action as a rule's document defines it.
  associatedtype Definition

  /// Starts an action, and ends it exactly once by calling `ActionOwner.ended`, before or after this returns. It must
  /// take what it needs from the evaluation (templates, typed values) before this returns, because the next evaluation
  /// replaces it.
  func start(_ action: Definition, _ execution: RuleExecution)

  /// Sends the batches, once the actions of all arrived messages have started.
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
  /// The statement's result for the message; for an error action, AWS's description of what failed.
  let output: [UInt8]
  let isErrorAction: Bool
  /// Whether the message was delivered again only because a store failed.
  let isRetry: Bool
  /// Whether the broker keeps the message until it is acknowledged, and repeats it.
  let isKept: Bool
  /// How many actions run for the message.
  let actions: Int
  /// Actions that haven't ended.
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
  /// It needs another service.
  case notRunHere
  /// It failed; `effect` says what happens to the message. Repeated failures aren't reported.
  case failed(ActionFailure, FailureEffect, isNews: Bool = true)
}

/// What a failed action means for its message.
enum FailureEffect {
  /// The message is lost for this action, for a reason that health counts (the failure's message if `reason` is nil). If
  /// `isRepeated`, the action runs again when a store fails and the message is delivered again, so its loss counts only
  /// once the message is acknowledged.
  case lost(Health.Kind, reason: String? = nil, isRepeated: Bool)
  /// The message is delivered again, and the action is tried again.
  case triedAgain
}

/// The service that owns the runners; they call it on its thread.
protocol ActionOwner: AnyObject {
  /// An action has ended.
  func ended(_ execution: RuleExecution, _ end: ActionEnd)
  /// A batch for a store has ended, after its actions; `error` is given if they are to be tried again.
  func storeEnded(_ error: StoreError?)
  /// Whether no message arrives until actions end, so that batches should be sent now.
  var nothingArrives: Bool { get }
  /// Actions have ended after `start` returned.
  func progressed()
  /// A `log` action's output.
  func output(of rule: LoadedRule, _ bytes: [UInt8])
  /// A sentence for a person.
  func report(_ text: String)
}

/// What the runners of a service share.
final class ActionContext {
  /// Evaluates the messages.
  let evaluator: StatementEvaluator
  /// Called when actions and batches end.
  weak var owner: (any ActionOwner)?

  init(_ evaluator: StatementEvaluator) { self.evaluator = evaluator }

  /// The texts of an action's templates for a message.
  func templates(_ execution: RuleExecution) -> TemplateContext {
    evaluator.templates(execution.rule.document.statement, execution.message)
  }

  /// Ends an action.
  func end(_ execution: RuleExecution, _ end: ActionEnd) { owner?.ended(execution, end) }
}
