/// Why a statement can't be run, with its place in the statement.
public struct QueryError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The line, from 1; 0 if the error has no place, such as one that occurs while the statement runs.
  public let line: Int
  /// The column in characters, from 1.
  public let column: Int
  /// What is wrong, in the words of Presto and Timestream.
  public let message: String
  /// How to fix it, for a person at a terminal: the nearest name, for example.
  public let suggestion: String?

  /// An error without a place.
  public init(_ message: String, suggestion: String? = nil) {
    (line, column) = (0, 0)
    self.message = message
    self.suggestion = suggestion
  }

  init(_ message: String, at place: Place, suggestion: String? = nil) {
    (line, column) = (place.line, place.column)
    self.message = message
    self.suggestion = suggestion
  }

  /// `line 1:8: Column 'tmp' does not exist`.
  public var description: String { line > 0 ? "line \(line):\(column): \(message)" : message }
}

/// A place in a statement: line and column, both from 1.
struct Place: Sendable, Hashable {
  let line: Int
  let column: Int
}
