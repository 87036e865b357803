/// Manual pages for section 1, in roff's `man` macros: `trucksensor.1` and one page for each command.
package enum ManualPages {
  /// The pages by file name, in the commands' order, the overview first.
  package static func pages(_ commands: [CommandDescription], summary: String, version: String)
    -> [(name: String, text: String)]
  {
    let overview = (name: "trucksensor.1", text: overview(commands, summary: summary, version: version))
    return [overview] + commands.map { ("\(title($0)).1", page($0, version: version)) }
  }

  private static func overview(_ commands: [CommandDescription], summary: String, version: String) -> String {
    head("trucksensor", summary: summary, version: version)
      + section("SYNOPSIS", "\\fBtrucksensor\\fR \\fICOMMAND\\fR [options]\n")
      + section("COMMANDS", commands.map { entry(name: $0.name, help: $0.summary) }.joined())
      + section(
        "SEE ALSO", commands.map { "\\fB\(escaped(title($0)))\\fR(1)" }.joined(separator: ",\n") + "\n")
  }

  private static func page(_ command: CommandDescription, version: String) -> String {
    var text = head(title(command), summary: command.summary, version: version)
    text += section("SYNOPSIS", line(command.synopsis))
    let paragraphs = command.discussion.split(separator: "\n\n").map {
      line(String($0.replacing("\n", with: " ")))
    }
    if !paragraphs.isEmpty { text += section("DESCRIPTION", paragraphs.joined(separator: ".PP\n")) }
    if !command.positionals.isEmpty {
      text += section("ARGUMENTS", command.positionals.map { entry(name: $0.name, help: $0.help) }.joined())
    }
    text += section("OPTIONS", command.optionRows.map { entry(name: $0.name, help: $0.help) }.joined())
    if !command.exitCodes.isEmpty {
      text += section(
        "EXIT STATUS", command.exitCodes.map { entry(name: "\($0.rawValue)", help: $1) }.joined())
    }
    let example = command.example.split(separator: "\n").map { line(String($0)) }.joined()
    text += section("EXAMPLES", ".nf\n" + example + ".fi\n")
    return text + section("SEE ALSO", "\\fBtrucksensor\\fR(1)\n")
  }

  /// The page's name of a command: its words and the program's, joined by dashes.
  private static func title(_ command: CommandDescription) -> String {
    (["trucksensor"] + command.words).joined(separator: "-")
  }

  // No date: the same descriptions give the same pages.
  private static func head(_ title: String, summary: String, version: String) -> String {
    """
    .TH "\(title.uppercased())" 1 "" "trucksensor \(version)" "User Commands"
    .SH NAME
    \(escaped(title)) \\- \(escaped(summary))

    """
  }

  private static func section(_ title: String, _ body: String) -> String { ".SH \(title)\n" + body }

  private static func entry(name: String, help: String) -> String {
    ".TP\n\\fB\(escaped(name))\\fR\n" + line(help)
  }

  private static func line(_ text: String) -> String { escaped(text) + "\n" }

  /// Text in which roff's own characters stand for themselves, so that what is copied from the page can be typed.
  private static func escaped(_ text: String) -> String {
    // At a line's start, a dot or an apostrophe would begin a request.
    var result = text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : ""
    for character in text {
      switch character {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case "'": result += "\\(aq"
      case "`": result += "\\(ga"
      case "^": result += "\\(ha"
      case "~": result += "\\(ti"
      default: result.append(character)
      }
    }
    return result
  }
}
