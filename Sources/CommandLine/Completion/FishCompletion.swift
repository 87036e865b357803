/// The completion script for fish.
enum FishCompletion {
  static func script(_ commands: [CommandDescription]) -> String {
    var lines = [
      """
      # trucksensor completion for fish: put this file into ~/.config/fish/completions
      function __trucksensor_at -d 'whether exactly these words follow trucksensor'
        set -l words (commandline -opc)
        set -e words[1]
        test "$words" = "$argv"
      end
      function __trucksensor_in -d 'whether the command is this'
        set -l words (commandline -opc)
        set -e words[1]
        string match -q -- "$argv *" "$words "
      end
      complete -c trucksensor -f
      complete -c trucksensor -n __trucksensor_at -l help -d 'the commands'
      complete -c trucksensor -n __trucksensor_at -l version -d 'the version'
      """
    ]
    for (word, summary) in Completions.firstWords(commands) {
      lines.append("complete -c trucksensor -n __trucksensor_at -a \(word) -d \(quoted(summary))")
    }
    for group in Completions.groups(commands) {
      for command in group.members {
        lines.append(
          "complete -c trucksensor -n '__trucksensor_at \(group.name)' -a \(command.words[1])"
            + " -d \(quoted(command.summary))")
      }
    }
    for command in commands { lines += self.lines(command) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func lines(_ command: CommandDescription) -> [String] {
    let start = "complete -c trucksensor -n '__trucksensor_in \(command.name)'"
    var lines = command.options.map { option in
      let short = option.short.map { " -s \($0)" } ?? ""
      var value = ""
      if case .required(let placeholder) = option.value {
        let choices = CommandDescription.choices(placeholder)
        let names = Completions.names(option).map {
          " -xa '(trucksensor completions \($0.rawValue) 2>/dev/null)'"
        }
        value =
          names != nil
          ? names ?? ""
          : option.isFile
            ? " -rF" : choices.isEmpty ? " -x" : " -xa \(quoted(choices.joined(separator: " ")))"
      }
      return "\(start)\(short) -l \(option.name)\(value) -d \(quoted(option.help))"
    }
    lines.append("\(start) -s h -l help -d 'show this help'")
    if let names = Completions.names(command) {
      lines.append("\(start) -a '(trucksensor completions \(names.rawValue) 2>/dev/null)'")
    }
    for positional in command.positionals {
      let choices = CommandDescription.choices(positional.name)
      if positional.isFile { lines.append("\(start) -F") }
      if !choices.isEmpty { lines.append("\(start) -a \(quoted(choices.joined(separator: " ")))") }
    }
    return lines
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
  }
}
