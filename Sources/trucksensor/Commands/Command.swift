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

  /// The exit codes of commands that connect to a broker; `failed` says what exit code 1 means.
  static func exitCodes(
    failed: String, unavailable: String = unreachableBroker, endsOnHangUp: Bool = true
  ) -> [(ExitCode, String)] {
    [
      (.success, "done"), (.failed, failed), (.usage, "wrong usage"), (.dataError, "bad input data"),
      (.unavailable, unavailable), (.refused, refusedByBroker),
    ] + (endsOnHangUp ? [hungUp] : []) + [(.interrupted, "interrupted")]
  }

  static let unreachableBroker = "the broker can't be reached"
  static let refusedByBroker = "the broker refused the certificate, or no policy allows the request"
  /// For commands that end cleanly when their terminal is closed.
  static let hungUp: (ExitCode, String) = (.hungUp, "ended by a closed terminal (SIGHUP)")
  /// The exit code 1 of commands that apply rules.
  static let failedRules = "messages were lost, or acknowledged but not matched, stored or republished"
}
