/// What one message may cost a statement. AWS takes payloads of 128 KiB and documents of 256 KiB; what a statement makes
/// of a hostile message, or a hostile statement of any message, ends here.
enum EvaluationLimits {
  /// Bytes of a payload, of a text or of a value as JSON.
  static let bytes = 1 << 18
  /// Elements of an array that a function makes.
  static let elements = 1 << 16
  /// Operators of a statement: chains of them are as deep as they are long.
  static let operators = 500
  /// Function calls, rows of nested queries and values compared, for one message.
  static let steps = 1_000_000
}

/// The steps that are left for the present message.
final class StepCounter {
  private(set) var left = EvaluationLimits.steps

  /// Whether there were steps enough so far.
  var isExhausted: Bool { left <= 0 }

  func reset() { left = EvaluationLimits.steps }

  /// Takes steps; false if none are left.
  func take(_ count: Int = 1) -> Bool {
    left = max(0, left - count)
    return left > 0
  }
}
