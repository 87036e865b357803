/// The registry: which runner runs which action of a document.
struct ActionRunners {
  let republish: RepublishRunner
  let store: StoreRunner
  let log: LogRunner
  let kept: KeptRunner

  /// Starts an action.
  func start(_ action: Action, _ execution: RuleExecution) {
    switch action {
    case .republish(let action): republish.start(action, execution)
    case .timestream(let action): store.start(action, execution)
    case .log: log.start((), execution)
    case .notRun(let name): kept.start(name, execution)
    }
  }

  private var all: [any ActionRunner] { [republish, store, log, kept] }

  /// All that had arrived is started: sends what has gathered.
  func flush() { for runner in all { runner.flush() } }
}
