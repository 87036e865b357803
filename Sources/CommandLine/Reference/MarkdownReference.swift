/// The command reference as Markdown: an index and a page for each command or group of commands.
package enum MarkdownReference {
  /// The pages by file name, in the commands' order, the index first.
  package static func pages(_ commands: [CommandDescription]) -> [(name: String, text: String)] {
    let index = (name: "README.md", text: index(commands))
    return [index]
      + Completions.firstWords(commands).map { first in
        let members = commands.filter { $0.words[0] == first.word }
        return ("\(first.word).md", page(first.word, members))
      }
  }

  private static let origin = "<!-- Written by scripts/reference.sh; don't edit. -->\n\n"

  private static func index(_ commands: [CommandDescription]) -> String {
    let rows = commands.map { command in
      let anchor = command.words.count == 2 ? "#" + command.words.joined(separator: "-") : ""
      return "| [`\(command.name)`](\(command.words[0]).md\(anchor)) | \(cell(command.summary)) |\n"
    }
    return origin + "# Command reference\n\n| command | purpose |\n| --- | --- |\n" + rows.joined()
  }

  private static func page(_ title: String, _ commands: [CommandDescription]) -> String {
    guard let first = commands.first else { return "" }
    guard first.words.count == 2 else { return origin + "# \(title)\n\n" + body(first) }
    return origin + "# \(title)\n"
      + commands.map { "\n## \($0.name)\n\n" + body($0) }.joined()
  }

  private static func body(_ command: CommandDescription) -> String {
    var text = escaped(command.summary) + "\n"
    for paragraph in command.discussion.split(separator: "\n\n") {
      text += "\n" + escaped(paragraph.replacing("\n", with: " ")) + "\n"
    }
    text += "\n```\n" + command.synopsis + "\n```\n"
    if !command.positionals.isEmpty {
      text += "\n| argument | meaning |\n| --- | --- |\n"
      text += command.positionals.map { "| \(code($0.name)) | \(cell($0.help)) |\n" }.joined()
    }
    text += "\n| option | meaning |\n| --- | --- |\n"
    text += command.optionRows.map { "| \(code($0.name)) | \(cell($0.help)) |\n" }.joined()
    text += "\nExample:\n\n```\n" + command.example + "\n```\n"
    if !command.exitCodes.isEmpty {
      text += "\n| exit code | meaning |\n| ---: | --- |\n"
      text += command.exitCodes.map { "| \($0.rawValue) | \(cell($1)) |\n" }.joined()
    }
    return text
  }

  /// Text of a table's cell, where a bar would end the cell.
  private static func cell(_ text: String) -> String { escaped(text).replacing("|", with: #"\|"#) }

  private static func code(_ text: String) -> String { "`" + text.replacing("|", with: #"\|"#) + "`" }

  /// Text in which Markdown's own characters stand for themselves.
  private static func escaped(_ text: some StringProtocol) -> String {
    var result = ""
    for character in text {
      if #"\`*_<[]"#.contains(character) { result.append("\\") }
      result.append(character)
    }
    return result
  }
}
