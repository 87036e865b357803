import CommandLine
import Health
import LocalCloud
import MQTT
import RulesEngine
import Simulator

/// The health of a run: what the engine knows, and what became of the messages that the run's trucks have had acknowledged.
final class RunHealth {
  private let runner: ReplayRunner
  private let engine: RulesRunner
  private var account: RunAccount
  /// The topics without a rule that the user knows of.
  private var toldTopics: [String] = []
  /// What the end of the run has added.
  private var final: Health?

  /// Begins to count, before the trucks publish, and reports topics that no rule matches.
  init(_ runner: ReplayRunner, _ engine: RulesRunner) {
    self.runner = runner
    self.engine = engine
    account = RunAccount(topics: runner.devices.map(\.topic), isKept: runner.qos != .atMostOnce)
    engine.count(publishers: runner.clientIDs)
    engine.onReloaded = { [unowned self] in useRules() }
    useRules()
  }

  private func useRules() {
    account.use(engine.filters, acknowledged: runner.acknowledged)
    guard engine.beganWithRules, account.unmatchedTopics != toldTopics else { return }
    toldTopics = account.unmatchedTopics
    var health = Health()
    account.note(unmatched: runner.acknowledged.map { _ in 0 }, health: &health)
    for problem in health.problems { StandardError.error("rules: \(problem.sentence)") }
  }

  /// How the run stands.
  var present: Health {
    if let final { return final }
    var health = engine.health
    // A run that reported at its start that nothing is stored isn't in error.
    if engine.beganWithRules { account.note(unmatched: runner.acknowledged, health: &health) }
    return health
  }

  /// Lets the rules do what the broker has for them, and ends them; call it before the broker ends.
  func finish(_ loop: EventLoop) {
    let acknowledged = runner.acknowledged
    let requests = runner.stopRequests
    if !engine.startIsMarked { account.beRough() }
    let isDrained = engine.drain(
      loop, timeout: runner.settings.drainTimeout,
      missing: { [account, engine] in
        account.isRough ? 0 : account.missing(acknowledged, settled: engine.settled)
      }, isAborted: { [runner] in runner.stopRequests > requests })
    var health = present
    let forgotten =
      "the broker had forgotten the engine's session; it couldn't save it, or another client took its identifier"
    let ending = RunAccount.Ending(
      isDrained: isDrained, loss: engine.sessionsForgotten > 0 && !engine.hasJournal ? forgotten : nil,
      engineIsLost: engine.failure != nil, isJournaled: engine.hasJournal,
      lostByJournal: engine.lostMessages, waiting: engine.waiting)
    account.conclude(acknowledged: acknowledged, settled: engine.settled, ending, health: &health)
    final = health
  }

  /// The broker has ended: so many messages wait in its journal, or it may have failed to save what waits.
  func noteEnd(waiting: Int, brokerErrors errors: [String]) {
    guard var health = final else { return }
    if engine.hasJournal {
      // Readings of other devices wait there, too.
      RunAccount.note(waiting: waiting, health: &health)
    } else if health.has(.waiting), let error = errors.last {
      health.add(.queueNotSaved, reason: error)
    }
    final = health
  }
}
