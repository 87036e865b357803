/// What one command takes and does: parsing, help, errors and shell completion all come from this table.
package struct CommandDescription: Sendable {
  /// One `--option` of a command.
  package struct Option: Sendable {
    /// What follows the option's name.
    package enum Value: Sendable {
      case none
      case required(String)
      case optional(String)
    }

    package let name: String
    /// Other long names that mean the same; help doesn't list them.
    package var aliases: [String] = []
    package var short: Character?
    package var value = Value.none
    package let help: String
    package var defaultText: String?
    package var repeatable = false
    /// Whether the command can't work without it.
    package var required = false
    /// Options of the same group exclude one another.
    package var exclusiveGroup: String?
    /// Whether the value is a file that shells complete.
    package var isFile = false
    /// Where it can be set besides the command line.
    package var scope = Scope.shared
    /// The heading in the help: `dashboard` gives 'dashboard options'; nil gives 'options'.
    package var section: String?

    /// Where an option can be set besides the command line.
    package enum Scope: Sendable {
      /// In the environment and in the settings file, for every command that has it.
      case shared
      /// Only in the settings file under a command's name: other commands mean something else by it.
      case command
      /// Nowhere: it has to be said each time.
      case never
    }

    /// The same option, to be set elsewhere or not.
    package func scoped(_ scope: Scope) -> Option {
      var copy = self
      copy.scope = scope
      return copy
    }

    package static func flag(
      _ name: String, short: Character? = nil, aliases: [String] = [], _ help: String, group: String? = nil
    ) -> Option {
      Option(name: name, aliases: aliases, short: short, help: help, exclusiveGroup: group)
    }

    package static func value(
      _ name: String, _ placeholder: String, short: Character? = nil, aliases: [String] = [], _ help: String,
      default defaultText: String? = nil, repeatable: Bool = false, required: Bool = false,
      group: String? = nil, file: Bool = false
    ) -> Option {
      Option(
        name: name, aliases: aliases, short: short, value: .required(placeholder), help: help,
        defaultText: defaultText, repeatable: repeatable, required: required, exclusiveGroup: group,
        isFile: file)
    }

    package static func optionalValue(
      _ name: String, _ placeholder: String, aliases: [String] = [], _ help: String, group: String? = nil
    ) -> Option {
      Option(
        name: name, aliases: aliases, value: .optional(placeholder), help: help, exclusiveGroup: group)
    }

    /// The same option under another heading of the help.
    package func inSection(_ section: String?) -> Option {
      var copy = self
      copy.section = section
      return copy
    }

    /// The value's name in usage and help.
    package var placeholder: String? {
      switch value {
      case .none: nil
      case .required(let placeholder), .optional(let placeholder): placeholder
      }
    }
  }

  /// One argument without a name.
  package struct Positional: Sendable {
    package let name: String
    package let help: String
    package var required = true
    package var repeatable = false
    /// Whether it is a file that shells complete.
    package var isFile = false

    /// One argument of that name.
    package init(
      name: String, help: String, required: Bool = true, repeatable: Bool = false, isFile: Bool = false
    ) {
      self.name = name
      self.help = help
      self.required = required
      self.repeatable = repeatable
      self.isFile = isFile
    }
  }

  /// One word, or two for a command of a group: `dataset generate`.
  package let name: String
  package let summary: String
  /// Paragraphs, an empty line between them.
  package var discussion = ""
  package var positionals: [Positional] = []
  package var options: [Option] = []
  package let example: String
  package var exitCodes: [(ExitCode, String)] = []
  /// Whether its options can be set in the environment and in the settings file.
  package var takesSettings = true

  /// Describes a command.
  package init(
    name: String, summary: String, discussion: String = "", positionals: [Positional] = [],
    options: [Option] = [], example: String, exitCodes: [(ExitCode, String)] = [], takesSettings: Bool = true
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.positionals = positionals
    self.options = options
    self.example = example
    self.exitCodes = exitCodes
    self.takesSettings = takesSettings
  }

  /// The words of the name: the command, or its group and itself.
  package var words: [String] { name.split(separator: " ").map(String.init) }

  /// The option with that long name or alias, without the dashes.
  package func option(named name: String) -> Option? {
    options.first { $0.name == name || $0.aliases.contains(name) }
  }

  /// The fixed words of a placeholder such as `now|uptime|START`: `now` and `uptime`, which shells can offer.
  package static func choices(_ placeholder: String) -> [String] {
    guard placeholder.contains("|") else { return [] }
    return placeholder.split(separator: "|").map(String.init).filter { !$0.contains(where: \.isUppercase) }
  }
}

extension [CommandDescription.Option] {
  /// The same options under one heading of the help.
  package func inSection(_ section: String?) -> [CommandDescription.Option] { map { $0.inSection(section) } }
}
