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
    /// Other long names that mean the same; help doesn't list them.
    var aliases: [String] = []
    var short: Character?
    var value = Value.none
    let help: String
    var defaultText: String?
    var repeatable = false
    /// Whether the command can't work without it.
    var required = false
    /// Options of the same group exclude one another.
    var exclusiveGroup: String?
    /// Whether the value is a file that shells complete.
    var isFile = false

    static func flag(
      _ name: String, short: Character? = nil, aliases: [String] = [], _ help: String, group: String? = nil
    ) -> Option {
      Option(name: name, aliases: aliases, short: short, help: help, exclusiveGroup: group)
    }

    static func value(
      _ name: String, _ placeholder: String, short: Character? = nil, aliases: [String] = [], _ help: String,
      default defaultText: String? = nil, repeatable: Bool = false, required: Bool = false,
      group: String? = nil, file: Bool = false
    ) -> Option {
      Option(
        name: name, aliases: aliases, short: short, value: .required(placeholder), help: help,
        defaultText: defaultText, repeatable: repeatable, required: required, exclusiveGroup: group,
        isFile: file)
    }

    static func optionalValue(
      _ name: String, _ placeholder: String, aliases: [String] = [], _ help: String, group: String? = nil
    ) -> Option {
      Option(
        name: name, aliases: aliases, value: .optional(placeholder), help: help, exclusiveGroup: group)
    }

    /// The value's name in usage and help.
    var placeholder: String? {
      switch value {
      case .none: nil
      case .required(let placeholder), .optional(let placeholder): placeholder
      }
    }
  }

  /// One argument without a name.
  struct Positional {
    let name: String
    let help: String
    var required = true
    var repeatable = false
    /// Whether it is a file that shells complete.
    var isFile = false
  }

  /// One word, or two for a command of a group: `dataset generate`.
  let name: String
  let summary: String
  /// Paragraphs, an empty line between them.
  var discussion = ""
  var positionals: [Positional] = []
  var options: [Option] = []
  let example: String
  var exitCodes: [(ExitCode, String)] = []

  /// The words of the name: the command, or its group and itself.
  var words: [String] { name.split(separator: " ").map(String.init) }

  /// The option with that long name or alias, without the dashes.
  func option(named name: String) -> Option? {
    options.first { $0.name == name || $0.aliases.contains(name) }
  }

  /// The fixed words of a placeholder such as `now|uptime|START`: `now` and `uptime`, which shells can offer.
  static func choices(_ placeholder: String) -> [String] {
    guard placeholder.contains("|") else { return [] }
    return placeholder.split(separator: "|").map(String.init).filter { !$0.contains(where: \.isUppercase) }
  }
}
