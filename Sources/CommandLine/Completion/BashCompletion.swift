/// The completion script for bash 4 and newer.
enum BashCompletion {
  static func script(_ commands: [CommandDescription]) -> String {
    let first = Completions.firstWords(commands).map(\.word).joined(separator: " ")
    var groupCases = ""
    for group in Completions.groups(commands) {
      let members = group.members.map { $0.words[1] }.joined(separator: " ")
      groupCases += """
            \(quoted(group.name)))
              if [ "$COMP_CWORD" -eq 2 ]; then _trucksensor_words \(quoted(members)); return; fi
              command="$command ${COMP_WORDS[2]}" ;;

        """
    }
    return """
      # trucksensor completion for bash: source this file, or put it into /etc/bash_completion.d
      _trucksensor_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }
      _trucksensor_names() { _trucksensor_words "$2 $(trucksensor completions "$1" 2>/dev/null)"; }
      _trucksensor_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word"); }
      _trucksensor() {
        local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
        COMPREPLY=()
        # bash splits words at '=': --option=value arrives as three.
        if [ "$word" = = ]; then
          word=
        elif [ "$previous" = = ]; then
          previous=${COMP_WORDS[COMP_CWORD-2]}
        fi
        if [ "$COMP_CWORD" -eq 1 ]; then _trucksensor_words \(quoted(first + " --help --version")); return; fi
        case "$command" in
      \(groupCases)    *) ;;
        esac
        # The value of an option.
        case "$command $previous" in
      \(commands.map(values).joined())    *) ;;
        esac
        # An option, or an argument without a name.
        case "$command" in
      \(commands.map(words).joined())    *) ;;
        esac
      }
      complete -F _trucksensor trucksensor

      """
  }

  private static func values(_ command: CommandDescription) -> String {
    command.options.compactMap { option in
      guard case .required(let placeholder) = option.value else { return nil }
      let patterns = (Completions.spellings(option) + option.aliases.map { "--\($0)" })
        .map { quoted("\(command.name) \($0)") }.joined(separator: "|")
      let choices = CommandDescription.choices(placeholder)
      let names = Completions.names(option).map { "_trucksensor_names \($0.rawValue); " }
      let action =
        names != nil
        ? names ?? ""
        : option.isFile
          ? "_trucksensor_files; " : choices.isEmpty ? "" : "_trucksensor_words \(list(choices)); "
      return "    \(patterns)) \(action)return ;;\n"
    }.joined()
  }

  private static func words(_ command: CommandDescription) -> String {
    let options = (command.options.flatMap(Completions.spellings) + ["--help"])
    let choices = command.positionals.flatMap { CommandDescription.choices($0.name) }
    let files =
      command.positionals.contains(where: \.isFile)
      ? "if [[ $word != -* ]]; then _trucksensor_files; return; fi; " : ""
    let offer =
      Completions.names(command).map { "_trucksensor_names \($0.rawValue) " } ?? "_trucksensor_words "
    return "    \(quoted(command.name))) \(files)\(offer)\(list(choices + options)) ;;\n"
  }

  private static func list(_ words: [String]) -> String { quoted(words.joined(separator: " ")) }

  private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: #"'\''"#) + "'" }
}
