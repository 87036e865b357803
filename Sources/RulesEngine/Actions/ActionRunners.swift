/// The registry of runners, which knows the runner of each action.
struct ActionRunners {
  let republish: RepublishRunner
  let store: StoreRunner
  let log: LogRunner
  let influx: InfluxRunner
  let http: HTTPRunner
  let metric: MetricRunner
  let foreign: ForeignRunner

  /// Starts an action.
  func start(_ action: Action, _ execution: RuleExecution) {
    switch action {
    case .republish(let action): republish.start(action, execution)
    case .timestream(let action): store.start(action, execution)
    case .log: log.start((), execution)
    case .influxDB(let action) where influx.runs(action): influx.start(action, execution)
    case .influxDB(let action): foreign.start(action.members, execution)
    case .http(let action): http.start(action, execution)
    case .cloudwatchMetric(let action) where metric.runs: metric.start(action, execution)
    case .cloudwatchMetric(let action): foreign.start(action.members, execution)
    case .foreign(let action): foreign.start(action, execution)
    }
  }

  private var all: [any ActionRunner] { [republish, store, log, influx, http, metric, foreign] }

  /// Sends the batches, once the actions of all arrived messages have started.
  func flush() { for runner in all { runner.flush() } }
}
