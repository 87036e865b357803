import CommandLine
import Files
import RulesEngine
import Store

/// The options for rules' actions that need more than the broker and the store.
enum RuleActionOptions {
  static var recordFolder: String { Workspace.data("actions") }

  static let table: [CommandDescription.Option] = [
    .flag(
      "record-actions",
      "write what AWS actions that can't run here would receive to data/actions/RULE.ndjson"),
    .value(
      "allow-http", "HOST[:PORT]", "let http actions send to this host, not only to this machine",
      repeatable: true),
    .value(
      "destination", "ARN=URL",
      "where influxDB actions with this destinationArn write: influx+http(s)://HOST:PORT, with ?version=2 or 3",
      repeatable: true),
  ]

  /// The settings that the options give, and the metrics that rules' actions will have sent.
  static func settings(
    _ arguments: ParsedArguments, _ queues: StoreQueues
  ) throws -> (settings: ActionSettings, metrics: RuleMetrics) {
    let metrics = RuleMetrics()
    var settings = ActionSettings()
    settings.metrics = metrics
    settings.reportsMessages = StandardError.isVerbose
    settings.recordFolder = arguments.has("record-actions") ? recordFolder : nil
    settings.allowedHosts = Set(arguments.strings("allow-http").map { $0.lowercased() })
    var destinations: [String: String] = [:]
    for text in arguments.strings("destination") {
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2, parts[0].hasPrefix("arn:") else {
        throw arguments.error("--destination takes ARN=URL, not '\(text.prefix { $0 != "=" })…'")
      }
      _ = try StoreLocation.destination(parts[1], database: "probe", organization: nil)
      destinations[parts[0]] = parts[1]
    }
    settings.destination = { arn, database, organization in
      guard let url = destinations[arn] else { return nil }
      return queues.queue(ofDestination: url, database: database, organization: organization)
    }
    return (settings, metrics)
  }
}
