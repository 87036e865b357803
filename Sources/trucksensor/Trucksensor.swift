import AWSAPI
import ColdChain
import CommandLine
import Files
import Glibc
import HTTP
import Identity
import JSON
import LocalCloud
import MQTT
import RulesEngine
import Simulator
import Store

@main
enum Trucksensor {
  static let version = "0.1.0"
  /// What the program is, in one line.
  static let summary = "A truck's sensors, and the cloud behind them, on one machine."

  static func main() {
    // Signals are received by the event loop; until one runs, they wait. A file at its size limit is an error code.
    signal(SIGXFSZ, SIG_IGN)
    var code = run(Array(Swift.CommandLine.arguments.dropFirst()))
    StandardError.show(status: nil)
    if code == .interrupted { code = .interrupted(by: Signals.lastEnding) }
    do throws(OutputError) {
      try StandardOutput.shared.finish()
    } catch {
      StandardError.error("\(error)")
      if code == .success { code = exitCode(for: error) }
    }
    exit(code.rawValue)
  }

  private static func run(_ words: [String]) -> ExitCode {
    do {
      switch words.first {
      case nil:
        StandardError.print(CommandDescription.styled(overview, for: .error))
        return .usage
      case "--help", "-h":
        StandardOutput.shared.printHelp(overview)
        return .success
      case "--version":
        StandardOutput.shared.print("trucksensor \(version)")
        return .success
      default:
        if words.count == 2, ["--help", "-h"].contains(words[1]),
          let text = HelpCommand.text(aboutGroup: words[0])
        {
          StandardOutput.shared.printHelp(text)
          return .success
        }
        let found = try CommandLookup.find(words, among: Commands.table)
        let command = Commands.all[found.index]
        let description = Commands.table[found.index]
        let arguments = try ParsedArguments(found.rest, for: description) { arguments in
          try Settings(
            environment: SharedOptions.environment, path: arguments.string("config"), commands: Commands.table
          )
        }
        if arguments.wantsHelp {
          StandardOutput.shared.printHelp(description.help)
          return .success
        }
        try SharedOptions.apply(arguments)
        do {
          let code = try command.run(arguments)
          if command.changesIdentity, !LocalCloud.waitUntilEnforced() {
            StandardError.warning("the local broker doesn't enforce the change yet; its run says why")
          }
          return code
        } catch {
          StandardError.error("\(error)")
          if let reason = Refusal.reason(error, arguments) { StandardError.print("The reason is: \(reason)") }
          return exitCode(for: error)
        }
      }
    } catch {
      StandardError.error("\(error)")
      return exitCode(for: error)
    }
  }

  /// The one place where errors become exit codes.
  static func exitCode(for error: any Error) -> ExitCode {
    switch error {
    case is UsageError: .usage
    case is InputError, is DatasetError, is RuleError, is AlertDocumentError, is SQLError, is JSONError,
      is AWSAPIError:
      .dataError
    case let error as FileError:
      switch error.operation {
      case .read, .list: .dataError
      case .write, .makeFolder, .lock, .remove: .failed
      }
    case let error as IdentityError where error.code == .invalidName: .usage
    case let error as IdentityError:
      switch error.subject {
      case .data: .dataError
      case .credentials: .refused
      case .system: .failed
      }
    case let error as MQTTError:
      switch error.kind {
      case .credentials, .refused: .refused
      case .unreachable, .system: .unavailable
      case .invalidTopic, .invalidSettings: .usage
      case .protocolViolation: .failed
      }
    case let error as StoreError:
      switch error.kind {
      case .statement, .invalid, .damaged, .notAStore, .newerVersion: .dataError
      case .locked, .full, .readOnly, .missing, .unreachable, .system: .unavailable
      case .refused: .refused
      case .interrupted: .interrupted
      }
    case is HTTPError: .unavailable
    default: .failed
    }
  }

  /// The list of all commands.
  static var overview: String {
    "usage: trucksensor COMMAND [options]\n\n\(summary)\n\n"
      + Commands.sections.map { section in
        "\(section.title):\n"
          + CommandDescription.table(
            section.commands.map { ($0.description.name, $0.description.summary) }, column: 20) + "\n"
      }.joined()
      + "'trucksensor help COMMAND' explains a command and shows an example.\n"
  }
}
