/// The completion script for zsh.
enum ZshCompletion {
  static func script(_ commands: [CommandDescription]) -> String {
    var groupCases = ""
    for group in Completions.groups(commands) {
      groupCases += """
            \(quoted(group.name)))
              if (( CURRENT == 3 )); then
                described=(\(described(group.members.map { ($0.words[1], $0.summary) })))
                _describe command described
                return
              fi
              command="$command $words[3]"
              shift words
              (( CURRENT-- )) ;;

        """
    }
    return """
      #compdef trucksensor
      # trucksensor completion for zsh: source this file, or put it as _trucksensor into a folder of $fpath
      _trucksensor() {
        local -a described
        local command=$words[2]
        if (( CURRENT == 2 )); then
          described=(\(described(Completions.firstWords(commands))))
          _describe command described
          return
        fi
        case $command in
      \(groupCases)    *) ;;
        esac
        shift words
        (( CURRENT-- ))
        case $command in
      \(commands.map(arguments).joined())    *) ;;
        esac
      }
      if [[ $funcstack[1] == _trucksensor ]]; then
        _trucksensor "$@"
      else
        compdef _trucksensor trucksensor
      fi

      """
  }

  private static func arguments(_ command: CommandDescription) -> String {
    var specifications = command.options.flatMap { specification($0, of: command) }
    specifications.append("(-h --help)-h[show this help]")
    specifications.append("(-h --help)--help[show this help]")
    for (index, positional) in command.positionals.enumerated() {
      let place = positional.repeatable ? "*" : "\(index + 1)"
      let colon = positional.required || positional.repeatable ? ":" : "::"
      specifications.append(
        place + colon + escaped(positional.name) + ":"
          + (names(positional.isFile ? nil : Completions.names(command))
            ?? action(positional.name, isFile: positional.isFile)))
    }
    return "    \(quoted(command.name)))\n      _arguments -s \\\n        "
      + specifications.map(quoted).joined(separator: " \\\n        ") + " ;;\n"
  }

  private static func specification(
    _ option: CommandDescription.Option, of command: CommandDescription
  ) -> [String] {
    let rivals = command.options.filter {
      $0.exclusiveGroup != nil && $0.exclusiveGroup == option.exclusiveGroup && $0.name != option.name
    }
    let own = Completions.spellings(option)
    let excluded = rivals.flatMap(Completions.spellings) + (option.repeatable ? [] : own)
    let value =
      switch option.value {
      case .none: ""
      case .required(let placeholder):
        ":\(escaped(placeholder)):"
          + (names(Completions.names(option)) ?? action(placeholder, isFile: option.isFile))
      case .optional(let placeholder): "::\(escaped(placeholder)):"
      }
    return own.map { spelling in
      let joint = value.isEmpty ? "" : spelling.hasPrefix("--") ? "=" : "+"
      let before = excluded.isEmpty ? "" : "(\(excluded.joined(separator: " ")))"
      return before + (option.repeatable ? "*" : "") + spelling + joint + "[\(escaped(option.help))]" + value
    }
  }

  /// Asks the program for names.
  private static func names(_ names: Completions.Names?) -> String? {
    names.map { "($(trucksensor completions \($0.rawValue) 2>/dev/null))" }
  }

  private static func action(_ placeholder: String, isFile: Bool) -> String {
    let choices = CommandDescription.choices(placeholder)
    return isFile ? "_files" : choices.isEmpty ? " " : "(\(choices.joined(separator: " ")))"
  }

  private static func described(_ rows: [(word: String, summary: String)]) -> String {
    rows.map { quoted("\($0.word):\($0.summary)") }.joined(separator: " ")
  }

  /// Brackets, colons and backslashes have a meaning in a specification of `_arguments`.
  private static func escaped(_ text: String) -> String {
    text.map { #"[]:\"#.contains($0) ? "\\\($0)" : String($0) }.joined()
  }

  private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }
}
