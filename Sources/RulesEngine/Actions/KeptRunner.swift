/// Ends actions that a document has for AWS and that this engine only keeps; `rules check` says so.
final class KeptRunner: ActionRunner {
  private let context: ActionContext

  init(_ context: ActionContext) { self.context = context }

  func start(_ name: String, _ execution: RuleExecution) { context.end(execution, .done) }
}
