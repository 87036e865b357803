import CommandLine
import Files
import Health
import JSON
import MQTT
import RulesEngine
import Simulator
import Store
import Time

/// What the engine knows of its health, and its end in a run.
extension RulesRunner {
  /// How the engine stands, from its own view: what it got, and what became of it.
  var health: Health {
    var health = Health()
    for service in services {
      health.merge(service.health)
      if let trouble = service.storeTrouble {
        health.set(.storeFails, reason: Self.words(trouble), count: service.waiting)
      }
      // A run counts what is missing.
      guard !usesMarks else { continue }
      if service.sessionsForgotten > 0, !service.hasJournal { health.set(.sessionForgotten) }
      if service.lostMessages > 0 { health.add(.lost, count: service.lostMessages) }
    }
    return health
  }

  /// The filters of the rules that are enabled, by session.
  var filters: [[TopicFilter]] { services.map(\.activeFilters) }

  /// How often the broker had forgotten a session.
  var sessionsForgotten: Int { services.reduce(0) { $0 + $1.sessionsForgotten } }

  /// Whether the broker keeps what waits in a journal.
  var hasJournal: Bool { services.contains(where: \.hasJournal) }

  /// Messages that the journal had acknowledged and that never came.
  var lostMessages: Int { services.map(\.lostMessages).max() ?? 0 }

  /// Messages that came and wait for the store.
  var waiting: Int { services.map(\.waiting).max() ?? 0 }

  /// What the sessions are done with of the counted publishers' messages.
  var settled: [Int] { services.map(\.settled) }

  /// Counts the messages of these client identifiers.
  func count(publishers: Set<String>) {
    for service in services { service.count(publishers: publishers, number: PayloadEncoder.number) }
  }

  /// Tells at the start of a store that can't be written, and not only when the first reading is to be stored.
  func checkStores(_ loop: EventLoop) {
    for database in Set(services.flatMap(\.databases)) {
      stores.check(database, completion: loop.waker.bound { [weak self] error in self?.checked(error) })
    }
  }

  private func checked(_ error: StoreError?) {
    guard let error else { return }
    for service in services where service.stores { service.noteStore(error) }
    var health = Health()
    health.set(.storeFails, reason: Self.words(error))
    for problem in health.problems {
      StandardError.error(
        "rules: \(problem.sentence) Until then readings wait in the broker, except those of QoS 0, which "
          + "are lost.")
    }
  }

  /// What is wrong with the store, and what to do.
  private static func words(_ error: StoreError) -> String {
    var message = error.message
    while let last = message.last, last.isWhitespace || ".?".contains(last) { message.removeLast() }
    return switch error.kind {
    case .unreachable, .missing: message + "; start the server, or correct --store"
    case .refused: message + "; correct user, password or token of --store"
    default: message
    }
  }

  /// Publishes the first mark: what the trucks publish when the broker has it comes after what had waited before.
  func markStart() { for service in services { service.sendMark(1) } }

  /// Whether the broker has the first mark.
  var hasMarkedStart: Bool { services.allSatisfy { $0.hasPublished(1) } }

  /// Tells once of what had waited in the broker since an earlier run.
  func tellEarlier() {
    guard usesMarks, !hasToldEarlier, services.allSatisfy({ $0.hasDone(1) }) else { return }
    hasToldEarlier = true
    let count = services.map(\.earlier).max() ?? 0
    if count > 0 {
      StandardError.print(
        "rules: \(count) \(count == 1 ? "message" : "messages") from an earlier run that had waited in the broker "
          + "\(count == 1 ? "is" : "are") done.")
    }
  }

  /// Lets the rules do all that the broker has for them, and says goodbye. Returns whether they have.
  /// - Parameters:
  ///   - timeout: The longest wait, in nanoseconds.
  ///   - missing: How many acknowledged messages haven't come.
  ///   - isAborted: Whether the user doesn't want to wait.
  func drain(_ loop: EventLoop, timeout: Int64, missing: @escaping () -> Int, isAborted: @escaping () -> Bool)
    -> Bool
  {
    var course = DrainCourse(at: .now(), timeout: timeout, after: 1)
    var isDrained = false
    var nextNotice = MonotonicTime.now().advanced(by: 1_000_000_000)
    var look: LoopTimer?
    look = loop.makeTimer { [unowned self] in
      let now = MonotonicTime.now()
      switch isAborted() ? .givenUp : course.next(situation(missing()), at: now) {
      case .mark(let number): for service in services { service.sendMark(number) }
      case .wait: break
      case .drained:
        isDrained = true
        return loop.stop()
      case .givenUp: return loop.stop()
      }
      if now >= nextNotice {
        nextNotice = now.advanced(by: 5_000_000_000)
        tellDraining(missing())
      }
      look?.set(now.advanced(by: 2_000_000))
    }
    look?.set(.now())
    loop.run()
    look?.cancel()
    tellEarlier()
    if isDrained { confirmAcknowledgements(loop) }
    stop()
    return isDrained
  }

  /// Waits until the broker has read the acknowledgements: a broker that is ended before keeps the messages and delivers them
  /// again.
  private func confirmAcknowledgements(_ loop: EventLoop) {
    var left = 0
    for service in services {
      let isAsked = service.confirmAcknowledgements {
        left -= 1
        if left == 0 { loop.stop() }
      }
      if isAsked { left += 1 }
    }
    guard left > 0 else { return }
    let limit = loop.makeTimer { loop.stop() }
    limit.set(MonotonicTime.now().advanced(by: 2_000_000_000))
    loop.run()
    limit.cancel()
  }

  private func situation(_ missing: Int) -> DrainCourse.Situation {
    DrainCourse.Situation(
      doneMark: services.map { $0.unfinished == 0 ? $0.doneMark : 0 }.min() ?? 0,
      received: services.reduce(0) { $0 + $1.received }, missing: missing,
      storeTrouble: services.lazy.compactMap(\.storeTrouble).first?.kind, isLost: failure != nil)
  }

  private func tellDraining(_ missing: Int) {
    let reason = services.lazy.compactMap(\.storeTrouble).first.map { " (\($0.message))" } ?? ""
    StandardError.print(
      "Waiting for the rules\(reason): \(missing) acknowledged \(missing == 1 ? "message is" : "messages are") not done "
        + "yet. Ctrl-C ends at once.")
  }
}
