import CommandLine
import Files
import Identity
import LocalCloud
import MQTT
import Numbers
import Simulator

/// The trucks of a replay: who they are, what they replay, and when.
struct Fleet {
  /// The names and topics of the trucks.
  let devices: [(name: String, topic: TopicName)]
  /// What all rows are taken from where the trucks have no dataset of their own.
  let firstDataset: Dataset

  private let datasetPath: String
  private let datasetOptions: Dataset.Options
  private let scenarios: (shares: ScenarioShares, ofTruck: [Int], seed: UInt64)?
  private let offset: Offset
  private let stagger: Stagger

  private enum Offset { case rows(Int), spread(rows: Int) }
  private enum Stagger { case even, none, time(Int64) }

  /// The most trucks of a fleet.
  private static let limit = 100_000
  /// A trip's length, seconds; then it begins again.
  private static let tripDuration = TripFile.storyDuration

  /// Reads what the options say, and opens the dataset.
  init(_ arguments: ParsedArguments, device: String, topicTemplate: String) throws {
    // A mistyped {device} would be one topic for all trucks.
    let rest = topicTemplate.replacing("{device}", with: "")
    if rest.contains("{") || rest.contains("}") {
      throw arguments.error("--topic '\(topicTemplate)': the only placeholder is {device}, the device's name")
    }
    let devices = try Self.names(device, arguments).map { name in
      try ConnectionKit.validate(deviceName: name)
      return (name: name, topic: try TopicName(topicTemplate.replacing("{device}", with: name)))
    }
    self.devices = devices
    datasetPath = arguments.string("dataset") ?? Self.ownDataset
    var options = try ReplayOptions.datasetOptions(arguments)
    if devices.count > 1 {
      // Each truck reads for itself, a few lines per second: a fleet's readers must be small.
      options.reader.bufferSize = 512
      try DescriptorLimit.require(forClients: devices.count)
    }
    datasetOptions = options
    let seed = UInt64(clamping: try arguments.integer("seed", in: 0...Int.max) ?? 1)
    scenarios =
      try arguments.parsed("scenarios") { text throws(ScenarioShares.ParseError) in try ScenarioShares(text) }
      .map { ($0, $0.assignment(trucks: devices.count), seed) }
    if let scenarios {
      firstDataset = try Dataset(trip: Self.trip(of: 0, scenarios), name: "--scenarios", options: options)
    } else {
      firstDataset = try Dataset(
        path: datasetPath.replacing("{device}", with: devices[0].name), options: options)
    }
    let isOwn = scenarios != nil || datasetPath.contains("{device}") || devices.count == 1
    switch arguments.string("offset") {
    // Trucks with trips or files of their own differ as it is.
    case nil, "spread": offset = isOwn ? .rows(0) : .spread(rows: try firstDataset.countRows())
    case .some(let text):
      guard let rows = Int(text), (0...1_000_000_000).contains(rows) else {
        throw arguments.error("--offset takes spread, or 0 to 1000000000 rows, not '\(text)'")
      }
      offset = .rows(rows)
    }
    switch arguments.string("stagger") {
    case nil, "even": stagger = .even
    case "none": stagger = .none
    case .some: stagger = .time(try arguments.duration("stagger") ?? 0)
    }
  }

  /// The dataset of a truck, for it alone.
  func dataset(of truck: Int) throws(DatasetError) -> Dataset {
    if truck == 0 { return firstDataset }
    if let scenarios {
      return try Dataset(trip: Self.trip(of: truck, scenarios), name: "--scenarios", options: datasetOptions)
    }
    return datasetPath.contains("{device}")
      ? try Dataset(
        path: datasetPath.replacing("{device}", with: devices[truck].name), options: datasetOptions)
      : try Dataset(sharing: firstDataset)
  }

  /// Where a truck differs from the first.
  func place(of truck: Int) -> Replay.Place {
    var place = Replay.Place()
    switch offset {
    case .rows(let rows): place.offset = truck * rows
    case .spread(let rows): place.offset = truck * rows / devices.count
    }
    switch stagger {
    case .even: place.phase = Double(truck) / Double(devices.count)
    case .none: break
    case .time(let time): place.delay = time.saturatingMultiply(Int64(clamping: truck))
    }
    return place
  }

  /// The dataset that comes with the program.
  private static var ownDataset: String {
    let path = "TruckSensorFiles/trucksensordata.csv"
    return Files.exists(path) ? path : Installation.shared(path) ?? path
  }

  /// How many trucks have which scenario; nil without `--scenarios`.
  var scenarioText: String? {
    guard let scenarios else { return nil }
    let parts = scenarios.shares.entries.enumerated().map { index, entry in
      let trucks = scenarios.ofTruck.indices.filter { scenarios.ofTruck[$0] == index }.map {
        devices[$0].name
      }
      let names = trucks.prefix(5).joined(separator: ", ") + (trucks.count > 5 ? ", …" : "")
      return "\(entry.name) \(trucks.count)" + (trucks.isEmpty ? "" : " (\(names))")
    }
    return "scenarios: " + parts.joined(separator: "; ")
  }

  private static func trip(
    of truck: Int, _ scenarios: (shares: ScenarioShares, ofTruck: [Int], seed: UInt64)
  ) -> TripPlan {
    let entry = scenarios.shares.entries[scenarios.ofTruck[truck]]
    return TripPlan.make(
      entry.scenarios, seed: scenarios.seed &* 1_000_003 &+ UInt64(clamping: truck), duration: tripDuration,
      isVaried: true)
  }

  /// The names of the trucks; a single one has the name alone.
  private static func names(_ name: String, _ arguments: ParsedArguments) throws -> [String] {
    let count = try arguments.integer("devices", in: 1...limit)
    guard let source = arguments.string("names-from") else {
      guard let count, count > 1 else { return [name] }
      return (1...count).map { "\(name)-\($0)" }
    }
    let names =
      source == "registry"
      ? try Registry.read(LocalCloud.registryFile).thingsInOrder.map(\.thingName).filter {
        try ConnectionKit(directory: LocalCloud.certificateFolder, deviceName: $0).state == .complete
      }
      : try Files.readText(source).split(whereSeparator: \.isNewline).map { line in
        String(line.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      }.filter { !$0.isEmpty }
    guard !names.isEmpty else {
      throw arguments.error(
        source == "registry"
          ? "the registry has no thing with a certificate in certs/; make some with 'trucksensor provision fleet'"
          : "\(source) has no names")
    }
    guard Set(names).count == names.count else { throw arguments.error("\(source) names a truck twice") }
    guard let count else { return Array(names.prefix(limit)) }
    guard count <= names.count else {
      throw arguments.error("--devices \(count): \(source) has only \(names.count) names")
    }
    return Array(names.prefix(count))
  }
}
