/// What one command takes and does: parsing, help, errors and shell completion all come from this table.
struct CommandDescription {
  /// One `--option` of a command.
  struct Option {
    /// What follows the option's name.
    enum Value {
      case none
      case required(String)
      case optional(String)
    }

    let name: String
    var short: Character?
    var value = Value.none
    let help: String
    var defaultText: String?
    var repeatable = false
    /// Options of the same group exclude one another.
    var exclusiveGroup: String?
    /// Whether the value is a file that shells complete.
    var isFile = false

    static func flag(_ name: String, short: Character? = nil, _ help: String) -> Option {
      Option(name: name, short: short, help: help)
    }

    static func value(
      _ name: String, _ placeholder: String, short: Character? = nil, _ help: String,
      default defaultText: String? = nil,
      repeatable: Bool = false, group: String? = nil, file: Bool = false
    ) -> Option {
      Option(
        name: name, short: short, value: .required(placeholder), help: help, defaultText: defaultText,
        repeatable: repeatable, exclusiveGroup: group, isFile: file)
    }

    static func optionalValue(_ name: String, _ placeholder: String, _ help: String) -> Option {
      Option(name: name, value: .optional(placeholder), help: help)
    }
  }

  /// One argument without a name.
  struct Positional {
    let name: String
    let help: String
    var required = true
    var repeatable = false
  }

  let name: String
  let summary: String
  var discussion = ""
  var positionals: [Positional] = []
  var options: [Option] = []
  let example: String
  var exitCodes: [(ExitCode, String)] = []

  func option(named name: String) -> Option? { options.first { $0.name == name } }
}

/// The text of `--help`.
extension CommandDescription {
  private static let width = 80

  var usage: String {
    let arguments = positionals.map { positional in
      let name = positional.name + (positional.repeatable ? "..." : "")
      return positional.required ? name : "[\(name)]"
    }
    return (["usage: trucksensor \(name)"] + arguments + (options.isEmpty ? [] : ["[options]"]))
      .joined(separator: " ")
  }

  var help: String {
    var text = usage + "\n\n" + Self.wrap(summary, indent: 0)
    if !discussion.isEmpty { text += "\n" + Self.wrap(discussion, indent: 0) }
    if !positionals.isEmpty {
      text += "\narguments:\n" + Self.table(positionals.map { ($0.name, $0.help) })
    }
    text += "\noptions:\n" + Self.table(optionRows + [("-h, --help", "this text")])
    text += "\nexample:\n  " + example.replacing("\n", with: "\n  ") + "\n"
    if !exitCodes.isEmpty {
      text += "\nexit codes: " + exitCodes.map { "\($0.rawValue) \($1)" }.joined(separator: ", ") + "\n"
    }
    return text
  }

  private var optionRows: [(String, String)] {
    options.map { option in
      let short = option.short.map { "-\($0), " } ?? ""
      let value =
        switch option.value {
        case .none: ""
        case .required(let placeholder): " \(placeholder)"
        case .optional(let placeholder): " [\(placeholder)]"
        }
      let more = option.repeatable ? " (repeatable)" : ""
      let standard = option.defaultText.map { " (default: \($0))" } ?? ""
      return ("\(short)--\(option.name)\(value)", option.help + more + standard)
    }
  }

  static func table(_ rows: [(String, String)]) -> String {
    let column = min(28, (rows.map(\.0.count).max() ?? 0) + 4)
    return rows.map { name, help in
      let lines = wrap(help, indent: column)
      let head = "  " + name
      guard head.count + 2 <= column else { return head + "\n" + lines }
      return head + lines.dropFirst(head.count)
    }.joined()
  }

  static func wrap(_ text: String, indent: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = margin
    for word in text.split(separator: " ") {
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
