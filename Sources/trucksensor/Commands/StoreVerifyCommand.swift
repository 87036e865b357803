import CommandLine
import Store

/// `trucksensor store verify`.
enum StoreVerifyCommand: Command {
  static let description = CommandDescription(
    name: "store verify",
    summary: "Checks the file's structure, the readings' times, and the rollups against the readings.",
    options: StoreOptions.existing + [.flag("repair", "rebuild rollups that differ from their readings")],
    example: "trucksensor store verify",
    exitCodes: [(.success, "no damage, or repaired"), (.dataError, "damaged"), (.unavailable, "no store")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let store = try LocalStore(path: path, creates: false)
    let repairs = arguments.has("repair")
    let problems = try store.verify(repairs: repairs) {
      if StandardError.isTerminal { StandardError.write("\r\u{1B}[K\($0)") }
    }
    if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
    for problem in problems { StandardOutput.shared.print(problem) }
    guard !problems.isEmpty else {
      StandardError.print("\(path): sound")
      return .success
    }
    let left = repairs ? try store.verify() : problems
    if left.isEmpty {
      StandardError.print("\(path): repaired")
      return .success
    }
    StandardError.print(
      "\(path): \(left.count) problem\(left.count == 1 ? "" : "s"). '--repair' rebuilds rollups; a damaged structure is "
        + "recovered by 'sqlite3 \(path) .recover | sqlite3 recovered.sqlite'")
    return .dataError
  }
}
