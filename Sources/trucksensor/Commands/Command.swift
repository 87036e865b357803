import Glibc
import ColdChain
import HTTP
import JSON
import Identity
import MQTT
import RulesEngine
import Simulator
import Store

/// One subcommand: its table, and what it does.
protocol Command {
  static var description: CommandDescription { get }
  /// Does the work; throws a usage, dataset, identity or MQTT error, which `Trucksensor` prints and maps to an exit
  /// code.
  static func run(_ arguments: ParsedArguments) throws -> ExitCode
}

/// All subcommands.
enum Commands {
  static var all: [any Command.Type] {
    [
      RunCommand.self, DashboardCommand.self, ReportCommand.self, SimulateCommand.self, SubscribeCommand.self,
      PublishCommand.self,
      DatasetGenerateCommand.self,
      DatasetCheckCommand.self, RulesRunCommand.self, RulesEvalCommand.self, RulesTestCommand.self,
      RulesCheckCommand.self, StoreQueryCommand.self, StoreImportCommand.self, StoreExportCommand.self,
      StoreTablesCommand.self, StorePruneCommand.self, StoreVacuumCommand.self, StoreVerifyCommand.self,
      ProvisionThingCommand.self, ProvisionTypeCommand.self,
      ProvisionGroupCommand.self, ProvisionPolicyCommand.self, ProvisionCertCommand.self,
      ProvisionFleetCommand.self,
      PolicyTestCommand.self, PolicyCheckCommand.self, DoctorCommand.self, BenchRoundTripCommand.self,
      BenchStoreCommand.self,
      CompletionsCommand.self,
    ]
  }

  static let standardExitCodes: [(ExitCode, String)] = [
    (.success, "done"), (.failed, "messages were lost"), (.usage, "wrong usage"),
    (.dataError, "bad input data"),
    (.unavailable, "broker out of reach"), (.refused, "certificate or policy refused"),
    (.interrupted, "interrupted"),
  ]
}

@main
enum Trucksensor {
  static let version = "0.1.0"

  static func main() {
    // Signals are received by the event loop; until one runs, they wait. A file at its size limit is an error code.
    signal(SIGXFSZ, SIG_IGN)
    let code = run(Array(CommandLine.arguments.dropFirst()))
    StandardOutput.shared.flush()
    exit(code)
  }

  private static func run(_ words: [String]) -> ExitCode {
    do {
      switch words.first {
      case nil:
        StandardError.print(overview)
        return .usage
      case "--help", "-h", "help":
        StandardOutput.shared.print(overview)
        return .success
      case "--version":
        StandardOutput.shared.print("trucksensor \(version)")
        return .success
      default:
        let found = try CommandLookup.find(words, among: Commands.all.map { $0.description })
        let command = Commands.all[found.index]
        let arguments = try ParsedArguments(found.rest, for: command.description)
        if arguments.wantsHelp {
          StandardOutput.shared.print(command.description.help)
          return .success
        }
        return try command.run(arguments)
      }
    } catch {
      StandardError.print("trucksensor: \(error)")
      return exitCode(for: error)
    }
  }

  /// The one place where errors become exit codes.
  static func exitCode(for error: any Error) -> ExitCode {
    switch error {
    case is UsageError: .usage
    case is DatasetError, is RuleError, is AlertRule.DocumentError, is SQLError, is JSONError: .dataError
    case let error as IdentityError: error.isAboutData ? .dataError : .refused
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
    case is OutputError: .failed
    default: .failed
    }
  }

  private static var overview: String {
    "usage: trucksensor COMMAND [options]\n\nThe truck, and the cloud behind it, on one machine.\n\ncommands:\n"
      + CommandDescription.table(Commands.all.map { ($0.description.name, $0.description.summary) })
      + "\n'trucksensor COMMAND --help' explains each with an example.\n"
  }
}
