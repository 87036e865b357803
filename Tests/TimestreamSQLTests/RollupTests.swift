import Foundation
import Numbers
import Store
import Synchronization
import Testing
import TimestreamSQL

extension SplitMix64 {
  mutating func pick<T>(_ choices: [T]) -> T { choices[Int(next() % UInt64(choices.count))] }
  mutating func isOne(in count: UInt64) -> Bool { next() % count == 0 }
}

/// A store of its own for a test.
final class RolledStore {
  /// 2024-10-23 14:00:00.
  static let start: Int64 = 1_729_692_000_000_000_000
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "trucksensor-rollups-\(UUID().uuidString)")
  private let store: LocalStore
  let reader: StoreReader

  init(_ requests: [WriteRequest]) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appendingPathComponent("sensorDB.sqlite").path
    store = try LocalStore(path: path)
    let rejections = try store.write(requests)
    guard rejections.isEmpty else { throw StoreError(.invalid, "\(rejections)") }
    reader = try StoreReader(path: path)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func write(_ requests: [WriteRequest]) throws { _ = try store.write(requests) }

  static func request(
    _ device: String, _ time: Int64, _ measures: [(String, MeasureValue)], version: Int64 = 1
  ) -> WriteRequest {
    WriteRequest(
      table: "readings",
      record: Record(
        dimensions: [Dimension("device", device)], time: time,
        measures: measures.map { (name: $0.0, value: $0.1) }, version: version))
  }

  /// Readings of three devices over seven hours, at irregular times: sums of quarters are exact in any order. Some whole
  /// numbers are beyond what a double holds.
  static func random(_ seed: UInt64, count: Int) -> [WriteRequest] {
    var random = SplitMix64(seed: seed)
    var requests: [WriteRequest] = []
    var times: Set<Int64> = []
    while requests.count < count {
      let time =
        start + Int64(random.next() % 25_200) * 1_000_000_000 + Int64(random.next() % 3) * 500_000_000
      let device = random.pick(["a", "b", "c"])
      guard times.insert(time).inserted else { continue }
      var measures: [(String, MeasureValue)] = []
      if !random.isOne(in: 4) { measures.append(("temp", .double(Double(random.next() % 400) / 4 - 50))) }
      if random.isOne(in: 2) { measures.append(("door", .bigint(Int64(random.next() % 2)))) }
      if random.isOne(in: 3) {
        let value = Int64(bitPattern: random.next()) >> (random.isOne(in: 5) ? 9 : 40)
        measures.append(("odometer", .bigint(value)))
      }
      if random.isOne(in: 5) || measures.isEmpty {
        measures.append(("note", .varchar("n\(random.next() % 3)")))
      }
      requests.append(request(device, time, measures))
    }
    return requests
  }

  func rows(_ statement: String, usesRollups: Bool) throws -> (rows: [String], readsRollups: Bool) {
    let plan = try reader.plan(statement, now: Self.start, usesRollups: usesRollups)
    var rows: [String] = []
    do {
      try reader.run(plan, timeLimit: 20) { values in
        // Sums of doubles may differ in their last digits.
        let texts = zip(values, plan.columns).map { value, column in
          if case .double(let number) = value {
            String(format: "%.10g", number)
          } else {
            value.text(as: column.type)
          }
        }
        rows.append(texts.joined(separator: "|"))
        return true
      }
    } catch {
      rows = ["\(error.kind)"]
    }
    return (rows.sorted(), plan.sql.contains("ts_rollup_"))
  }
}

@Suite struct RollupTests {
  private static let keys = [
    "device", "measure_name", "bin(time, 1m)", "bin(time, 5m)", "bin(time, 1h)", "bin(time, 90m)",
    "bin(time, 1d)",
    "bin(time, 45s)", "date_trunc('minute', time)", "date_trunc('hour', time)", "hour(bin(time, 1h))",
    "concat(device, measure_name)",
  ]
  private static let aggregates = [
    "count(*)", "count(measure_value::double)", "count(measure_value::bigint)", "count(time)",
    "min(measure_value::double)", "max(measure_value::double)", "sum(measure_value::double)",
    "avg(measure_value::double)", "min(measure_value::bigint)", "max(measure_value::bigint)",
    "sum(measure_value::bigint)", "avg(measure_value::bigint)", "min(time)", "max(time)",
    "max(measure_value::double) - min(measure_value::double)", "round(avg(measure_value::double), 2) + 1",
    "sum(count(*)) OVER ()", "if(count(*) > 3, 'many', 'few')", "approx_distinct(device)",
  ]
  private static let conditions = [
    "measure_name = 'temp'", "measure_name = 'door'", "measure_name IN ('temp', 'odometer')",
    "measure_name LIKE 'd%'",
    "measure_name <> 'note'", "device <> 'b'", "device = 'a' OR measure_name = 'note'", "upper(device) = 'C'",
    "bin(time, 30m) >= from_nanoseconds(\(RolledStore.start + 3_600_000_000_000))",
    "measure_value::double > 0",
    "(device, measure_name) = ('a', 'temp')",
  ]

