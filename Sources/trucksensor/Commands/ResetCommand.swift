import CommandLine
import Files
import LocalCloud

/// `trucksensor reset`: a clean start.
enum ResetCommand: Command {
  static let description = CommandDescription(
    name: "reset", summary: "Deletes the local cloud's files: CA, certificates, registry, stores.",
    discussion:
      "Lists what it will delete, and asks for confirmation. Rules, policies, datasets and reports stay, and so do certificates "
      + "and keys that the local CA hasn't signed, such as those of AWS's connection kit. Stop a run in this folder first.",
    options: Confirmation.options, example: "trucksensor reset --dry-run\ntrucksensor reset --yes",
    exitCodes: [
      (.success, "done, or nothing to delete"), (.failed, "a file can't be deleted"),
      (.usage, "wrong usage, or not confirmed"), (.unavailable, "a broker is running in this folder"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let files = try LocalFiles()
    guard !files.paths.isEmpty else {
      StandardError.print("There is nothing to delete.")
      return .success
    }
    for path in files.paths { StandardOutput.shared.print(path + (Files.isFolder(path) ? "/" : "")) }
    for path in files.foreign { StandardError.print("\(path) stays: the local CA hasn't signed it.") }
    let count = files.paths.count == 1 ? "this" : "these \(files.paths.count)"
    guard try Confirmation.isGiven(arguments, "Delete \(count) for good?") else { return .success }
    try files.delete()
    StandardError.print("Deleted. 'trucksensor run NAME' starts from scratch.")
    return .success
  }
}
