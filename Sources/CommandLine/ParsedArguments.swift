import Numbers
import Text
import Time

/// A command line taken apart by its command's table.
package struct ParsedArguments {
  package let command: CommandDescription
  package private(set) var positionals: [String] = []
  package private(set) var wantsHelp = false
  /// The settings file that was read, if any.
  package private(set) var settingsPath: String?
  private var values: [String: [String?]] = [:]
  /// Where options come from that aren't on the command line.
  private var sources: [String: String] = [:]

  /// Options and positionals may come in any order; `--` ends the options.
  package init(_ words: [String], for command: CommandDescription) throws(UsageError) {
    try self.init(unchecked: words, for: command)
    if !wantsHelp { try checkWhole() }
  }

  /// Takes what `words` don't say from the settings that `settings` finds, once it knows the words.
  package init(
    _ words: [String], for command: CommandDescription, settings: (ParsedArguments) throws -> Settings
  ) throws {
    try self.init(unchecked: words, for: command)
    guard !wantsHelp else { return }
    if command.takesSettings {
      let settings = try settings(self)
      settingsPath = settings.file?.path
      try take(from: settings.environmentValue)
      try take(from: { option throws(UsageError) in settings.fileValue(of: option, in: command.name) })
    }
    try checkWhole()
  }

  private init(unchecked words: [String], for command: CommandDescription) throws(UsageError) {
    self.command = command
    var rest = words[...]
    var optionsEnded = false
    while let word = rest.popFirst() {
      if optionsEnded || !word.hasPrefix("-") || word == "-" {
        positionals.append(word)
      } else if word == "--" {
        optionsEnded = true
      } else if word == "--help" {
        wantsHelp = true
      } else if word.hasPrefix("--") {
        try takeLong(word, &rest)
      } else {
        try takeShort(word, &rest)
      }
    }
  }

  /// Takes options from a source that stands behind the sources before it, and so behind an option that excludes them.
  private mutating func take(
    from source: (CommandDescription.Option) throws(UsageError) -> Settings.Value?
  ) throws(UsageError) {
    let decided = Set(values.keys).union(sources.keys)
    let groups = Set(command.options.filter { decided.contains($0.name) }.compactMap(\.exclusiveGroup))
    for option in command.options where !decided.contains(option.name) {
      if let group = option.exclusiveGroup, groups.contains(group) { continue }
      guard let value = try source(option) else { continue }
      // A flag that is switched off is decided, too.
      if !value.texts.isEmpty { values[option.name] = value.texts }
      sources[option.name] = value.source
    }
  }

  private mutating func takeLong(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let name = String(parts[0].dropFirst(2))
    guard let option = command.option(named: name) else {
      let known = command.options.flatMap { [$0.name] + $0.aliases } + ["help"]
      let nearest = NearestName.of(name, among: known)
      throw error("unknown option '\(parts[0])'" + (nearest.map { "; did you mean '--\($0)'?" } ?? ""))
    }
    try take(option, parts.count == 2 ? parts[1] : nil, &rest)
  }

  /// `-q`, several flags in one word (`-qj`), or an option and its value (`-n5`).
  private mutating func takeShort(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      if letter == "h" {
        wantsHelp = true
        continue
      }
      guard let option = command.options.first(where: { $0.short == letter }) else {
        // One dash too few is the likelier mistake: `-rate`.
        let name = String(word.dropFirst().prefix { $0 != "=" })
        let meant = name.count > 1 ? NearestName.of(name, among: command.options.map(\.name)) : nil
        throw error(
          "unknown option '\(meant == nil ? "-\(letter)" : word)'"
            + (meant.map { "; did you mean '--\($0)'?" } ?? ""))
      }
      var inline: String?
      if option.placeholder != nil, !letters.isEmpty {
        inline = String(letters)
        letters = ""
      }
      try take(option, inline, &rest)
    }
  }

  private mutating func take(
    _ option: CommandDescription.Option, _ inline: String?, _ rest: inout ArraySlice<String>
  ) throws(UsageError) {
    var value = inline
    switch option.value {
    case .none:
      guard inline == nil else { throw error("--\(option.name) takes no value") }
    case .required(let placeholder):
      // `--rate --json` has forgotten the rate; `--rate=--json` says that it means it.
      if inline == nil, let next = rest.first, !isOption(next) { value = rest.popFirst() }
      guard value != nil else {
        throw error("--\(option.name) needs a value: --\(option.name) \(placeholder)")
      }
    case .optional:
      // A following word belongs to it only if it can: `--loop 3`, not `--loop truckSensor01`.
      if inline == nil, let next = rest.first, Int(next) != nil { value = rest.popFirst() }
    }
    guard option.repeatable || values[option.name] == nil else {
      throw error("--\(option.name) is given twice")
    }
    values[option.name, default: []].append(value)
  }

  /// Whether the word is one of this command's options, or ends them.
  private func isOption(_ word: String) -> Bool {
    guard word.hasPrefix("-") else { return false }
    if word == "--" || word == "-h" || word == "--help" { return true }
    if word.hasPrefix("--") {
      return command.option(named: String(word.dropFirst(2).prefix { $0 != "=" })) != nil
    }
    return word.count == 2 && command.options.contains { $0.short == word.last }
  }

  private func checkWhole() throws(UsageError) {
    for option in command.options where values[option.name] != nil {
      guard let group = option.exclusiveGroup else { continue }
      if let other = command.options.first(where: {
        $0.exclusiveGroup == group && $0.name != option.name && values[$0.name] != nil
      }) {
        throw error("--\(option.name) and --\(other.name) can't be used together")
      }
    }
    if let missing = command.options.first(where: { $0.required && values[$0.name] == nil }) {
      throw error("--\(missing.name) is missing: --\(missing.name) \(missing.placeholder ?? "")")
    }
    let required = command.positionals.filter(\.required)
    if positionals.count < required.count {
      throw error("\(required[positionals.count].name) is missing")
    }
    if positionals.count > command.positionals.count, command.positionals.last?.repeatable != true {
      throw error("'\(positionals[command.positionals.count])' is an unexpected argument")
    }
  }

  /// An error of this command line. One that begins with an option which isn't on it says where the option is set.
  package func error(_ message: String) -> UsageError {
    let option = message.hasPrefix("--") ? String(message.dropFirst(2).prefix { !" :;=".contains($0) }) : ""
    let source = sources[option].map { " (--\(option) is set by \($0))" } ?? ""
    return UsageError(message: message + source, command: command.name)
  }

  /// Where an option's value comes from, if that isn't the command line.
  package func source(of option: String) -> String? { sources[option] }

  // MARK: Values

  package func has(_ name: String) -> Bool { values[name] != nil }

  package func string(_ name: String) -> String? { values[name]?.last ?? nil }

  package func strings(_ name: String) -> [String] { values[name]?.compactMap { $0 } ?? [] }

  /// The whole number given, nil if the option isn't.
  package func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = string(name) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      let lowest = range.lowerBound
      let allowed =
        range.upperBound == .max ? "a whole number from \(lowest)" : "\(lowest) to \(range.upperBound)"
      throw error("--\(name) takes \(allowed), not '\(text)'")
    }
    return value
  }

  /// The finite number given, nil if the option isn't.
  package func number(_ name: String, in range: ClosedRange<Double>) throws(UsageError) -> Double? {
    guard let text = string(name) else { return nil }
    guard let value = NumberText.double(text), range.contains(value) else {
      let bounds = [range.lowerBound, range.upperBound].map {
        Int(exactly: $0).map(String.init) ?? String($0)
      }
      throw error("--\(name) takes a number from \(bounds[0]) to \(bounds[1]), not '\(text)'")
    }
    return value
  }

  /// The duration given in nanoseconds (`500ms`, `2s`, `10m`), nil if the option isn't.
  package func duration(
    _ name: String, in range: ClosedRange<Int64> = 1...Int64.max
  ) throws(UsageError) -> Int64? {
    guard let text = string(name) else { return nil }
    let value: Int64
    do throws(DurationText.Failure) {
      value = try DurationText.nanoseconds(text)
    } catch {
      throw self.error("--\(name) '\(text)' \(error)")
    }
    guard range.contains(value) else {
      let lowest = DurationText.text(range.lowerBound)
      let allowed =
        range.upperBound == .max
        ? "at least \(lowest)" : "\(lowest) to \(DurationText.text(range.upperBound))"
      throw error("--\(name) takes \(allowed), not '\(text)'")
    }
    return value
  }

  /// The option's value as `parse` reads it; a failure names the option and the value.
  package func parsed<Value, Failure: Error>(_ name: String, _ parse: (String) throws(Failure) -> Value)
    throws(UsageError) -> Value?
  {
    guard let text = string(name) else { return nil }
    do {
      return try parse(text)
    } catch {
      // A usage error's own hint would stand before ours.
      let reason = (error as? UsageError)?.message ?? "\(error)"
      throw self.error("--\(name)\(reason.contains("'\(text)'") ? "" : " '\(text)'"): \(reason)")
    }
  }
}
