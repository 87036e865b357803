import Foundation
import Store
import Time

/// A folder for one test's stores.
final class StoreFixture {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "trucksensor-store-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String = "sensorDB.sqlite") -> String { folder.appendingPathComponent(name).path }

  static let start: Int64 = 1_729_703_640_000_000_000

  /// A reading of truckSensor01, `seconds` after the start.
  static func request(
    _ seconds: Double, _ measures: [(String, MeasureValue)], version: Int64 = 1, strict: Bool = false,
    device: String = "truckSensor01"
  ) -> WriteRequest {
    WriteRequest(
      table: "truck01_sensors",
      record: Record(
        dimensions: [Dimension("device", device)], time: start + Int64(seconds * 1e9),
        measures: measures.map { (name: $0.0, value: $0.1) }, version: version), isStrict: strict)
  }

  /// A query's rows as texts, columns by commas, times as Timestream writes them.
  func rows(_ sql: String, file: String = "sensorDB.sqlite") throws -> [String] {
    var columns: [StoreReader.Column] = []
    var rows: [String] = []
    try StoreReader(path: path(file)).query(
      sql, columns: { columns = $0 },
      row: { values in
        rows.append(
          zip(columns, values).map { column, value in
            switch value {
            case .null: "-"
            case .integer(let number): column.isTime(value) ? Timestamp.text(number) : "\(number)"
            case .real(let number): "\(number)"
            case .text(let text): text
            case .blob: "blob"
            }
          }.joined(separator: ","))
        return true
      })
    return rows
  }
}
