/// The text of `--help`.
extension CommandDescription {
  private static let width = 80

  /// The first line of the help: the synopsis behind `usage:`.
  package var usage: String { "usage: " + synopsis }

  /// How the command is typed: its name, its arguments, and the options that it can't do without.
  package var synopsis: String {
    let arguments = positionals.map { positional in
      let name = positional.name + (positional.repeatable ? "..." : "")
      return positional.required ? name : "[\(name)]"
    }
    let needed = options.filter(\.required).map { "--\($0.name) \($0.placeholder ?? "")" }
    return (["trucksensor \(name)"] + arguments + needed + (options.isEmpty ? [] : ["[options]"]))
      .joined(separator: " ")
  }

  /// The text of `--help`.
  package var help: String {
    var text = usage + "\n\n" + Self.wrap(summary, indent: 0)
    for paragraph in discussion.split(separator: "\n\n") {
      text += "\n" + Self.wrap(String(paragraph), indent: 0)
    }
    if !positionals.isEmpty {
      text += "\narguments:\n" + Self.table(positionals.map { ($0.name, $0.help) })
    }
    text += "\noptions:\n" + Self.table(optionRows)
    text += "\nexample:\n  " + example.replacing("\n", with: "\n  ") + "\n"
    if !exitCodes.isEmpty {
      let codes = exitCodes.map { "\($0.rawValue) \($1)" }.joined(separator: ", ")
      text += "\n" + Self.wrap("exit codes: " + codes, indent: 0)
    }
    return text
  }

  /// How each option is written and what it means, `--help` last.
  package var optionRows: [(name: String, help: String)] {
    options.map(Self.row) + [("-h, --help", "show this help")]
  }

  private static func row(_ option: Option) -> (name: String, help: String) {
    let short = option.short.map { "-\($0), " } ?? ""
    let value =
      switch option.value {
      case .none: ""
      case .required(let placeholder): " \(placeholder)"
      case .optional(let placeholder): " [\(placeholder)]"
      }
    let more = option.repeatable ? " (repeatable)" : option.required ? " (required)" : ""
    let standard = option.defaultText.map { " (default: \($0))" } ?? ""
    return ("\(short)--\(option.name)\(value)", option.help + more + standard)
  }

  /// Two aligned columns; a name too long for its column stands on a line of its own.
  package static func table(_ rows: [(String, String)]) -> String {
    let column = min(28, (rows.map(\.0.count).max() ?? 0) + 4)
    return rows.map { name, help in
      let lines = wrap(help, indent: column)
      let head = "  " + name
      guard head.count + 2 <= column else { return head + "\n" + lines }
      return head + lines.dropFirst(head.count)
    }.joined()
  }

  package static func wrap(_ text: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = margin
    for word in text.split(whereSeparator: \.isWhitespace) {
      if line.count > indent, line.count + 1 + word.count > width {
        lines.append(line)
        line = margin
      }
      line += (line.count > indent ? " " : "") + word
    }
    lines.append(line)
    return lines.joined(separator: "\n") + "\n"
  }
}
