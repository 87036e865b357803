import MQTT

/// Finds what is allowed but probably not intended: what AWS's guide and console warn about, and what differs here.
extension RuleDocument {
  /// The warnings, one sentence each.
  public var warnings: [String] {
    notes + sourceWarnings + statementWarnings + actionWarnings
  }

  private var sourceWarnings: [String] {
    var warnings: [String] = []
    if statement.version == .v2015 {
      warnings.append(
        "the SQL version is 2015-10-08, the default if awsIotSqlVersion is missing; new rules should have 2016-03-23"
      )
    }
    guard let filter = statement.filter?.pattern else {
      return warnings + ["without FROM only Basic Ingest reaches the rule: $aws/rules/\(name)/…"]
    }
    if filter == "#" {
      warnings.append(
        "the filter '#' matches every message of every client, including those that the rule republishes")
    }
    if !filter.utf8.allSatisfy({ $0 < 0x80 }) {
      warnings.append(
        "the filter '\(filter)' has non-ASCII characters, which many clients can't use in a topic")
    }
    if filter.contains("*") {
      warnings.append(
        "'*' in the filter '\(filter)' is not a wildcard; use '+' for one level and '#' for all that follow")
    }
    if filter.hasPrefix("/") {
      warnings.append("the filter '\(filter)' begins with '/', so its first level is empty")
    }
    return warnings
  }

  private var statementWarnings: [String] {
    var warnings = statement.statement.doubts.map(\.description)
    if case .list(let items) = statement.statement.select.items {
      var names: Set<[String]> = []
      for case .expression(let expression, let path) in items {
        let name = path.joined(separator: ".")
        if !names.insert(path).inserted {
          warnings.append("'\(name)' is selected twice; the last one counts")
        }
        if statement.version == .v2016, case .cast(_, .decimal) = expression {
          warnings.append(
            "'\(name)' becomes an integer when its value is whole (12.00 becomes 12 under 2016-03-23), which changes "
              + "its type in a store that tells integers from decimals")
        }
      }
    }
    if statement.version == .v2015, sql.lowercased().contains("parse_time") {
      warnings.append("parse_time() is Undefined under 2015-10-08; set awsIotSqlVersion to 2016-03-23")
    }
    return warnings
  }

  private var actionWarnings: [String] {
    var warnings = loops
    if actions.isEmpty { warnings.append("the rule has no action") }
    if errorAction == nil, !actions.isEmpty {
      warnings.append("the rule has no error action: messages whose action fails are lost silently")
    }
    for case .timestream(let action) in actions where action.timestamp == nil {
      warnings.append(
        "the timestream action has no timestamp: a message that is delivered twice is stored twice, at different times"
      )
    }
    for topic in publishes where !topic.isConstant {
      warnings.append("the topic '\(topic.source)' depends on the message and may be invalid")
    }
    for case .foreign(let action) in actions + [errorAction].compactMap({ $0 }) {
      switch action.type {
      case "elasticsearch":
        warnings.append("the action 'elasticsearch' is outdated; new rules should use 'openSearch'")
      case "iotAnalytics", "iotEvents", "salesforce":
        warnings.append("AWS has discontinued \(action.service), which the action '\(action.type)' needs")
      case "kinesis" where action.template("partitionKey") == nil:
        warnings.append("the kinesis action has no partitionKey: all messages go to one shard")
      default: break
      }
    }
    return warnings
  }
}
