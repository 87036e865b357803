import MQTT
import Store

/// AWS's `influxDB` action: each attribute of the rule's result becomes a field of a point in Timestream for InfluxDB.
public struct InfluxAction: Sendable {
  /// The units of its points' times.
  enum Unit: String, CaseIterable, Sendable {
    case seconds = "s"
    case milliseconds = "ms"
    case microseconds = "us"
    case nanoseconds = "ns"
  }

  let members: ForeignAction
  /// The destination's ARN.
  let destination: String
  let database: Template
  /// The measurement.
  let table: Template
  let organization: Template?
  let tags: [(name: String, value: Template)]
  let unit: Unit

  /// The point for a message and the rule's result. Its time is when the message arrived, in whole units.
  func request(_ execution: RuleExecution, _ templates: TemplateContext)
    throws(TimestreamAction.Failure) -> (database: String, organization: String?, request: WriteRequest)
  {
    func text(_ name: String, _ template: Template) throws(TimestreamAction.Failure) -> String {
      do throws(LimitError) {
        return try templates.text(template)
      } catch {
        throw TimestreamAction.Failure(message: "\(name): \(error)")
      }
    }
    guard let attributes = TimestreamAction.attributes(of: execution.output) else {
      throw TimestreamAction.Failure(message: "the result is not a JSON object")
    }
    var milliseconds = Int64(execution.message.receivedMilliseconds)
    if unit == .seconds { milliseconds = milliseconds / 1000 * 1000 }
    var record = Record(
      dimensions: [], time: milliseconds.saturatingMultiply(1_000_000),
      measures: try TimestreamAction.measures(attributes, without: []))
    guard !record.measures.isEmpty else {
      throw TimestreamAction.Failure(message: "the result has no attribute to store")
    }
    for (name, value) in tags {
      let value = try text("the tag '\(name)'", value)
      // Line protocol has no empty tags; a point without the tag is the same.
      if !value.isEmpty { record.dimensions.append(Dimension(name, value)) }
    }
    return (
      try text("databaseName", database),
      try organization.map { template throws(TimestreamAction.Failure) in try text("organization", template)
      },
      WriteRequest(table: try text("tableName", table), record: record, isStrict: true)
    )
  }
}

/// Runs `influxDB` actions with the same batches and retries as `timestream` actions, in the queue of each destination.
final class InfluxRunner: ActionRunner {
  private let context: ActionContext
  private let store: StoreRunner
  private let destination: (_ arn: String, _ database: String, _ organization: String?) -> StoreQueue?
  /// The destinations' queues, by their names in messages to people.
  private let queues: Queues

  private final class Queues {
    var known: [String: StoreQueue] = [:]
  }

  /// A runner that looks up each destination once. `storage` gives the loop.
  init(
    _ context: ActionContext, _ storage: RuleStorage?, makeTimer: (@escaping () -> Void) -> LoopTimer,
    destination: @escaping (_ arn: String, _ database: String, _ organization: String?) -> StoreQueue?
  ) {
    self.context = context
    self.destination = destination
    let queues = Queues()
    self.queues = queues
    store = StoreRunner(
      context,
      storage.map { storage in
        // Only known names get here.
        RuleStorage(waker: storage.waker, isStrict: true) { queues.known[$0] ?? storage.queue($0) }
      }, makeTimer: makeTimer)
  }

  /// Whether the action's destination is known.
  func runs(_ action: InfluxAction) -> Bool { destination(action.destination, "probe", nil) != nil }

  func start(_ action: InfluxAction, _ execution: RuleExecution) {
    do throws(TimestreamAction.Failure) {
      let (database, organization, request) = try action.request(execution, context.templates(execution))
      let name = "\(database) of \(action.destination)" + (organization.map { ", \($0)" } ?? "")
      if queues.known[name] == nil {
        guard let queue = destination(action.destination, database, organization) else {
          throw TimestreamAction.Failure(
            message: "the destination is unknown; give its URL with --destination")
        }
        queues.known[name] = queue
      }
      store.add(request, to: name, execution)
    } catch {
      let resource = "\(action.database.source).\(action.table.source)"
      let failure = ActionFailure(
        action: "InfluxDBAction", resource: resource, message: error.message, task: "storing in \(resource)")
      context.end(execution, .failed(failure, .lost(.notStored, isRepeated: true)))
    }
  }

  func flush() { store.flush() }

  /// The last failure that another try may end.
  var trouble: StoreError? { store.trouble }
  /// How many records the destinations have accepted.
  var stored: Int { store.stored }
}
