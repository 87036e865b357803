import Store

/// What a service's actions may do beyond the broker and the store.
public struct ActionSettings {
  /// The folder in which actions that aren't run here are recorded, one file for each rule; if nil, none are recorded.
  public var recordFolder: String?
  /// Hosts, or `HOST:PORT`, that `http` actions may reach besides this machine.
  public var allowedHosts: Set<String> = []
  /// Returns the queue of an `influxDB` action's destination, database and organization; nil if the destination isn't
  /// known.
  public var destination: (_ arn: String, _ database: String, _ organization: String?) -> StoreQueue? = {
    _, _, _ in nil
  }
  /// Takes the values of `cloudwatchMetric` actions.
  public var metrics: RuleMetrics?
  /// Whether each message that a rule has processed becomes an event.
  public var reportsMessages = false

  /// Nothing is recorded or allowed.
  public init() {}
}
