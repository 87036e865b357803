import CommandLine
import Glibc

/// Asks before something is deleted that can't be brought back.
enum Confirmation {
  static let options: [CommandDescription.Option] = [
    CommandDescription.Option.flag(
      "yes", short: "y", "don't ask for confirmation; required without a terminal"
    ).scoped(
      .never),
    CommandDescription.Option.flag("dry-run", "only print what would be done").scoped(.never),
  ]

  /// Whether to do it: `--yes` says so, or the answer of the person at the terminal.
  static func isGiven(_ arguments: ParsedArguments, _ question: String) throws(UsageError) -> Bool {
    if arguments.has("dry-run") { return false }
    if arguments.has("yes") { return true }
    guard isatty(0) == 1, StandardError.isTerminal else {
      throw arguments.error(
        "this deletes data and needs a confirmation: add --yes, or check first with --dry-run")
    }
    StandardOutput.shared.flush()
    StandardError.write("\(question) [y/N] ")
    let answer = readLine()?.lowercased() ?? ""
    guard answer == "y" || answer == "yes" else {
      StandardError.print("Nothing was deleted.")
      return false
    }
    return true
  }
}
