import CommandLine
import Store

/// `trucksensor store verify`.
enum StoreVerifyCommand: Command {
  static let description = CommandDescription(
    name: "store verify",
    summary: "Checks the store's file, times and rollups; can repair rollups.",
    options: StoreOptions.existing + [.flag("repair", "rebuild rollups that differ from their readings")],
    example: "trucksensor store verify",
    exitCodes: [(.success, "no damage, or repaired"), (.dataError, "damaged"), (.unavailable, "no store")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let store = try LocalStore(path: path, creates: false)
    let repairs = arguments.has("repair")
    let problems = try store.verify(repairs: repairs) {
      StandardError.show(status: $0)
    }
    StandardError.show(status: nil)
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
