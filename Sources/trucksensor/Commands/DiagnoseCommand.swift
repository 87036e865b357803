import ColdChain
import CommandLine
import Diagnosing
import Files
import JSON
import Simulator
import Store
import Time

/// `trucksensor diagnose`: what happened to a load, when and why.
enum DiagnoseCommand: Command {
  static let description = CommandDescription(
    name: "diagnose", summary: "Explains what happened to a truck's load, when, and why.",
    discussion:
      "SOURCE is a CSV file or a store. Several files, or a store with several devices, are compared as a fleet. What wasn't measured is "
      + "reported as unknown, never as OK. docs/diagnosis.md describes the method.\n\n"
      + "Columns are recognized by their names: temp, volts, door, ambient, latitude, longitude, and time or uptime. A header such as "
      + "'Temperature (°F)' also sets the unit. For other names use --map.",
    positionals: [
      .init(
        name: "SOURCE",
        help:
          "CSV files, - for standard input, or a store (data/sensorDB.sqlite, influx+http://…, postgres://…)",
        required: false,
        repeatable: true,
        isFile: true)
    ],
    options: RecordOptions.table + [
      .value("device", "NAME", "the truck, if SOURCE is a store", default: "all", repeatable: true),
      .value("set-point", "CELSIUS", "the thermostat's set point", default: "found in the data"),
      .flag("fleet", "one line per trip, and what the affected trips have in common"),
      .value("tags", "FILE", "JSON file with a list of tags for each file or device", file: true),
      .flag("trend", "show what changes from trip to trip: files in the given order, or a device's trips"),
      .value("trip-gap", "TIME", "the pause that separates two trips, for --trend of a store", default: "1h"),
      .value(
        "score", "FILE", "JSON file with the known cause of each file or device; prints a confusion matrix",
        file: true
      ),
      .value("evaluate", "TRIPS", "evaluate on TRIPS generated trips of each scenario"),
      .value(
        "evaluate-fleets", "SEEDS",
        "evaluate the comparison on SEEDS generated fleets of 60 trucks of each kind"
      ),
      .value(
        "evaluate-trends", "TRUCKS",
        "evaluate the trend on TRUCKS generated trucks with a weakening unit, and as many without"),
      .value("seed", "N", "the first seed of generated trips", default: "1000000"),
      .flag("json", "the diagnosis as JSON"),
    ], example: "trucksensor diagnose TruckSensorFiles/trucksensordata.csv",
    exitCodes: [
      (.success, "done, whatever the verdict"), (.failed, "an evaluation missed its target"),
      (.usage, "wrong usage"),
      (.dataError, "a file isn't a table with times"), (.unavailable, "no such store or device"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    if let code = try evaluation(arguments) { return code }
    let options = try RecordOptions.reader(arguments)
    let session = Session(arguments, RecordReader(options), clock: .zone(offset: options.zone))
    try session.readLabels()
    let sources =
      arguments.positionals.isEmpty
      ? [arguments.string("store") ?? StoreOptions.defaultFile] : arguments.positionals
    var inputs: [Input] = []
    for source in sources { inputs += try Self.inputs(source, arguments) }
    try session.run(inputs)
    return .success
  }

  /// A file, or a device of a store.
  enum Input {
    case csv(String)
    case device(store: StoreLocation, table: String, name: String)
  }

  private static func inputs(_ source: String, _ arguments: ParsedArguments) throws -> [Input] {
    guard let store = try StoreOptions.store(named: source) else { return [.csv(source)] }
    let table = arguments.string("table") ?? "truck01_sensors"
    let wanted = arguments.strings("device")
    let names = wanted.isEmpty ? try RecordReader.devices(store: store, table: table) : wanted
    return names.map { .device(store: store, table: table, name: $0) }
  }

  // MARK: Evaluations

  private static func evaluation(_ arguments: ParsedArguments) throws -> ExitCode? {
    let seed = UInt64(clamping: try arguments.integer("seed", in: 0...Int.max) ?? 1_000_000)
    var code: ExitCode?
    if let trips = try arguments.integer("evaluate", in: 1...100_000) {
      let (score, falseAlarms) = Evaluation.scenarios(trips: trips, seed: seed)
      for line in score.lines { StandardOutput.shared.print(line) }
      StandardOutput.shared.print(
        "healthy or defrost trips diagnosed as a fault: \(falseAlarms) of \(2 * trips)")
      let isGood = score.macroRecall >= 0.95 && falseAlarms * 100 <= 2 * trips
      code = isGood ? .success : .failed
    }
    if let seeds = try arguments.integer("evaluate-fleets", in: 1...10_000) {
      for outcome in Evaluation.fleets(trucks: 60, seeds: seeds, seed: seed) {
        StandardOutput.shared.print(
          "\(outcome.plan.rawValue): of \(Words.count(outcome.fleets, "fleet")), heat named in \(outcome.heat), a place in \(outcome.place), the right place in \(outcome.rightPlace)"
        )
        if !outcome.isRight { code = .failed }
      }
      code = code ?? .success
    }
    if let trucks = try arguments.integer("evaluate-trends", in: 1...10_000) {
      for outcome in Evaluation.wear(trucks: trucks, seed: seed) {
        StandardOutput.shared.print(
          "\(outcome.isWeakening ? "weakening" : "stable"): of \(Words.count(outcome.trucks, "truck")), warned of \(outcome.warned), before the first fault \(outcome.inTime)"
        )
        let isGood =
          outcome.isWeakening
          ? outcome.inTime * 10 >= outcome.trucks * 9 : outcome.warned * 20 <= outcome.trucks
        if !isGood { code = .failed }
      }
      code = code ?? .success
    }
    return code
  }

  // MARK: Diagnosing

  /// Diagnoses the inputs one after the other, and keeps of each only what a comparison needs.
  private final class Session {
    private let arguments: ParsedArguments
    private let reader: RecordReader
    private let clock: ClockStyle
    private var labels: [String: [String]]?
    private var tags: [String: [String]] = [:]
    private var score = Score()
    private var trips: [TripFacts] = []
    private var signs: [String: [UnitSigns]] = [:]
    private var order: [String] = []
    private let json: Bool

    init(_ arguments: ParsedArguments, _ reader: RecordReader, clock: ClockStyle) {
      self.arguments = arguments
      self.reader = reader
      self.clock = clock
      json = arguments.has("json")
    }

    func readLabels() throws {
      func read(_ option: String) throws -> [String: [String]]? {
        guard let path = arguments.string(option) else { return nil }
        guard let labels = Score.labels(in: try Files.read(path, limit: 64 << 20)) else {
          throw InputError(
            "\(path) isn't a JSON object with a name, or a list of names, for each file or device")
        }
        return labels
      }
      labels = try read("score")
      tags = try read("tags") ?? [:]
    }

    func run(_ inputs: [Input]) throws {
      let isTrend = arguments.has("trend")
      let isFleet = arguments.has("fleet") || (inputs.count > 1 && !isTrend)
      let gap = try arguments.duration("trip-gap").map { Double($0) / 1e9 } ?? 3600
      func each(_ show: (RecordReader.Result) -> Void) throws {
        try forEachResult(of: inputs, tripGap: isTrend ? gap : nil, show)
      }
      if json, isFleet {
        try writeFleet(each)
      } else {
        try each { result in
          if json, !isTrend {
            StandardOutput.shared.line(DiagnosisJSON.bytes(result))
          } else if isFleet || isTrend {
            if !json { StandardOutput.shared.print(Self.row(result)) }
          } else {
            for line in DiagnosisText.lines(result) { StandardOutput.shared.print(line) }
          }
        }
        if isFleet {
          for line in DiagnosisText.lines(FleetAnalysis(trips)) { StandardOutput.shared.print(line) }
        }
      }
      if isTrend { finishTrend() }
      if score.total > 0 {
        for line in score.lines { json ? StandardError.print(line) : StandardOutput.shared.print(line) }
      }
      if let labels, score.total == 0, !labels.isEmpty {
        StandardError.print("--score: none of its names is a file or device that was diagnosed")
      }
    }

    private func forEachResult(
      of inputs: [Input], tripGap: Double?, _ show: (RecordReader.Result) -> Void
    ) throws {
      for input in inputs {
        for (key, result) in try diagnose(input, tripGap: tripGap) {
          let clock: ClockStyle? = if case .zone = result.clock { result.clock } else { nil }
          let own = tags[key] ?? tags[result.device] ?? []
          trips.append(TripFacts(device: result.device, result.diagnosis, clock: clock, tags: own))
          if let expected = labels?[key] ?? labels?[result.device] {
            score.add(
              expected: expected, verdict: result.diagnosis.verdict, confidence: result.diagnosis.confidence)
          }
          let truck = if case .csv = input { "" } else { result.device }
          if signs[truck] == nil { order.append(truck) }
          signs[truck, default: []].append(result.diagnosis.signs)
          show(result)
        }
      }
    }

    /// One object, written trip by trip: a fleet's diagnoses take more memory than what is kept of them.
    private func writeFleet(_ each: ((RecordReader.Result) -> Void) throws -> Void) throws {
      var json = JSONWriter()
      try json.object { json in
        try json.array("trips") { json in
          try each { result in
            json.value(json: DiagnosisJSON.bytes(result))
            StandardOutput.shared.append(json.takeBytes())
          }
        }
        json.member("fleet", json: DiagnosisJSON.bytes(FleetAnalysis(trips)))
      }
      StandardOutput.shared.line(json.bytes)
    }

    private func diagnose(_ input: Input, tripGap: Double?) throws -> [(String, RecordReader.Result)] {
      switch input {
      case .csv(let path):
        let source = try RecordSource(path)
        let name = source.name.split(separator: "/").last.map(String.init) ?? path
        var result = try source.read { path throws(DatasetError) in try reader.diagnose(csv: path) }
        if source.path != path { result.device = source.name }
        return [(name, result)]
      case .device(let store, let table, let name):
        return try reader.diagnose(store: store, table: table, device: name, tripGap: tripGap).map {
          (name, $0)
        }
      }
    }

    private static func row(_ result: RecordReader.Result) -> String {
      let diagnosis = result.diagnosis
      func cell(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
      }
      return cell(result.device, 24) + cell(diagnosis.verdict.rawValue, 13)
        + cell(Words.percent(diagnosis.confidence), 6) + diagnosis.headline
    }

    private func finishTrend() {
      for truck in order {
        let trend = TrendAnalysis(signs[truck] ?? [])
        if json {
          StandardOutput.shared.line(DiagnosisJSON.bytes(trend, device: truck))
        } else {
          for line in DiagnosisText.lines(trend, device: truck) { StandardOutput.shared.print(line) }
        }
      }
    }
  }
}
