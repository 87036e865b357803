import Foundation
import Store
import Synchronization
import Time
import TimestreamSQL

/// A store with a few readings of two trucks, and ways to ask it.
final class QueryFixture: Sendable {
  /// One store for all tests, which only read it.
  static let shared: QueryFixture = {
    do { return try QueryFixture() } catch { fatalError("the tests' store can't be made: \(error)") }
  }()

  /// What `now()` is: 2024-10-23 18:00:00.
  static let now: Int64 = 1_729_706_400_000_000_000

  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "trucksensor-sql-\(UUID().uuidString)")
  private let reader: Mutex<StoreReader>

  /// `truck01_sensors` in `sensorDB`: truckSensor01 each minute from 17:00 with temp −20 … −11, volts 12.1 and door 0/1;
  /// truckSensor02 at 17:00:30 with temp 5 only, and a text.
  init() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appendingPathComponent("sensorDB.sqlite").path
    let store = try LocalStore(path: path)
    let start = Self.now - 3_600_000_000_000
    func request(_ device: String, _ seconds: Int64, _ measures: [(String, MeasureValue)]) -> WriteRequest {
      WriteRequest(
        table: "truck01_sensors",
        record: Record(
          dimensions: [
            Dimension("device", device), Dimension("Region", device == "truckSensor01" ? "north" : "south"),
          ],
          time: start + seconds * 1_000_000_000, measures: measures.map { (name: $0.0, value: $0.1) }))
    }
    var requests: [WriteRequest] = []
    for minute in 0..<10 {
      requests.append(
        request(
          "truckSensor01", Int64(minute * 60),
          [
            ("temp", .double(Double(minute - 20))), ("volts", .double(12.1)),
            ("door", .bigint(minute % 3 == 0 ? 1 : 0)),
          ]))
    }
    requests.append(
      request("truckSensor02", 30, [("temp", .double(5)), ("note", .varchar("Ice_cream 100%"))]))
    _ = try store.write(requests)
    reader = Mutex(try StoreReader(path: path))
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  struct Result: Sendable {
    let names: [String]
    let types: [String]
    let rows: [String]
  }

  /// Names, types and rows, the values as Timestream writes them, separated by `|`.
  func query(_ sql: String) throws -> Result {
    try reader.withLock { reader in
      let plan = try reader.plan(sql, now: Self.now)
      var rows: [String] = []
      try reader.run(plan, timeLimit: 20) { values in
        rows.append(zip(values, plan.columns).map { $0.text(as: $1.type) }.joined(separator: "|"))
        return true
      }
      return Result(names: plan.columns.map(\.name), types: plan.columns.map(\.type.text), rows: rows)
    }
  }

  /// The error of a statement, or what it gave if there was none.
  func failure(_ sql: String) -> String {
    do {
      return "no error, but rows: \(try query(sql).rows)"
    } catch {
      return "\(error)"
    }
  }
}
