/// Why a rule document is invalid: the file, the place in it, and what is wrong there.
public struct RuleError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The document's file.
  public let file: String
  /// The member, for example `actions[0].republish.topic`; empty if the document can't be parsed.
  public let place: String
  /// The line and column of the member, or of what it is missing from; both from 1.
  public private(set) var position: (line: Int, column: Int) = (1, 1)
  /// What is wrong.
  public let message: String
  /// The statement's line with a caret, if the error is in the SQL.
  public let excerpt: String?

  init(_ file: String, _ place: String, _ message: String, excerpt: String? = nil) {
    self.file = file
    self.place = place
    self.message = message
    self.excerpt = excerpt
  }

  /// The same error with its position.
  func at(_ line: Int, _ column: Int) -> RuleError {
    var error = self
    error.position = (line, column)
    return error
  }

  /// The file, the position, the place and what is wrong there.
  public var description: String {
    "\(file): line \(position.line), column \(position.column): " + (place.isEmpty ? "" : "\(place): ")
      + message
      + (excerpt.map { "\n" + $0 } ?? "")
  }

  /// Compares all parts, by the description.
  public static func == (left: RuleError, right: RuleError) -> Bool { left.description == right.description }
}
