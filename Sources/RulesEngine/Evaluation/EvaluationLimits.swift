import JSON

/// What one message may cost a statement. AWS accepts payloads of 128 KiB and documents of 256 KiB. These limits also stop
/// hostile messages and hostile statements. docs/rules.md lists them for users.
enum EvaluationLimits {
  /// Bytes of a payload, of a text, of a value as JSON, and of a result.
  static let bytes = 1 << 18
  /// Bytes that a rule's statement may read and make for one message, intermediate values included, and that the
  /// templates of each of its actions may. `Budget` says what costs how much.
  static let work = 1 << 26
  /// Containers inside containers of a result: what JSON readers here take.
  static let depth = JSONScanner.depthLimit
  /// Operators of a statement: chains of them are as deep as they are long.
  static let operators = 500
  /// Calls, arrays, objects, nested queries, CASEs and SET variables of a statement: each can nest a value once more.
  static let constructions = 4096
  /// Bytes of a regular expression; a longer one takes long to compile.
  static let patternBytes = 32_768
  /// Groups of a regular expression: each makes every step back that is kept larger.
  static let patternGroups = 100
}

/// What of `EvaluationLimits` a statement or a template has exceeded for a message.
public enum LimitError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Values read and made.
  case work
  /// One value, or the result.
  case length
  /// Containers inside containers of the result.
  case depth
  /// A regular expression's length, groups or memory.
  case pattern

  /// What was exceeded, as a sentence's part.
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