  private static func statement(_ random: inout SplitMix64) -> String {
    func moment(_ random: inout SplitMix64) -> String {
      let offset = Int64(random.next() % 27_000) - 900
      let rest = random.isOne(in: 3) ? 0 : Int64(random.next() % 1_000_000_000)
      let whole = random.isOne(in: 3) ? offset / 3600 * 3600 : random.isOne(in: 3) ? offset / 60 * 60 : offset
      return "from_nanoseconds(\(RolledStore.start + whole * 1_000_000_000 + rest))"
    }
    var keys: [String] = []
    for _ in 0..<(random.next() % 4) { keys.append(random.pick(self.keys)) }
    var list = keys
    for _ in 0...(random.next() % 4) { list.append(random.pick(aggregates)) }
    var conditions: [String] = []
    for _ in 0..<(random.next() % 3) { conditions.append(random.pick(self.conditions)) }
    switch random.next() % 6 {
    case 0: break
    case 1: conditions.append("time BETWEEN \(moment(&random)) AND \(moment(&random))")
    case 2: conditions.append("time > \(moment(&random))")
    case 3: conditions.append("\(moment(&random)) >= time")
    case 4: conditions += ["time >= \(moment(&random))", "\(moment(&random)) > time"]
    default: conditions += ["time < \(moment(&random))", "\(moment(&random)) < time"]
    }
    let isDistinct = random.isOne(in: 8) && !keys.isEmpty
    var text =
      "SELECT \(isDistinct ? "DISTINCT \(keys.joined(separator: ", "))" : list.joined(separator: ", ")) FROM readings"
    if !conditions.isEmpty { text += " WHERE \(conditions.map { "(\($0))" }.joined(separator: " AND "))" }
    if isDistinct { return text }
    if !keys.isEmpty { text += " GROUP BY \(keys.joined(separator: ", "))" }
    if random.isOne(in: 5) { text += " HAVING count(*) > \(random.next() % 40)" }
    return text
  }

  @Test("A grouped query gives from rollups what it gives from readings", arguments: [1, 2, 3] as [UInt64])
  func differential(seed: UInt64) throws {
    let store = try RolledStore(RolledStore.random(seed, count: 1500))
    var random = SplitMix64(seed: seed &* 1000)
    var rolled = 0
    for _ in 0..<250 {
      let statement = Self.statement(&random)
      let (plain, isPlainRolled) = try store.rows(statement, usesRollups: false)
      let (rows, isRolled) = try store.rows(statement, usesRollups: true)
      #expect(rows == plain, "\(statement)")
      #expect(!isPlainRolled)
      if isRolled { rolled += 1 }
    }
    // Statements that can't read rollups prove nothing here.
    #expect(rolled > 80, "\(rolled)")
  }

  @Test(
    arguments: [
      (
        "SELECT bin(time, 1h), avg(measure_value::double) FROM readings WHERE measure_name = 'temp' GROUP BY 1",
        ["hour"]
      ),
      (
        "SELECT bin(time, 5m), max(measure_value::bigint) FROM readings WHERE measure_name = 'door' GROUP BY 1",
        ["minute"]
      ),
      ("SELECT DISTINCT device FROM readings WHERE measure_name = 'temp'", ["hour"]),
      (
        "SELECT device, count(*) FROM readings WHERE measure_name = 'temp' AND time BETWEEN '2024-10-23 14:30:30' AND '2024-10-23 19:30:30' GROUP BY 1",
        ["minute", "hour", "readings"]
      ),
      (
        "SELECT bin(time, 30s), avg(measure_value::double) FROM readings WHERE measure_name = 'temp' GROUP BY 1",
        ["readings"]
      ),
      (
        "SELECT bin(time, 1m), avg(measure_value::double) FROM readings WHERE measure_name = 'temp' AND time BETWEEN '2024-10-23 14:30:00' AND '2024-10-23 14:45:00' GROUP BY 1",
        ["readings"]
      ),
      ("SELECT bin(time, 1h), stddev(measure_value::double) FROM readings GROUP BY 1", ["readings"]),
      (
        "SELECT bin(time, 1h), count(*) FROM readings WHERE measure_value::double > 1 GROUP BY 1",
        ["readings"]
      ),
      (
        "SELECT count(*) FROM readings WHERE time > (SELECT min(time) FROM readings WHERE device = 'x')",
        ["readings"]
      ),
    ] as [(String, [String])])
  func `EXPLAIN says whether hours, minutes or readings are read`(statement: String, sources: [String]) throws
  {
    let store = try RolledStore(RolledStore.random(9, count: 50))
    let steps = try store.rows("EXPLAIN " + statement, usesRollups: true).rows.joined(separator: "\n")
    if statement.contains("(SELECT") { return #expect(steps.contains(" d ")) }
    #expect(steps.contains("hour_rollups") == sources.contains("hour"), "\(steps)")
    #expect(steps.contains("minute_rollups") == sources.contains("minute"), "\(steps)")
    // The readings of a view's measures are named d; those of inexact whole numbers are, too.
    if !statement.contains("bigint") {
      #expect(steps.contains(" d ") == sources.contains("readings"), "\(steps)")
    }
    #expect(!steps.contains("SCAN minute_rollups") && !steps.contains("SCAN hour_rollups"), "\(steps)")
  }

  @Test func `a value that a higher version replaced and readings that came late are in the answer at once`()
    throws
  {
    let store = try RolledStore(RolledStore.random(4, count: 300))
    let time = RolledStore.start + 90_000_000_000
    for (version, value) in [(1, 999.0), (2, -999.0)] {
      try store.write([RolledStore.request("z", time, [("temp", .double(value))], version: Int64(version))])
      let statement =
        "SELECT max(measure_value::double), min(measure_value::double) FROM readings WHERE device = 'z'"
      let (rows, isRolled) = try store.rows(statement, usesRollups: true)
      #expect(rows == ["\(Int(value))|\(Int(value))"] && isRolled)
    }
  }
}
