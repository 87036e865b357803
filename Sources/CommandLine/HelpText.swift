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
    let column = min(28, (optionRows.map(\.name.count).max() ?? 0) + 4)
    text += optionSections.map { section in
      "\n" + (section.title.map { "\($0) options" } ?? "options") + ":\n"
        + Self.table(section.rows, column: column)
    }.joined()
    text += "\nexample:\n  " + example.replacing("\n", with: "\n  ") + "\n"
    if !exitCodes.isEmpty {
      let codes = exitCodes.map { code, meaning in
        let number = "\(code.rawValue)"
        return (String(repeating: " ", count: max(0, 3 - number.count)) + number, meaning)
      }
      text += "\nexit codes:\n" + Self.table(codes)
    }
    return text
  }

  /// A help text with its headings in bold on a terminal.
  package static func styled(_ help: String, for terminal: Terminal) -> String {
    var isAfterBlankLine = false
    return help.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      defer { isAfterBlankLine = line.isEmpty }
      if line.hasPrefix("usage:") { return terminal.styled("usage:", .bold) + line.dropFirst(6) }
      return isAfterBlankLine && line.last == ":" ? terminal.styled(String(line), .bold) : String(line)
    }.joined(separator: "\n")
  }

  /// How each option is written and what it means, `--help` last.
  package var optionRows: [(name: String, help: String)] { optionSections.flatMap(\.rows) }

  /// The same under their headings: first the command's own options, then the sections in their order.
  package var optionSections: [(title: String?, rows: [(name: String, help: String)])] {
    var titles: [String?] = options.contains { $0.section == nil } ? [nil] : []
    for option in options where !titles.contains(option.section) { titles.append(option.section) }
    var sections = titles.map { title in
      (title: title, rows: options.filter { $0.section == title }.map(Self.row))
    }
    let help = (name: "-h, --help", help: "show this help")
    if sections.isEmpty { sections.append((nil, [])) }
    sections[sections.count - 1].rows.append(help)
    return sections
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

  /// Two aligned columns, the second at `column`; a name too long for its column stands on a line of its own.
  package static func table(_ rows: [(String, String)], column: Int? = nil) -> String {
    let column = column ?? min(28, (rows.map(\.0.count).max() ?? 0) + 4)
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
