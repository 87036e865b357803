import CommandLine
import Dispatch
import LocalCloud
import MQTT
import RulesEngine
import Time

/// `trucksensor rules eval`: one statement over JSON lines.
enum RulesEvalCommand: Command {
  static let description = CommandDescription(
    name: "rules eval", summary: "Evaluates a rule's statement on payloads from standard input.",
    discussion:
      "Each line is a payload; each result is a line. A message that doesn't match produces no line. A line that isn't "
      + "JSON is reported on standard error with its line number; only a plain SELECT * passes it on unchanged, as on AWS.",
    options: [
      .value("sql", "STATEMENT", "the statement"),
      .value("rule", "NAME|FILE", "use this rule document's statement", file: true),
      .value("topic", "TOPIC", "the messages' topic", default: "FROM's topic, if it has no wildcard"),
      .value("client-id", "ID", "the value of clientid()"),
      .value("sql-version", "VERSION", "2015-10-08 or 2016-03-23", default: "2016-03-23"),
      .value("now", "MS", "the value of timestamp(), in epoch milliseconds", default: "the current time"),
      .value("jobs", "N", "use N processor cores; the results keep their order", default: "1"),
      .flag(
        "explain",
        "also show a table of the clauses: each expression's value and type, and why it is Undefined"),
    ],
    example:
      "echo '{\"temp\":\"21.90\"}' | trucksensor rules eval --sql \"SELECT cast(temp AS Decimal) AS temp FROM 't'\"",
    exitCodes: [
      (.success, "done"), (.failed, "a line wasn't JSON"), (.usage, "wrong usage"),
      (.dataError, "an invalid statement"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let statement: CompiledStatement
    switch (arguments.string("sql"), arguments.string("rule")) {
    case (let sql?, nil):
      let name = arguments.string("sql-version") ?? SQLVersion.v2016.rawValue
      guard let version = SQLVersion(rawValue: name) else {
        throw arguments.error("--sql-version takes 2015-10-08 or 2016-03-23, not '\(name)'")
      }
      do throws(SQLError) {
        statement = try CompiledStatement(sql, version: version, allowsNoSource: true)
      } catch {
        StandardError.error("--sql: \(error)\n\(error.excerpt)")
        return .dataError
      }
    case (nil, let rule?): statement = try RuleFiles.read(rule).statement
    default: throw arguments.error("give one of --sql STATEMENT and --rule NAME")
    }
    if let error = statement.unsupported.first {
      StandardError.error("\(error)\n\(error.excerpt)")
      return .dataError
    }
    let now = try arguments.integer("now", in: 0...Int.max)
    let pattern = statement.filter?.pattern ?? "t"
    let topic = try TopicName(
      arguments.string("topic") ?? (pattern.contains { "+#".contains($0) } ? "t" : pattern))
    if let filter = statement.filter, !filter.matches(topic.text) {
      if arguments.string("topic") != nil || !pattern.contains(where: { "+#".contains($0) }) {
        StandardError.error("FROM '\(filter)' doesn't match the topic '\(topic)'")
        return .success
      }
    }
    func message() -> Message {
      let message = Message(topic: topic.text, payload: [], receivedMilliseconds: now ?? 0)
      message.clientID = arguments.string("client-id")
      message.registry = RegistryLookup()
      return message
    }
    let failures =
      arguments.has("explain")
      ? try explain(statement, message(), topic, now: now)
      : try evaluate(
        EvaluationJob.make(threads: try arguments.integer("jobs", in: 1...Self.jobLimit) ?? 1) {
          LineEvaluator(statement, message())
        }, now: now)
    return failures == 0 ? .success : .failed
  }

  /// Threads that the input is shared among at most.
  private static let jobLimit = 256

  /// Gives blocks of lines to the jobs in turn, and writes their results in that order; returns how many lines had none
  /// because something is wrong with them.
  private static func evaluate(_ jobs: [EvaluationJob], now: Int?) throws -> Int {
    var blocks = LineBlocks(lineLimit: LineEvaluator.lineLimit)
    var report = EvaluationReport()
    var number = 0
    var isMore = true
    while isMore, !StandardOutput.shared.isClosed {
      let job = jobs[number % jobs.count]
      report.take(job)
      isMore = try blocks.read(into: job.block)
      guard isMore else { break }
      let milliseconds = now ?? WallClock.milliseconds
      if jobs.count == 1 { job.run(at: milliseconds) } else { job.start(at: milliseconds) }
      number += 1
    }
    // The oldest one that isn't written yet first.
    for place in 0..<jobs.count { report.take(jobs[(number + place) % jobs.count]) }
    return report.failures
  }

  private static func explain(
    _ statement: CompiledStatement, _ message: Message, _ topic: TopicName, now: Int?
  ) throws -> Int {
    let evaluator = StatementEvaluator()
    var failures = 0
    try StandardInput.forEachLine { line, number in
      message.payload = Array(line)
      message.receivedMilliseconds = now ?? WallClock.milliseconds
      // The explanation and the result read it once.
      evaluator.share(message)
      StandardOutput.shared.print(
        ExplanationTable.text(evaluator.explain(statement, message), statement, topic))
      switch evaluator.evaluate(statement, message) {
      case .noMatch: break
      case .output(let output): StandardOutput.shared.line(output)
      case .payloadError(let error):
        failures += 1
        StandardError.error("line \(number), column \(error.column): \(error.message)")
      case .limitExceeded(let limit):
        failures += 1
        StandardError.error("line \(number): \(limit)")
      }
      return !StandardOutput.shared.isClosed
    }
    return failures
  }
}

/// Evaluates blocks of lines on one of several threads.
///
/// @unchecked Sendable: the thread that made it uses it, except from `start` to the end of `wait`.
private final class EvaluationJob: @unchecked Sendable {
  let evaluator: LineEvaluator
  let block = LineBlock(padding: LineEvaluator.padding)
  private let queue: DispatchQueue
  private let group = DispatchGroup()
  /// Whether there are results that weren't taken.
  private(set) var hasResults = false

  private init(_ evaluator: LineEvaluator, _ queue: DispatchQueue) {
    (self.evaluator, self.queue) = (evaluator, queue)
  }

  /// Jobs for so many threads; one thread is the caller's own. Each further one has two jobs, so that it has work while the
  /// results of its last block are written.
  static func make(threads: Int, _ evaluator: () -> LineEvaluator) -> [EvaluationJob] {
    let queues = (0..<threads).map { _ in DispatchQueue(label: "rules eval") }
    return (0..<(threads == 1 ? 1 : 2 * threads)).map { EvaluationJob(evaluator(), queues[$0 % threads]) }
  }

  func run(at milliseconds: Int) {
    evaluator.evaluate(block.bytes, at: milliseconds)
    hasResults = true
  }

  func start(at milliseconds: Int) {
    queue.async(group: group) { self.run(at: milliseconds) }
  }

  /// Waits for the results and calls `body`, if there are any.
  func take(_ body: () -> Void) {
    group.wait()
    if hasResults { body() }
    hasResults = false
  }
}

/// Writes the results of blocks in their order.
private struct EvaluationReport {
  private(set) var failures = 0
  /// The lines of the blocks before.
  private var lines = 0

  mutating func take(_ job: EvaluationJob) {
    job.take {
      job.evaluator.withOutput { StandardOutput.shared.write($0) }
      for failure in job.evaluator.failures {
        failures += 1
        StandardError.error("line \(lines + failure.line + 1)\(failure.text)")
      }
      lines += job.evaluator.lineCount
      if job.block.endsTooLong {
        lines += 1
        failures += 1
        StandardError.error(
          "line \(lines): the payload has more than \(LineEvaluator.lineLimit) bytes")
      }
    }
  }
}
