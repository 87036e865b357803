import MQTT
import Store
import Time

/// Where rules store, with a queue for each database.
public struct RuleStorage {
  /// Returns the queue of the database with this name.
  public let queue: (String) -> StoreQueue
  /// Hands results back to the loop of the service's clients.
  public let waker: Waker
  /// Whether values whose type differs from their measure's are rejected, as on AWS, whatever the rules say.
  public let isStrict: Bool

  /// Storage for a service on the loop of `waker`.
  public init(waker: Waker, isStrict: Bool = false, queue: @escaping (String) -> StoreQueue) {
    self.queue = queue
    self.waker = waker
    self.isStrict = isStrict
  }
}

/// Runs `timestream` actions. The points of many messages form one transaction; while it commits on the store's thread,
/// the next batch fills up.
///
/// A transaction costs more than a hundred points. The next one therefore begins `interval` after the last one began, or
/// earlier if there are `enough` points or nothing else arrives. This doesn't delay acknowledgements, since reading goes
/// on.
final class StoreRunner: ActionRunner {
  private let context: ActionContext
  private let storage: RuleStorage?
  private var timer: LoopTimer?
  private var timerIsSet = false
  private static let interval: Int64 = 5_000_000
  private static let enough = 256
  /// What waits for the queue of each database, and whether that queue is writing.
  private var batches: [String: Batch] = [:]
  private var news = TroubleNews()
  /// The last failure that another try may end, until a write succeeds.
  private(set) var trouble: StoreError?
  /// How many records the store has accepted.
  private(set) var stored = 0
  private struct Batch {
    var requests: [WriteRequest] = []
    var executions: [RuleExecution] = []
    var isWriting = false
    /// When the last transaction began.
    var began: MonotonicTime?
  }

  /// A runner; without `storage`, its actions fail.
  init(
    _ context: ActionContext, _ storage: RuleStorage?, makeTimer: (@escaping () -> Void) -> LoopTimer
  ) {
    self.context = context
    self.storage = storage
    // The loop keeps a timer until it is due, but a session that was taken over and given up ends earlier.
    timer = makeTimer { [weak self] in
      self?.timerIsSet = false
      self?.flush()
    }
  }

  /// Notes an error that a check of the store found before anything was stored.
  func note(_ error: StoreError) { if trouble == nil { trouble = error } }

  func start(_ action: TimestreamAction, _ execution: RuleExecution) {
    do throws(TimestreamAction.Failure) {
      guard let storage else { throw TimestreamAction.Failure(message: "this engine has no store") }
      let (database, request) = try action.request(
        execution.output, context.evaluator, execution.rule.document.statement, execution.message,
        strict: storage.isStrict)
      add(request, to: database, execution)
    } catch {
      fail(
        execution, "\(action.database.source).\(action.table.source)", error.message,
        .lost(.notStored, isRepeated: true))
    }
  }

  /// Adds a point to its database's batch.
  func add(_ request: WriteRequest, to database: String, _ execution: RuleExecution) {
    batches[database, default: Batch()].requests.append(request)
    batches[database]?.executions.append(execution)
  }

  /// Passes the batches to idle queues: the longer a commit takes, the more points the next batch has.
  func flush() {
    guard let storage else { return }
    let now = MonotonicTime.now()
    for (database, batch) in batches where !batch.isWriting && !batch.requests.isEmpty {
      if let due = batch.began?.advanced(by: Self.interval), due > now, batch.requests.count < Self.enough,
        context.owner?.nothingArrives != true
      {
        if !timerIsSet { timer?.set(due) }
        timerIsSet = true
        continue
      }
      batches[database] = Batch(isWriting: true, began: now)
      storage.queue(database).write(
        batch.requests,
        completion: storage.waker.bound { [weak self] result in self?.wrote(batch, to: database, result) })
    }
  }

  private func wrote(_ batch: Batch, to database: String, _ result: Result<[Rejection], StoreError>) {
    batches[database]?.isWriting = false
    var toRetry: StoreError?
    switch result {
    case .success(let rejections):
      trouble = nil
      if news.passed(at: .now()) { context.owner?.report("rules: the store can be written again") }
      var found: [Int: Rejection] = [:]
      for rejection in rejections { found[rejection.index] = rejection }
      for (index, execution) in batch.executions.enumerated() {
        guard let rejection = found[index] else {
          stored += 1
          context.end(execution, .done)
          continue
        }
        let advice =
          rejection.existingVersion == nil
          ? ""
          : ". If another trip of this device was stored with the same times, use another device or start time"
        fail(
          execution, "\(database).\(batch.requests[index].table)",
          "the record was rejected: \(rejection.reason)",
          .lost(
            rejection.isAboutTime ? .outsideAcceptance : .notStored, reason: rejection.reason + advice,
            isRepeated: true))
      }
    case .failure(let error):
      let isNews = !error.isRetryable || news.came(error.message, at: .now())
      if error.isRetryable {
        trouble = error
        toRetry = error
      }
      for (index, execution) in batch.executions.enumerated() {
        let effect: FailureEffect =
          !error.isRetryable
          ? .lost(.notStored, isRepeated: true)
          : execution.isKept ? .triedAgain : .lost(.notKept, isRepeated: true)
        // One line reports the failure of a whole batch.
        fail(
          execution, "\(database).\(batch.requests[index].table)", error.message, effect,
          isNews: isNews && (index == 0 || !error.isRetryable))
      }
    }
    flush()
    context.owner?.storeEnded(toRetry)
  }

  private func fail(
    _ execution: RuleExecution, _ resource: String, _ message: String, _ effect: FailureEffect,
    isNews: Bool = true
  ) {
    let failure = ActionFailure(
      action: "TimestreamAction", resource: resource, message: message, task: "storing in \(resource)")
    context.end(execution, .failed(failure, effect, isNews: isNews))
  }
}
