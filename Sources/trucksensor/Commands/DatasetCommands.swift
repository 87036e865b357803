import CommandLine
import Files
import Identity
import LocalCloud
import Simulator
import Store

/// `trucksensor dataset generate`: a scenario's dataset from a seed.
enum DatasetGenerateCommand: Command {
  static let description = CommandDescription(
    name: "dataset generate", summary: "Generates a scenario's dataset from a seed.",
    discussion:
      "The same options give the same bytes. Without options, the result is TruckSensorFiles/trucksensordata.csv. "
      + "docs/diagnosis.md describes the model and its scenarios.",
    options: [
      .value("output", "FILE", short: "o", "where to write", default: "standard output", file: true),
      .value(
        "scenario", "NAME", "what happens on the trip; combine several as NAME+NAME",
        default: "electrical-sag"),
      .flag("list", "list the scenarios"),
      .value("seed", "N", "the seed", default: "\(TripFile.storySeed)"),
      .value("duration", "TIME", "the trip's length, such as 4h", default: "3h"),
      .value("ambient", "CELSIUS", "the day's highest outdoor temperature", default: "the scenario's"),
      .value("with", "COLUMNS", "additional columns: ambient, location, or both separated by a comma"),
      .flag("varied", "vary truck, cargo, weather and the fault's size by the seed"),
      .value("rows", "N", "stop after N rows"),
    ],
    example:
      "trucksensor dataset generate --scenario unit-off --seed 7 --duration 4h --ambient 34 --with ambient -o trip.csv",
    exitCodes: [(.success, "done"), (.failed, "the file can't be written"), (.usage, "wrong usage")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    if arguments.has("list") {
      StandardOutput.shared.print(
        CommandDescription.table(Scenario.allCases.map { ($0.rawValue, $0.summary) }))
      return .success
    }
    let seed =
      try arguments.integer("seed", in: 0...Int.max).map { UInt64(clamping: $0) } ?? TripFile.storySeed
    let rows = try arguments.integer("rows", in: 1...100_000_000) ?? .max
    let duration =
      try arguments.duration("duration", in: 1_000_000_000...31_536_000_000_000_000).map { Double($0) / 1e9 }
      ?? TripFile.storyDuration
    let ambient = try arguments.number("ambient", in: -50...70)
    let name = arguments.string("scenario") ?? Scenario.electricalSag.rawValue
    guard let scenarios = Scenario.combination(name) else {
      throw arguments.error(
        "--scenario takes \(Scenario.allCases.map(\.rawValue).joined(separator: ", ")), or several joined by '+', not '\(name)'"
      )
    }
    var extras: Set<TripFile.Extra> = []
    for column in arguments.string("with")?.split(separator: ",") ?? [] {
      guard let extra = TripFile.Extra(rawValue: String(column)) else {
        throw arguments.error("--with takes ambient and location, not '\(column)'")
      }
      extras.insert(extra)
    }
    let plan = TripPlan.make(
      scenarios, seed: seed, duration: duration, ambient: ambient, isVaried: arguments.has("varied"))
    guard let path = arguments.string("output") else {
      TripFile.generate(plan, with: extras, rows: rows) { (piece) throws(Never) in
        StandardOutput.shared.append(piece)
      }
      return .success
    }
    let file = try AtomicFile(path)
    TripFile.generate(plan, with: extras, rows: rows) { (piece) throws(Never) in file.append(piece) }
    try file.commit()
    return .success
  }
}

/// `trucksensor dataset check`: findings in a dataset.
enum DatasetCheckCommand: Command {
  static let description = CommandDescription(
    name: "dataset check",
    summary:
      "Reports gaps, steps back in time, and stuck or impossible values.",
    positionals: [.init(name: "FILE", help: "CSV with a header", isFile: true)],
    options: [
      .value(
        "map", "NEW=COLUMN", "the column with temp, volts, door, uptime or time; others aren't checked",
        repeatable: true),
      .flag("lenient", "repair or skip invalid values, and count them"),
      .flag("json", "the report as one JSON object"),
    ],
    example: "trucksensor dataset check TruckSensorFiles/trucksensordata.csv",
    exitCodes: [
      (.success, "no findings"), (.failed, "at least one finding"), (.dataError, "not a dataset"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var options = Dataset.Options()
    options.isLenient = arguments.has("lenient")
    options.map = try RecordOptions.map(arguments)
    let report = try DatasetCheck.report(path: arguments.positionals[0], options: options)
    if arguments.has("json") {
      StandardOutput.shared.line(report.json)
    } else {
      StandardOutput.shared.print(report.description)
    }
    return report.findingCount == 0 ? .success : .failed
  }
}

/// `trucksensor completions`: a shell's completion script.
enum CompletionsCommand: Command {
  static let description = CommandDescription(
    name: "completions", summary: "Prints a completion script for a shell.",
    discussion: "The scripts ask this command for the names in the folder: devices, rules or tables.",
    positionals: [.init(name: "bash|zsh|fish", help: "the shell")],
    example: "source <(trucksensor completions bash)",
    exitCodes: [(.success, "done"), (.usage, "unknown shell")], takesSettings: false)

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let shell = arguments.positionals[0]
    if let kind = Completions.Names(rawValue: shell) {
      for name in names(kind) { StandardOutput.shared.print(name) }
      return .success
    }
    guard let script = Completions.script(for: shell, commands: Commands.table) else {
      throw arguments.error(
        "unknown shell '\(shell)'; use one of \(Completions.shells.joined(separator: ", "))")
    }
    StandardOutput.shared.print(script)
    return .success
  }

  /// The names of a kind in this folder; empty if they can't be read, because a message would disturb the shell's line.
  private static func names(_ kind: Completions.Names) -> [String] {
    switch kind {
    case .devices: (try? Registry.read(LocalCloud.registryFile).things.map(\.thingName)) ?? []
    case .rules:
      ((try? RuleFiles.documents(in: RuleFiles.folder)) ?? []).map { String(Files.name(of: $0).dropLast(5)) }
    case .tables: (try? StoreReader(path: StoreOptions.defaultFile).tables().map(\.name)) ?? []
    }
  }
}
