/// A command line that can't be understood.
package struct UsageError: Error, CustomStringConvertible {
  /// What is wrong.
  package let message: String
  /// The command whose help says more; nil for the list of commands.
  package var command: String?

  /// Makes an error from its sentence.
  package init(message: String, command: String? = nil) {
    self.message = message
    self.command = command
  }

  /// The sentence, and where to find help.
  package var description: String {
    let help = "'trucksensor \(command.map { $0 + " " } ?? "")--help'"
    return message.hasSuffix("?") ? "\(message) See \(help)" : "\(message); see \(help)"
  }
}
