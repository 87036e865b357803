import Numbers
import Synchronization

/// The values of `cloudwatchMetric` actions, as CloudWatch would show them and Prometheus reads them. Safe on any thread.
public final class RuleMetrics: Sendable {
  private struct Series: Hashable {
    let namespace: String
    let name: String
    let unit: String
  }

  private struct Values {
    var last = 0.0
    var sum = 0.0
    var count = 0
    /// Epoch milliseconds.
    var time = 0
  }

  private let series = Mutex<[Series: Values]>([:])
  /// The most series, because names come from messages.
  static let seriesLimit = 1000

  /// No metrics.
  public init() {}

  /// Adds a value; false if there are too many series already.
  func add(_ value: Double, namespace: String, name: String, unit: String, at milliseconds: Int) -> Bool {
    series.withLock { series in
      let key = Series(namespace: namespace, name: name, unit: unit)
      guard series[key] != nil || series.count < Self.seriesLimit else { return false }
      var values = series[key] ?? Values()
      values.last = value
      values.sum += value
      values.count = values.count.saturatingAdd(1)
      values.time = milliseconds
      series[key] = values
      return true
    }
  }

  /// Prometheus's text format, version 0.0.4: the last value of each metric, the sum, the number and the last time of its
  /// values, with CloudWatch's namespace, metric name and unit as labels.
  public var prometheus: String {
    let series = series.withLock { series in
      series.sorted {
        ($0.key.namespace, $0.key.name, $0.key.unit) < ($1.key.namespace, $1.key.name, $1.key.unit)
      }
    }
    guard !series.isEmpty else { return "" }
    var text = ""
    let kinds: [(suffix: String, type: String, value: (Values) -> String)] = [
      ("value", "gauge", { "\($0.last)" }), ("sum", "gauge", { "\($0.sum)" }),
      ("count", "counter", { "\($0.count)" }),
      ("time_seconds", "gauge", { "\(Double($0.time) / 1000)" }),
    ]
    for kind in kinds {
      let name = "trucksensor_cloudwatch_metric_\(kind.suffix)"
      text += "# TYPE \(name) \(kind.type)\n"
      for (key, values) in series {
        text +=
          "\(name){namespace=\(Self.label(key.namespace)),metric=\(Self.label(key.name)),unit=\(Self.label(key.unit))} "
          + "\(kind.value(values))\n"
      }
    }
    return text
  }

  private static func label(_ text: String) -> String {
    "\""
      + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
  }
}

/// AWS's `cloudwatchMetric` action.
public struct MetricAction: Sendable {
  let members: ForeignAction
  let namespace: Template
  let name: Template
  let value: Template
  let unit: Template
  /// Epoch seconds.
  let timestamp: Template?
}

/// Runs `cloudwatchMetric` actions, whose values are served beside the engine's own.
final class MetricRunner: ActionRunner {
  private let context: ActionContext
  private let metrics: RuleMetrics?

  /// Without `metrics`, its actions aren't run here.
  init(_ context: ActionContext, _ metrics: RuleMetrics?) {
    self.context = context
    self.metrics = metrics
  }

  /// Whether it runs actions.
  var runs: Bool { metrics != nil }

  func start(_ action: MetricAction, _ execution: RuleExecution) {
    var resource = action.name.source
    do throws(MetricFailure) {
      let templates = context.templates(execution)
      func text(_ template: Template) throws(MetricFailure) -> String {
        do throws(LimitError) {
          return try templates.text(template)
        } catch {
          throw MetricFailure(message: error.description)
        }
      }
      resource = try text(action.name)
      let namespace = try text(action.namespace)
      let unit = try text(action.unit)
      let written = try text(action.value)
      guard let value = NumberText.double(written) else {
        throw MetricFailure(message: "the value '\(written)' is not a number")
      }
      var time = execution.message.receivedMilliseconds
      if let timestamp = action.timestamp {
        let written = try text(timestamp)
        guard let seconds = NumberText.double(written), let given = Int(truncated: seconds * 1000) else {
          throw MetricFailure(message: "the timestamp '\(written)' is not a number of seconds")
        }
        time = given
      }
      guard metrics?.add(value, namespace: namespace, name: resource, unit: unit, at: time) == true else {
        throw MetricFailure(message: "the limit of \(RuleMetrics.seriesLimit) metrics is reached")
      }
    } catch {
      let failure = ActionFailure(
        action: "CloudwatchMetricAction", resource: resource, message: error.message,
        task: "the metric '\(resource)'")
      return context.end(execution, .failed(failure, .lost(.notDelivered, isRepeated: false)))
    }
    context.end(execution, .done)
  }
}

private struct MetricFailure: Error { let message: String }
