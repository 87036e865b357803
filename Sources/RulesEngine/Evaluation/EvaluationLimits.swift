import JSON

/// Limits on what a statement may use for one message. AWS accepts payloads of 128 KiB and documents of 256 KiB. These
/// limits also stop hostile messages and hostile statements. docs/rules.md lists them for users.
enum EvaluationLimits {
  /// The most bytes of a payload, of a text, of a value as JSON, and of a result.
  static let bytes = 1 << 18
  /// Bytes that a rule's statement may read and make for one message, including intermediate values; the templates of
  /// each of its actions may use as many. `Budget` defines what each operation costs.
  static let work = 1 << 26
  /// Levels of nesting in a result, as many as this package's JSON readers accept.
  static let depth = JSONScanner.depthLimit
  /// Operators in a statement: a chain of them is as deep as it is long.
  static let operators = 500
  /// Calls, arrays, objects, nested queries, CASEs and SET variables in a statement: each can nest a value one level
  /// deeper.
  static let constructions = 4096
  /// Bytes of a regular expression: a longer one takes long to compile.
  static let patternBytes = 32_768
  /// Groups of a regular expression: each enlarges every backtracking point that is kept.
  static let patternGroups = 100
}

/// The limit in `EvaluationLimits` that a statement or a template has exceeded for a message.
public enum LimitError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The bytes read and made.
  case work
  /// The length of one value or of the result.
  case length
  /// The levels of nesting in the result.
  case depth
  /// A regular expression's length, groups or memory.
  case pattern

  /// What was exceeded, as part of a sentence.
  public var description: String {
    switch self {
    case .work: "evaluation reads and makes more than \(EvaluationLimits.work) bytes"
    case .length: "a value or the result has more than \(EvaluationLimits.bytes) bytes"
    case .depth: "the result has more than \(EvaluationLimits.depth) levels of nesting"
    case .pattern:
      "a regular expression has more than \(EvaluationLimits.patternBytes) bytes or "
        + "\(EvaluationLimits.patternGroups) groups, or needs too much memory"
    }
  }
}
