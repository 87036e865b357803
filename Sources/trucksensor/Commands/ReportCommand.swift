import ColdChain
import CommandLine
import Files
import Glibc
import Identity
import Numbers
import Report
import Simulator
import Store
import Time

/// `trucksensor report`: a truck's whole data in one file.
enum ReportCommand: Command {
  static let description = CommandDescription(
    name: "report",
    summary: "Makes one file of a truck's whole data: chart, statistics, limits, door, voltage.",
    discussion:
      "SOURCE is a CSV with the columns temp, volts and door and a time or uptime, or a store. The output's ending says "
      + "which format: html (self-contained), pdf, svg, png, csv or json. Limits are graded from when the set point was "
      + "first reached: cooling down from warm is no excursion.",
    positionals: [
      .init(name: "SOURCE", help: "a CSV, or a store (data/sensorDB.sqlite)", required: false, isFile: true)
    ],
    options: [
      .value(
        "output", "FILE", short: "o", "the report: trip.html|pdf|svg|png|csv|json", required: true, file: true
      ),
      .value(
        "device", "NAME", "the truck; optional if the store has one device", default: "the store's only one"),
      .value("table", "TABLE", "the store's table", default: "truck01_sensors"),
      .value("start", "TIME", "the time at uptime 0, for a CSV with an 'uptime' column"),
      .value("from", "TIME", "start of the range, of a store"),
      .value("to", "TIME", "end of the range (exclusive), of a store"),
      .value(
        "set-point", "CELSIUS", "limits are graded once this was reached",
        default: "where the rule for temperature in \(AlertFile.path) is armed"),
    ], example: "trucksensor report TruckSensorFiles/trucksensordata.csv -o trip.pdf",
    exitCodes: [
      (.success, "done"), (.dataError, "no readings, or a wrong file"),
      (.unavailable, "no such store or device"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let output = arguments.string("output") ?? ""
    guard
      let format = TripReport.Format(
        rawValue: output.split(separator: ".").last.map { $0.lowercased() } ?? "")
    else {
      throw arguments.error("--output ends with .html, .pdf, .svg, .png, .csv or .json, not '\(output)'")
    }
    let limits = TripLimits(
      try AlertRule.rules(at: AlertFile.path), setPoint: try arguments.number("set-point", in: -100...100))
    let source = arguments.positionals.first ?? StoreOptions.defaultFile
    let input =
      source.hasSuffix(".csv") || source.hasSuffix(".CSV")
      ? try dataset(source, arguments) : try store(source, arguments)
    guard let trip = Trip(input.readings, limits: limits) else {
      throw StoreError(.invalid, "\(source) has no readings to report")
    }
    guard trip.temperature != nil || trip.voltage != nil else {
      throw StoreError(.invalid, "\(source) has neither temperatures nor voltages to report")
    }
    let report = TripReport(
      device: input.device, source: source, digest: input.digest, hasClock: input.hasClock, trip: trip)
    let file = try AtomicFile(output)
    file.append(try report.bytes(format))
    try file.commit()
    StandardError.print("\(output): \(trip.readings.count) readings of \(input.device)")
    return .success
  }

  private typealias Input = (readings: [TripReading], device: String, digest: String, hasClock: Bool)

  private static func dataset(_ path: String, _ arguments: ParsedArguments) throws -> Input {
    let start = try arguments.parsed("start") { text throws(UsageError) in
      guard let time = Timestamp.parse(text) else { throw arguments.error("is not an ISO 8601 time") }
      return time
    }
    let dataset = try Dataset(path: path)
    func column(_ name: String) -> Int? { dataset.names.firstIndex(of: name) }
    let (temp, volts, door) = (column("temp"), column("volts"), column("door"))
    guard temp != nil || volts != nil else {
      throw StoreError(.invalid, "\(path):1: there is neither a column 'temp' nor 'volts'")
    }
    guard dataset.hasTimeAxis else {
      throw StoreError(.invalid, "\(path):1: there is neither a column 'time' nor 'uptime'")
    }
    var readings: [TripReading] = []
    while let reading = try dataset.nextTimed() {
      func value(_ index: Int?) throws(StoreError) -> Double? {
        guard let index else { return nil }
        let text = reading.text(index)
        if text.isEmpty { return nil }
        guard let number = NumberText.double(text) else {
          throw StoreError(.invalid, "\(path):\(reading.line): '\(text.prefix(40))' is not a number")
        }
        return number
      }
      let seconds = try dataset.time()
      let origin = dataset.hasUptime ? start ?? 0 : 0
      guard let microseconds = Int64(truncated: (seconds * 1e6).rounded()),
        let time = microseconds.checkedMultiply(1000)?.checkedAdd(origin)
      else {
        throw StoreError(
          .invalid, "\(path):\(reading.line): the time \(seconds) s is outside of the years 1677 to 2262")
      }
      readings.append(
        TripReading(
          time: time, temperature: try value(temp), voltage: try value(volts),
          isDoorOpen: try value(door).map { $0 != 0 }
        ))
    }
    let bytes = try Files.read(path, limit: 1 << 30)
    return (
      readings, arguments.string("device") ?? "truckSensor01", Digest.sha256(bytes),
      !dataset.hasUptime || start != nil
    )
  }

  private static func store(_ path: String, _ arguments: ParsedArguments) throws -> Input {
    func time(_ option: String) throws -> Int64? {
      try arguments.parsed(option) { text throws(UsageError) in
        guard let time = Timestamp.parse(text) else { throw arguments.error("is not an ISO 8601 time") }
        return time
      }
    }
    let reader = try StoreReader(path: path)
    let table = try reader.table(arguments.string("table") ?? "truck01_sensors")
    let all = try reader.series(of: table)
    let names = all.map { $0["device"] ?? "" }
    guard let name = arguments.string("device") ?? (all.count == 1 ? names.first : nil),
      let series = all.first(where: { $0["device"] == name })
    else {
      throw StoreError(
        .missing, "which device? --device NAME takes one of: \(names.prefix(20).joined(separator: ", "))")
    }
    let from = try time("from") ?? 0
    let to = try time("to") ?? .max
    var readings: [TripReading] = []
    var text = ""
    let place = { (measure: String) in table.measures.firstIndex { $0.name == measure } }
    let (temp, volts, door) = (place("temp"), place("volts"), place("door"))
    var last = from.saturatingSubtract(1)
    while case let rows = try reader.readings(
      of: series, measures: table.measures, in: table, after: last, limit: 10_000),
      let end = rows.last
    {
      for row in rows where row.time < to {
        let (warmth, voltage) = (temp.flatMap { row.values[$0] }, volts.flatMap { row.values[$0] })
        let isOpen = door.flatMap { row.values[$0] }.map { $0 != 0 }
        readings.append(
          TripReading(time: row.time, temperature: warmth, voltage: voltage, isDoorOpen: isOpen))
        text +=
          "\(row.time),\(warmth.map { "\($0)" } ?? ""),\(voltage.map { "\($0)" } ?? ""),\(isOpen.map { $0 ? "1" : "0" } ?? "")\n"
      }
      last = end.time
      if last >= to { break }
    }
    return (readings, name, Digest.sha256(Array(text.utf8)), true)
  }
}
