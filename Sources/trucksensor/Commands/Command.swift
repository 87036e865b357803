import CommandLine

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
      RunCommand.self, DashboardCommand.self, AWSCommand.self, ReportCommand.self, DiagnoseCommand.self,
      SimulateCommand.self,
      SubscribeCommand.self,
      PublishCommand.self, RecordCommand.self,
      DatasetGenerateCommand.self,
      DatasetCheckCommand.self, RulesRunCommand.self, RulesEvalCommand.self, RulesTestCommand.self,
      RulesCheckCommand.self, RulesNewCommand.self, StoreQueryCommand.self, StoreImportCommand.self,
      StoreExportCommand.self,
      StoreTablesCommand.self, StorePruneCommand.self, StoreVacuumCommand.self, StoreVerifyCommand.self,
      ProvisionThingCommand.self, ProvisionTypeCommand.self,
      ProvisionGroupCommand.self, ProvisionPolicyCommand.self, ProvisionCertCommand.self,
      ProvisionFleetCommand.self,
      PolicyTestCommand.self, PolicyCheckCommand.self, DoctorCommand.self, BenchRoundTripCommand.self,
      BenchPublishCommand.self,
      BenchStoreCommand.self, BenchRulesCommand.self,
      BrokerCommand.self, ConfigCommand.self, ResetCommand.self, CompletionsCommand.self, HelpCommand.self,
    ]
  }

  /// The descriptions of all commands in the same order, with the options that they share.
  static let table = all.map { SharedOptions.added(to: $0.description) }

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
