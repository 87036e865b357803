/// What is wrong with a dataset, where, and what to do about it, in one sentence for a person.
public struct DatasetError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file's path as it was given.
  public let file: String
  /// The physical line, from 1, where there is one.
  public let line: Int?
  /// The byte within the line, from 1, where there is one.
  public let column: Int?
  /// What happened and what to do next.
  public let message: String

  /// Makes an error from its parts.
  public init(file: String, line: Int? = nil, column: Int? = nil, message: String) {
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  /// `data.csv:17:5: the sentence`.
  public var description: String {
    var text = file
    if let line {
      text += ":\(line)"
      if let column { text += ":\(column)" }
    }
    return text + ": " + message
  }
}
