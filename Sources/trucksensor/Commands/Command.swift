import CommandLine

/// One subcommand: its table, and what it does.
protocol Command {
  static var description: CommandDescription { get }
  /// Does the work; throws a usage, dataset, identity or MQTT error, which `Trucksensor` prints and maps to an exit
  /// code.
  static func run(_ arguments: ParsedArguments) throws -> ExitCode
  /// Whether it may change registry or policies: it then ends when a broker that is running enforces the change.
  static var changesIdentity: Bool { get }
}

extension Command {
  static var changesIdentity: Bool { false }
}

/// All subcommands.
enum Commands {
  static var all: [any Command.Type] { sections.flatMap(\.commands) }

  /// The same under the headings of the overview.
  static var sections: [(title: String, commands: [any Command.Type])] {
    [
      (
        "run",
        [
          RunCommand.self, SimulateCommand.self, BrokerCommand.self, DashboardCommand.self, AWSCommand.self,
        ]
      ),
      ("messages", [SubscribeCommand.self, PublishCommand.self, RecordCommand.self]),
      (
        "analysis",
        [
          DiagnoseCommand.self, ReportCommand.self, DatasetGenerateCommand.self, DatasetCheckCommand.self,
        ]
      ),
      (
        "rules",
        [
          RulesRunCommand.self, RulesEvalCommand.self, RulesTestCommand.self, RulesCheckCommand.self,
          RulesNewCommand.self,
        ]
      ),
      (
        "store",
        [
          StoreQueryCommand.self, StoreImportCommand.self, StoreExportCommand.self, StoreTablesCommand.self,
          StorePruneCommand.self, StoreVacuumCommand.self, StoreVerifyCommand.self,
        ]
      ),
      (
        "devices and policies",
        [
          DoctorCommand.self, ProvisionThingCommand.self, ProvisionTypeCommand.self,
          ProvisionGroupCommand.self, ProvisionPolicyCommand.self, ProvisionCertCommand.self,
          ProvisionFleetCommand.self, PolicyTestCommand.self, PolicyCheckCommand.self,
        ]
      ),
      (
        "measurements",
        [
          BenchRoundTripCommand.self, BenchPublishCommand.self, BenchStoreCommand.self,
          BenchRulesCommand.self,
        ]
      ),
      (
        "this program",
        [ConfigCommand.self, ResetCommand.self, CompletionsCommand.self, HelpCommand.self]
      ),
    ]
  }

  /// The descriptions of all commands in the same order, with the options and exit codes that they share.
  static let table = all.map { command in
    var description = SharedOptions.added(to: command.description)
    if description.exitCodes.contains(where: { $0.0 == .interrupted }) {
      description.exitCodes.append((.terminated, "ended by SIGTERM"))
    }
    return description
  }

  static let standardExitCodes: [(ExitCode, String)] = [
    (.success, "done"),
    (.failed, "messages were lost, or acknowledged but not matched, stored or republished"),
    (.usage, "wrong usage"),
    (.dataError, "bad input data"),
    (.unavailable, "the broker can't be reached"),
    (.refused, "the broker refused the certificate or its policy"),
    (.interrupted, "interrupted"),
  ]
}
