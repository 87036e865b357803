import Files
import Text

/// Options that aren't on the command line: those of the environment, then those of the settings file.
package struct Settings: Sendable {
  private static let prefix = "TRUCKSENSOR_"

  /// An option's value and where it comes from.
  package struct Value: Sendable {
    /// The values; none if a flag is switched off.
    package let texts: [String?]
    /// `TRUCKSENSOR_RATE`, or `trucksensor.json:3:5`.
    package let source: String
  }

  private let environment: [String: String]
  /// The settings file, if there is one.
  package let file: (path: String, settings: [SettingsFile.Setting])?

  /// Reads the settings file: `path`, or else the one that `TRUCKSENSOR_CONFIG` names, or else `trucksensor.json` if it
  /// exists; `none` means no file.
  package init(environment: [String: String], path: String?, commands: [CommandDescription]) throws {
    self.environment = environment
    let named = path ?? environment["\(Self.prefix)CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    let standard = Files.exists(SettingsFile.standardName) ? SettingsFile.standardName : "none"
    let chosen = named ?? standard
    file = chosen == "none" ? nil : (chosen, try SettingsFile(chosen, commands: commands).settings)
  }

  /// The environment variable that sets an option.
  package static func variable(_ option: String) -> String {
    prefix + option.uppercased().replacing("-", with: "_")
  }

  /// The value that the environment sets; nil if it doesn't.
  package func environmentValue(of option: CommandDescription.Option) throws(UsageError) -> Value? {
    guard option.scope == .shared else { return nil }
    let variable = Self.variable(option.name)
    guard let text = environment[variable], !text.isEmpty else { return nil }
    if case .required = option.value { return Value(texts: [text], source: variable) }
    switch text.lowercased() {
    case "1", "true", "yes", "on": return Value(texts: [nil], source: variable)
    case "0", "false", "no", "off": return Value(texts: [], source: variable)
    default:
      if case .optional = option.value { return Value(texts: [text], source: variable) }
      throw UsageError(message: "\(variable) takes 1 or 0, not '\(text)'")
    }
  }

  /// The value that the file sets for a command: its own setting before one for all commands; nil if it sets none.
  package func fileValue(of option: CommandDescription.Option, in command: String) -> Value? {
    guard option.scope != .never, let file else { return nil }
    let setting =
      file.settings.first { $0.option == option.name && $0.command == command }
      ?? (option.scope == .shared
        ? file.settings.first { $0.option == option.name && $0.command == nil } : nil)
    guard let setting else { return nil }
    let isSwitch = if case .required = option.value { false } else { true }
    let texts: [String?] =
      isSwitch && setting.values == ["true"]
      ? [nil] : isSwitch && setting.values == ["false"] ? [] : setting.values
    return Value(texts: texts, source: setting.place)
  }

  /// The variables with our prefix that set no option of `commands`, each with the nearest that does. `others` are the
  /// variables with another meaning.
  package func unknownVariables(_ commands: [CommandDescription], others: Set<String>) -> [(
    name: String, nearest: String?
  )] {
    let known = Set(
      commands.filter(\.takesSettings).flatMap(\.options).filter { $0.scope == .shared }
        .map { Self.variable($0.name) })
    return environment.keys.sorted().filter {
      $0.hasPrefix(Self.prefix) && !known.contains($0) && !others.contains($0)
    }.map { ($0, NearestName.of($0, among: known.sorted())) }
  }
}
