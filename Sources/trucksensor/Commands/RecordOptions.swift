import ColdChain
import CommandLine
import Diagnosing
import Simulator
import Time

/// The options of how a record is read and graded, shared by `diagnose` and `report`.
enum RecordOptions {
  static let table: [CommandDescription.Option] = [
    .value(
      "map", "NEW=COLUMN", "the column with temp, volts, door, ambient, time, …", repeatable: true),
    .flag("fahrenheit", "temperatures are in degrees Fahrenheit"),
    .value("unit", "C|F", "the unit of temperatures", default: "C, or the header's"),
    .value(
      "store", "FILE|URL", "the store to read if no SOURCE is given", default: "data/sensorDB.sqlite",
      file: true),
    .value("table", "TABLE", "the store's table", default: "truck01_sensors"),
    .value("from", "TIME", "start of the range (ISO 8601)"),
    .value("to", "TIME", "end of the range (exclusive)"),
    .value("start", "TIME", "the time at uptime 0, for a CSV file with an 'uptime' column"),
    .value("time-zone", "±HH:MM", "time zone of the output", default: "UTC"),
    .value(
      "profile", "NAME", aliases: ["cargo"], "the cargo: ice-cream, quick-frozen or frozen",
      default: "quick-frozen"),
    .value("limit", "CELSIUS", "grade by this limit instead"),
  ]

  static func reader(_ arguments: ParsedArguments) throws -> RecordReader.Options {
    var options = RecordReader.Options()
    options.map = try map(arguments)
    switch arguments.string("unit")?.uppercased() {
    case nil, "C": options.isFahrenheit = arguments.has("fahrenheit")
    case "F": options.isFahrenheit = true
    case let unit?: throw arguments.error("--unit takes C or F, not '\(unit)'")
    }
    func moment(_ name: String) throws(UsageError) -> Int64? {
      try arguments.parsed(name) { text throws(UsageError) in
        guard let time = Timestamp.parse(text) else { throw arguments.error("is not an ISO 8601 time") }
        return time
      }
    }
    options.start = try moment("start")
    let (from, to) = (try moment("from") ?? .min, try moment("to") ?? .max)
    guard from < to else { throw arguments.error("--from must be before --to") }
    options.window = from..<to
    options.zone = try zone(arguments)
    options.setPoint = try arguments.number("set-point", in: -70...40)
    if let limit = try arguments.number("limit", in: -70...60) {
      options.profile = .own(limit, setPoint: options.setPoint)
    } else if let name = arguments.string("profile") {
      guard let profile = CargoProfile.known.first(where: { $0.name == name }) else {
        throw arguments.error("--profile takes ice-cream, quick-frozen or frozen, not '\(name)'")
      }
      options.profile = profile
    }
    return options
  }

  /// The columns that `--map` names.
  static func map(_ arguments: ParsedArguments) throws(UsageError) -> [(name: String, column: String)] {
    try arguments.strings("map").map { text throws(UsageError) in
      guard let pair = Dataset.Options.mapping(text) else {
        throw arguments.error("--map takes NEW=COLUMN, such as temp=\"Probe 1\", not '\(text)'")
      }
      return pair
    }
  }

  /// Seconds east of UTC.
  private static func zone(_ arguments: ParsedArguments) throws(UsageError) -> Int {
    try arguments.parsed("time-zone") { text throws(UsageError) in
      if text == "UTC" || text == "Z" { return 0 }
      guard text.hasPrefix("+") || text.hasPrefix("-"),
        let zero = Moment(iso8601: "2000-01-01T00:00:00Z"),
        let there = Moment(iso8601: "2000-01-01T00:00:00\(text)")
      else { throw arguments.error("takes UTC or an offset such as +02:00") }
      return zero.seconds - there.seconds
    } ?? 0
  }
}
