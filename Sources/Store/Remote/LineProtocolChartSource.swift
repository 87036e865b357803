import FoundationEssentials
import Numbers
import Text
import Time

/// A table of InfluxDB 1, asked in InfluxQL, or of VictoriaMetrics, asked in MetricsQL.
package final class LineProtocolChartSource: ChartSource {
  private let server: LineProtocolServer
  private let client: HTTPClient
  private let table: String
  /// Whether the server speaks PromQL's API; InfluxDB doesn't.
  private let isVictoriaMetrics: Bool

  /// A table at a server; asks the server which product it is.
  package init(_ server: LineProtocolServer, table: String) throws(StoreError) {
    if let problem = RecordLimits.problem(withTable: table) { throw StoreError(.invalid, problem) }
    guard server.api == .v1 else {
      throw StoreError(
        .invalid, "charts are read from InfluxDB 1, VictoriaMetrics and PostgreSQL; use Grafana for others")
    }
    self.server = server
    self.table = table
    client = try HTTPClient(server)
    isVictoriaMetrics = try client.send("\(server.base)/api/v1/query?query=1").status == 200
  }

  package func stamp() throws(StoreError) -> Int64? { nil }

  /// A value of an answer.
  private enum Cell: Decodable {
    case integer(Int64)
    case number(Double)
    case text(String)
    case nothing

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Int64.self) {
        self = .integer(value)
      } else if let value = try? container.decode(Double.self) {
        self = .number(value)
      } else if let value = try? container.decode(Bool.self) {
        self = .number(value ? 1 : 0)
      } else if let value = try? container.decode(String.self) {
        self = .text(value)
      } else {
        self = .nothing
      }
    }

    var number: Double? {
      switch self {
      case .integer(let value): Double(value)
      case .number(let value): value.isFinite ? value : nil
      // VictoriaMetrics writes numbers as texts, and NaN and infinities, too.
      case .text(let text): NumberText.double(text)
      case .nothing: nil
      }
    }
    /// A time in nanoseconds since 1970; nil if a reading can't have it.
    var nanoseconds: Int64? {
      guard case .integer(let value) = self, RecordLimits.times.contains(value) else { return nil }
      return value
    }
    /// The same of seconds since 1970, in whole milliseconds.
    var seconds: Int64? {
      number.flatMap { Int64(truncated: ($0 * 1000).rounded()) }.flatMap(
        LineProtocolChartSource.nanoseconds(ofMilliseconds:))
    }
    var text: String? { if case .text(let value) = self { value } else { nil } }
  }

  /// The nanoseconds of milliseconds since 1970; nil if a reading can't have that time.
  private static func nanoseconds(ofMilliseconds time: Int64) -> Int64? {
    time.checkedMultiply(1_000_000).flatMap { RecordLimits.times.contains($0) ? $0 : nil }
  }

  private struct Failure: Decodable { let error: String? }

  private func fetch<Answer: Decodable>(_ path: String, _ type: Answer.Type) throws(StoreError) -> Answer {
    let answer = try client.send(server.base + path)
    let data = Data(answer.text.utf8)
    guard answer.status == 200, let decoded = try? JSONDecoder().decode(type, from: data) else {
      let reason =
        (try? JSONDecoder().decode(Failure.self, from: data))?.error ?? String(answer.text.prefix(200))
      throw StoreError(
        [401, 403].contains(answer.status) ? .refused : .unreachable,
        "\(server) answers \(answer.status): \(server.secrets.hidden(in: reason))")
    }
    return decoded
  }

  // MARK: InfluxQL

  private struct Influx: Decodable {
    struct Result: Decodable {
      let series: [Series]?
      let error: String?
    }
    struct Series: Decodable {
      let tags: [String: String]?
      let values: [[Cell]]
    }
    let results: [Result]
  }

  private func influx(_ statement: String) throws(StoreError) -> [Influx.Series] {
    let answer = try fetch(
      "/query?db=\(PercentEncoding.encoded(server.database))&epoch=ns&q=\(PercentEncoding.encoded(statement))",
      Influx.self)
    if let error = answer.results.first?.error {
      throw StoreError(.statement, "\(server): \(server.secrets.hidden(in: error))")
    }
    return answer.results.first?.series ?? []
  }

  private static func quoted(_ name: String) -> String {
    "\"" + name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }

  private static func literal(_ text: String) -> String {
    "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
  }

  private func condition(_ truck: ChartTruck, _ window: Range<Int64>) -> String {
    "WHERE \"device\" = \(Self.literal(truck.label)) AND time >= \(window.lowerBound) AND time < \(window.upperBound)"
  }

  // MARK: MetricsQL

  private struct Prometheus: Decodable {
    struct Body: Decodable { let result: [Result] }
    struct Result: Decodable {
      let metric: [String: String]
      let value: [Cell]?
      let values: [[Cell]]?
    }
    let data: Body
  }

  private struct Names: Decodable { let data: [String] }

  private func instant(_ expression: String, at time: Int64) throws(StoreError) -> [Prometheus.Result] {
    try fetch(
      "/api/v1/query?query=\(PercentEncoding.encoded(expression))&time=\(Double(time) / 1e9)",
      Prometheus.self
    ).data.result
  }

  private func selector(_ measure: MeasureInfo, _ truck: ChartTruck) -> String {
    // Names of metrics take any character when they are given as a label.
    "{__name__=\(Self.quoted("\(table)_\(measure.name)")),device=\(Self.quoted(truck.label))}"
  }

  private func seconds(_ window: Range<Int64>) -> String {
    "[\(Swift.max(1, (window.upperBound - window.lowerBound) / 1_000_000))ms]"
  }

  // MARK: The source

  package func measures() throws(StoreError) -> [MeasureInfo] {
    var names: [String] = []
    if isVictoriaMetrics {
      let prefix = "\(table)_"
      names = try fetch("/api/v1/label/__name__/values", Names.self).data.filter { $0.hasPrefix(prefix) }.map
      {
        String($0.dropFirst(prefix.count))
      }
    } else {
      for row in try influx("SHOW FIELD KEYS FROM \(Self.quoted(table))").first?.values ?? []
      where row.count > 1 {
        if let name = row[0].text, row[1].text != "string" { names.append(name) }
      }
    }
    return names.enumerated().map { MeasureInfo(id: Int32(clamping: $0 + 1), name: $1, type: .double) }
  }

  package func trucks() throws(StoreError) -> [ChartTruck] {
    var first: [String: Int64] = [:]
    var last: [String: Int64] = [:]
    func take(_ device: String?, _ time: Int64?) {
      guard let device, !device.isEmpty, let time else { return }
      first[device] = Swift.min(first[device] ?? time, time)
      last[device] = Swift.max(last[device] ?? time, time)
    }
    // A reading needn't have all measures.
    for measure in try measures() {
      if isVictoriaMetrics {
        let name = Self.quoted("\(table)_\(measure.name)")
        for function in ["tfirst_over_time", "tlast_over_time"] {
          for result in try instant("\(function)({__name__=\(name)}[50y])", at: Timestamp.now) {
            take(
              result.metric["device"], result.value?.last?.seconds)
          }
        }
      } else {
        for function in ["first", "last"] {
          for series in try influx(
            "SELECT \(function)(\(Self.quoted(measure.name))) FROM \(Self.quoted(table)) GROUP BY \"device\"")
          {
            take(series.tags?["device"], series.values.first?.first?.nanoseconds)
          }
        }
      }
    }
    return first.keys.sorted().compactMap { device in
      guard let start = first[device], let end = last[device], start <= end else { return nil }
      return ChartTruck(label: device, span: start...end, series: nil)
    }
  }

  package func buckets(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>, count: Int)
    throws(StoreError) -> [Bucket]
  {
    let window = truck.occupied(window, precision: 1_000_000)
    guard !window.isEmpty else { return [] }
    // Whole milliseconds, which is what VictoriaMetrics keeps.
    let width = Swift.max(
      1_000_000,
      ((window.upperBound - window.lowerBound) / Int64(Swift.max(1, count)) / 1_000_000 + 1) * 1_000_000)
    func bucket(_ start: Int64, _ numbers: [Double]) -> Bucket? {
      guard numbers.count == 6, numbers[0] >= 1 else { return nil }
      var cell = RollupCell(measure: measure.id, numbers[4], at: start)
      cell.count = Int32(saturated: numbers[0])
      (cell.min, cell.max, cell.sum, cell.last) = (numbers[1], numbers[2], numbers[3], numbers[5])
      cell.lastTime = Swift.min(start + width - 1, truck.span.upperBound)
      return Bucket(start: start, cell)
    }
    if isVictoriaMetrics {
      var rows: [Int64: [Double]] = [:]
      let functions = ["count", "min", "max", "sum", "first", "last"]
      for (index, function) in functions.enumerated() {
        // A value at time t is of (t − step, t]: asked a millisecond early, it is of [start, start + step).
        let start = window.lowerBound.floored(to: 1_000_000) + width - 1_000_000
        let path =
          "/api/v1/query_range?query=\(PercentEncoding.encoded("\(function)_over_time(\(selector(measure, truck))[\(width / 1_000_000)ms])"))"
          + "&start=\(Double(start) / 1e9)&end=\(Double(window.upperBound + width) / 1e9)&step=\(Double(width) / 1e9)&nocache=1"
        for row in try fetch(path, Prometheus.self).data.result.first?.values ?? [] {
          guard row.count == 2, let time = row[0].seconds, let number = row[1].number else { continue }
          let begin = time - width + 1_000_000
          rows[begin, default: []].append(number)
          if rows[begin]?.count != index + 1 { rows[begin] = nil }
        }
      }
      return rows.keys.sorted().compactMap { bucket($0, rows[$0] ?? []) }
    }
    let name = Self.quoted(measure.name)
    let functions = ["count", "min", "max", "sum", "first", "last"].map { "\($0)(\(name))" }.joined(
      separator: ", ")
    let rows =
      try influx(
        "SELECT \(functions) FROM \(Self.quoted(table)) \(condition(truck, window)) "
          + "GROUP BY time(\(width)ns, \(window.lowerBound % width)ns) fill(none)"
      ).first?.values ?? []
    return rows.compactMap { row in
      row.first?.nanoseconds.flatMap { bucket($0, row.dropFirst().compactMap(\.number)) }
    }
  }

  package func statistics(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>)
    throws(StoreError)
    -> Statistics?
  { try statisticsOfBucket(measure, truck, window) }

  package func latest(_ measure: MeasureInfo, of truck: ChartTruck) throws(StoreError) -> Sample? {
    try statisticsOfBucket(measure, truck, RecordLimits.times).map {
      Sample(time: $0.lastTime, value: $0.last)
    }
  }

  package func rises(_ measure: MeasureInfo, of truck: ChartTruck, window: Range<Int64>) throws(StoreError)
    -> Int
  {
    let window = truck.occupied(window, precision: 1_000_000)
    guard !window.isEmpty else { return 0 }
    if isVictoriaMetrics {
      let found = try instant(
        "increases_over_time(\(selector(measure, truck))\(seconds(window)))", at: window.upperBound)
      return found.first?.value?.last?.number.map { Int(saturated: $0) } ?? 0
    }
    let rows = try influx(
      "SELECT count(\"step\") FROM (SELECT difference(\(Self.quoted(measure.name))) AS \"step\" FROM \(Self.quoted(table)) "
        + "\(condition(truck, window))) WHERE \"step\" > 0")
    return rows.first?.values.first?.last?.number.map { Int(saturated: $0) } ?? 0
  }

  private struct Export: Decodable {
    let values: [Double?]
    let timestamps: [Int64]
  }

  package func readings(_ measures: [MeasureInfo], of truck: ChartTruck, after time: Int64, limit: Int)
    throws(StoreError) -> [(time: Int64, values: [Double?])]
  {
    guard isVictoriaMetrics else {
      let columns = measures.map { Self.quoted($0.name) }.joined(separator: ", ")
      let rows =
        try influx(
          "SELECT \(columns) FROM \(Self.quoted(table)) WHERE \"device\" = \(Self.literal(truck.label)) AND time > \(time) "
            + "ORDER BY time LIMIT \(limit)"
        ).first?.values ?? []
      return rows.compactMap { row in
        row.first?.nanoseconds.map { ($0, measures.indices.map { row[ifPresent: $0 + 1]?.number }) }
      }
    }
    var rows: [Int64: [Double?]] = [:]
    let start = time.clamped(to: -1...RecordLimits.times.upperBound).floorDivided(by: 1_000_000).quotient + 1
    for (index, measure) in measures.enumerated() {
      let answer = try client.send(
        "\(server.base)/api/v1/export?match[]=\(PercentEncoding.encoded(selector(measure, truck)))"
          // Without an end it would be now.
          + "&start=\(Double(start) / 1000)&end=\(RecordLimits.times.upperBound / 1_000_000_000)")
      for line in answer.text.split(separator: "\n") {
        guard let series = try? JSONDecoder().decode(Export.self, from: Data(line.utf8)) else { continue }
        for (stamp, value) in zip(series.timestamps, series.values) {
          guard let time = Self.nanoseconds(ofMilliseconds: stamp) else { continue }
          rows[time, default: Array(repeating: nil, count: measures.count)][index] = value
        }
      }
    }
    return rows.keys.sorted().prefix(limit).map { ($0, rows[$0] ?? []) }
  }
}
