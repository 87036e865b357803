import CommandLine
import Files

/// The options of nearly all commands, which `Commands.table` adds to their own.
enum SharedOptions {
  static let config = CommandDescription.Option.value(
    "config", "FILE", "the settings file, or none to read no file", default: SettingsFile.standardName,
    file: true
  ).scoped(.never)

  static let folders: [CommandDescription.Option] = [
    .value(
      "data", "FOLDER", "the folder of the local CA, the broker, the registry and the stores",
      default: "data",
      file: true),
    .value(
      "certs", "FOLDER", "the folder of the devices' certificates and keys", default: "certs", file: true),
  ]

  static let log = CommandDescription.Option.value(
    "log-format", "text|json", "what is written to standard error: sentences, or one JSON object per line",
    default: "text")

  static let verbose = CommandDescription.Option.flag(
    "verbose", short: "v",
    "also write details: files used, connections, subscriptions, each message of a rule")

  /// Commands that keep nothing in the folders.
  private static let withoutFolders: Set = [
    "dataset generate", "dataset check", "rules check", "rules new", "policy check", "bench store",
    "bench rules",
  ]

  /// A command with its own options and those that it shares.
  static func added(to command: CommandDescription) -> CommandDescription {
    guard command.takesSettings else { return command }
    var command = command
    let hasFolders = !withoutFolders.contains(command.name)
    // Where options have headings, the shared ones have one, too.
    let section = command.options.contains { $0.section != nil } ? "common" : nil
    command.options += ((hasFolders ? folders : []) + [verbose, log, config]).inSection(section)
    return command
  }

  /// Takes what a command line says of them.
  static func apply(_ arguments: ParsedArguments) throws(UsageError) {
    var workspace = Workspace()
    for (name, path) in [("data", \Workspace.data), ("certs", \Workspace.certificates)] {
      guard let folder = arguments.string(name) else { continue }
      guard !folder.isEmpty else { throw arguments.error("--\(name) takes a folder, not ''") }
      workspace[keyPath: path] = folder
    }
    Workspace.current = workspace
    switch arguments.string("log-format") {
    case nil, "text": break
    case "json": StandardError.format = .json
    case let text?: throw arguments.error("--log-format takes text or json, not '\(text)'")
    }
    StandardError.isVerbose = arguments.has("verbose")
    StandardError.detail(
      "Folders: data in \(workspace.data), certificates in \(workspace.certificates); settings: "
        + (arguments.settingsPath ?? "no file"))
  }

  /// The process's environment.
  static var environment: [String: String] {
    var variables: [String: String] = [:]
    for entry in ((try? Files.readText("/proc/self/environ")) ?? "").split(separator: "\0") {
      guard let sign = entry.firstIndex(of: "=") else { continue }
      variables[String(entry[..<sign])] = String(entry[entry.index(after: sign)...])
    }
    return variables
  }

  /// Variables with our prefix that set no option: what scripts, tests and other parts read.
  static let otherVariables: Set = [
    "TRUCKSENSOR_CONFIG", "TRUCKSENSOR_EXECUTABLE", "TRUCKSENSOR_FUZZ", "TRUCKSENSOR_FUZZ_SECONDS",
    "TRUCKSENSOR_MOSQUITTO", "TRUCKSENSOR_PLAN_SECONDS", "TRUCKSENSOR_REGENERATE", "TRUCKSENSOR_STORE_TOKEN",
    "TRUCKSENSOR_TEST_RUN", "TRUCKSENSOR_FOLDER",
  ]
}
