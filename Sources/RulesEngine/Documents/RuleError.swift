/// Why a rule document can't be taken: the file, the place in it, and what to do.
public struct RuleError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The document's file.
  public let file: String
  /// Where in the document: `actions[0].republish.topic`, or the line and column where it is no JSON.
  public let place: String
  /// What is wrong.
  public let message: String
  /// The statement's line with a caret, where the error is in the SQL.
  public let excerpt: String?

  init(_ file: String, _ place: String, _ message: String, excerpt: String? = nil) {
    self.file = file
    self.place = place
    self.message = message
    self.excerpt = excerpt
  }

  /// The file, the place and what is wrong there.
  public var description: String {
    "\(file): \(place): \(message)" + (excerpt.map { "\n" + $0 } ?? "")
  }
}
