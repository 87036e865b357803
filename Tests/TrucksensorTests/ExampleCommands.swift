import CommandLine

/// Commands that use every feature of the tables.
enum ExampleCommands {
  static let simulate = CommandDescription(
    name: "simulate", summary: "Replays a dataset.",
    positionals: [.init(name: "NAME", help: "the device")],
    options: [
      .value("rate", "R", "messages per second and truck", default: "2", group: "pace"),
      .value("interval", "TIME", "time between messages", group: "pace"),
      .value("map", "NEW=COLUMN", "rename a column; columns that aren't named stay out", repeatable: true),
      .value("dataset", "FILE", aliases: ["data"], "the driver's data [CSV]: with a header", file: true),
      .optionalValue("loop", "N", "again, N times"),
      .value("qos", "0|1", "quality of service", default: "0"),
      .value("timestamps", "now|uptime|START", "the clock"),
      .flag("json", short: "j", "summary as JSON"), .flag("quiet", short: "q", "no messages"),
      .value("count", "N", short: "n", "how many"),
    ],
    example: "trucksensor simulate truckSensor01",
    exitCodes: [
      (.success, "done"), (.failed, "messages were lost"), (.usage, "wrong usage"),
      (.dataError, "bad input data"), (.unavailable, "broker out of reach"),
    ])

  static let all: [CommandDescription] = [
    simulate,
    .init(
      name: "dataset generate", summary: "Makes a dataset.",
      options: [.value("seed", "N", "of the random numbers", required: true)],
      example: "trucksensor dataset generate --seed 1"),
    .init(
      name: "dataset check", summary: "Validates a dataset.",
      positionals: [.init(name: "FILE", help: "a CSV", repeatable: true, isFile: true)],
      example: "trucksensor dataset check truck.csv"),
    .init(
      name: "completions", summary: "Prints a shell's completion script.",
      positionals: [.init(name: "bash|zsh|fish", help: "the shell")], example: "trucksensor completions bash"),
  ]
}
