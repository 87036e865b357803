import CommandLine
import Files

/// `trucksensor help`: the help of a command, or the reference of all commands as files.
enum HelpCommand: Command {
  static let description = CommandDescription(
    name: "help", summary: "Shows help, or writes the command reference as files.",
    positionals: [
      .init(
        name: "COMMAND", help: "the command, or a group such as 'rules'", required: false, repeatable: true)
    ],
    options: [
      .value(
        "markdown", "FOLDER", "write README.md and a page for each command or group there", group: "form",
        file: true),
      .value(
        "man", "FOLDER", "write the manual pages trucksensor.1 and trucksensor-COMMAND.1 there",
        group: "form", file: true),
    ],
    example: "trucksensor help rules eval\ntrucksensor help --man ~/.local/share/man/man1",
    exitCodes: [(.success, "done"), (.failed, "a file can't be written"), (.usage, "wrong usage")],
    takesSettings: false)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let commands = Commands.table
    if let folder = arguments.string("markdown") {
      try write(MarkdownReference.pages(commands), to: folder)
    } else if let folder = arguments.string("man") {
      try write(
        ManualPages.pages(commands, summary: Trucksensor.summary, version: Trucksensor.version), to: folder)
    } else {
      StandardOutput.shared.printHelp(try text(about: arguments.positionals, commands))
    }
    return .success
  }

  /// The help of a group of commands, such as `rules`; nil if there is no such group.
  static func text(aboutGroup name: String) -> String? {
    let members = Commands.table.filter { $0.words.count == 2 && $0.words[0] == name }
    guard !members.isEmpty else { return nil }
    return "usage: trucksensor \(name) COMMAND [options]\n\ncommands:\n"
      + CommandDescription.table(members.map { ($0.name, $0.summary) })
      + "\n'trucksensor \(name) COMMAND --help' explains a command and shows an example.\n"
  }

  private static func text(about words: [String], _ commands: [CommandDescription]) throws -> String {
    guard let first = words.first else { return Trucksensor.overview }
    if words.count == 1, let text = text(aboutGroup: first) { return text }
    return commands[try CommandLookup.find(words, among: commands).index].help
  }

  private static func write(_ pages: [(name: String, text: String)], to folder: String) throws(FileError) {
    try Files.makeFolder(folder)
    for page in pages { try Files.write(Array(page.text.utf8), to: Files.join(folder, page.name)) }
  }
}
