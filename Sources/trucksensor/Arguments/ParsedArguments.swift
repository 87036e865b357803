/// A command line taken apart by its command's table.
struct ParsedArguments {
  let command: CommandDescription
  private(set) var positionals: [String] = []
  private(set) var wantsHelp = false
  private var values: [String: [String?]] = [:]

  /// Options and positionals may come in any order; `--` ends the options.
  init(_ words: [String], for command: CommandDescription) throws(UsageError) {
    self.command = command
    var rest = words[...]
    var optionsEnded = false
    while let word = rest.popFirst() {
      if optionsEnded || !word.hasPrefix("-") || word == "-" {
        positionals.append(word)
      } else if word == "--" {
        optionsEnded = true
      } else if word == "--help" || word == "-h" {
        wantsHelp = true
      } else {
        try takeOption(word, &rest)
      }
    }
    if !wantsHelp { try checkWhole() }
  }

  private mutating func takeOption(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let option = try find(parts[0])
    let inline = parts.count == 2 ? parts[1] : nil
    var value: String?
    switch option.value {
    case .none:
      guard inline == nil else { throw error("--\(option.name) takes no value") }
    case .required(let placeholder):
      value = inline ?? rest.popFirst()
      guard value != nil else {
        throw error("--\(option.name) needs a value: --\(option.name) \(placeholder)")
      }
    case .optional:
      value = inline
      // A following word belongs to it only if it can: `--loop 3`, not `--loop truckSensor01`.
      if inline == nil, let next = rest.first, Int(next) != nil { value = rest.popFirst() }
    }
    guard option.repeatable || values[option.name] == nil else {
      throw error("--\(option.name) is given twice")
    }
    values[option.name, default: []].append(value)
  }

  private func find(_ word: String) throws(UsageError) -> CommandDescription.Option {
    if word.hasPrefix("--") {
      let name = String(word.dropFirst(2))
      if let option = command.option(named: name) { return option }
      let nearest = NearestName.of(name, among: command.options.map(\.name) + ["help"])
      throw error("unknown option '\(word)'" + (nearest.map { "; did you mean '--\($0)'?" } ?? ""))
    }
    if word.count == 2, let option = command.options.first(where: { $0.short == word.last }) { return option }
    throw error("unknown option '\(word)'")
  }

  private func checkWhole() throws(UsageError) {
    for option in command.options where values[option.name] != nil {
      guard let group = option.exclusiveGroup else { continue }
      if let other = command.options.first(where: {
        $0.exclusiveGroup == group && $0.name != option.name && values[$0.name] != nil
      }) {
        throw error("--\(option.name) and --\(other.name) exclude one another")
      }
    }
    let required = command.positionals.filter(\.required)
    if positionals.count < required.count {
      throw error("\(required[positionals.count].name) is missing")
    }
    if positionals.count > command.positionals.count, command.positionals.last?.repeatable != true {
      throw error("'\(positionals[command.positionals.count])' is one argument too many")
    }
  }

  func error(_ message: String) -> UsageError { UsageError(message: message, command: command.name) }

  // MARK: Values

  func has(_ name: String) -> Bool { values[name] != nil }

  func string(_ name: String) -> String? { values[name]?.last ?? nil }

  func strings(_ name: String) -> [String] { values[name]?.compactMap { $0 } ?? [] }

  func integer(_ name: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
    guard let text = string(name) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      let upper =
        range.upperBound == .max
        ? "a whole number from \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
      throw error("--\(name) takes \(upper), not '\(text)'")
    }
    return value
  }

  /// The option's value as `parse` reads it; a failure names the option and the value.
  func parsed<Value, Failure: Error>(_ name: String, _ parse: (String) throws(Failure) -> Value)
    throws(UsageError)
    -> Value?
  {
    guard let text = string(name) else { return nil }
    do {
      return try parse(text)
    } catch {
      throw self.error("--\(name): \(error)")
    }
  }
}

/// The known name nearest to a mistyped one.
enum NearestName {
  static func of(_ name: String, among known: [String]) -> String? {
    known.map { ($0, distance(Array(name.lowercased()), Array($0.lowercased()))) }
      .filter { $0.1 <= max(1, min(3, $0.0.count / 3)) || (name.count > 2 && $0.0.hasPrefix(name)) }
      .min { $0.1 < $1.1 }?.0
  }

  /// Levenshtein's distance, a swap of neighbours counting once.
  static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var rows = [[Int]](repeating: Array(repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    for i in 1...a.count {
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
        }
      }
    }
    return rows[a.count][b.count]
  }
}
