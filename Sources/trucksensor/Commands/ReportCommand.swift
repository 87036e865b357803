import ColdChain
import CommandLine
import Diagnosing
import Files
import Identity
import Report
import Simulator
import Store

/// `trucksensor report`: a report of a truck's data in one file.
enum ReportCommand: Command {
  static let description = CommandDescription(
    name: "report",
    summary: "Writes a report of a trip: diagnosis, chart, limits, statistics.",
    discussion:
      "SOURCE is a CSV file, whose columns are recognized as by 'diagnose', or a store. The extension of the output file sets "
      + "the format: html (one file with everything in it), pdf, svg, png, csv or json.\n\n"
      + "Limits apply from the time when the set point was "
      + "first reached, so the initial cooling down isn't an excursion. What wasn't measured is never graded OK.",
    positionals: [
      .init(
        name: "SOURCE",
        help:
          "a CSV file, - for standard input, or a store (data/sensorDB.sqlite, influx+http://…, postgres://…)",
        required: false, isFile: true)
    ],
    options: [
      .value(
        "output", "FILE", short: "o", "the report: trip.html|pdf|svg|png|csv|json", required: true, file: true
      ),
      .value(
        "device", "NAME", "the truck's name in a store, or on the report of a file",
        default: "the store's only device, or the file's name"),
    ] + RecordOptions.table + [
      .value(
        "set-point", "CELSIUS", "limits apply once this temperature has been reached",
        default: "'armedAt' of the temperature rule in \(AlertFile.path)")
    ], example: "trucksensor report TruckSensorFiles/trucksensordata.csv -o trip.pdf",
    exitCodes: [
      (.success, "done"), (.dataError, "no readings, or an invalid file"),
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
    let options = try RecordOptions.reader(arguments)
    let limits = TripLimits(try AlertRule.rules(at: AlertFile.path), setPoint: options.setPoint)
    let source = arguments.positionals.first ?? arguments.string("store") ?? StoreOptions.defaultFile
    let reader = RecordReader(options)
    let (record, digest) =
      if let store = try StoreOptions.store(named: source) {
        try read(store, reader, arguments)
      } else {
        try read(csv: source, reader, arguments)
      }
    let readings = record.observations.map {
      TripReading(
        time: $0.time, temperature: $0.temperature, voltage: $0.voltage, isDoorOpen: $0.isDoorOpen)
    }
    guard let trip = Trip(readings, limits: limits) else {
      throw StoreError(.invalid, "\(source) has no readings to report")
    }
    guard trip.temperature != nil || trip.voltage != nil else {
      throw StoreError(.invalid, "\(source) has neither temperatures nor voltages to report")
    }
    let diagnosed = reader.diagnose(record)
    let report = TripReport(
      device: record.device, source: source == "-" ? RecordSource.standardInput : source, digest: digest,
      hasClock: record.hasClock, zone: options.zone,
      trip: trip, diagnosis: diagnosed.diagnosis, diagnosisJSON: DiagnosisJSON.bytes(diagnosed))
    let file = try AtomicFile(output)
    file.append(try report.bytes(format))
    try file.commit()
    StandardError.print("\(output): \(Words.count(trip.readings.count, "reading")) of \(record.device)")
    return .success
  }

  private typealias Input = (record: RecordReader.Rows, digest: String)

  private static func read(csv path: String, _ reader: RecordReader, _ arguments: ParsedArguments) throws
    -> Input
  {
    let source = try RecordSource(path)
    var record = try source.read { path throws(DatasetError) in try reader.rows(csv: path) }
    if source.path != path { record.device = source.name }
    if let device = arguments.string("device") { record.device = device }
    return (record, Digest.sha256(try Files.read(source.path, limit: 1 << 30)))
  }

  private static func read(
    _ store: StoreLocation, _ reader: RecordReader, _ arguments: ParsedArguments
  ) throws -> Input {
    let table = arguments.string("table") ?? "truck01_sensors"
    let names = try RecordReader.devices(store: store, table: table)
    guard let name = arguments.string("device") ?? (names.count == 1 ? names.first : nil),
      names.contains(name)
    else {
      throw StoreError(
        .missing, "which device? --device NAME takes one of: \(names.prefix(20).joined(separator: ", "))")
    }
    let record = try reader.rows(store: store, table: table, device: name)
    var text = ""
    for row in record.observations {
      let (warmth, voltage) = (row.temperature, row.voltage)
      text +=
        "\(row.time),\(warmth.map { "\($0)" } ?? ""),\(voltage.map { "\($0)" } ?? ""),\(row.isDoorOpen.map { $0 ? "1" : "0" } ?? "")\n"
    }
    return (record, Digest.sha256(Array(text.utf8)))
  }
}
