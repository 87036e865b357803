/// Why an option's text can't be a rate, an interval, a ramp, a jitter, a speed or a duration.
public struct PacingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong and what to write instead.
  public let message: String

  /// Makes an error from its sentence.
  public init(_ message: String) { self.message = message }

  /// The sentence.
  public var description: String { message }
}
