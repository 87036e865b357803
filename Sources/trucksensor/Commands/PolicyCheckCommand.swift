import CommandLine
import Files
import Identity

/// `policy check`: validates policies, and warns of what they grant too much.
enum PolicyCheckCommand: Command {
  static let description = CommandDescription(
    name: "policy check",
    summary: "Validates policy documents, and warns of statements that are too broad.",
    positionals: [.init(name: "FILE", help: "a policy document", repeatable: true, isFile: true)],
    example: "trucksensor policy check policies/truckSensor-policy.json",
    exitCodes: [(.success, "all valid"), (.dataError, "a document is invalid")])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    var isValid = true
    for path in arguments.positionals {
      do {
        let policy = try PolicyDocument(Files.read(path), file: path)
        let count = policy.statements.count
        StandardOutput.shared.print("\(path): \(count) statement\(count == 1 ? "" : "s")")
        for warning in policy.warnings { StandardOutput.shared.print("  warning: \(warning)") }
      } catch {
        isValid = false
        StandardError.error("\(error)")
      }
    }
    return isValid ? .success : .dataError
  }
}
