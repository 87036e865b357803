/// Shell completion scripts made from the commands' tables.
enum Completions {
  static let shells = ["bash", "zsh", "fish"]

  static func script(for shell: String, commands: [CommandDescription]) -> String? {
    switch shell {
    case "bash": bash(commands)
    case "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + bash(commands)
    case "fish": fish(commands)
    default: nil
    }
  }

  private static func bash(_ commands: [CommandDescription]) -> String {
    let firstWords = Set(commands.map { $0.name.split(separator: " ")[0] }).sorted().joined(separator: " ")
    let groups = Dictionary(grouping: commands.filter { $0.name.contains(" ") }) {
      $0.name.split(separator: " ")[0]
    }
    var cases = ""
    for command in commands {
      let options = (command.options.map { "--\($0.name)" } + ["--help"]).joined(separator: " ")
      let files = command.options.filter(\.isFile).map { "--\($0.name)" }.joined(separator: "|")
      cases += "    '\(command.name)')\n"
      if !files.isEmpty {
        cases +=
          "      case \"$previous\" in \(files)) COMPREPLY=($(compgen -f -- \"$word\")); return ;; esac\n"
      }
      cases += "      COMPREPLY=($(compgen -W '\(options)' -- \"$word\"))\n      ;;\n"
    }
    for (group, members) in groups.sorted(by: { $0.key < $1.key }) {
      let words = members.map { String($0.name.split(separator: " ")[1]) }.joined(separator: " ")
      cases += "    '\(group) '*|'\(group)') COMPREPLY=($(compgen -W '\(words)' -- \"$word\")) ;;\n"
    }
    return """
      # trucksensor completion: source this file, or put it into /etc/bash_completion.d
      _trucksensor() {
        local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
        COMPREPLY=()
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W '\(firstWords) --help --version' -- "$word"))
          return
        fi
        case "$command" in \(groups.keys.sorted().joined(separator: "|").ifEmpty("''")))
          [ "$COMP_CWORD" -gt 2 ] && command="$command ${COMP_WORDS[2]}" ;;
        esac
        case "$command" in
      \(cases)  esac
      }
      complete -o default -F _trucksensor trucksensor

      """
  }

  private static func fish(_ commands: [CommandDescription]) -> String {
    var lines = ["# trucksensor completion: put this file into ~/.config/fish/completions"]
    for command in commands {
      let words = command.name.split(separator: " ")
      let seen =
        words.count == 1
        ? "__fish_use_subcommand" : "__fish_seen_subcommand_from \(words[0])"
      lines.append(
        "complete -c trucksensor -n '\(seen)' -a '\(words[words.count - 1])' -d '\(quoted(command.summary))'")
      for option in command.options {
        let needs = if case .required = option.value { " -r" } else { "" }
        let file = option.isFile ? " -F" : ""
        lines.append(
          "complete -c trucksensor -n '__fish_seen_subcommand_from \(words[words.count - 1])' -l \(option.name)"
            + "\(needs)\(file) -d '\(quoted(option.help))'")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func quoted(_ text: String) -> String { text.replacing("'", with: "\\'") }
}

extension String {
  fileprivate func ifEmpty(_ other: String) -> String { isEmpty ? other : self }
}
