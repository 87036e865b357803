import CommandLine
import Files
import JSON
import Text

/// `trucksensor config`: what is set, and where.
enum ConfigCommand: Command {
  static let description = CommandDescription(
    name: "config", summary: "Shows the settings in effect, and where each comes from.",
    discussion:
      "If an option isn't on the command line, its value comes from the environment, then from the settings file, then from its "
      + "default. The variable for --on-full is TRUCKSENSOR_ON_FULL; an empty variable sets nothing. The settings file "
      + "is trucksensor.json, the file that TRUCKSENSOR_CONFIG names, or --config FILE. It holds one JSON object: "
      + "{\"endpoint\": \"localhost\", \"simulate\": {\"rate\": 5}} sets --endpoint for every command that has it, and "
      + "--rate for 'simulate' alone.\n\n"
      + "With COMMAND, all options of that command are listed with their values.",
    positionals: [
      .init(name: "COMMAND", help: "the command whose options are shown", required: false, repeatable: true)
    ],
    options: [.flag("json", "print an array of objects: command, option, value, source").scoped(.never)],
    example: "trucksensor config\ntrucksensor config simulate",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.dataError, "the settings file is invalid"),
    ])

  private struct Row {
    var command: String?
    let option: String
    let value: String
    let source: String

    var name: String { (command.map { "\($0): " } ?? "") + option }
  }

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let commands = Commands.table
    let settings = try Settings(
      environment: SharedOptions.environment, path: arguments.string("config"), commands: commands)
    let rows: [Row]
    if arguments.positionals.isEmpty {
      rows = try allRows(settings, commands)
    } else {
      let found = try CommandLookup.find(arguments.positionals, among: commands)
      guard found.rest.isEmpty else { throw arguments.error("'\(found.rest[0])' is an unexpected argument") }
      rows = try self.rows(of: commands[found.index], settings)
    }
    if arguments.has("json") {
      var json = JSONWriter(indented: true)
      json.array {
        for row in rows {
          $0.object {
            $0.member("command", orNull: row.command)
            $0.member("option", row.option)
            $0.member("value", row.value)
            $0.member("source", row.source)
          }
        }
      }
      StandardOutput.shared.print(json.text)
    } else {
      let widths = (rows.map(\.name.count).max() ?? 0, rows.map(\.value.count).max() ?? 0)
      for row in rows {
        StandardOutput.shared.print(
          padded(row.name, widths.0) + "  " + padded(row.value, min(40, widths.1)) + "  " + row.source)
      }
    }
    for unknown in settings.unknownVariables(commands, others: SharedOptions.otherVariables) {
      let nearest = unknown.nearest.map { "; did you mean '\($0)'?" } ?? ""
      StandardError.warning("\(unknown.name) sets no option" + nearest)
    }
    return .success
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// What is set anywhere, after the settings file and the folders, which everybody wants to know.
  private static func allRows(_ settings: Settings, _ commands: [CommandDescription]) throws -> [Row] {
    var rows = [
      Row(
        option: "config", value: settings.file?.path ?? "none",
        source: settings.file == nil ? "default" : "file")
    ]
    var seen: Set<String> = []
    for command in commands where command.takesSettings {
      for option in command.options where option.scope == .shared && seen.insert(option.name).inserted {
        if let value = try settings.environmentValue(of: option) {
          rows.append(Row(option: option.name, value: text(value), source: value.source))
        } else if settings.file?.settings.contains(where: { $0.option == option.name && $0.command == nil })
          != true,
          ["data", "certs"].contains(option.name)
        {
          rows.append(Row(option: option.name, value: option.defaultText ?? "", source: "default"))
        }
      }
    }
    for setting in settings.file?.settings ?? [] {
      // The environment stands before it.
      if setting.command == nil, rows.contains(where: { $0.option == setting.option }) { continue }
      rows.append(
        Row(
          command: setting.command, option: setting.option, value: setting.values.joined(separator: ", "),
          source: setting.place))
    }
    return rows
  }

  private static func rows(of command: CommandDescription, _ settings: Settings) throws -> [Row] {
    try command.options.filter { $0.scope != .never }.map { option in
      let value =
        try command.takesSettings
        ? settings.environmentValue(of: option) ?? settings.fileValue(of: option, in: command.name) : nil
      return Row(
        option: option.name, value: value.map(text) ?? option.defaultText ?? "-",
        source: value?.source ?? "default")
    }
  }

  private static func text(_ value: Settings.Value) -> String {
    value.texts.isEmpty ? "off" : value.texts.map { $0 ?? "on" }.joined(separator: ", ")
  }
}
