/// Evaluates a statement over lines of JSON, one block at a time.
///
/// Use it from one thread at a time.
public final class LineEvaluator {
  /// A line that has no result because something is wrong with it.
  public struct Failure: Sendable {
    /// The line's place in the block, from 0.
    public let line: Int
    /// What is wrong, to follow the line's number: ", column 3: …".
    public let text: String
  }

  /// How many bytes after a block must be readable.
  public static let padding = PayloadScanner.padding

  /// The most bytes of a line; a longer line is rejected, whatever the statement is.
  public static let lineLimit = EvaluationLimits.bytes

  /// The failures of the last block's lines.
  public private(set) var failures: [Failure] = []
  /// The number of lines in the last block.
  public private(set) var lineCount = 0

  private let statement: CompiledStatement
  private let message: Message
  /// For lines that the plan can't evaluate.
  private let evaluator = StatementEvaluator(usesPlans: false)
  private var run = PlanRun()

  /// An evaluator of lines that are payloads of messages like `message`.
  public init(_ statement: CompiledStatement, _ message: Message) {
    self.statement = statement
    self.message = message
  }

  /// Calls `body` with the results of the last block, one line each.
  public func withOutput<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
    try body(run.output.bytes)
  }

  /// Evaluates the lines of `block`, which was read at `milliseconds`; empty lines have no result.
  public func evaluate(_ block: UnsafeBufferPointer<UInt8>, at milliseconds: Int) {
    message.receivedMilliseconds = milliseconds
    failures.removeAll()
    run.clear()
    guard let plan = statement.plan else {
      lineCount = PlanRun.forEachLine(of: block) { number, start, count in
        if let result = plain(number, UnsafeBufferPointer(start: start, count: count)) {
          run.add(line: result)
        }
      }
      return
    }
    let limit = plan.longestPayload(message, work: EvaluationLimits.work)
    lineCount = run.run(plan, message, lines: block, limit: limit) { number, line in plain(number, line) }
  }

  private func plain(_ number: Int, _ line: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    message.payload = Array(line)
    switch evaluator.evaluate(statement, message) {
    case .noMatch: return nil
    case .output(let bytes): return bytes
    case .payloadError(let error):
      failures.append(Failure(line: number, text: ", column \(error.column): \(error.message)"))
      return nil
    case .limitExceeded(let limit):
      failures.append(Failure(line: number, text: ": \(limit)"))
      return nil
    }
  }
}
