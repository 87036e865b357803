/// Runs `log` actions: reports the output to the service's owner.
final class LogRunner: ActionRunner {
  private let context: ActionContext

  init(_ context: ActionContext) { self.context = context }

  func start(_ action: Void, _ execution: RuleExecution) {
    context.owner?.output(of: execution.rule, execution.output)
    context.end(execution, .done)
  }
}
