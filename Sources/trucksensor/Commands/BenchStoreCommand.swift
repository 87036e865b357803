import CommandLine
import Glibc
import MQTT
import Numbers
import Store
import Time

/// `trucksensor bench store`: how fast points go in, how much room they take, how fast a chart is read.
enum BenchStoreCommand: Command {
  static let description = CommandDescription(
    name: "bench store",
    summary: "Measures the store: points per second, bytes per point, chart.",
    discussion:
      "Writes readings of temp, volts and door, two per second, into a new store. Each batch is a transaction that "
      + "survives a power failure. Then reads charts of 1 000 buckets with minimum, average and maximum: 'cold' is a new "
      + "connection, 'warm' the median of the following five.",
    options: [
      .value("points", "N", "how many points (three per reading)", default: "10000000"),
      .value("batch", "N", "readings in a transaction", default: "1000"),
      .value("devices", "N", "how many series, written in turn", default: "1"),
      .value(
        "store", "FILE", "keep the store in this file", default: "removed at the end",
        file: true),
    ], example: "trucksensor bench store --points 1000000",
    exitCodes: [
      (.success, "done"), (.usage, "wrong usage"), (.unavailable, "no space on the disk"),
      (.interrupted, "interrupted"),
    ])

  static func run(_ arguments: ParsedArguments) throws -> ExitCode {
    let points = try arguments.integer("points", in: 3000...1_000_000_000) ?? 10_000_000
    let batch = try arguments.integer("batch", in: 1...100_000) ?? 1000
    let devices = try arguments.integer("devices", in: 1...10_000) ?? 1
    let path = arguments.string("store") ?? "/tmp/trucksensor-bench-\(getpid()).sqlite"
    guard access(path, F_OK) != 0 else {
      throw arguments.error("--store \(path) exists; name a new file")
    }
    defer { if !arguments.has("store") { for end in ["", "-wal", "-shm"] { unlink(path + end) } } }
    Interruption.watch()
    let readings = points / 3
    var store: LocalStore? = try LocalStore(path: path)
    let start: Int64 = 1_700_000_000_000_000_000
    let names = (0..<devices).map { [Dimension("device", "truckSensor\($0 + 1)")] }
    var random = SystemRandomNumberGenerator()
    var written = 0
    let begin = MonotonicTime.now()
    let processor = processorSeconds
    while written < readings, !Interruption.isRequested {
      let requests = (written..<min(readings, written + batch)).map { index in
        let noise = Double(UInt16.random(in: 0...1000, using: &random))
        return WriteRequest(
          table: "truck01_sensors",
          record: Record(
            dimensions: names[index % devices],
            time: start + Int64(index / devices) * 500_000_000 + Int64(index % 997) * 1000,
            measures: [
              ("temp", .double((-2000 + noise) / 100)),
              ("volts", .double((1200 + noise / 10).rounded() / 100)),
              ("door", .bigint(index % 1000 < 20 ? 1 : 0)),
            ]))
      }
      for rejection in try store?.write(requests) ?? [] {
        throw StoreError(.invalid, "a record was rejected: \(rejection.reason)")
      }
      written += requests.count
    }
    guard !Interruption.isRequested else { return .interrupted }
    let seconds = Double(MonotonicTime.now().since(begin)) / 1e9
    let used = processorSeconds - processor
    // Closing writes the log into the file.
    store = nil
    var status = stat()
    stat(path, &status)
    print("points                 \(written * 3)")
    print(
      "points per second      \(Int(saturated: Double(written * 3) / seconds)) (processor \(Int(saturated: used / seconds * 100)) %)"
    )
    print("bytes per point        \(rounded(Double(status.st_size) / Double(written * 3)))")
    let reader = try StoreReader(path: path)
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    guard let span = try reader.span(of: series, in: table) else { return .failed }
    let windows: [(name: String, window: Range<Int64>)] = [
      ("all", span.lowerBound..<span.upperBound + 1),
      ("last day", max(span.lowerBound, span.upperBound - 86_400_000_000_000)..<span.upperBound + 1),
      ("last hour", max(span.lowerBound, span.upperBound - 3_600_000_000_000)..<span.upperBound + 1),
    ]
    for (name, window) in windows {
      let cold = try chart(StoreReader(path: path), window)
      var warm: [Double] = []
      for _ in 0..<5 { warm.append(try chart(reader, window)) }
      print(
        "chart, \(name)".padded(23)
          + "cold \(rounded(cold)) ms, warm \(rounded(warm.sorted()[2])) ms (3 measures)")
    }
    // What Grafana's plugin for Timestream asks every few seconds; long windows read rollups.
    let latest = Timestamp.iso8601(span.upperBound)
    for (name, window, step) in [
      ("15 minutes", "15m", "30s"), ("a day", "1d", "5m"), ("all", nil, "1m"), ("all", nil, "1h"),
    ] as [(String, String?, String)] {
      let bounds = window.map {
        " AND time BETWEEN from_iso8601_timestamp('\(latest)') - \($0) AND from_iso8601_timestamp('\(latest)')"
      }
      let (planned, ran) = try query(
        "SELECT bin(time, \(step)) AS t, avg(measure_value::double) AS a FROM truck01_sensors "
          + "WHERE measure_name = 'temp'\(bounds ?? "") GROUP BY bin(time, \(step)) ORDER BY 1", reader)
      print(
        "query, \(name)".padded(23)
          + "planned in \(rounded(planned)) ms, run in \(rounded(ran)) ms (bin of \(step))")
    }
    return .success
  }

  /// Milliseconds to plan a statement and to run it: the medians of eleven times.
  private static func query(_ statement: String, _ reader: StoreReader) throws -> (
    planned: Double, ran: Double
  ) {
    var plans: [Double] = []
    var runs: [Double] = []
    for _ in 0..<11 {
      let begin = MonotonicTime.now()
      let plan = try reader.plan(statement)
      let planned = MonotonicTime.now()
      try reader.run(plan) { _ in true }
      plans.append(Double(planned.since(begin)) / 1e6)
      runs.append(Double(MonotonicTime.now().since(planned)) / 1e6)
    }
    return (plans.sorted()[5], runs.sorted()[5])
  }

  /// Milliseconds for three measures in 1 000 buckets.
  private static func chart(_ reader: StoreReader, _ window: Range<Int64>) throws -> Double {
    let begin = MonotonicTime.now()
    let table = try reader.table("truck01_sensors")
    let series = try reader.series(of: table)[0]
    for measure in table.measures {
      _ = try reader.buckets(measure, of: series, in: table, window: window, count: 1000)
    }
    return Double(MonotonicTime.now().since(begin)) / 1e6
  }

  private static var processorSeconds: Double {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
      + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
  }

  private static func print(_ line: String) {
    StandardOutput.shared.print(line)
    StandardOutput.shared.flush()
  }

  private static func rounded(_ value: Double) -> String { String((value * 100).rounded() / 100) }
}

extension String {
  fileprivate func padded(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
