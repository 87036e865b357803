import CommandLine
import Files
import Simulator

/// `trucksensor dataset generate`: the truck's dataset from a seed.
enum DatasetGenerateCommand: Command {
  static let description = CommandDescription(
    name: "dataset generate", summary: "Makes the truck's dataset from a seed.",
    discussion: "The same seed makes the same bytes. TruckSensorFiles/README.md describes the model.",
    options: [
      .value("output", "FILE", short: "o", "where to write", default: "standard output", file: true),
      .value("seed", "N", "the seed", default: "\(IceCreamTrip.defaultSeed)"),
      .value("rows", "N", "how many rows, one each 3 s", default: "\(IceCreamTrip.defaultRows)"),
    ], example: "trucksensor dataset generate -o TruckSensorFiles/trucksensordata.csv",
    exitCodes: [(.success, "done"), (.failed, "can't be written"), (.usage, "wrong usage")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let seed = try arguments.integer("seed", in: 0...Int.max).map { UInt64($0) } ?? IceCreamTrip.defaultSeed
    let rows = try arguments.integer("rows", in: 1...100_000_000) ?? IceCreamTrip.defaultRows
    guard let path = arguments.string("output") else {
      IceCreamTrip.generate(seed: seed, rows: rows) { (piece) throws(Never) in
        StandardOutput.shared.append(piece)
      }
      return .success
    }
    let file = try AtomicFile(path)
    IceCreamTrip.generate(seed: seed, rows: rows) { (piece) throws(Never) in file.append(piece) }
    try file.commit()
    return .success
  }
}

/// `trucksensor dataset check`: what is odd in a dataset.
enum DatasetCheckCommand: Command {
  static let description = CommandDescription(
    name: "dataset check",
    summary: "Reports a dataset's rows, columns, gaps, steps back, stuck and impossible values.",
    positionals: [.init(name: "FILE", help: "CSV with a header", isFile: true)],
    options: [
      .flag("lenient", "repair what is wrong, and count it"), .flag("json", "the report as one JSON object"),
    ],
    example: "trucksensor dataset check TruckSensorFiles/trucksensordata.csv",
    exitCodes: [
      (.success, "nothing odd"), (.failed, "something odd"), (.dataError, "not readable as a dataset"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var options = Dataset.Options()
    options.isLenient = arguments.has("lenient")
    let report = try DatasetCheck.report(path: arguments.positionals[0], options: options)
    if arguments.has("json") {
      StandardOutput.shared.line(report.json)
    } else {
      StandardOutput.shared.print(report.description)
    }
    return report.findingCount == 0 ? .success : .failed
  }
}

/// `trucksensor completions`: what a shell needs to complete our commands.
enum CompletionsCommand: Command {
  static let description = CommandDescription(
    name: "completions", summary: "Prints a completion script for a shell.",
    positionals: [.init(name: "bash|zsh|fish", help: "the shell")],
    example: "source <(trucksensor completions bash)",
    exitCodes: [(.success, "done"), (.usage, "unknown shell")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let shell = arguments.positionals[0]
    guard let script = Completions.script(for: shell, commands: Commands.all.map { $0.description }) else {
      throw arguments.error("'\(shell)' is none of \(Completions.shells.joined(separator: ", "))")
    }
    StandardOutput.shared.print(script)
    return .success
  }
}
