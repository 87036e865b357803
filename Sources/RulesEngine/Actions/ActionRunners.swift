/// The registry: which runner runs which action of a document.
struct ActionRunners {
  let republish: RepublishRunner
  let store: StoreRunner
  let log: LogRunner

  /// Starts an action.
  func start(_ action: Action, _ execution: RuleExecution) {
    switch action {
    case .republish(let action): republish.start(action, execution)
    case .timestream(let action): store.start(action, execution)
    case .log: log.start((), execution)
    }
  }

  private var all: [any ActionRunner] { [republish, store, log] }

  /// All that had arrived is started: sends what has gathered.
  func flush() { for runner in all { runner.flush() } }

  /// Actions that are started and not ended.
  var unfinished: Int { all.reduce(0) { $0 + $1.unfinished } }
}
