import CommandLine
import Glibc
import Store

/// `trucksensor store vacuum`.
enum StoreVacuumCommand: Command {
  static let description = CommandDescription(
    name: "store vacuum", summary: "Returns the space of deleted readings to the file system.",
    options: StoreOptions.existing, example: "trucksensor store vacuum",
    exitCodes: [(.success, "done"), (.unavailable, "no store, or it can't be written")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let path = try StoreOptions.file(arguments)
    let before = size(path)
    try LocalStore(path: path, creates: false).vacuum()
    StandardError.print("\(path): \(before) bytes before, \(size(path)) now")
    return .success
  }

  private static func size(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }
}
