/// A command line that can't be understood.
struct UsageError: Error, CustomStringConvertible {
  let message: String
  /// The command whose help says more.
  var command: String?

  var description: String {
    let help = "'trucksensor \(command.map { $0 + " " } ?? "")--help'"
    return message.hasSuffix("?") ? "\(message) See \(help)" : "\(message); see \(help)"
  }
}
